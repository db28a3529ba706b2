#include "formats/mib.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "core/crc32c.hpp"
#include "core/text.hpp"
#include "formats/mib_header.hpp"
#include "formats/mib_settings.hpp"

namespace framelog {
namespace {

constexpr std::size_t kMaxSettingsBytes = std::size_t{1} << 20U;

std::unexpected<Error> wrong(ErrorCode code, const std::filesystem::path& path,
                             std::string_view reason) {
  return fail(code, "cannot read", fmt::format("{}: {}", path.string(), reason));
}

bool is_settings_name(const std::filesystem::path& path) {
  return lower_case(path.extension().string()) == ".hdr";
}

/// A .mib, described by the header of its first frame.
class MibFrames final : public StoredFrames {
 public:
  MibFrames(FileSystem& files, UniqueFd fd, const MibHeader& first, const MibPixels& pixels)
      : files_(files), fd_(std::move(fd)), first_(first), pixels_(pixels) {
    header_text_.resize(first.header_bytes);
    if (first.raw) raw_.resize(pixels.raw_bytes);
  }

  [[nodiscard]] const StoredFacts& facts() const noexcept override { return facts_; }
  StoredFacts& facts_to_fill() noexcept { return facts_; }
  [[nodiscard]] std::uint64_t stride_bytes() const noexcept {
    return first_.header_bytes + pixels_.raw_bytes;
  }

  Result<StoredInfo> info(std::uint64_t index) noexcept override {
    // The one before tells how many are missing between; read in order it is still known. That
    // its header is damaged is no reason to lose this one as well.
    const bool has_before = index > 0 && look_at(index - 1).has_value();
    const std::uint64_t before = header_.sequence;
    if (auto looked = look_at(index); !looked) return std::unexpected(looked.error());
    StoredInfo stored;
    stored.info.sequence = index;
    stored.info.source_sequence = header_.sequence;
    stored.info.utc_ns = header_.utc_ns;
    stored.info.exposure_ns = header_.exposure_ns;
    if (has_before && header_.sequence > before) {
      stored.lost_before = static_cast<std::uint32_t>(std::min<std::uint64_t>(
          header_.sequence - before - 1, std::numeric_limits<std::uint32_t>::max()));
    }
    return stored;
  }

  Result<bool> read(std::uint64_t index, std::span<std::byte> pixels,
                    std::optional<std::uint32_t> crc32c) noexcept override {
    if (auto looked = look_at(index); !looked) return std::unexpected(looked.error());
    const std::span<std::byte> raw = first_.raw ? std::span(raw_) : pixels;
    const auto got = files_.read_at(fd_.get(), raw, offset_of(index) + first_.header_bytes);
    if (!got) return fail_errno(got.error().system_errno, "cannot read a Merlin frame");
    if (*got < raw.size()) return shorter();
    const bool intact = !crc32c || framelog::crc32c(raw) == *crc32c;
    decode_mib(first_, raw, pixels);
    return intact;
  }

 private:
  static std::unexpected<Error> shorter() {
    return fail(ErrorCode::kCorrupt, "the Merlin file has become shorter");
  }

  [[nodiscard]] std::int64_t offset_of(std::uint64_t index) const noexcept {
    return static_cast<std::int64_t>(index * stride_bytes());
  }

  /// Reads the header of a frame into header_, unless it is there.
  Result<void> look_at(std::uint64_t index) noexcept {
    if (looked_at_ == index) return {};
    looked_at_.reset();
    if (index >= facts_.frames) return fail(ErrorCode::kInvalid, "a frame that is not in the file");
    const auto got = files_.read_at(fd_.get(), std::as_writable_bytes(std::span(header_text_)),
                                    offset_of(index));
    if (!got) return fail_errno(got.error().system_errno, "cannot read a Merlin header");
    if (*got < header_text_.size()) return shorter();
    const auto header =
        parse_mib_header(std::string_view(header_text_.data(), header_text_.size()));
    // An error allocates, but then there are no more frames to come.
    if (!header) {
      return fail(header.error().code, "cannot read",
                  fmt::format("frame {} of a Merlin file: {}", index, header.error().what));
    }
    const auto pixels = mib_pixels(*header);
    if (header->header_bytes != first_.header_bytes || !pixels || *pixels != pixels_ ||
        header->raw != first_.raw || header->bit_depth != first_.bit_depth ||
        header->quad != first_.quad) {
      return fail(
          ErrorCode::kCorrupt, "cannot read",
          fmt::format("frame {} of a Merlin file: its header does not fit the first one's", index));
    }
    header_ = *header;
    looked_at_ = index;
    return {};
  }

  FileSystem& files_;
  UniqueFd fd_;
  MibHeader first_;
  MibPixels pixels_;
  StoredFacts facts_;
  std::vector<char> header_text_;
  std::vector<std::byte> raw_;
  MibHeader header_;
  std::optional<std::uint64_t> looked_at_;
};

std::string describe_frames(const MibHeader& first, const StoredFacts& facts,
                            std::uint64_t left_over_bytes) {
  std::string text = fmt::format("Merlin, {} chip{}", first.chips, first.chips == 1 ? "" : "s");
  if (first.bit_depth != 0) text += fmt::format(", {} bit", first.bit_depth);
  if (first.raw) text += ", raw";
  const std::uint32_t announced = mib_frames_announced(facts.settings);
  if (announced != 0 && announced != facts.frames) {
    text += fmt::format(", {} of {} frames", facts.frames, announced);
  }
  if (left_over_bytes != 0) {
    text += fmt::format(", {} bytes of an unfinished frame at the end", left_over_bytes);
  }
  return text;
}

/// The settings beside the frames. Empty where there are none.
Result<MibSettings> load_settings(FileSystem& files, const std::filesystem::path& path,
                                  bool required) {
  if (!required && !is_mib(files, path)) return MibSettings{};
  if (auto regular = open_regular_file(files, path); !regular) {
    return std::unexpected(regular.error());
  }
  const auto text = read_text(files, path, kMaxSettingsBytes);
  if (!text) return std::unexpected(text.error());
  if (!text->starts_with(kMibSettingsMagic)) {
    return wrong(ErrorCode::kCorrupt, path, "not the settings of a Merlin: they begin with HDR,");
  }
  return parse_mib_settings(*text);
}

Result<MibHeader> first_header(FileSystem& files, int fd, const std::filesystem::path& path) {
  std::vector<char> text(kMostMibHeaderBytes);
  const auto got = files.read_at(fd, std::as_writable_bytes(std::span(text)), 0);
  if (!got) return fail_errno(got.error().system_errno, "cannot read", path.string());
  auto header = parse_mib_header(std::string_view(text.data(), *got));
  if (!header) return wrong(header.error().code, path, header.error().what);
  return header;
}

}  // namespace

bool is_mib(FileSystem& files, const std::filesystem::path& path) {
  const auto fd = open_regular_file(files, path);
  if (!fd) return false;
  std::array<char, kMibMagic.size()> start{};
  const auto got = files.read_at(fd->get(), std::as_writable_bytes(std::span(start)), 0);
  const std::string_view magic = is_settings_name(path) ? kMibSettingsMagic : kMibMagic;
  return got && std::string_view(start.data(), *got) == magic;
}

Result<std::unique_ptr<StoredFrames>> open_mib(FileSystem& files,
                                               const std::filesystem::path& path) {
  auto frames_path = path;
  auto settings_path = path;
  if (is_settings_name(path)) frames_path.replace_extension(".mib");
  if (!is_settings_name(path)) settings_path.replace_extension(".hdr");
  auto settings = load_settings(files, settings_path, is_settings_name(path));
  if (!settings) return std::unexpected(settings.error());
  auto fd = open_regular_file(files, frames_path);
  if (!fd) return std::unexpected(fd.error());
  const auto size = files.size_bytes(fd->get());
  if (!size) return fail_errno(size.error().system_errno, "cannot read", frames_path.string());
  const auto first = first_header(files, fd->get(), frames_path);
  if (!first) return std::unexpected(first.error());
  const auto pixels = mib_pixels(*first);
  if (!pixels) return wrong(pixels.error().code, frames_path, pixels.error().what);
  const auto file_bytes = static_cast<std::uint64_t>(*size);
  const std::uint64_t stride = first->header_bytes + pixels->raw_bytes;
  if (file_bytes < stride) {
    return wrong(ErrorCode::kCorrupt, frames_path,
                 fmt::format("no whole frame: one has {} bytes, the file {}", stride, file_bytes));
  }
  auto frames = std::make_unique<MibFrames>(files, std::move(*fd), *first, *pixels);
  StoredFacts& facts = frames->facts_to_fill();
  facts.shape = pixels->shape;
  facts.frames = file_bytes / stride;
  facts.has_times = first->utc_ns >= 0;
  if (first->bit_depth != 0) {
    facts.bit_depth = first->bit_depth;
    facts.saturation = std::ldexp(1.0, first->bit_depth) - 1.0;
  }
  facts.inputs.push_back(frames_path);
  if (!settings->empty()) facts.inputs.push_back(settings_path);
  facts.scan = mib_scan_of(*settings, facts.frames);
  facts.settings = std::move(*settings);
  facts.description = describe_frames(*first, facts, file_bytes % stride);
  return frames;
}

}  // namespace framelog
