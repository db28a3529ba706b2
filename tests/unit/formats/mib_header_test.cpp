#include "formats/mib_header.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace framelog {
namespace {

constexpr std::string_view kDacs =
    "3RX,175,511,000,000,000,000,000,000,125,255,125,125,100,100,082,100,087,030,128,004,255,129,"
    "128,176,168,511,511,";

std::string header_text(const std::string& shape_and_type, std::string_view dacs = kDacs,
                        const std::string& depth = "12") {
  return "MQ1,000042,00384," + shape_and_type +
         ",01,2026-11-20 16:00:00.000000,0.001500,0,0,0,1.2E+2,5.1E+2," + std::string(dacs) +
         "MQ1A,2026-11-20T16:00:01.000000178Z,1000000ns," + depth + ",";
}

std::string padded(std::string text, std::size_t bytes = 384) {
  text.resize(bytes, '\0');
  return text;
}

TEST(MibHeader, TellsWhatTheDetectorWrote) {
  const auto header = parse_mib_header(padded(header_text("01,0256,0128,U16,   1x1")) + "pixels");
  ASSERT_TRUE(header) << header.error().what;
  EXPECT_EQ(header->sequence, 42U);
  EXPECT_EQ(header->header_bytes, 384U);
  EXPECT_EQ(header->chips, 1U);
  EXPECT_EQ(header->width_px, 256U);
  EXPECT_EQ(header->height_px, 128U);
  EXPECT_EQ(header->word_bits, 16U);
  EXPECT_FALSE(header->raw);
  EXPECT_FALSE(header->quad);
  EXPECT_EQ(header->bit_depth, 12);
  EXPECT_EQ(header->utc_ns, 1'795'190'401'000'000'178);
  EXPECT_EQ(header->exposure_ns, 1'000'000);
}

TEST(MibHeader, FindsTheTimeWhateverThresholdsAndDacsAreThere) {
  for (const std::string_view dacs : {std::string_view(), kDacs, std::string_view("1,2,")}) {
    const auto header = parse_mib_header(header_text("04,1024,0256,R64,   2x2G", dacs, "6"));
    ASSERT_TRUE(header) << header.error().what;
    EXPECT_TRUE(header->raw);
    EXPECT_TRUE(header->quad);
    EXPECT_EQ(header->bit_depth, 6);
    EXPECT_EQ(header->exposure_ns, 1'000'000);
  }
}

TEST(MibHeader, WithoutTheExtensionKnowsTheExposureButNotTheTime) {
  const auto header =
      parse_mib_header("MQ1,7,00768,04,512,512,U08,2x2,0F,2026-11-20 16:00:00,0.0015,0,0,0,");
  ASSERT_TRUE(header) << header.error().what;
  EXPECT_EQ(header->header_bytes, 768U);
  EXPECT_EQ(header->exposure_ns, 1'500'000);
  EXPECT_EQ(header->utc_ns, -1);
  EXPECT_EQ(header->bit_depth, 0);
}

TEST(MibHeader, TakesNoTimeThatIsNone) {
  for (const std::string time :
       {"2026-13-20T16:00:00Z", "2026-02-30T16:00:00Z", "2026-11-20T24:00:00Z",
        "9999-01-01T00:00:00Z", "2026-11-20T16:00:00", "2026-11-20 16:00:00Z", "yesterday", ""}) {
    const auto header =
        parse_mib_header("MQ1,1,384,1,8,8,U08,1x1,1,x,0.1,MQ1A," + time + ",5ns,6,");
    ASSERT_TRUE(header);
    EXPECT_EQ(header->utc_ns, -1) << time;
    EXPECT_EQ(header->exposure_ns, 5) << time;
  }
}

TEST(MibHeader, RefusesWhatIsNone) {
  const std::vector<std::pair<std::string, ErrorCode>> cases{
      {"", ErrorCode::kCorrupt},
      {"MQ1", ErrorCode::kCorrupt},
      {"MQ1,", ErrorCode::kCorrupt},
      {"MQ2,000001,00384,01,0256,0256,U16,1x1", ErrorCode::kCorrupt},
      {"MQ1,000001,00384,01,0256", ErrorCode::kCorrupt},
      {"MQ1,x,00384,01,0256,0256,U16,1x1,", ErrorCode::kCorrupt},
      {"MQ1,1,-384,01,0256,0256,U16,1x1,", ErrorCode::kCorrupt},
      {"MQ1,1,2,01,0256,0256,U16,1x1,", ErrorCode::kCorrupt},
      {"MQ1,1,20,01,0256,0256,U16,1x1,", ErrorCode::kCorrupt},
      {"MQ1,1,4000000000,01,0256,0256,U16,1x1,", ErrorCode::kCorrupt},
      {"MQ1,1,384,01,99999999999999,0256,U16,1x1,", ErrorCode::kCorrupt},
      {"MQ1,1,384,01,0256,0256,U99,1x1,", ErrorCode::kUnsupported},
      {"MQ1,1,384,01,0256,0256,,1x1,", ErrorCode::kUnsupported}};
  for (const auto& [text, code] : cases) {
    const auto header = parse_mib_header(text);
    ASSERT_FALSE(header) << text;
    EXPECT_EQ(header.error().code, code) << text << ": " << header.error().what;
  }
}

MibHeader header_of(std::uint32_t width_px, std::uint32_t height_px, std::uint32_t word_bits,
                    int bit_depth, std::uint32_t chips = 1) {
  MibHeader header;
  header.header_bytes = 384;
  header.chips = chips;
  header.quad = chips == 4;
  header.width_px = width_px;
  header.height_px = height_px;
  header.raw = word_bits == 64;
  header.word_bits = word_bits;
  header.bit_depth = bit_depth;
  return header;
}

TEST(MibPixels, RefusesWhatCannotBeDecoded) {
  const std::vector<std::pair<MibHeader, ErrorCode>> cases{
      {header_of(0, 8, 8, 6), ErrorCode::kCorrupt},
      {header_of(8, 0, 8, 6), ErrorCode::kCorrupt},
      {header_of(4'000'000'000, 4'000'000'000, 32, 24), ErrorCode::kCorrupt},
      {header_of(60, 8, 64, 1), ErrorCode::kCorrupt},
      {header_of(12, 8, 64, 6), ErrorCode::kCorrupt},
      {header_of(6, 8, 64, 12), ErrorCode::kCorrupt},
      {header_of(12, 8, 64, 24), ErrorCode::kCorrupt},
      {header_of(256, 8, 64, 0), ErrorCode::kCorrupt},
      {header_of(256, 8, 64, 6, 2), ErrorCode::kUnsupported},
      {header_of(256, 8, 64, 24, 4), ErrorCode::kUnsupported}};
  for (const auto& [header, code] : cases) {
    const auto pixels = mib_pixels(header);
    ASSERT_FALSE(pixels) << header.width_px << ' ' << header.bit_depth;
    EXPECT_EQ(pixels.error().code, code);
  }
}

// The reference goes the other way: it puts the pixels of an image where the readout has them.

using Random = std::independent_bits_engine<std::mt19937, 32, std::uint32_t>;
using Image = std::vector<std::vector<std::uint32_t>>;

Image random_image(std::uint32_t height_px, std::uint32_t width_px, int bits, Random& random) {
  Image image(height_px, std::vector<std::uint32_t>(width_px));
  for (auto& row : image) {
    for (auto& pixel : row) pixel = random() & ((1U << static_cast<unsigned>(bits)) - 1U);
  }
  return image;
}

void append_big_endian(std::string& bytes, std::uint64_t value, std::size_t count) {
  for (std::size_t i = count; i-- > 0;) bytes += static_cast<char>(value >> (8 * i) & 0xFFU);
}

/// One 64-bit word at a time, the first pixel in its lowest bits.
std::string raw_row(const std::vector<std::uint32_t>& row, int bits) {
  const std::size_t per_pixel = bits == 1 ? 1 : (bits == 6 ? 8 : 16);
  std::string bytes;
  for (std::size_t start = 0; start < row.size(); start += 64 / per_pixel) {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < 64 / per_pixel; ++i) {
      word |= std::uint64_t{row[start + i]} << (per_pixel * i);
    }
    append_big_endian(bytes, word, 8);
  }
  return bytes;
}

std::vector<std::uint32_t> decoded(const MibHeader& header, const std::string& raw) {
  const auto pixels = mib_pixels(header);
  EXPECT_TRUE(pixels && pixels->raw_bytes == raw.size());
  std::string bytes(size_bytes(pixels->shape), '\0');
  decode_mib(header, std::as_bytes(std::span(raw)), std::as_writable_bytes(std::span(bytes)));
  std::vector<std::uint32_t> values;
  const std::size_t step = size_bytes(pixels->shape.type);
  for (std::size_t i = 0; i < bytes.size(); i += step) {
    std::uint32_t value = 0;
    std::memcpy(&value, bytes.data() + i, step);  // Little-endian, as the program is.
    values.push_back(value);
  }
  return values;
}

std::vector<std::uint32_t> flat(const Image& image) {
  std::vector<std::uint32_t> values;
  for (const auto& row : image) values.insert(values.end(), row.begin(), row.end());
  return values;
}

TEST(MibPixels, ProcessedFramesAreBigEndianWords) {
  Random random(1);
  for (const std::uint32_t bits : {8U, 16U, 32U}) {
    for (int repeat = 0; repeat < 20; ++repeat) {
      const std::uint32_t height = 1 + random() % 9;
      const std::uint32_t width = 1 + random() % 40;
      const Image image =
          random_image(height, width, bits == 32 ? 24 : static_cast<int>(bits), random);
      std::string raw;
      for (const std::uint32_t pixel : flat(image)) append_big_endian(raw, pixel, bits / 8);
      EXPECT_EQ(decoded(header_of(width, height, bits, 0), raw), flat(image));
    }
  }
}

TEST(MibPixels, RawFramesOfOneChipAreWordsWithTheFirstPixelLowest) {
  Random random(2);
  for (const int bits : {1, 6, 12}) {
    for (int repeat = 0; repeat < 20; ++repeat) {
      const std::uint32_t height = 1 + random() % 9;
      const std::uint32_t width = 64 * (1 + random() % 4);
      const Image image = random_image(height, width, bits, random);
      std::string raw;
      for (const auto& row : image) raw += raw_row(row, bits);
      EXPECT_EQ(decoded(header_of(width, height, 64, bits), raw), flat(image)) << bits;
    }
  }
}

TEST(MibPixels, RawFramesOf24BitAreTwoImagesTheUpperBitsFirst) {
  Random random(3);
  const Image image = random_image(5, 12, 24, random);
  std::string raw;
  for (const unsigned shift : {12U, 0U}) {
    for (auto row : image) {
      for (auto& pixel : row) pixel = pixel >> shift & 0xFFFU;
      raw += raw_row(row, 12);
    }
  }
  EXPECT_EQ(decoded(header_of(24, 5, 64, 24), raw), flat(image));
}

TEST(MibPixels, RawFramesOfAQuadPutTheLowerChipsUpright) {
  Random random(4);
  for (const int bits : {1, 6, 12}) {
    const std::uint32_t side = 64;
    const Image image = random_image(2 * side, 2 * side, bits, random);
    std::string raw;
    for (std::uint32_t y = 0; y < side; ++y) {
      const auto& top = image[y];
      const auto& bottom = image[2 * side - 1 - y];
      // Lower right and lower left from their ends, then upper right and upper left.
      raw += raw_row({bottom.rbegin(), bottom.rbegin() + side}, bits);
      raw += raw_row({bottom.rbegin() + side, bottom.rend()}, bits);
      raw += raw_row({top.begin() + side, top.end()}, bits);
      raw += raw_row({top.begin(), top.begin() + side}, bits);
    }
    EXPECT_EQ(decoded(header_of(4 * side, side, 64, bits, 4), raw), flat(image)) << bits;
  }
}

}  // namespace
}  // namespace framelog
