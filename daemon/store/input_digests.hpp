#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/file_system.hpp"
#include "formats/digest.hpp"

namespace framelog {

/// SHA-256 of the files that a recording replays, worked out in small steps beside it. Threads:
/// files.
class InputDigests {
 public:
  InputDigests(FileSystem& files, std::vector<std::filesystem::path> paths);
  [[nodiscard]] bool done() const noexcept { return next_ == paths_.size(); }
  /// Hashes up to 8 MiB more. A file that cannot be read is left out.
  void step();
  [[nodiscard]] const std::map<std::string, std::string>& digests() const noexcept {
    return digests_;
  }

 private:
  void finish_file(bool whole);

  FileSystem& files_;
  std::vector<std::filesystem::path> paths_;
  std::size_t next_{};
  UniqueFd fd_;
  std::int64_t offset_{};
  std::optional<Sha256> digest_;
  std::vector<std::byte> buffer_;
  std::map<std::string, std::string> digests_;
};

}  // namespace framelog
