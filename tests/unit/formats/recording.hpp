#pragma once

#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "formats/frame_record.hpp"

namespace framelog {

/// A directory of its own for one test, removed with all that is in it.
class ScratchDirectory {
 public:
  ScratchDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "framelog-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~ScratchDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;

  std::filesystem::path write(const std::string& name, const std::string& bytes) const {
    std::ofstream(path_ / name, std::ios::binary) << bytes;
    return path_ / name;
  }
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

/// The bytes of `values` as they lie in memory.
template <class T>
std::string bytes_of(const std::vector<T>& values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

/// An NPY file of version 1.0 with this dictionary and these pixels.
inline std::string npy_of(std::string header, const std::string& pixels) {
  while ((10 + header.size() + 1) % 64 != 0) header += ' ';
  header += '\n';
  std::string file("\x93NUMPY\x01\x00", 8);
  file += static_cast<char>(header.size() & 0xFFU);
  file += static_cast<char>(header.size() >> 8U);
  return file + header + pixels;
}

/// A NAME.frames file with these records, each sealed.
inline std::string frames_file_of(std::vector<FrameRecord> records, std::uint64_t frame_bytes) {
  FramesFileHead head;
  head.valid = static_cast<std::int64_t>(records.size());
  head.synced = head.valid;
  head.frame_bytes = frame_bytes;
  head.capacity = records.size();
  std::string file = bytes_of(std::vector<FramesFileHead>{head});
  file.resize(kFramesFileHeadBytes, '\0');
  for (FrameRecord& record : records) seal(record);
  return file + bytes_of(records);
}

}  // namespace framelog
