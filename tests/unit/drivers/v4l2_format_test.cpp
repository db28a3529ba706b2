#include "drivers/v4l2_format.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

#include "drivers/v4l2_numbers.hpp"

namespace framelog {
namespace {

using Bytes = std::vector<std::byte>;

/// Pixel x of a row, as the kernel's documentation writes the format down.
std::uint32_t plain_pixel(const VideoFormat& format, std::span<const std::byte> row,
                          std::uint32_t x) {
  const auto at = [&](std::size_t i) { return std::to_integer<std::uint32_t>(row[i]); };
  switch (format.layout) {
    case VideoLayout::kBytes:
      return at(x);
    case VideoLayout::kWords:
      return at(2 * std::size_t{x}) | at(2 * std::size_t{x} + 1) << 8U;
    case VideoLayout::kEvenBytes:
      return at(2 * std::size_t{x});
    case VideoLayout::kOddBytes:
      return at(2 * std::size_t{x} + 1);
    case VideoLayout::kPacked:
      if (format.bits == 10) {
        const std::size_t group = std::size_t{x} / 4 * 5;
        return at(group + x % 4) << 2U | (at(group + 4) >> 2 * (x % 4) & 3U);
      } else {
        const std::size_t group = std::size_t{x} / 2 * 3;
        return at(group + x % 2) << 4U | (at(group + 2) >> 4 * (x % 2) & 15U);
      }
    case VideoLayout::kCompressed:
      break;
  }
  return 0;
}

std::uint32_t pixel_of(const Bytes& slot, PixelType type, std::size_t i) {
  const auto at = [&](std::size_t k) { return std::to_integer<std::uint32_t>(slot[k]); };
  return type == PixelType::kUint8 ? at(i) : at(2 * i) | at(2 * i + 1) << 8U;
}

Bytes random_bytes(std::mt19937& random, std::size_t count) {
  Bytes bytes(count);
  for (std::byte& each : bytes) each = static_cast<std::byte>(random());
  return bytes;
}

TEST(V4l2Format, EachHasAFourCcOfItsOwn) {
  std::set<std::uint32_t> seen;
  for (const VideoFormat& format : video_formats()) {
    const auto fourcc = fourcc_of(format.word);
    ASSERT_TRUE(fourcc) << format.word;
    EXPECT_TRUE(seen.insert(*fourcc).second) << format.word;
    EXPECT_EQ(find_video_format(*fourcc), &format);
    EXPECT_EQ(word_of(*fourcc), format.word);
  }
}

TEST(V4l2Format, FourCcsAreSpelledAsV4l2CtlDoes) {
  EXPECT_EQ(fourcc_of("YUYV"), 0x56595559U);
  EXPECT_EQ(fourcc_of("Y10"), 0x20303159U);
  EXPECT_EQ(word_of(0x20363159U | 1U << 31U), "Y16-BE");
  EXPECT_EQ(word_of(0x01303159U), "Y10?");
  EXPECT_EQ(find_video_format(0x20363159U | 1U << 31U), nullptr);
  for (const char* wrong : {"", "YUYV2", "Y 16", "Y\x01"}) EXPECT_FALSE(fourcc_of(wrong)) << wrong;
}

TEST(V4l2Format, RowsAreCopiedAsThePlainReferenceReadsThem) {
  std::mt19937 random(1);
  for (const VideoFormat& format : video_formats()) {
    if (format.layout == VideoLayout::kCompressed) continue;
    for (int round = 0; round < 20; ++round) {
      const PixelType type = pixel_type_of(format);
      const FrameShape shape{1 + static_cast<std::uint32_t>(random() % 9),
                             1 + static_cast<std::uint32_t>(random() % 70), type};
      const std::size_t row = row_bytes(format, shape.width_px);
      const std::size_t line = row + (round % 2 == 0 ? 0 : random() % 40);
      // The last row often lacks its padding.
      const Bytes payload = random_bytes(random, line * (shape.height_px - 1) + row);
      Bytes slot(size_bytes(shape), std::byte{0xA5});
      ASSERT_EQ(copy_rows(format, payload, line, shape, slot), shape.height_px);
      for (std::uint32_t y = 0; y < shape.height_px; ++y) {
        for (std::uint32_t x = 0; x < shape.width_px; ++x) {
          const auto from = std::span(payload).subspan(y * line, row);
          ASSERT_EQ(pixel_of(slot, type, std::size_t{y} * shape.width_px + x),
                    plain_pixel(format, from, x))
              << format.word << " " << to_string(shape) << " at " << y << ", " << x;
        }
      }
    }
  }
}

TEST(V4l2Format, WhatDidNotComeIsZeroAndNeverAnOldPixel) {
  std::mt19937 random(2);
  for (const VideoFormat& format : video_formats()) {
    if (format.layout == VideoLayout::kCompressed) continue;
    const FrameShape shape{4, 6, pixel_type_of(format)};
    const std::size_t row = row_bytes(format, shape.width_px);
    const std::size_t line = row + 3;
    const Bytes payload(4 * line, std::byte{0xFF});
    for (std::size_t bytes = 0; bytes <= payload.size(); ++bytes) {
      Bytes slot(size_bytes(shape), std::byte{0xA5});
      const std::uint32_t rows =
          copy_rows(format, std::span(payload).first(bytes), line, shape, slot);
      std::size_t whole = 0;
      while (whole < 4 && whole * line + row <= bytes) ++whole;
      ASSERT_EQ(rows, whole) << format.word << " of " << bytes;
      for (std::size_t i = 0; i < slot.size() / size_bytes(shape.type); ++i) {
        const bool came = i < whole * shape.width_px;
        ASSERT_EQ(pixel_of(slot, shape.type, i) != 0, came) << format.word << " of " << bytes;
      }
    }
  }
}

TEST(V4l2Numbers, GoOnBehindThe32Bits) {
  VideoNumbers numbers;
  EXPECT_EQ(numbers.extend(0xFFFFFFFE), 0xFFFFFFFEU);
  EXPECT_EQ(numbers.extend(0xFFFFFFFF), 0xFFFFFFFFU);
  EXPECT_EQ(numbers.extend(0), 0x100000000U);
  EXPECT_EQ(numbers.extend(5), 0x100000005U);
}

TEST(V4l2Numbers, AStepBackStaysOne) {
  VideoNumbers numbers;
  EXPECT_EQ(numbers.extend(1000), 1000U);
  EXPECT_EQ(numbers.extend(2), 2U);
  EXPECT_EQ(numbers.extend(0xFFFFFFF0), 0xFFFFFFF0U);  // Before the first one: taken as it is.
  numbers.restart();
  EXPECT_EQ(numbers.extend(7), 7U);
}

}  // namespace
}  // namespace framelog
