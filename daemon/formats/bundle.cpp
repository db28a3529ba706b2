#include "formats/bundle.hpp"

#include <cmath>
#include <utility>

#include "formats/export_axes.hpp"

namespace framelog {
namespace {

class TimedFrames final : public StoredFrames {
 public:
  TimedFrames(std::unique_ptr<StoredFrames> frames, std::vector<double> seconds)
      : frames_(std::move(frames)), facts_(frames_->facts()), seconds_(std::move(seconds)) {
    if (seconds_.size() != facts_.frames) seconds_.clear();
    facts_.has_times = !seconds_.empty();
  }
  [[nodiscard]] const StoredFacts& facts() const noexcept override { return facts_; }
  StoredFacts& change() noexcept { return facts_; }

  [[nodiscard]] Result<StoredInfo> info(std::uint64_t index) noexcept override {
    auto stored = frames_->info(index);
    if (!stored || index >= seconds_.size()) return stored;
    const double nanoseconds = seconds_[index] * 1e9;
    // False for NaN.
    if (nanoseconds >= 0 && nanoseconds < 9e18) {
      stored->info.monotonic_ns = std::llround(nanoseconds);
    }
    return stored;
  }
  [[nodiscard]] Result<bool> read(std::uint64_t index, std::span<std::byte> pixels,
                                  std::optional<std::uint32_t> crc32c) noexcept override {
    return frames_->read(index, pixels, crc32c);
  }

 private:
  std::unique_ptr<StoredFrames> frames_;
  StoredFacts facts_;
  std::vector<double> seconds_;
};

/// The texts of the objects of an array, without keeping what they say. Depth by brackets outside
/// of strings; the whole was parsed before.
std::vector<std::string> objects_of(std::string_view json) {
  std::vector<std::string> objects;
  int depth = 0;
  bool in_string = false;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
      continue;
    }
    if (c == '"') in_string = true;
    if (c == '{' || c == '[') {
      if (++depth == 2) begin = i;
    } else if (c == '}' || c == ']') {
      if (--depth == 1) objects.emplace_back(json.substr(begin, i + 1 - begin));
    }
  }
  return objects;
}

}  // namespace

std::vector<std::string> split_metadata(std::string_view json, std::uint64_t frames) {
  // Python's json writes NaN, which is not JSON; each object is looked at when it is used.
  auto objects = objects_of(json);
  if (objects.size() != frames) objects.clear();
  return objects;
}

std::unique_ptr<StoredFrames> with_times(std::unique_ptr<StoredFrames> frames,
                                         std::vector<double> seconds) {
  return std::make_unique<TimedFrames>(std::move(frames), std::move(seconds));
}

std::unique_ptr<StoredFrames> as_bundle(std::unique_ptr<StoredFrames> frames,
                                        std::vector<double> seconds, BundleTexts texts) {
  auto timed = std::make_unique<TimedFrames>(std::move(frames), std::move(seconds));
  StoredFacts& facts = timed->change();
  if (!texts.channel.empty()) facts.channel = std::move(texts.channel);
  if (texts.pixel_size_nm > 0 && std::isfinite(texts.pixel_size_nm)) {
    const Length size{texts.pixel_size_nm, "nm"};
    facts.pixel_size = {size, size};
    facts.origin = {};
  }
  take_export_axes(texts.provenance_json, PixelSides::kXAlone, facts);
  facts.provenance_json = std::move(texts.provenance_json);
  return timed;
}

}  // namespace framelog
