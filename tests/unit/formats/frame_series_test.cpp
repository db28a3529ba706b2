#include "formats/frame_series.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "formats/npy.hpp"
#include "formats/raw_file.hpp"
#include "formats/stored_record.hpp"
#include "recording.hpp"

namespace framelog {
namespace {

TEST(NaturalOrder, CountsNumbersAsNumbers) {
  std::vector<std::string> names{"img10", "img2b", "img2",  "img",    "img01",
                                 "img1",  "a",     "img2a", "img010", "img99999999999999999999999",
                                 "img1x"};
  const std::vector<std::string> sorted{"a",
                                        "img",
                                        "img01",
                                        "img1",
                                        "img1x",
                                        "img2",
                                        "img2a",
                                        "img2b",
                                        "img010",
                                        "img10",
                                        "img99999999999999999999999"};
  std::ranges::sort(names, natural_less);
  EXPECT_EQ(names, sorted);
  EXPECT_FALSE(natural_less("x", "x"));
  EXPECT_FALSE(natural_less("", ""));
}

TEST(NaturalOrder, IsAnOrder) {
  const std::vector<std::string> names{"",   "0",    "00",  "1",  "01", "a",
                                       "a0", "a00b", "a0b", "a1", "b"};
  for (const auto& a : names) {
    for (const auto& b : names) {
      EXPECT_NE(natural_less(a, b), a == b || natural_less(b, a)) << a << ' ' << b;
      for (const auto& c : names) {
        EXPECT_TRUE(!natural_less(a, b) || !natural_less(b, c) || natural_less(a, c))
            << a << ' ' << b << ' ' << c;
      }
    }
  }
}

class Series : public testing::Test {
 protected:
  /// Frames of 1 x 1 uint8.
  std::filesystem::path npy(const std::string& name, const std::string& pixels) {
    const std::string header = "{'descr': '|u1', 'fortran_order': False, 'shape': (" +
                               std::to_string(pixels.size()) + ", 1, 1)}";
    return scratch.write(name, npy_of(header, pixels));
  }

  /// Three frames, of which one may have a torn record, and one may be a point without a frame.
  std::filesystem::path raw(const std::string& name, std::uint64_t first, int torn,
                            int empty = -1) {
    scratch.write(name + ".raw", "xyz");
    scratch.write(name + ".json",
                  R"({"format":"framelog-raw","version":1,"shape":[3,1,1],"dtype":"|u1",)"
                  R"("endianness":"little","frames":")" +
                      name + R"(.frames"})");
    std::vector<FrameRecord> records(3);
    for (std::size_t i = 0; i < 3; ++i) records[i].source_sequence = first + 2 * i;
    if (empty >= 0) {
      records[static_cast<std::size_t>(empty)].sequence = kNoFrameSequence;
      records[static_cast<std::size_t>(empty)].accumulated = 0;
    }
    std::string bytes = frames_file_of(records, 1);
    if (torn >= 0) bytes[4096 + static_cast<std::size_t>(torn) * 128 + 9] ^= 1;
    scratch.write(name + ".frames", bytes);
    return scratch.path() / (name + ".raw");
  }

  static Result<std::unique_ptr<StoredFrames>> open(
      const std::vector<std::filesystem::path>& paths) {
    return open_series(paths, [](const std::filesystem::path& path) {
      return path.extension() == ".npy" ? open_npy(system_files(), path)
                                        : open_raw(system_files(), path);
    });
  }

  static std::vector<std::uint64_t> numbers(StoredFrames& frames) {
    std::vector<std::uint64_t> all;
    for (std::uint64_t i = 0; i < frames.facts().frames; ++i) {
      all.push_back(frames.info(i)->info.source_sequence);
    }
    return all;
  }

  ScratchDirectory scratch;
};

using Numbers = std::vector<std::uint64_t>;

TEST_F(Series, IsOneRecording) {
  const auto series = open({npy("1.npy", "ab"), npy("2.npy", "c"), npy("3.npy", "def")});
  ASSERT_TRUE(series) << describe(series.error());
  EXPECT_EQ((*series)->facts().frames, 6U);
  EXPECT_EQ((*series)->facts().inputs.size(), 3U);
  EXPECT_EQ((*series)->facts().description, "3 files, NPY");
  EXPECT_EQ(numbers(**series), (Numbers{0, 1, 2, 3, 4, 5}));
  for (const std::uint64_t index : {0U, 5U, 2U, 3U, 1U, 4U}) {
    std::array<std::byte, 1> pixel{};
    ASSERT_TRUE((*series)->read(index, pixel, std::nullopt));
    EXPECT_EQ(std::to_integer<char>(pixel[0]), "abcdef"[index]);
  }
}

TEST_F(Series, KeepsRecordedNumbersThatGoOnAndShiftsThoseThatBeginAgain) {
  const auto series = open({raw("1", 10, -1), raw("2", 20, -1), raw("3", 0, -1)});
  ASSERT_TRUE(series) << describe(series.error());
  EXPECT_EQ(numbers(**series), (Numbers{10, 12, 14, 20, 22, 24, 25, 27, 29}));
  EXPECT_TRUE((*series)->facts().has_times);
}

TEST_F(Series, IsNotShiftedByATornRecord) {
  const auto series = open({raw("1", 10, 2), raw("2", 20, 0), raw("3", 30, 1)});
  ASSERT_TRUE(series) << describe(series.error());
  EXPECT_EQ(numbers(**series), (Numbers{10, 12, 2, 3, 22, 24, 30, 7, 34}));
}

TEST_F(Series, KeepsThePointsWithoutAFrame) {
  const auto series = open({raw("1", 0, -1, 2), raw("2", 0, -1, 1)});
  ASSERT_TRUE(series) << describe(series.error());
  EXPECT_EQ(numbers(**series), (Numbers{0, 2, 4, 5, 7, 9}));
  for (const std::uint64_t index : {0U, 1U, 2U, 3U, 4U, 5U}) {
    const bool is_empty = index == 2 || index == 4;
    EXPECT_EQ((*series)->info(index)->info.sequence, is_empty ? kNoFrameSequence : index);
  }
}

TEST_F(Series, NamesTheFileThatDiffers) {
  const auto one = npy("1.npy", "ab");
  const auto two = scratch.write(
      "2.npy", npy_of("{'descr': '|i1', 'fortran_order': False, 'shape': (1, 1, 1)}", "x"));
  const auto series = open({one, two});
  ASSERT_FALSE(series);
  EXPECT_EQ(series.error().code, ErrorCode::kInvalid);
  const std::string text = describe(series.error());
  EXPECT_NE(text.find(two.string() + ": frames of 1 x 1 int8"), std::string::npos) << text;
  EXPECT_NE(text.find(one.string() + " are 1 x 1 uint8"), std::string::npos) << text;
}

TEST_F(Series, SaysWhenAFileHasChanged) {
  const auto series = open({npy("1.npy", "ab"), npy("2.npy", "cd")});
  ASSERT_TRUE(series);
  npy("2.npy", "c");
  std::array<std::byte, 1> pixel{};
  EXPECT_TRUE((*series)->read(1, pixel, std::nullopt));
  EXPECT_EQ((*series)->read(2, pixel, std::nullopt).error().code, ErrorCode::kCorrupt);
  std::filesystem::remove(scratch.path() / "2.npy");
  EXPECT_EQ((*series)->read(2, pixel, std::nullopt).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE((*series)->read(1, pixel, std::nullopt));
}

TEST_F(Series, ListsTheFilesOfADirectoryOrAPattern) {
  for (const char* name : {"a10.tif", "a9.TIF", "b.npy", "a.txt", ".hidden.tif", "c.npy.part"}) {
    scratch.write(name, "");
  }
  const std::array<std::string_view, 2> extensions{".tif", ".npy"};
  const auto names = [&](const std::filesystem::path& path) {
    std::vector<std::string> all;
    EXPECT_TRUE(is_series(system_files(), path));
    const auto found = list_series(system_files(), path, extensions);
    for (const auto& one : found.value()) all.push_back(one.filename());
    return all;
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(names(scratch.path()), (Names{"a9.TIF", "a10.tif", "b.npy", "c.npy.part"}));
  EXPECT_EQ(names(scratch.path() / "a*"), (Names{"a.txt", "a9.TIF", "a10.tif"}));
  EXPECT_EQ(names(scratch.path() / "[ab]?*.tif"), (Names{"a10.tif"}));
  scratch.write("x[1].npy", "");
  EXPECT_FALSE(is_series(system_files(), scratch.path() / "x[1].npy"));
  EXPECT_FALSE(is_series(system_files(), scratch.path() / "b.npy"));
}

TEST_F(Series, OfNoFileIsAnError) {
  scratch.write("a.txt", "");
  const std::array<std::string_view, 1> extensions{".tif"};
  const auto in_directory = list_series(system_files(), scratch.path(), extensions);
  EXPECT_NE(
      describe(in_directory.error()).find("directory without files of frames (allowed: .tif)"),
      std::string::npos);
  const auto by_pattern = list_series(system_files(), scratch.path() / "*.tif", extensions);
  EXPECT_EQ(by_pattern.error().code, ErrorCode::kNotFound);
  EXPECT_NE(describe(by_pattern.error()).find("no file fits"), std::string::npos);
  EXPECT_EQ(list_series(system_files(), scratch.path() / "none/*.tif", extensions).error().code,
            ErrorCode::kNotFound);
}

}  // namespace
}  // namespace framelog
