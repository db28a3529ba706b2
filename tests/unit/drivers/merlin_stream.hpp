#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <vector>

namespace framelog::merlin {

/// Bytes as a Merlin sends them; `comma` as the sender counts lengths.
inline std::string message(const std::string& body, bool comma = true) {
  return fmt::format("MPX,{:010},{}", body.size() + (comma ? 1 : 0), body);
}

inline std::string header(std::uint64_t frames, const std::string& more = "") {
  std::string text = fmt::format(
      "HDR,\t\r\nChip ID:\tW1_A2\r\nFrames in Acquisition (Number):\t{}\r\n{}End\t", frames, more);
  text.resize(300, ' ');
  return text;
}

/// width x height pixels of 16 bit, big-endian, that count from `number`.
inline std::string frame(std::uint64_t number, std::uint32_t width = 4, std::uint32_t height = 3) {
  std::string text = fmt::format(
      "MQ1,{:06},00256,01,{:04},{:04},U16,   1x1,01,2026-11-20 16:00:00.0,0.001,0,0,0,3RX,175,"
      "MQ1A,2026-11-20T16:00:00.{:09}Z,1000000ns,12,",
      number, width, height, number);
  text.resize(256, '\0');
  for (std::uint32_t i = 0; i < width * height; ++i) {
    const auto pixel = static_cast<std::uint16_t>(number + i);
    text.push_back(static_cast<char>(pixel >> 8U));
    text.push_back(static_cast<char>(pixel & 0xFFU));
  }
  return text;
}

}  // namespace framelog::merlin
