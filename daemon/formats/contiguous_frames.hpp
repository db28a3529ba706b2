#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "formats/stored_frames.hpp"

namespace framelog {

/// Frames that lie one behind the other in one file, and their records in another where there are
/// any.
class ContiguousFrames final : public StoredFrames {
 public:
  /// Checks that the file is as long as `layout` says. `files` is borrowed. `description`: of the
  /// format, for people. Errors: kCorrupt.
  [[nodiscard]] static Result<std::unique_ptr<ContiguousFrames>> over(
      FileSystem& files, UniqueFd pixels, const std::filesystem::path& path,
      const PixelLayout& layout, std::string description);
  /// Adds the records of `path`, a NAME.frames file. Errors: kNotFound, kCorrupt, kUnsupported.
  [[nodiscard]] Result<void> add_records(const std::filesystem::path& path);
  /// Notes that `path` has told something of the recording.
  void add_input(std::filesystem::path path) { facts_.inputs.push_back(std::move(path)); }

  [[nodiscard]] const StoredFacts& facts() const noexcept override { return facts_; }
  [[nodiscard]] Result<StoredInfo> info(std::uint64_t index) noexcept override;
  [[nodiscard]] Result<bool> read(std::uint64_t index, std::span<std::byte> pixels,
                                  std::optional<std::uint32_t> crc32c) noexcept override;

 private:
  ContiguousFrames(FileSystem& files, UniqueFd pixels, const PixelLayout& layout) noexcept
      : files_(files), pixels_(std::move(pixels)), layout_(layout) {}

  FileSystem& files_;
  UniqueFd pixels_;
  UniqueFd records_;
  PixelLayout layout_;
  StoredFacts facts_;
};

}  // namespace framelog
