#include "formats/tiff_frames.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "core/crc32c.hpp"
#include "recording.hpp"
#include "test_data.hpp"
#include "tests/unit/drivers/allocations.hpp"
#include "tiff_builder.hpp"

namespace framelog {
namespace {

using Page = TiffBuilder::Page;
using Random = std::independent_bits_engine<std::mt19937, 32, std::uint32_t>;

std::string random_bytes(std::size_t count, Random& random) {
  std::string bytes(count, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random() & 0xFFU);
  return bytes;
}

std::string reversed(std::string bytes, std::size_t pixel_bytes) {
  for (std::size_t i = 0; i < bytes.size(); i += pixel_bytes) {
    std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(i),
                 bytes.begin() + static_cast<std::ptrdiff_t>(i + pixel_bytes));
  }
  return bytes;
}

/// The strips of a frame.
std::vector<std::string> strips(const std::string& pixels, std::size_t strip_bytes) {
  std::vector<std::string> pieces;
  for (std::size_t i = 0; i < pixels.size(); i += strip_bytes) {
    pieces.push_back(pixels.substr(i, strip_bytes));
  }
  return pieces;
}

/// Its tiles, filled up with x.
std::vector<std::string> tiles(const std::string& pixels, const Page& page) {
  const std::size_t pixel = page.bits / 8U;
  std::vector<std::string> pieces;
  for (std::size_t top = 0; top < page.height_px; top += page.tile_height_px) {
    for (std::size_t left = 0; left < page.width_px; left += page.tile_width_px) {
      std::string tile(std::size_t{page.tile_width_px} * page.tile_height_px * pixel, 'x');
      for (std::size_t y = top;
           y < std::min<std::size_t>(page.height_px, top + page.tile_height_px); ++y) {
        const std::size_t columns = std::min<std::size_t>(page.tile_width_px, page.width_px - left);
        tile.replace((y - top) * page.tile_width_px * pixel, columns * pixel,
                     pixels.substr((y * page.width_px + left) * pixel, columns * pixel));
      }
      pieces.push_back(tile);
    }
  }
  return pieces;
}

Page page_of(std::uint32_t width_px, std::uint32_t height_px, const std::string& pixels) {
  Page page;
  page.width_px = width_px;
  page.height_px = height_px;
  page.pieces = {pixels};
  return page;
}

class Tiff : public testing::Test {
 protected:
  std::unique_ptr<StoredFrames> open(const std::string& bytes) {
    auto frames = open_tiff(system_files(), scratch_.write("a.tif", bytes));
    EXPECT_TRUE(frames) << describe(frames.error());
    return frames ? std::move(*frames) : nullptr;
  }
  /// One line that names the file.
  std::string refusal(const std::string& bytes, ErrorCode code = ErrorCode::kCorrupt) {
    const auto frames = open_tiff(system_files(), scratch_.write("a.tif", bytes));
    EXPECT_FALSE(frames);
    if (frames) return {};
    const std::string text = describe(frames.error());
    EXPECT_EQ(frames.error().code, code) << text;
    EXPECT_NE(text.find("a.tif"), std::string::npos) << text;
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
    return text;
  }
  ScratchDirectory scratch_;
};

struct Kind {
  std::uint16_t bits;
  std::uint16_t format;
  PixelType type;
};
constexpr std::array<Kind, 9> kKinds{{{8, 1, PixelType::kUint8},
                                      {8, 2, PixelType::kInt8},
                                      {16, 1, PixelType::kUint16},
                                      {16, 2, PixelType::kInt16},
                                      {32, 1, PixelType::kUint32},
                                      {32, 2, PixelType::kInt32},
                                      {64, 1, PixelType::kUint64},
                                      {32, 3, PixelType::kFloat32},
                                      {64, 3, PixelType::kFloat64}}};

TEST_F(Tiff, ReadsEveryTypeOrderArrangementAndCompression) {
  Random random(1);
  for (int repeat = 0; repeat < 200; ++repeat) {
    const Kind kind = kKinds[random() % kKinds.size()];
    const bool big_endian = random() % 2 == 0;
    TiffBuilder builder(big_endian, random() % 2 == 0);
    Page page;
    page.width_px = 1 + random() % 50;
    page.height_px = 1 + random() % 40;
    page.bits = kind.bits;
    page.format = kind.format;
    page.compression = std::array<std::uint16_t, 4>{1, 5, 8, 32773}[random() % 4];
    page.rows_per_strip = 1 + random() % page.height_px;
    const bool tiled = random() % 2 == 0;
    if (tiled) page.tile_width_px = 16 * (1 + random() % 2);
    if (tiled) page.tile_height_px = 16;
    const std::size_t row_bytes = page.width_px * kind.bits / 8U;
    std::vector<std::string> expected;
    for (std::uint32_t i = 0; i < 1 + random() % 3; ++i) {
      const std::string pixels = random_bytes(row_bytes * page.height_px, random);
      expected.push_back(big_endian ? reversed(pixels, kind.bits / 8U) : pixels);
      page.pieces = tiled ? tiles(pixels, page) : strips(pixels, row_bytes * page.rows_per_strip);
      builder.add(page);
    }
    const auto frames = open(builder.file());
    ASSERT_TRUE(frames);
    ASSERT_EQ(frames->facts().shape, (FrameShape{page.height_px, page.width_px, kind.type}));
    ASSERT_EQ(frames->facts().frames, expected.size());
    // Back and forth: the library goes from page to page.
    for (std::size_t i = expected.size(); i-- > 0;) {
      ASSERT_TRUE(frame_bytes(*frames, i) == expected[i]) << "page " << i << " of case " << repeat;
    }
    for (std::size_t i = 0; i < expected.size(); ++i) {
      ASSERT_TRUE(frame_bytes(*frames, i) == expected[i]) << "page " << i << " of case " << repeat;
    }
  }
}

TEST_F(Tiff, ChecksThePixelsAsTheyLieInTheFile) {
  TiffBuilder builder(true);
  Page page = page_of(2, 1, "abcd");
  page.bits = 16;
  builder.add(page);
  const auto frames = open(builder.file());
  ASSERT_TRUE(frames);
  std::array<std::byte, 4> pixels{};
  const auto sum = crc32c(std::as_bytes(std::span("abcd", 4)));
  EXPECT_EQ(frames->read(0, pixels, sum), true);
  EXPECT_EQ(frames->read(0, pixels, sum ^ 1U), false);
  EXPECT_FALSE(frames->read(1, pixels, std::nullopt));
  EXPECT_FALSE(frames->info(1));
}

TEST_F(Tiff, AllocatesNothingForAFrameWhosePixelsLieTogether) {
  for (const bool big_endian : {false, true}) {
    TiffBuilder builder(big_endian);
    Page page = page_of(2, 2, "");
    page.bits = 16;
    page.rows_per_strip = 1;
    page.pieces = {"abcd", "efgh"};
    builder.add(page);
    builder.add(page);
    const auto frames = open(builder.file());
    ASSERT_TRUE(frames);
    std::array<std::byte, 8> pixels{};
    const std::size_t before = allocations();
    for (const std::uint64_t index : {0U, 1U, 0U}) {
      EXPECT_TRUE(frames->info(index));
      EXPECT_TRUE(frames->read(index, pixels, std::nullopt));
    }
    EXPECT_EQ(allocations(), before);
  }
}

TEST_F(Tiff, LeavesThumbnailsOfPagesOut) {
  TiffBuilder builder;
  builder.add(page_of(2, 2, "abcd"));
  Page small = page_of(1, 1, "x");
  small.subfile_type = 1;
  builder.add(small);
  builder.add(page_of(2, 2, "efgh"));
  const auto frames = open(builder.file());
  ASSERT_TRUE(frames);
  EXPECT_EQ(frames->facts().frames, 2U);
  EXPECT_EQ(frame_bytes(*frames, 1), "efgh");
  TiffBuilder only;
  only.add(small);
  EXPECT_NE(refusal(only.file()).find("no page"), std::string::npos);
}

TEST_F(Tiff, ReadsAllImagesOfAnImageJStackWithOneDirectory) {
  TiffBuilder builder(true);
  Page page = page_of(2, 1, "ab");
  page.description = "ImageJ=1.53t\nimages=3\nframes=3\nfinterval=0.5\n";
  builder.add(page);
  // ImageJ puts the pixels behind the directory; what is behind these is as good as pixels here.
  const std::string& file = builder.file();
  const auto frames = open(file);
  ASSERT_TRUE(frames);
  EXPECT_EQ(frames->facts().frames, 3U);
  EXPECT_EQ(frames->facts().description, "ImageJ TIFF");
  EXPECT_EQ(frame_bytes(*frames, 0), "ab");
  EXPECT_EQ(frame_bytes(*frames, 2), file.substr(file.find("ab") + 4, 2));
  page.description = "ImageJ=1.53t\nimages=100000000000\n";
  TiffBuilder absurd;
  absurd.add(page);
  EXPECT_NE(refusal(absurd.file()).find("100000000000 images announced"), std::string::npos);
}

TEST_F(Tiff, TakesTimesExposuresAndSettingsFromOmeXml) {
  TiffBuilder builder;
  Page page = page_of(1, 1, "a");
  page.format = 0;
  page.description =
      R"(<?xml version="1.0"?><!-- <Pixels SizeX="9"/> --><OME Creator="us &amp; them"><Image>)"
      R"(<AcquisitionDate>2026-11-20T16:00:00</AcquisitionDate>)"
      R"(<Pixels DimensionOrder="XYZCT" SizeX="1" SizeY="1" SizeZ="1" SizeC="1" SizeT="2" )"
      R"(Type="int8" PhysicalSizeX="0.65" SignificantBits="7">)"
      R"(<Plane TheC="0" TheZ="0" TheT="1" DeltaT="1.5" ExposureTime="2" ExposureTimeUnit="ms"/>)"
      R"(<Plane TheC="0" TheZ="0" TheT="0" DeltaT="250" DeltaTUnit="ms"/></Pixels></Image></OME>)";
  builder.add(page);
  builder.add(page_of(1, 1, "b"));
  const auto frames = open(builder.file());
  ASSERT_TRUE(frames);
  const StoredFacts& facts = frames->facts();
  EXPECT_EQ(facts.shape.type, PixelType::kInt8);
  EXPECT_EQ(facts.description, "OME-TIFF");
  EXPECT_EQ(facts.bit_depth, 7);
  EXPECT_TRUE(facts.has_times);
  EXPECT_EQ(frames->info(0)->info.monotonic_ns, 250'000'000);
  EXPECT_EQ(frames->info(1)->info.monotonic_ns, 1'500'000'000);
  EXPECT_EQ(frames->info(0)->info.exposure_ns, -1);
  EXPECT_EQ(frames->info(1)->info.exposure_ns, 2'000'000);
  const auto has = [&](const std::string& name, const std::string& value) {
    return std::ranges::find(facts.settings, std::pair(name, value)) != facts.settings.end();
  };
  EXPECT_TRUE(has("OME Creator", "us & them"));
  EXPECT_TRUE(has("AcquisitionDate", "2026-11-20T16:00:00"));
  EXPECT_TRUE(has("Pixels PhysicalSizeX", "0.65 \xC2\xB5m"));
}

TEST_F(Tiff, RefusesPagesThatAreNotFramesOfOneKind) {
  TiffBuilder ragged;
  ragged.add(page_of(2, 2, "abcd"));
  ragged.add(page_of(4, 1, "abcd"));
  EXPECT_NE(refusal(ragged.file(), ErrorCode::kUnsupported).find("ragged pages: page 1 is 1 x 4"),
            std::string::npos);
  Page colours = page_of(1, 1, "rgb");
  colours.samples = 3;
  TiffBuilder coloured;
  coloured.add(colours);
  EXPECT_NE(refusal(coloured.file(), ErrorCode::kUnsupported).find("3 samples"), std::string::npos);
  for (const auto& [bits, format] :
       {std::pair(12, 1), std::pair(1, 1), std::pair(16, 3), std::pair(64, 2), std::pair(8, 5)}) {
    Page odd = page_of(2, 1, "abcdefghabcdefgh");
    odd.bits = static_cast<std::uint16_t>(bits);
    odd.format = static_cast<std::uint16_t>(format);
    TiffBuilder builder;
    builder.add(odd);
    EXPECT_NE(refusal(builder.file(), ErrorCode::kUnsupported).find("allowed"), std::string::npos);
  }
}

TEST_F(Tiff, RefusesAbsurdSizes) {
  for (const auto& [width, height] :
       {std::pair(0xFFFFFFFFU, 0xFFFFFFFFU), std::pair(1U << 20U, 1U << 20U), std::pair(0U, 1U),
        std::pair(1U, 0xFFFFFFFFU)}) {
    for (const bool tiled : {false, true}) {
      Page page = page_of(width, height, "abcd");
      page.rows_per_strip = 1;
      page.tile_width_px = tiled ? 16 : 0;
      page.tile_height_px = 16;
      TiffBuilder builder;
      builder.add(page);
      refusal(builder.file());
    }
  }
  Page tile = page_of(16, 16, "abcd");
  tile.tile_width_px = 1U << 20U;
  tile.tile_height_px = 1U << 20U;
  TiffBuilder builder;
  builder.add(tile);
  refusal(builder.file());
}

TEST_F(Tiff, RefusesFilesThatAreCutOffAnywhere) {
  TiffBuilder builder;
  Page page = page_of(3, 2, "abcdef");
  builder.add(page);
  page.compression = 32773;
  builder.add(page);
  const std::string& whole = builder.file();
  EXPECT_TRUE(open(whole));
  for (std::size_t size = 0; size < whole.size(); ++size) refusal(whole.substr(0, size));
}

TEST_F(Tiff, RefusesDirectoriesThatComeRound) {
  TiffBuilder builder;
  builder.add(page_of(1, 1, "a"));
  builder.add(page_of(1, 1, "b"));
  builder.link_end_to(builder.first_directory());
  refusal(builder.file());
}

TEST_F(Tiff, TellsPixelsThatCannotBeDecoded) {
  TiffBuilder builder;
  for (const char* text : {"abcdef", "ghijkl"}) {
    Page page = page_of(3, 2, text);
    page.compression = 8;
    builder.add(page);
  }
  const std::string whole = builder.file();
  std::string file = whole;
  file[file.find("ghijkl") - 7] = '\xFF';
  const auto frames = open(file);
  ASSERT_TRUE(frames);
  std::array<std::byte, 6> pixels{};
  EXPECT_TRUE(frames->read(0, pixels, std::nullopt));
  const auto read = frames->read(1, pixels, std::nullopt);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(describe(read.error()).find('\n'), std::string::npos);
  // Of the first page it is known before a recording begins.
  file = whole;
  file[file.find("abcdef") - 7] = '\xFF';
  EXPECT_NE(refusal(file).find("cannot be decoded"), std::string::npos);
}

TEST_F(Tiff, SaysWhenTheFileHasBecomeShorter) {
  TiffBuilder builder;
  builder.add(page_of(3, 2, "abcdef"));
  const auto frames = open(builder.file());
  ASSERT_TRUE(frames);
  std::filesystem::resize_file(scratch_.path() / "a.tif", 10);
  std::array<std::byte, 6> pixels{};
  EXPECT_EQ(frames->read(0, pixels, std::nullopt).error().code, ErrorCode::kCorrupt);
}

TEST_F(Tiff, RefusesWhatIsNone) {
  EXPECT_NE(refusal("").find("not a TIFF"), std::string::npos);
  refusal("II*");
  refusal("II*\0");
  refusal(std::string("II*\0\x08\0\0\0\0\0\0\0", 12));
  refusal("no TIFF at all, but long enough for a header");
  EXPECT_EQ(open_tiff(system_files(), scratch_.path() / "none").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(open_tiff(system_files(), scratch_.path()).error().code, ErrorCode::kInvalid);
}

TEST_F(Tiff, IsRecognisedByItsFirstBytes) {
  EXPECT_TRUE(is_tiff(system_files(), scratch_.write("a", TiffBuilder(false, false).file())));
  EXPECT_TRUE(is_tiff(system_files(), scratch_.write("a", TiffBuilder(true, false).file())));
  EXPECT_TRUE(is_tiff(system_files(), scratch_.write("a", TiffBuilder(false, true).file())));
  EXPECT_TRUE(is_tiff(system_files(), scratch_.write("a", TiffBuilder(true, true).file())));
  EXPECT_FALSE(is_tiff(system_files(), scratch_.write("a", "II*")));
  EXPECT_FALSE(is_tiff(system_files(), scratch_.write("a", "MMII")));
  EXPECT_FALSE(is_tiff(system_files(), scratch_.path() / "none"));
}

/// A file of the test data, and the CRC-32C of all of its pixels as tifffile reads them.
struct Real {
  const char* name;
  FrameShape shape;
  std::uint64_t frames;
  std::uint32_t crc32c;
  const char* description;
};
class RealTiff : public testing::TestWithParam<Real> {};

TEST_P(RealTiff, IsWhatAnotherReaderReads) {
  const auto path = test_data(GetParam().name);
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is not there";
  const auto frames = open_tiff(system_files(), path);
  ASSERT_TRUE(frames) << describe(frames.error());
  EXPECT_EQ((*frames)->facts().shape, GetParam().shape);
  EXPECT_EQ((*frames)->facts().frames, GetParam().frames);
  EXPECT_EQ((*frames)->facts().description, GetParam().description);
  std::uint32_t sum = 0;
  for (std::uint64_t i = 0; i < GetParam().frames; ++i) {
    const std::string pixels = frame_bytes(**frames, i);
    sum = crc32c(std::as_bytes(std::span(pixels)), sum);
  }
  EXPECT_EQ(sum, GetParam().crc32c);
}

INSTANTIATE_TEST_SUITE_P(Tiff, RealTiff,
                         testing::Values(Real{"camera/particles_5x512x512_u16.tif",
                                              {512, 512, PixelType::kUint16},
                                              5,
                                              0x929CEFAF,
                                              "TIFF"},
                                         Real{"camera/micromanager_256x64x64_u16.tif",
                                              {64, 64, PixelType::kUint16},
                                              256,
                                              0x1FECFE3B,
                                              "TIFF"},
                                         Real{"ome/multi-channel.ome.tif",
                                              {167, 439, PixelType::kInt8},
                                              3,
                                              0x38CAFF5E,
                                              "OME-TIFF, 3 channels"}));

}  // namespace
}  // namespace framelog
