#include "export/dataset_writer.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "formats/frame_files.hpp"
#include "tests/unit/export/synthetic_result.hpp"

namespace framelog {
namespace {

struct Kind {
  std::string format, layout;
};
const std::vector<Kind> kKinds{{"hdf5", "nexus"},   {"hdf5", "ilastik"}, {"hdf5", "playnano"},
                               {"hdf5", "pymodaq"}, {"hdf5", "quant4d"}, {"raw", ""},
                               {"npy", ""},         {"npz", ""},         {"ome-tiff", ""},
                               {"imagej-tiff", ""}};

constexpr std::array kTypes{PixelType::kUint8,  PixelType::kInt8,    PixelType::kUint16,
                            PixelType::kInt16,  PixelType::kUint32,  PixelType::kInt32,
                            PixelType::kUint64, PixelType::kFloat32, PixelType::kFloat64};

std::string part_name(const DatasetFormat& format, const std::string& stem = "out") {
  return stem + std::string(format.extension) + ".part";
}

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string text_of(const Result<void>& result) {
  return result ? "done" : describe(result.error());
}

TEST(DatasetWriterTest, EveryFormatComesBackAsItWasWritten) {
  std::mt19937 random(11);
  for (const Kind& kind : kKinds) {
    const DatasetFormat* format = find_dataset_format(kind.format);
    ASSERT_NE(format, nullptr) << kind.format;
    for (const PixelType type : kTypes) {
      const bool is_tiff = kind.format.ends_with("tiff");
      if (is_tiff && type == PixelType::kUint64) continue;
      TemporaryFolder folder;
      const std::vector<std::uint64_t> shape{1 + random() % 9, 1 + random() % 40,
                                             1 + random() % 40};
      SyntheticResult result("tyx", shape, type, static_cast<unsigned>(random()));
      result.request.layout = kind.layout;
      const auto part = folder / part_name(*format);
      const auto written = result.write(*format, part);
      ASSERT_TRUE(written) << kind.format << kind.layout << text_of(written);
      const auto same = result.verify(*format, part);
      EXPECT_TRUE(same) << kind.format << kind.layout << " " << name_of(type) << text_of(same);
    }
  }
}

TEST(DatasetWriterTest, SameSlicesGiveTheSameBytes) {
  for (const Kind& kind : kKinds) {
    const DatasetFormat* format = find_dataset_format(kind.format);
    TemporaryFolder folder;
    SyntheticResult result("tyx", {5, 9, 130}, PixelType::kUint16);
    result.request.layout = kind.layout;
    ASSERT_TRUE(result.write(*format, folder / part_name(*format, "a"))) << kind.format;
    // The name is in some of the files: so the same name, in another folder.
    TemporaryFolder other;
    ::usleep(1'100'000 / static_cast<useconds_t>(kKinds.size()));
    ASSERT_TRUE(result.write(*format, other / part_name(*format, "a")));
    EXPECT_EQ(bytes_of(folder / part_name(*format, "a")), bytes_of(other / part_name(*format, "a")))
        << kind.format << kind.layout;
  }
}

TEST(DatasetWriterTest, DamageIsFoundOnReadingBack) {
  for (const Kind& kind : kKinds) {
    const DatasetFormat* format = find_dataset_format(kind.format);
    TemporaryFolder folder;
    SyntheticResult result("tyx", {4, 16, 64}, PixelType::kUint8);
    result.request.layout = kind.layout;
    const auto part = folder / part_name(*format);
    ASSERT_TRUE(result.write(*format, part)) << kind.format;
    // One bit of the last slice, wherever it lies.
    const std::string all = bytes_of(part);
    const auto& last = result.pixels.back();
    const std::string wanted(reinterpret_cast<const char*>(last.data()), last.size());
    const std::size_t at = all.find(wanted);
    ASSERT_NE(at, std::string::npos) << kind.format << kind.layout;
    auto fd = system_files().open(part, O_RDWR);
    const std::byte other = last[5] ^ std::byte{1};
    ASSERT_TRUE(system_files().write_at(fd->get(), {&other, 1}, static_cast<std::int64_t>(at) + 5));
    const auto same = result.verify(*format, part);
    ASSERT_FALSE(same) << kind.format << kind.layout;
    EXPECT_EQ(same.error().code, ErrorCode::kCorrupt);
    EXPECT_NE(text_of(same).find("slice 3"), std::string::npos) << text_of(same);
  }
}

TEST(DatasetWriterTest, NothingThatIsThereIsTouched) {
  for (const DatasetFormat& format : dataset_formats()) {
    TemporaryFolder folder;
    const SyntheticResult result("tyx", {2, 4, 4}, PixelType::kUint8);
    const auto part = folder / part_name(format);
    std::ofstream(part) << "somebody's";
    const auto written = result.write(format, part);
    ASSERT_FALSE(written) << format.name;
    EXPECT_EQ(written.error().code, ErrorCode::kExists) << format.name << text_of(written);
    EXPECT_EQ(bytes_of(part), "somebody's");
  }
}

TEST(DatasetWriterTest, AnyAxesInHdf5RawAndNpy) {
  const std::vector<std::pair<std::string, std::vector<std::uint64_t>>> arrays{
      {"x", {7}},
      {"yx", {3, 5}},
      {"xyt", {6, 5, 4}},
      {"sysxyx", {3, 4, 5, 6}},
      {"tzyxc", {3, 1, 4, 5, 1}},
      {"tsysxzyx", {2, 2, 3, 1, 4, 5}}};
  for (const auto& [axes, shape] : arrays) {
    for (const char* name : {"hdf5", "raw", "npy", "npz"}) {
      TemporaryFolder folder;
      const DatasetFormat* format = find_dataset_format(name);
      const SyntheticResult result(axes, shape, PixelType::kFloat32);
      const auto part = folder / part_name(*format);
      const auto written = result.write(*format, part);
      ASSERT_TRUE(written) << axes << name << text_of(written);
      const auto same = result.verify(*format, part);
      EXPECT_TRUE(same) << axes << name << text_of(same);
    }
  }
}

TEST(DatasetWriterTest, BothOrdersOfBytesAndEveryCompression) {
  struct Case {
    const char* format;
    const char* compression;
    bool big_endian;
  };
  const std::vector<Case> cases{
      {"hdf5", "none", true},         {"hdf5", "gzip-4", true},   {"hdf5", "gzip-0", false},
      {"hdf5", "lz4", false},         {"hdf5", "lz4", true},      {"hdf5", "bitshuffle-lz4", false},
      {"hdf5", "zstd-3", true},       {"raw", "none", true},      {"npy", "none", true},
      {"ome-tiff", "deflate", false}, {"ome-tiff", "lzw", false}, {"imagej-tiff", "zstd", false}};
  for (const Case& one : cases) {
    for (const char* layout : {"nexus", "ilastik", "playnano", "pymodaq", "quant4d"}) {
      const DatasetFormat* format = find_dataset_format(one.format);
      if (format->layouts.empty() && std::string_view(layout) != "nexus") continue;
      for (const PixelType type : {PixelType::kUint16, PixelType::kFloat32}) {
        TemporaryFolder folder;
        SyntheticResult result("tyx", {11, 70, 90}, type);
        result.request.layout = format->layouts.empty() ? "" : layout;
        result.request.compression = parse_compression(one.compression).value();
        result.request.big_endian = one.big_endian;
        const auto part = folder / part_name(*format);
        const auto written = result.write(*format, part);
        ASSERT_TRUE(written) << one.format << layout << one.compression << text_of(written);
        const auto same = result.verify(*format, part);
        EXPECT_TRUE(same) << one.format << layout << one.compression << text_of(same);
      }
    }
  }
}

TEST(DatasetWriterTest, DatasetsOfIlastikHaveNamesThatHdf5Takes) {
  const TemporaryFolder folder;
  const DatasetFormat& format = *find_dataset_format("hdf5");
  SyntheticResult result("tyx", {2, 3, 4}, PixelType::kUint16);
  result.request.layout = "ilastik";
  for (const char* name : {"provenance", "/provenance", "provenance/data", "./a", "a/.", "/a/./b",
                           ".", "/", "", "a//b", "a/"}) {
    result.request.dataset = name;
    std::vector<std::string> notes;
    const auto checked = format.check(result.recording, result.result, result.request, notes);
    ASSERT_FALSE(checked) << name;
    EXPECT_EQ(checked.error().code, ErrorCode::kInvalid);
  }
  for (const char* name : {"exported_data", "/volume/data", "a.b/.c", "data/provenance"}) {
    result.request.dataset = name;
    const auto part = folder / (std::to_string(std::string(name).size()) + ".h5.part");
    EXPECT_EQ(text_of(result.write(format, part)), "done") << name;
    EXPECT_EQ(text_of(result.verify(format, part)), "done") << name;
  }
}

TEST(DatasetWriterTest, EstimatesAreUpperBounds) {
  for (const Kind& kind : kKinds) {
    const DatasetFormat* format = find_dataset_format(kind.format);
    for (const std::vector<std::uint64_t>& shape :
         {std::vector<std::uint64_t>{1, 3, 3}, {60, 4, 4}, {3, 300, 500}}) {
      TemporaryFolder folder;
      SyntheticResult result("tyx", shape, PixelType::kUint16);
      result.request.layout = kind.layout;
      ASSERT_TRUE(result.write(*format, folder / part_name(*format)));
      std::int64_t bytes = 0;
      for (const auto& entry : std::filesystem::directory_iterator(folder / "")) {
        bytes += static_cast<std::int64_t>(entry.file_size());
      }
      EXPECT_GE(format->estimate(result.recording, result.result, result.request), bytes)
          << kind.format << kind.layout;
    }
  }
}

}  // namespace
}  // namespace framelog
