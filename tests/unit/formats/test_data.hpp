#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "formats/stored_frames.hpp"

namespace framelog {

/// Where a file of the test data is, whether or not it is there.
inline std::filesystem::path test_data(const std::string& name) {
  const char* given = std::getenv("FRAMELOG_TEST_DATA");
  return std::filesystem::path(given == nullptr ? "../shared/data" : given) / name;
}

inline std::string read_whole(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// The bytes of one frame; empty where it cannot be read.
inline std::string frame_bytes(StoredFrames& frames, std::uint64_t index) {
  std::string pixels(size_bytes(frames.facts().shape), '\0');
  const auto read = frames.read(index, std::as_writable_bytes(std::span(pixels)), std::nullopt);
  return read && *read ? pixels : std::string();
}

}  // namespace framelog
