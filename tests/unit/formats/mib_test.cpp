#include "formats/mib.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/crc32c.hpp"
#include "recording.hpp"
#include "test_data.hpp"
#include "tests/unit/drivers/allocations.hpp"

namespace framelog {
namespace {

/// A frame of 2 x 3 pixels of 16 bits: `number`, 0, 1, 2, 3, 4.
std::string frame_of(int number, const std::string& shape = "0003,0002", int header_bytes = 384) {
  std::string text = fmt::format(
      "MQ1,{:06d},{:05d},01,{},U16,   1x1,01,2026-11-20 16:00:00.000000,0.001000,0,0,0,"
      "MQ1A,2026-11-20T16:00:00.{:09d}Z,1000000ns,12,",
      number, header_bytes, shape, number);
  text.resize(static_cast<std::size_t>(header_bytes), '\0');
  for (const int pixel : {number, 0, 1, 2, 3, 4}) {
    text += static_cast<char>(pixel >> 8);
    text += static_cast<char>(pixel & 0xFF);
  }
  return text;
}

std::string settings_of(const std::string& lines) { return "HDR,\t\r\n" + lines + "End\t   "; }

class Mib : public testing::Test {
 protected:
  std::unique_ptr<StoredFrames> open(const std::string& bytes) {
    auto frames = open_mib(system_files(), scratch_.write("a.mib", bytes));
    EXPECT_TRUE(frames) << describe(frames.error());
    return frames ? std::move(*frames) : nullptr;
  }
  Error error_of(const std::string& bytes) {
    const auto frames = open_mib(system_files(), scratch_.write("a.mib", bytes));
    EXPECT_FALSE(frames);
    return frames ? Error{} : frames.error();
  }
  ScratchDirectory scratch_;
};

TEST_F(Mib, TellsFramesWithTheirNumbersAndTimes) {
  const auto frames = open(frame_of(1) + frame_of(2) + frame_of(300));
  ASSERT_TRUE(frames);
  EXPECT_EQ(frames->facts().shape, (FrameShape{2, 3, PixelType::kUint16}));
  EXPECT_EQ(frames->facts().frames, 3U);
  EXPECT_TRUE(frames->facts().has_times);
  EXPECT_EQ(frames->facts().bit_depth, 12);
  EXPECT_EQ(frames->facts().saturation, 4095.0);
  EXPECT_EQ(frames->facts().description, "Merlin, 1 chip, 12 bit");
  EXPECT_EQ(frames->facts().inputs.size(), 1U);
  const auto last = frames->info(2);
  ASSERT_TRUE(last);
  EXPECT_EQ(last->info.sequence, 2U);
  EXPECT_EQ(last->info.source_sequence, 300U);
  EXPECT_EQ(last->info.utc_ns, 1'795'190'400'000'000'300);
  EXPECT_EQ(last->info.exposure_ns, 1'000'000);
  EXPECT_EQ(last->lost_before, 297U);
  EXPECT_EQ(frames->info(1)->lost_before, 0U);
  EXPECT_EQ(frames->info(0)->lost_before, 0U);
  EXPECT_EQ(frame_bytes(*frames, 2), bytes_of<std::uint16_t>({300, 0, 1, 2, 3, 4}));
  EXPECT_EQ(frame_bytes(*frames, 0), bytes_of<std::uint16_t>({1, 0, 1, 2, 3, 4}));
}

TEST_F(Mib, ChecksThePixelsAsTheyLieInTheFile) {
  const std::string file = frame_of(7);
  const auto frames = open(file);
  ASSERT_TRUE(frames);
  std::array<std::byte, 12> pixels{};
  const auto sum = crc32c(std::as_bytes(std::span(file).subspan(384)));
  EXPECT_EQ(frames->read(0, pixels, sum), true);
  EXPECT_EQ(frames->read(0, pixels, sum + 1), false);
}

TEST_F(Mib, ReadsTheWholeFramesOfAFileThatWasCutOff) {
  const std::string whole = frame_of(1) + frame_of(2);
  const auto frames = open(whole + frame_of(3).substr(0, 390));
  ASSERT_TRUE(frames);
  EXPECT_EQ(frames->facts().frames, 2U);
  EXPECT_NE(frames->facts().description.find("390 bytes of an unfinished frame"),
            std::string::npos);
  EXPECT_FALSE(frames->info(2));
  const Error error = error_of(frame_of(1).substr(0, 395));
  EXPECT_EQ(error.code, ErrorCode::kCorrupt);
  EXPECT_NE(error.context.find("one has 396 bytes, the file 395"), std::string::npos);
}

TEST_F(Mib, NamesTheFrameWhoseHeaderDoesNotFitTheFirst) {
  for (const std::string& odd :
       {frame_of(2, "0002,0003"), frame_of(2, "0003,0002", 768).substr(0, 396),
        std::string(396, 'x')}) {
    const auto frames = open(frame_of(1) + odd + frame_of(3));
    ASSERT_TRUE(frames);
    EXPECT_TRUE(frames->info(0));
    std::array<std::byte, 12> pixels{};
    const auto read = frames->read(1, pixels, std::nullopt);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, ErrorCode::kCorrupt);
    EXPECT_NE(describe(read.error()).find("frame 1"), std::string::npos) << describe(read.error());
    EXPECT_FALSE(frames->info(1));
    EXPECT_TRUE(frames->read(2, pixels, std::nullopt));
  }
}

TEST_F(Mib, SaysWhenTheFileHasBecomeShorter) {
  const auto frames = open(frame_of(1) + frame_of(2));
  ASSERT_TRUE(frames);
  std::filesystem::resize_file(scratch_.path() / "a.mib", 396 + 390);
  std::array<std::byte, 12> pixels{};
  EXPECT_EQ(frames->read(1, pixels, std::nullopt).error().code, ErrorCode::kCorrupt);
  std::filesystem::resize_file(scratch_.path() / "a.mib", 400);
  EXPECT_TRUE(frames->read(0, pixels, std::nullopt));
  EXPECT_EQ(frames->read(1, pixels, std::nullopt).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(frames->info(1).error().code, ErrorCode::kCorrupt);
}

TEST_F(Mib, TakesSettingsAndScanFromTheFileBeside) {
  scratch_.write("a.hdr", settings_of("Chip ID:\tW1_X\r\nTime (s):\t20/11/2026 16:00:00\r\n"
                                      "Frames in Acquisition (Number):\t4\r\n"
                                      "Frames per Trigger (Number):\t2\r\n"));
  std::string bytes;
  for (int i = 1; i <= 4; ++i) bytes += frame_of(i);
  const auto frames = open(bytes);
  ASSERT_TRUE(frames);
  EXPECT_EQ(frames->facts().scan, std::pair(2U, 2U));
  EXPECT_EQ(frames->facts().inputs.size(), 2U);
  ASSERT_EQ(frames->facts().settings.size(), 4U);
  EXPECT_EQ(frames->facts().settings[0], std::pair(std::string("Chip ID"), std::string("W1_X")));
  EXPECT_EQ(frames->facts().settings[1].second, "20/11/2026 16:00:00");
  const auto by_settings = open_mib(system_files(), scratch_.path() / "a.hdr");
  ASSERT_TRUE(by_settings) << describe(by_settings.error());
  EXPECT_EQ((*by_settings)->facts().frames, 4U);
}

TEST_F(Mib, TellsNoScanThatDoesNotFitTheFrames) {
  const std::string three = frame_of(1) + frame_of(2) + frame_of(3);
  scratch_.write("a.hdr",
                 settings_of("ScanX:\t2\r\nScanY:\t2\r\nFrames in Acquisition (Number):\t4\r\n"));
  auto frames = open(three);
  ASSERT_TRUE(frames);
  EXPECT_FALSE(frames->facts().scan);
  EXPECT_NE(frames->facts().description.find("3 of 4 frames"), std::string::npos);
  scratch_.write("a.hdr", settings_of("ScanX:\t3\r\nScanY:\t1\r\n"));
  frames = open(three);
  ASSERT_TRUE(frames);
  EXPECT_EQ(frames->facts().scan, std::pair(1U, 3U));
}

TEST_F(Mib, IgnoresAFileOfSomebodyElseBesideButNotWhenItIsAskedFor) {
  scratch_.write("a.hdr", "ENVI\nsamples = 3\n");
  EXPECT_TRUE(open(frame_of(1)));
  const auto asked = open_mib(system_files(), scratch_.path() / "a.hdr");
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().code, ErrorCode::kCorrupt);
}

TEST_F(Mib, RefusesOtherFilesInOneLineWithTheirPath) {
  for (const std::string& bytes : {std::string(), std::string("MQ1"), std::string(1000, '\xFF'),
                                   frame_of(1, "0000,0002"), frame_of(1, "99999,99999")}) {
    const std::string text = describe(error_of(bytes));
    EXPECT_NE(text.find("a.mib"), std::string::npos) << text;
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
  }
  EXPECT_EQ(open_mib(system_files(), scratch_.path() / "none.mib").error().code,
            ErrorCode::kNotFound);
  EXPECT_EQ(open_mib(system_files(), scratch_.path()).error().code, ErrorCode::kInvalid);
}

TEST_F(Mib, IsRecognisedByItsFirstBytes) {
  EXPECT_TRUE(is_mib(system_files(), scratch_.write("a.mib", "MQ1,000001")));
  EXPECT_TRUE(is_mib(system_files(), scratch_.write("a.hdr", "HDR,\t\r\n")));
  EXPECT_FALSE(is_mib(system_files(), scratch_.write("b.mib", "MQ")));
  EXPECT_FALSE(is_mib(system_files(), scratch_.write("b.hdr", "ENVI\n")));
  EXPECT_FALSE(is_mib(system_files(), scratch_.path() / "none"));
}

TEST_F(Mib, AllocatesNothingForAFrame) {
  const auto frames = open(frame_of(1) + frame_of(2));
  ASSERT_TRUE(frames);
  std::array<std::byte, 12> pixels{};
  const std::size_t before = allocations();
  for (const std::uint64_t index : {0U, 1U, 0U}) {
    EXPECT_TRUE(frames->info(index));
    EXPECT_TRUE(frames->read(index, pixels, std::nullopt));
  }
  EXPECT_EQ(allocations(), before);
}

class RealMib : public testing::TestWithParam<std::string> {};

TEST_P(RealMib, IsDecodedExactly) {
  const auto folder = test_data("merlin/" + GetParam());
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is not there";
  const auto frames = open_mib(system_files(), folder / "default.mib");
  ASSERT_TRUE(frames) << describe(frames.error());
  const StoredFacts& facts = (*frames)->facts();
  // The pixels are what is at the end of an NPY file.
  const std::string truth = read_whole(folder / "truth.npy");
  const std::size_t bytes = size_bytes(facts.shape);
  ASSERT_GT(truth.size(), facts.frames * bytes);
  ASSERT_LT(truth.size() - facts.frames * bytes, 256U);
  for (std::uint64_t i = 0; i < facts.frames; ++i) {
    const std::size_t start = truth.size() - (facts.frames - i) * bytes;
    EXPECT_TRUE(frame_bytes(**frames, i) == truth.substr(start, bytes)) << "frame " << i;
    EXPECT_EQ((*frames)->info(i)->info.source_sequence, i + 1);
  }
  EXPECT_EQ(fmt::format("{}", *facts.bit_depth), GetParam().substr(1));
  const std::uint32_t side = facts.frames == 16 ? 4 : 2;
  EXPECT_EQ(facts.scan, std::pair(side, side));
  EXPECT_EQ(facts.settings.size(), 13U);
}

INSTANTIATE_TEST_SUITE_P(Mib, RealMib,
                         testing::Values("u1", "u6", "u12", "u24", "r1", "r6", "r12", "r24"));

}  // namespace
}  // namespace framelog
