#include "drivers/jpeg_luma.hpp"

#include <gtest/gtest.h>

// jpeglib.h needs FILE.
// clang-format off
#include <cstdio>
#include <jpeglib.h>
// clang-format on

#include <algorithm>
#include <cstdlib>
#include <random>
#include <vector>

#include "allocations.hpp"

namespace framelog {
namespace {

using Bytes = std::vector<std::byte>;

struct Picture {
  std::uint32_t height_px{16};
  std::uint32_t width_px{24};
  bool colour{};
  bool progressive{};
};

/// Smooth, so that JPEG loses next to nothing.
int luma(std::uint32_t y, std::uint32_t x) { return static_cast<int>(40 + 5 * y + 2 * x); }

Bytes jpeg_of(const Picture& picture) {
  jpeg_compress_struct encoder{};
  jpeg_error_mgr errors{};
  encoder.err = jpeg_std_error(&errors);
  jpeg_create_compress(&encoder);
  unsigned char* memory = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&encoder, &memory, &size);
  encoder.image_width = picture.width_px;
  encoder.image_height = picture.height_px;
  encoder.input_components = picture.colour ? 3 : 1;
  encoder.in_color_space = picture.colour ? JCS_YCbCr : JCS_GRAYSCALE;
  jpeg_set_defaults(&encoder);
  jpeg_set_quality(&encoder, 100, TRUE);
  if (picture.progressive) jpeg_simple_progression(&encoder);
  jpeg_start_compress(&encoder, TRUE);
  std::vector<JSAMPLE> row(std::size_t{picture.width_px} * (picture.colour ? 3 : 1), 200);
  for (std::uint32_t y = 0; y < picture.height_px; ++y) {
    for (std::uint32_t x = 0; x < picture.width_px; ++x) {
      row[std::size_t{x} * (picture.colour ? 3 : 1)] = static_cast<JSAMPLE>(luma(y, x));
    }
    JSAMPROW rows = row.data();
    jpeg_write_scanlines(&encoder, &rows, 1);
  }
  jpeg_finish_compress(&encoder);
  jpeg_destroy_compress(&encoder);
  const auto* begin = reinterpret_cast<const std::byte*>(memory);
  Bytes made(begin, begin + size);
  std::free(memory);
  return made;
}

/// Without its Huffman tables, as cameras send Motion JPEG.
Bytes without_tables(Bytes jpeg) {
  for (std::size_t i = 2; i + 4 < jpeg.size() && jpeg[i] == std::byte{0xFF};) {
    const std::byte marker = jpeg[i + 1];
    if (marker == std::byte{0xDA}) break;
    const std::size_t length =
        std::to_integer<std::size_t>(jpeg[i + 2]) << 8U | std::to_integer<std::size_t>(jpeg[i + 3]);
    const auto begin = jpeg.begin() + static_cast<std::ptrdiff_t>(i);
    if (marker == std::byte{0xC4}) {
      jpeg.erase(begin, begin + static_cast<std::ptrdiff_t>(length + 2));
    } else {
      i += length + 2;
    }
  }
  return jpeg;
}

class JpegLuma : public testing::Test {
 protected:
  bool decode(std::span<const std::byte> jpeg) {
    std::ranges::fill(pixels_, std::byte{0xA5});
    return decode_jpeg_luma(jpeg, picture_.height_px, picture_.width_px, pixels_);
  }
  void expect_luma() {
    for (std::uint32_t y = 0; y < picture_.height_px; ++y) {
      for (std::uint32_t x = 0; x < picture_.width_px; ++x) {
        const std::size_t i = std::size_t{y} * picture_.width_px + x;
        ASSERT_NEAR(std::to_integer<int>(pixels_[i]), luma(y, x), 2) << y << ", " << x;
      }
    }
  }

  Picture picture_;
  Bytes pixels_{Bytes(std::size_t{picture_.height_px} * picture_.width_px)};
};

TEST_F(JpegLuma, OfGreyPictures) {
  ASSERT_TRUE(decode(jpeg_of(picture_)));
  expect_luma();
}

TEST_F(JpegLuma, OfColourPicturesWithoutTheColour) {
  picture_.colour = true;
  ASSERT_TRUE(decode(jpeg_of(picture_)));
  expect_luma();
}

TEST_F(JpegLuma, OfPicturesWithoutHuffmanTables) {
  picture_.colour = true;
  const Bytes whole = jpeg_of(picture_);
  const Bytes bare = without_tables(whole);
  ASSERT_LT(bare.size() + 400, whole.size());
  ASSERT_TRUE(decode(bare));
  expect_luma();
}

TEST_F(JpegLuma, DamagedTablesDoNotSpoilTheNextPicture) {
  Bytes damaged = jpeg_of(picture_);
  const std::byte wanted[]{std::byte{0xFF}, std::byte{0xC4}};
  const auto table = std::ranges::search(damaged, wanted).begin();
  ASSERT_NE(table, damaged.end());
  *(table + 21) ^= std::byte{0x07};  // A symbol of the first table.
  static_cast<void>(decode(damaged));
  ASSERT_TRUE(decode(without_tables(jpeg_of(picture_))));
  expect_luma();
}

TEST_F(JpegLuma, AnotherSizeProgressiveOrNothingAtAllIsRefused) {
  const Bytes zeros(pixels_.size(), std::byte{0});
  for (const Picture& other : {Picture{16, 16}, Picture{24, 24}, Picture{16, 24, false, true}}) {
    EXPECT_FALSE(decode(jpeg_of(other)));
    EXPECT_EQ(pixels_, zeros);
  }
  EXPECT_FALSE(decode({}));
  EXPECT_EQ(pixels_, zeros);
  EXPECT_FALSE(decode(Bytes(100, std::byte{0x55})));
  EXPECT_EQ(pixels_, zeros);
}

TEST_F(JpegLuma, ACutPictureIsDamagedAndKeepsNoOldPixels) {
  const Bytes whole = jpeg_of(picture_);
  for (std::size_t bytes = 0; bytes + 2 < whole.size(); ++bytes) {
    ASSERT_FALSE(decode(std::span(whole).first(bytes))) << bytes;
  }
}

TEST_F(JpegLuma, WhateverIsDamagedItEnds) {
  std::mt19937 random(3);
  picture_.colour = true;
  const Bytes whole = jpeg_of(picture_);
  int refused = 0;
  for (int round = 0; round < 3000; ++round) {
    Bytes damaged = whole;
    for (int i = 0; i < 4; ++i)
      damaged[random() % damaged.size()] = static_cast<std::byte>(random());
    if (!decode(damaged)) ++refused;
  }
  EXPECT_GT(refused, 1000);
}

TEST_F(JpegLuma, NeverUsesOperatorNew) {
  const Bytes whole = jpeg_of(picture_);
  const std::size_t before = allocations();
  ASSERT_TRUE(decode(whole));
  EXPECT_FALSE(decode(std::span(whole).first(whole.size() / 2)));
  EXPECT_EQ(allocations(), before);
}

}  // namespace
}  // namespace framelog
