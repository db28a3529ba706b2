#include "drivers/camera_pixels.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

namespace framelog {
namespace {

constexpr std::string_view kEvery[] = {
    "Mono8",           "Mono10",    "Mono10p",    "Mono10Packed",    "Mono12",    "Mono12p",
    "Mono12Packed",    "Mono14",    "Mono16",     "BayerGR8",        "BayerRG10", "BayerGB10p",
    "BayerBG10Packed", "BayerGR12", "BayerRG12p", "BayerGB12Packed", "BayerBG16"};

std::vector<std::byte> random_bytes(std::size_t count) {
  std::mt19937 random(count);
  std::vector<std::byte> bytes(count);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

CameraLayout layout_of(std::string_view name, std::uint32_t height_px, std::uint32_t width_px,
                       std::size_t padding) {
  const CameraFormat& format = *find_camera_format(name);
  return {format, {height_px, width_px, format.type}, padding};
}

/// A pixel out of the middle of a frame without padding, as the standards describe it.
unsigned pixel_of(const CameraFormat& format, std::span<const std::byte> sent, std::size_t i) {
  const auto byte = [&](std::size_t at) { return std::to_integer<unsigned>(sent[at]); };
  if (!format.packed) {
    return format.type == PixelType::kUint8 ? byte(i) : byte(2 * i) | byte(2 * i + 1) << 8U;
  }
  const auto bits = static_cast<std::size_t>(format.bits);
  if (*format.packed == PackedFormat::kMono10p || *format.packed == PackedFormat::kMono12p) {
    unsigned value = 0;
    for (std::size_t bit = 0; bit < bits; ++bit) {
      const std::size_t at = i * bits + bit;
      value |= (byte(at / 8) >> at % 8 & 1U) << bit;
    }
    return value;
  }
  const std::size_t pair = i / 2 * 3;
  const unsigned low = byte(pair + 1) >> (i % 2 == 1 ? 4U : 0U);
  return bits == 10 ? byte(pair + i % 2 * 2) << 2U | (low & 3U)
                    : byte(pair + i % 2 * 2) << 4U | (low & 15U);
}

TEST(CameraPixels, FormatsAreFoundByNameAndByCode) {
  for (const std::string_view name : kEvery) {
    const CameraFormat* format = find_camera_format(name);
    ASSERT_NE(format, nullptr) << name;
    EXPECT_EQ(find_camera_format(format->code), format) << name;
    const CameraLayout layout = layout_of(name, 8, 8, 0);
    EXPECT_EQ(camera_bytes(layout), 64 * (format->code >> 16U & 0xFFU) / 8) << name;
  }
  EXPECT_EQ(find_camera_format("RGB8"), nullptr);
  EXPECT_EQ(find_camera_format(0x02180014U), nullptr);
  EXPECT_NE(camera_formats_text().find("BayerRG12Packed"), std::string::npos);
}

TEST(CameraPixels, AreThoseThatTheStandardsDescribe) {
  for (const std::string_view name : kEvery) {
    const CameraLayout layout = layout_of(name, 3, 7, 0);
    const auto sent = random_bytes(camera_bytes(layout));
    std::vector<std::byte> pixels(size_bytes(layout.shape));
    copy_camera_pixels(layout, sent, pixels);
    for (std::size_t i = 0; i < 21; ++i) {
      unsigned pixel = 0;
      std::memcpy(&pixel, &pixels[i * size_bytes(layout.format.type)],
                  size_bytes(layout.format.type));
      EXPECT_EQ(pixel, pixel_of(layout.format, sent, i)) << name << " pixel " << i;
    }
  }
}

TEST(CameraPixels, PaddingBehindRowsIsLeftOut) {
  for (const std::string_view name : kEvery) {
    const CameraLayout padded = layout_of(name, 4, 8, 5);
    const CameraLayout row = layout_of(name, 1, 8, 0);
    const auto sent = random_bytes(camera_bytes(padded));
    EXPECT_EQ(sent.size(), 4 * (camera_bytes(row) + 5)) << name;
    std::vector<std::byte> pixels(size_bytes(padded.shape));
    copy_camera_pixels(padded, sent, pixels);
    std::vector<std::byte> one(size_bytes(row.shape));
    for (std::size_t y = 0; y < 4; ++y) {
      copy_camera_pixels(row, std::span(sent).subspan(y * (camera_bytes(row) + 5)), one);
      EXPECT_EQ(std::memcmp(one.data(), &pixels[y * one.size()], one.size()), 0) << name << y;
    }
  }
}

}  // namespace
}  // namespace framelog
