#include "formats/npy.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <numeric>

#include "recording.hpp"

namespace framelog {
namespace {

Result<std::unique_ptr<StoredFrames>> open_bytes(const std::string& bytes) {
  const ScratchDirectory scratch;
  return open_npy(system_files(), scratch.write("a.npy", bytes));
}

template <class T>
std::vector<T> frame(StoredFrames& frames, std::uint64_t index) {
  std::vector<T> pixels(size_bytes(frames.facts().shape) / sizeof(T));
  const auto read = frames.read(index, std::as_writable_bytes(std::span(pixels)), std::nullopt);
  EXPECT_TRUE(read && *read);
  return pixels;
}

std::string header(const std::string& descr, const std::string& shape) {
  return "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }";
}

TEST(Npy, ReadsFramesOfAStack) {
  std::vector<std::uint16_t> pixels(2 * 3 * 4);
  std::iota(pixels.begin(), pixels.end(), std::uint16_t{1000});
  const auto frames = open_bytes(npy_of(header("<u2", "(2, 3, 4)"), bytes_of(pixels)));
  ASSERT_TRUE(frames) << describe(frames.error());
  EXPECT_EQ((*frames)->facts().shape, (FrameShape{3, 4, PixelType::kUint16}));
  EXPECT_EQ((*frames)->facts().frames, 2U);
  EXPECT_FALSE((*frames)->facts().has_times);
  EXPECT_EQ((*frames)->facts().inputs.size(), 1U);
  EXPECT_EQ(frame<std::uint16_t>(**frames, 1),
            std::vector<std::uint16_t>(pixels.begin() + 12, pixels.end()));
}

TEST(Npy, SwapsTheBytesOfBigEndianPixels) {
  const auto two = open_bytes(npy_of(header(">i2", "(1, 2)"), std::string("\x01\x02\xFF\xFE", 4)));
  ASSERT_TRUE(two);
  EXPECT_EQ(frame<std::int16_t>(**two, 0), (std::vector<std::int16_t>{0x0102, -2}));
  const auto four = open_bytes(npy_of(header(">f4", "(1, 1)"), std::string("\x3F\x80\x00\x00", 4)));
  ASSERT_TRUE(four);
  EXPECT_EQ(frame<float>(**four, 0), std::vector<float>{1.0F});
  const auto eight = open_bytes(
      npy_of(header(">u8", "(1, 1)"), std::string("\x01\x02\x03\x04\x05\x06\x07\x08", 8)));
  ASSERT_TRUE(eight);
  EXPECT_EQ(frame<std::uint64_t>(**eight, 0), std::vector<std::uint64_t>{0x0102030405060708});
}

TEST(Npy, KnowsEveryTypeInEveryOrder) {
  const std::vector<std::pair<std::string, PixelType>> types{
      {"u1", PixelType::kUint8},  {"i1", PixelType::kInt8},    {"u2", PixelType::kUint16},
      {"i2", PixelType::kInt16},  {"u4", PixelType::kUint32},  {"i4", PixelType::kInt32},
      {"u8", PixelType::kUint64}, {"f4", PixelType::kFloat32}, {"f8", PixelType::kFloat64}};
  for (const auto& [text, type] : types) {
    EXPECT_EQ(parse_numpy_type("<" + text)->type, type);
    EXPECT_FALSE(parse_numpy_type("<" + text)->big_endian);
    EXPECT_EQ(parse_numpy_type(">" + text)->type, type);
    EXPECT_TRUE(parse_numpy_type(">" + text)->big_endian);
    EXPECT_EQ(parse_numpy_type("|" + text).has_value(), size_bytes(type) == 1);
    EXPECT_FALSE(parse_numpy_type(text));
  }
  EXPECT_FALSE(parse_numpy_type(""));
  EXPECT_FALSE(parse_numpy_type("<"));
}

TEST(Npy, TakesOneToFiveDimensions) {
  using Scan = std::optional<std::pair<std::uint32_t, std::uint32_t>>;
  struct Expected {
    std::string shape;
    FrameShape frame;
    std::uint64_t frames{};
    Scan scan;
  };
  const std::string pixels(24, '\0');
  const std::vector<Expected> cases{{"(24,)", {1, 1, PixelType::kUint8}, 24, {}},
                                    {"(4, 6)", {4, 6, PixelType::kUint8}, 1, {}},
                                    {"(2, 3, 4)", {3, 4, PixelType::kUint8}, 2, {}},
                                    {"(2, 3, 4, 1)", {4, 1, PixelType::kUint8}, 6, {{2, 3}}},
                                    {"(2, 3, 2, 1, 2)", {1, 2, PixelType::kUint8}, 12, {{3, 2}}}};
  for (const Expected& expected : cases) {
    const auto frames = open_bytes(npy_of(header("|u1", expected.shape), pixels));
    ASSERT_TRUE(frames) << describe(frames.error());
    EXPECT_EQ((*frames)->facts().shape, expected.frame);
    EXPECT_EQ((*frames)->facts().frames, expected.frames);
    EXPECT_EQ((*frames)->facts().scan, expected.scan);
  }
}

TEST(Npy, TakesBooleansForBytes) {
  const auto frames = open_bytes(npy_of(header("|b1", "(1, 2)"), std::string("\x01\x00", 2)));
  ASSERT_TRUE(frames) << describe(frames.error());
  EXPECT_EQ(frame<std::uint8_t>(**frames, 0), (std::vector<std::uint8_t>{1, 0}));
}

TEST(Npy, ReadsFortranOrder) {
  const std::string text = "{'descr': '>u2', 'fortran_order': True, 'shape': (2, 3)}";
  const auto frames = open_bytes(npy_of(text, std::string("\0\1\0\4\0\2\0\5\0\3\0\6", 12)));
  ASSERT_TRUE(frames) << describe(frames.error());
  EXPECT_EQ((*frames)->facts().description, "NPY, Fortran order, big-endian");
  EXPECT_EQ(frame<std::uint16_t>(**frames, 0), (std::vector<std::uint16_t>{1, 2, 3, 4, 5, 6}));
}

TEST(Npy, ReadsHeadersAsVersionsAndWritersSpellThem) {
  const std::string text = "{\"shape\":(1,2L,),\n'fortran_order' : False,\"descr\":\"|u1\"}";
  for (const char version : {'\x02', '\x03'}) {
    std::string file = std::string("\x93NUMPY", 6) + version + std::string(1, '\0');
    file += static_cast<char>(text.size());
    file += std::string(3, '\0') + text + "ab";
    const auto frames = open_bytes(file);
    ASSERT_TRUE(frames) << describe(frames.error());
    EXPECT_EQ(frame<std::uint8_t>(**frames, 0), (std::vector<std::uint8_t>{'a', 'b'}));
  }
}

struct Bad {
  std::string bytes;
  ErrorCode code;
  std::string part;
};
class BadNpy : public testing::TestWithParam<Bad> {};

TEST_P(BadNpy, IsRefusedInOneLineWithItsPath) {
  const auto frames = open_bytes(GetParam().bytes);
  ASSERT_FALSE(frames);
  const std::string text = describe(frames.error());
  EXPECT_EQ(frames.error().code, GetParam().code) << text;
  EXPECT_NE(text.find(GetParam().part), std::string::npos) << text;
  EXPECT_NE(text.find("a.npy"), std::string::npos) << text;
  EXPECT_EQ(text.find('\n'), std::string::npos) << text;
}

constexpr auto kCorrupt = ErrorCode::kCorrupt;
constexpr auto kUnsupported = ErrorCode::kUnsupported;

INSTANTIATE_TEST_SUITE_P(
    Npy, BadNpy,
    testing::Values(
        Bad{"", kCorrupt, "empty"}, Bad{"PK\x03\x04 not an array", kCorrupt, "magic"},
        Bad{"\x93NUM", kCorrupt, "magic"}, Bad{"\x93NUMPY\x01", kCorrupt, "cut off"},
        Bad{std::string("\x93NUMPY\x01\x00\x10", 9), kCorrupt, "cut off"},
        Bad{std::string("\x93NUMPY\x01\x00\x10\x00{", 11), kCorrupt, "16 bytes described, 1 found"},
        Bad{std::string("\x93NUMPY\x02\x00\xFF\xFF\xFF\xFF{}", 14), kCorrupt, "4294967295 bytes"},
        Bad{std::string("\x93NUMPY\x04\x00\x10\x00", 10), kUnsupported, "version 4.0"},
        Bad{npy_of(header("<u2", "(2, 2)"), "1234567"), kCorrupt,
            "136 bytes expected for 1 frames of 2 x 2 uint16, 135 found"},
        Bad{npy_of(header("<u2", "(2, 2)"), "123456789"), kCorrupt, "longer"},
        Bad{npy_of(header("<u2", "(1099511627776, 1099511627776)"), ""), kCorrupt, "absurd"},
        Bad{npy_of(header("<u2", "(1099511627776, 1, 1)"), ""), kCorrupt, "shorter"},
        Bad{npy_of(header("<u1", "(1, 1, 4294967296)"), ""), kCorrupt, "absurd"},
        Bad{npy_of(header("<u2", "(99999999999999999999, 1)"), ""), kCorrupt, "absurd"},
        Bad{npy_of(header("<u2", "(4294967295, 4294967295, 4294967295)"), ""), kCorrupt, "absurd"},
        Bad{npy_of(header("<u2", "(70000, 70000)"), ""), kCorrupt,
            sizeof(void*) == 4 ? "absurd" : "shorter"},
        Bad{npy_of(header("<u2", "(0, 4, 4)"), ""), kCorrupt, "empty array"},
        Bad{npy_of(header("<u2", "()"), "12"), kCorrupt, "0 dimensions"},
        Bad{npy_of(header("<u2", "(1, 1, 1, 1, 1, 1)"), "12"), kUnsupported, "6 dimensions"},
        Bad{npy_of("{'descr': '|u1', 'fortran_order': True, 'shape': (1, 1, 1, 1, 2)}", "12"),
            kUnsupported, "several scans in Fortran order"},
        Bad{npy_of(header("<u2", "(-1, 4)"), ""), kCorrupt, "malformed"},
        Bad{npy_of(header("<u2", "(1 4)"), ""), kCorrupt, "malformed"},
        Bad{npy_of(header("<u2", "[1, 4]"), ""), kCorrupt, "no tuple"},
        Bad{npy_of(header("|O", "(1, 1)"), ""), kUnsupported, "allowed: uint8"},
        Bad{npy_of(header("<c8", "(1, 1)"), ""), kUnsupported, "'<c8'"},
        Bad{npy_of(header("<f2", "(1, 1)"), "12"), kUnsupported, "'<f2'"},
        Bad{npy_of(header("<i8", "(1, 1)"), ""), kUnsupported, "astype"},
        Bad{npy_of(header("|u2", "(1, 1)"), "12"), kUnsupported, "'|u2'"},
        Bad{npy_of("{'descr': [('a', '<u2')], 'fortran_order': False, 'shape': (1,)}", "12"),
            kUnsupported, "structured"},
        Bad{npy_of("{'descr': '<u2', 'fortran_order': True, 'shape': (2, 3)}", "12345678901"),
            kCorrupt, "shorter"},
        Bad{npy_of(header("<u2", "(1, 4294967296, 1, 1)"), ""), kCorrupt, "absurd"},
        Bad{npy_of("{'descr': '<u2', 'fortran_order': Maybe, 'shape': (2, 3)}", ""), kCorrupt,
            "neither True nor False"},
        Bad{npy_of("{'descr': '<u2', 'shape': (2, 3)}", ""), kCorrupt, "lacks"},
        Bad{npy_of("{'descr': '<u2', 'descr': '<u2'}", ""), kCorrupt, "repeated"},
        Bad{npy_of("{'descr': '<u2', 'colour': 1}", ""), kCorrupt, "'colour'"},
        Bad{npy_of("{'descr': '<u2", ""), kCorrupt, "no text"},
        Bad{npy_of("{'descr'", ""), kCorrupt, "malformed"},
        Bad{npy_of("{'descr': '<u2' 'shape'", ""), kCorrupt, "no end"},
        Bad{npy_of("[]", ""), kCorrupt, "no dictionary"},
        Bad{npy_of(header("<u2", "(1, 1)") + "x", "12"), kCorrupt, "behind"}));

TEST(Npy, RefusesWhatIsNoRegularFile) {
  const ScratchDirectory scratch;
  const auto missing = open_npy(system_files(), scratch.path() / "none.npy");
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  const auto directory = open_npy(system_files(), scratch.path());
  EXPECT_EQ(directory.error().code, ErrorCode::kInvalid);
  EXPECT_NE(describe(directory.error()).find("a directory"), std::string::npos);
  const auto pipe = scratch.path() / "pipe.npy";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(open_npy(system_files(), pipe).error().code, ErrorCode::kInvalid);
}

TEST(Npy, IsRecognisedByItsFirstBytes) {
  const ScratchDirectory scratch;
  EXPECT_TRUE(looks_like_npy(system_files(), scratch.write("a.bin", "\x93NUMPY and more")));
  EXPECT_FALSE(looks_like_npy(system_files(), scratch.write("b.npy", "something else")));
  EXPECT_FALSE(looks_like_npy(system_files(), scratch.write("c.npy", "")));
  EXPECT_FALSE(looks_like_npy(system_files(), scratch.path() / "none"));
}

TEST(Npy, SaysWhenTheFileHasBecomeShorter) {
  const ScratchDirectory scratch;
  const auto path = scratch.write("a.npy", npy_of(header("|u1", "(2, 2, 2)"), "12345678"));
  const auto frames = open_npy(system_files(), path);
  ASSERT_TRUE(frames);
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
  std::vector<std::byte> pixels(4);
  EXPECT_TRUE((*frames)->read(0, pixels, std::nullopt));
  EXPECT_EQ((*frames)->read(1, pixels, std::nullopt).error().code, ErrorCode::kCorrupt);
}

TEST(Npy, ReadsRealDiffractionPatterns) {
  const char* given = std::getenv("FRAMELOG_TEST_DATA");
  const auto path = std::filesystem::path(given == nullptr ? "../shared/data" : given) /
                    "diffraction/siemens_star_128x128x128_u16.npy";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is not there";
  const auto frames = open_npy(system_files(), path);
  ASSERT_TRUE(frames) << describe(frames.error());
  EXPECT_EQ((*frames)->facts().shape, (FrameShape{128, 128, PixelType::kUint16}));
  EXPECT_EQ((*frames)->facts().frames, 128U);
  const auto first = frame<std::uint16_t>(**frames, 0);
  const auto last = frame<std::uint16_t>(**frames, 127);
  EXPECT_NE(first, last);
  EXPECT_EQ(std::accumulate(first.begin(), first.end(), 0ULL), 456722U);
  EXPECT_EQ(std::accumulate(last.begin(), last.end(), 0ULL), 460124U);
}

}  // namespace
}  // namespace framelog
