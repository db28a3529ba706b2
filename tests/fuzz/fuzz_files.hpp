#pragma once

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "formats/stored_frames.hpp"

namespace framelog::fuzz {

/// A directory of this process, in memory where there is a file system in memory.
class FuzzFiles {
 public:
  FuzzFiles() {
    const bool shared = ::access("/dev/shm", W_OK) == 0;
    const std::filesystem::path parent =
        shared ? std::filesystem::path("/dev/shm") : std::filesystem::temp_directory_path();
    std::string name = (parent / fmt::format("framelog-fuzz-{}-XXXXXX", ::getpid())).string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~FuzzFiles() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  FuzzFiles(const FuzzFiles&) = delete;
  FuzzFiles& operator=(const FuzzFiles&) = delete;

  /// Replaces what the file held.
  [[nodiscard]] std::filesystem::path write(const char* name, std::span<const std::uint8_t> bytes) {
    auto path = path_ / name;
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || ::write(fd, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
      std::abort();
    }
    ::close(fd);
    return path;
  }

 private:
  std::filesystem::path path_;
};

/// Of frames that are larger a reader may tell, but here none is read.
inline constexpr std::size_t kMostFrameBytes = std::size_t{16} << 20U;

/// Reads the first and the last frame. The buffer is exactly as long as the shape says, so that a
/// byte too many is found. What a reader has opened must hold frames.
inline void read_ends(StoredFrames& frames) {
  const StoredFacts& facts = frames.facts();
  const std::size_t frame_bytes = size_bytes(facts.shape);
  if (facts.frames == 0 || frame_bytes == 0) std::abort();
  for (const std::uint64_t index : {std::uint64_t{0}, facts.frames - 1}) {
    static_cast<void>(frames.info(index));
    if (frame_bytes > kMostFrameBytes) continue;
    std::vector<std::byte> pixels(frame_bytes);
    static_cast<void>(frames.read(index, pixels, std::nullopt));
  }
}

}  // namespace framelog::fuzz
