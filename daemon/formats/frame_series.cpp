#include "formats/frame_series.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fnmatch.h>

#include <algorithm>
#include <exception>
#include <string>

#include "core/text.hpp"
#include "formats/hdf5_master.hpp"
#include "formats/stored_record.hpp"

namespace framelog {
namespace {

std::string_view take_digits(std::string_view& text) noexcept {
  std::size_t length = 0;
  while (length < text.size() && is_digit(text[length])) ++length;
  const std::string_view digits = text.substr(0, length);
  text.remove_prefix(length);
  return digits;
}

std::string_view without_zeros(std::string_view digits) noexcept {
  return digits.substr(std::min(digits.find_first_not_of('0'), digits.size()));
}

/// -1, 0 or 1; any length of digits, so that nothing overflows.
int compare_numbers(std::string_view a, std::string_view b) noexcept {
  a = without_zeros(a);
  b = without_zeros(b);
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  return a.compare(b);
}

/// Whether the number is an index, in place of the recorded one.
bool is_torn(const StoredInfo& stored) noexcept {
  return (stored.info.flags & kFlagCorrupt) != 0 && !stored.crc32c;
}

/// One file of a series.
struct Part {
  std::filesystem::path path;
  std::uint64_t frames{};
  std::uint64_t first_index{};   ///< Of its first frame in the series.
  std::uint64_t number_shift{};  ///< Added to its numbers.
};

class FrameSeries final : public StoredFrames {
 public:
  explicit FrameSeries(OpenFrames open) : open_(std::move(open)) {}

  /// Adds the file behind those there are.
  Result<void> add(const std::filesystem::path& path) {
    auto frames = open_(path);
    if (!frames) return std::unexpected(frames.error());
    const StoredFacts& facts = (*frames)->facts();
    if (auto joined = join(path, facts); !joined) return joined;
    Part part{path, facts.frames, facts_.frames, 0};
    if (auto numbered = number(**frames, part); !numbered) return numbered;
    facts_.frames += facts.frames;
    parts_.push_back(std::move(part));
    return {};
  }

  void describe() {
    facts_.description = fmt::format("{} files, {}", parts_.size(), facts_.description);
    facts_.settings.emplace_back("files", std::to_string(parts_.size()));
  }

  [[nodiscard]] const StoredFacts& facts() const noexcept override { return facts_; }

  [[nodiscard]] Result<StoredInfo> info(std::uint64_t index) noexcept override {
    if (auto found = go_to(index); !found) return std::unexpected(std::move(found.error()));
    const Part& part = parts_[current_];
    auto stored = frames_->info(index - part.first_index);
    if (!stored) return stored;
    // A point of a scan without a frame stays one.
    if (stored->info.sequence != kNoFrameSequence) stored->info.sequence = index;
    if (is_torn(*stored)) {
      stored->info.source_sequence = index;
    } else {
      stored->info.source_sequence += part.number_shift;
    }
    return stored;
  }

  [[nodiscard]] Result<bool> read(std::uint64_t index, std::span<std::byte> pixels,
                                  std::optional<std::uint32_t> crc32c) noexcept override {
    if (auto found = go_to(index); !found) return std::unexpected(std::move(found.error()));
    return frames_->read(index - parts_[current_].first_index, pixels, crc32c);
  }

 private:
  Result<void> join(const std::filesystem::path& path, const StoredFacts& facts) {
    if (parts_.empty()) {
      facts_ = facts;
      facts_.frames = 0;
      facts_.scan.reset();
      return {};
    }
    if (facts.shape != facts_.shape) {
      return fail(
          ErrorCode::kInvalid, "cannot read",
          fmt::format("{}: frames of {}, those of {} are {} (allowed: all alike)", path.string(),
                      to_string(facts.shape), parts_[0].path.string(), to_string(facts_.shape)));
    }
    facts_.has_times = facts_.has_times && facts.has_times;
    if (facts.saturation != facts_.saturation) facts_.saturation.reset();
    if (facts.bit_depth != facts_.bit_depth) facts_.bit_depth.reset();
    facts_.inputs.insert(facts_.inputs.end(), facts.inputs.begin(), facts.inputs.end());
    return {};
  }

  /// Finds the first and the last number of the file, and shifts them behind those before.
  Result<void> number(StoredFrames& frames, Part& part) {
    std::optional<std::uint64_t> first;
    std::uint64_t last = 0;
    for (std::uint64_t i = 0; i < part.frames && !first; ++i) {
      const auto stored = frames.info(i);
      if (!stored) return std::unexpected(stored.error());
      if (!is_torn(*stored)) first = stored->info.source_sequence;
    }
    for (std::uint64_t i = part.frames; i > 0; --i) {
      const auto stored = frames.info(i - 1);
      if (!stored) return std::unexpected(stored.error());
      last = stored->info.source_sequence;
      if (!is_torn(*stored)) break;
    }
    if (!parts_.empty() && first.value_or(0) <= last_number_) {
      part.number_shift = last_number_ + 1 - first.value_or(0);
    }
    last_number_ = std::max(last_number_, last + part.number_shift);
    return {};
  }

  /// Opens the file that frame `index` is in, unless it is open.
  Result<void> go_to(std::uint64_t index) noexcept {
    const auto behind = std::ranges::upper_bound(parts_, index, {}, &Part::first_index);
    const auto wanted = static_cast<std::size_t>(behind - parts_.begin()) - 1;
    if (frames_ && wanted == current_) return {};
    frames_.reset();
    const Part& part = parts_[wanted];
    try {
      auto frames = open_(part.path);
      if (!frames) return std::unexpected(std::move(frames.error()));
      if ((*frames)->facts().shape != facts_.shape || (*frames)->facts().frames < part.frames) {
        return fail(ErrorCode::kCorrupt, "has changed since it was opened:", part.path.string());
      }
      frames_ = std::move(*frames);
    } catch (const std::exception&) {
      return fail(ErrorCode::kNoMemory, "cannot open the next file");
    }
    current_ = wanted;
    return {};
  }

  OpenFrames open_;
  StoredFacts facts_;
  std::vector<Part> parts_;
  std::unique_ptr<StoredFrames> frames_;  // Of parts_[current_].
  std::size_t current_{};
  std::uint64_t last_number_{};
};

bool ends_in(std::string_view name, std::span<const std::string_view> extensions) {
  const std::string lower = lower_case(name);
  std::string_view plain = lower;
  if (plain.ends_with(".part")) plain.remove_suffix(5);
  return std::ranges::any_of(
      extensions, [&](std::string_view extension) { return plain.ends_with(extension); });
}

}  // namespace

bool natural_less(std::string_view a, std::string_view b) noexcept {
  const std::string_view whole_a = a;
  const std::string_view whole_b = b;
  while (!a.empty() && !b.empty()) {
    if (is_digit(a[0]) && is_digit(b[0])) {
      const int order = compare_numbers(take_digits(a), take_digits(b));
      if (order != 0) return order < 0;
      continue;
    }
    if (a[0] != b[0]) return a[0] < b[0];
    a.remove_prefix(1);
    b.remove_prefix(1);
  }
  if (a.empty() != b.empty()) return a.empty();
  return whole_a < whole_b;  // img1 and img01.
}

bool is_series(FileSystem& files, const std::filesystem::path& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return true;
  return path.filename().string().find_first_of("*?[") != std::string::npos && !files.exists(path);
}

Result<std::vector<std::filesystem::path>> list_series(
    FileSystem& files, const std::filesystem::path& path,
    std::span<const std::string_view> extensions) {
  std::error_code ignored;
  const bool is_directory = std::filesystem::is_directory(path, ignored);
  auto directory = is_directory ? path : path.parent_path();
  if (directory.empty()) directory = ".";
  const std::string pattern = is_directory ? "*" : path.filename().string();
  auto names = files.list(directory);
  if (!names) return std::unexpected(names.error());
  std::erase_if(*names, [&](const std::string& name) {
    if (::fnmatch(pattern.c_str(), name.c_str(), FNM_PERIOD) != 0) return true;
    if (is_master(directory / name)) return true;  // The same frames once more.
    return is_directory && !ends_in(name, extensions);
  });
  if (names->empty()) {
    return fail(ErrorCode::kNotFound, "cannot read",
                fmt::format("{}: {} (allowed: {})", path.string(),
                            is_directory ? "a directory without files of frames"
                                         : "no file fits the pattern",
                            fmt::join(extensions, " ")));
  }
  std::ranges::sort(*names, natural_less);
  std::vector<std::filesystem::path> paths;
  for (const std::string& name : *names) paths.push_back(directory / name);
  return paths;
}

Result<std::unique_ptr<StoredFrames>> open_series(const std::vector<std::filesystem::path>& paths,
                                                  OpenFrames open) {
  if (paths.size() == 1) return open(paths[0]);
  auto series = std::make_unique<FrameSeries>(std::move(open));
  for (const auto& path : paths) {
    if (auto added = series->add(path); !added) return std::unexpected(added.error());
  }
  series->describe();
  return series;
}

}  // namespace framelog
