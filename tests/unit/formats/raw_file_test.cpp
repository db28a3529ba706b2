#include "formats/raw_file.hpp"

#include <gtest/gtest.h>

#include "core/crc32c.hpp"
#include "recording.hpp"

namespace framelog {
namespace {

constexpr const char* kSidecar =
    R"({"format":"framelog-raw","version":1,"shape":[3,2,2],"dtype":"<u2",)"
    R"("endianness":"little","frames":"a.frames","comment":{"other":["keys"]}})";

const std::vector<std::uint16_t> kPixels{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

std::uint32_t crc_of_frame(std::size_t index) {
  return crc32c(std::as_bytes(std::span(kPixels).subspan(index * 4, 4)));
}

std::vector<FrameRecord> records() {
  std::vector<FrameRecord> all(3);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto step = static_cast<std::int64_t>(i);
    all[i].sequence = i;
    all[i].source_sequence = 100 + 2 * i;
    all[i].utc_ns = 1'000'000 + step;
    all[i].monotonic_ns = 5000 + step * 40;
    all[i].device_ns = -1;
    all[i].exposure_ns = 33;
    all[i].gpio = 6;
    all[i].flags = i == 1 ? kFlagIncomplete : 0U;
    all[i].crc32c = crc_of_frame(i);
  }
  return all;
}

class RawFile : public testing::Test {
 protected:
  void write_all() {
    path = scratch.write("a.raw", bytes_of(kPixels));
    scratch.write("a.json", kSidecar);
    scratch.write("a.frames", frames_file_of(records(), 8));
  }
  Result<std::unique_ptr<StoredFrames>> open(const std::optional<RawGeometry>& geometry = {}) {
    return open_raw(system_files(), scratch.path() / "a.raw", geometry);
  }
  void expect_failure(ErrorCode code, std::string_view part,
                      const std::optional<RawGeometry>& geometry = {}) {
    const auto frames = open(geometry);
    ASSERT_FALSE(frames) << part;
    const std::string text = describe(frames.error());
    EXPECT_EQ(frames.error().code, code) << text;
    EXPECT_NE(text.find(part), std::string::npos) << text;
    EXPECT_NE(text.find(scratch.path().string()), std::string::npos) << text;
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
  }

  ScratchDirectory scratch;
  std::filesystem::path path;
};

std::vector<std::uint16_t> frame(StoredFrames& frames, std::uint64_t index,
                                 std::optional<std::uint32_t> crc, bool intact) {
  std::vector<std::uint16_t> pixels(size_bytes(frames.facts().shape) / 2);
  const auto read = frames.read(index, std::as_writable_bytes(std::span(pixels)), crc);
  EXPECT_TRUE(read);
  EXPECT_EQ(read.value_or(!intact), intact);
  return pixels;
}

TEST_F(RawFile, IsReadWithItsSidecarAndRecords) {
  write_all();
  const auto frames = open();
  ASSERT_TRUE(frames) << describe(frames.error());
  EXPECT_EQ((*frames)->facts().shape, (FrameShape{2, 2, PixelType::kUint16}));
  EXPECT_EQ((*frames)->facts().frames, 3U);
  EXPECT_TRUE((*frames)->facts().has_times);
  EXPECT_EQ((*frames)->facts().inputs.size(), 3U);
  const auto stored = (*frames)->info(1);
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->info.source_sequence, 102U);
  EXPECT_EQ(stored->info.utc_ns, 1'000'001);
  EXPECT_EQ(stored->info.monotonic_ns, 5040);
  EXPECT_EQ(stored->info.device_ns, -1);
  EXPECT_EQ(stored->info.exposure_ns, 33);
  EXPECT_EQ(stored->info.gpio, 6U);
  EXPECT_EQ(stored->info.flags, kFlagIncomplete);
  EXPECT_EQ(frame(**frames, 1, stored->crc32c, true), (std::vector<std::uint16_t>{5, 6, 7, 8}));
}

TEST_F(RawFile, IsReadWithoutItsRecords) {
  write_all();
  std::filesystem::remove(scratch.path() / "a.frames");
  const auto frames = open();
  ASSERT_TRUE(frames);
  EXPECT_FALSE((*frames)->facts().has_times);
  EXPECT_EQ((*frames)->info(2)->info.source_sequence, 2U);
  EXPECT_EQ((*frames)->info(2)->info.monotonic_ns, -1);
}

TEST_F(RawFile, ChecksumsPixelsAsTheyLieInTheFile) {
  scratch.write("a.raw", bytes_of(kPixels));
  scratch.write("a.json", R"({"format":"framelog-raw","version":1,"shape":[3,2,2],"dtype":">u2",)"
                          R"("endianness":"big"})");
  const auto frames = open();
  ASSERT_TRUE(frames) << describe(frames.error());
  EXPECT_EQ(frame(**frames, 0, crc_of_frame(0), true),
            (std::vector<std::uint16_t>{0x100, 0x200, 0x300, 0x400}));
  frame(**frames, 0, crc_of_frame(0) ^ 1U, false);
}

TEST_F(RawFile, TakesATornRecordForACorruptFrameOfUnknownTime) {
  write_all();
  std::string bytes = frames_file_of(records(), 8);
  bytes[4096 + 128 + 20] ^= 1;
  scratch.write("a.frames", bytes);
  const auto stored = (*open())->info(1);
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->info.flags, kFlagCorrupt);
  EXPECT_EQ(stored->info.monotonic_ns, -1);
  EXPECT_FALSE(stored->crc32c);
}

TEST_F(RawFile, IsReadByTheUsersGeometry) {
  scratch.write("a.raw", bytes_of(kPixels));
  const auto counted = open(RawGeometry{PixelType::kUint16, {2, 3}});
  ASSERT_TRUE(counted) << describe(counted.error());
  EXPECT_EQ((*counted)->facts().frames, 2U);
  EXPECT_EQ(frame(**counted, 1, {}, true), (std::vector<std::uint16_t>{7, 8, 9, 10, 11, 12}));
  const auto given = open(RawGeometry{PixelType::kUint8, {4, 2, 3}});
  ASSERT_TRUE(given);
  EXPECT_EQ((*given)->facts().frames, 4U);
}

TEST_F(RawFile, WithGeometryIgnoresASidecarOfSomebodyElse) {
  scratch.write("a.raw", bytes_of(kPixels));
  for (const char* text : {"not JSON", "[]", R"({"format":"other"})"}) {
    scratch.write("a.json", text);
    EXPECT_TRUE(open(RawGeometry{PixelType::kUint16, {2, 3}})) << text;
    EXPECT_FALSE(open()) << text;
  }
}

TEST_F(RawFile, RefusesAGeometryThatContradictsTheSidecar) {
  write_all();
  EXPECT_TRUE(open(RawGeometry{PixelType::kUint16, {2, 2}}));
  EXPECT_TRUE(open(RawGeometry{PixelType::kUint16, {3, 2, 2}}));
  constexpr auto kInvalid = ErrorCode::kInvalid;
  expect_failure(kInvalid, "contradicts", RawGeometry{PixelType::kInt16, {2, 2}});
  expect_failure(kInvalid, "4 x 1 uint16", RawGeometry{PixelType::kUint16, {4, 1}});
  expect_failure(kInvalid, "2 x 2 x 2", RawGeometry{PixelType::kUint16, {2, 2, 2}});
}

TEST_F(RawFile, RefusesAGeometryThatDoesNotFit) {
  scratch.write("a.raw", bytes_of(kPixels));
  expect_failure(ErrorCode::kCorrupt, "not a whole number",
                 RawGeometry{PixelType::kUint16, {5, 1}});
  expect_failure(ErrorCode::kCorrupt, "shorter", RawGeometry{PixelType::kUint16, {4, 2, 2}});
  expect_failure(ErrorCode::kCorrupt, "longer", RawGeometry{PixelType::kUint16, {2, 2, 2}});
  expect_failure(ErrorCode::kInvalid, "empty array", RawGeometry{PixelType::kUint16, {0, 2}});
  scratch.write("a.raw", "");
  expect_failure(ErrorCode::kCorrupt, "0 bytes", RawGeometry{PixelType::kUint16, {5, 1}});
}

TEST_F(RawFile, SaysWhatIsMissingWithoutASidecar) {
  scratch.write("a.raw", bytes_of(kPixels));
  expect_failure(ErrorCode::kInvalid, "a.json that describes it (say its shape and pixel_type)");
}

TEST_F(RawFile, RefusesWhatIsNotThereOrNoFile) {
  expect_failure(ErrorCode::kNotFound, "a.raw");
  std::filesystem::create_directory(scratch.path() / "a.raw");
  expect_failure(ErrorCode::kInvalid, "a directory");
}

TEST_F(RawFile, RefusesAWrongLength) {
  write_all();
  std::filesystem::resize_file(path, 23);
  expect_failure(ErrorCode::kCorrupt, "shorter than its description: 24 bytes expected");
  std::filesystem::resize_file(path, 25);
  expect_failure(ErrorCode::kCorrupt, "longer");
}

TEST_F(RawFile, RefusesAWrongSidecar) {
  write_all();
  struct Bad {
    std::string_view from, to;
    ErrorCode code;
    std::string_view part;
  };
  const std::vector<Bad> cases{
      {"{\"format", "{format", ErrorCode::kCorrupt, "not a JSON object"},
      {"framelog-raw", "other", ErrorCode::kUnsupported, "framelog-raw"},
      {"\"version\":1", "\"version\":2", ErrorCode::kUnsupported, "version"},
      {"\"version\":1", "\"version\":\"1\"", ErrorCode::kUnsupported, "version"},
      {"[3,2,2]", "[3,2,-2]", ErrorCode::kCorrupt, "shape"},
      {"[3,2,2]", "[3,2,2.0]", ErrorCode::kCorrupt, "shape"},
      {"[3,2,2]", "12", ErrorCode::kCorrupt, "shape"},
      {"[3,2,2]", "[]", ErrorCode::kCorrupt, "0 dimensions"},
      {"[3,2,2]", "[18446744073709551615,2,2]", ErrorCode::kCorrupt, "absurd"},
      {"\"<u2\"", "\"<c8\"", ErrorCode::kUnsupported, "'<c8'"},
      {"\"<u2\"", "2", ErrorCode::kCorrupt, "dtype"},
      {"\"<u2\"", "\">u2\"", ErrorCode::kCorrupt, "contradicts"},
      {"\"little\"", "\"middle\"", ErrorCode::kCorrupt, "endianness"},
      {"\"little\"", "null", ErrorCode::kCorrupt, "endianness"},
      {"a.frames", "../a.frames", ErrorCode::kCorrupt, "frames"},
      {"\"a.frames\"", "7", ErrorCode::kCorrupt, "frames"},
      {"\"a.frames\"", "\"\"", ErrorCode::kCorrupt, "frames"}};
  for (const Bad& bad : cases) {
    std::string text = kSidecar;
    text.replace(text.find(bad.from), bad.from.size(), bad.to);
    scratch.write("a.json", text);
    expect_failure(bad.code, bad.part);
  }
}

TEST_F(RawFile, RefusesWrongRecords) {
  write_all();
  const std::string good = frames_file_of(records(), 8);
  struct Bad {
    std::string bytes;
    std::string_view part;
  };
  std::string magic = good, version = good, count = good;
  magic[0] = 'F';
  version[8] = 2;
  count[16] = 4;
  for (const Bad& bad :
       {Bad{"", "cut off"}, Bad{good.substr(0, 47), "cut off"}, Bad{magic, "magic"},
        Bad{version, "version 2"}, Bad{count, "4 frames, the pixels say 3"},
        Bad{frames_file_of(records(), 4), "frames of 4 bytes"},
        Bad{good.substr(0, good.size() - 1), "4480 bytes expected, 4479 found"}}) {
    scratch.write("a.frames", bad.bytes);
    expect_failure(ErrorCode::kCorrupt, bad.part);
  }
}

}  // namespace
}  // namespace framelog
