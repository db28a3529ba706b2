#include "formats/hdf5_frames.hpp"

#include <gtest/gtest.h>
#include <hdf5.h>

#include <cstring>
#include <random>

#include "core/crc32c.hpp"
#include "formats/hdf5_tree.hpp"
#include "formats/segment.hpp"
#include "hdf5_foreign_file.hpp"
#include "recording.hpp"
#include "tests/fakes/faulty_files.hpp"

namespace framelog {
namespace {

TEST_F(ForeignFile, IsReadWhateverItsShapeTypeAndStorage) {
  struct Type {
    hid_t hdf5;
    PixelType pixel;
    bool swapped;
  };
  const Type types[]{
      {H5T_STD_U8LE, PixelType::kUint8, false},    {H5T_STD_I16BE, PixelType::kInt16, true},
      {H5T_STD_U32LE, PixelType::kUint32, false},  {H5T_STD_U64BE, PixelType::kUint64, true},
      {H5T_IEEE_F32BE, PixelType::kFloat32, true}, {H5T_IEEE_F64LE, PixelType::kFloat64, false}};
  for (int round = 0; round < 120; ++round) {
    const Type& type = types[random() % 6];
    Storage storage{.type = type.hdf5, .gzip = round % 5 == 0, .early = round % 7 == 0};
    const std::size_t rank = 2 + random() % 4;
    for (std::size_t i = 0; i < rank; ++i)
      storage.sizes.push_back(1 + random() % (rank == 5 ? 6 : 12));
    if (storage.gzip || round % 2 == 0) {
      storage.chunk = storage.sizes;
      const std::size_t cut = round % 4 == 0 ? rank : rank - 2;
      for (std::size_t i = 0; i < cut; ++i) storage.chunk[i] = 1 + random() % storage.sizes[i];
    }
    create(round % 9 == 0 ? 512 : 0);
    const auto pixels = put("/a/b", storage);
    const auto frames = open();
    ASSERT_TRUE(frames) << describe(frames.error());
    EXPECT_EQ((*frames)->facts().shape.type, type.pixel);
    EXPECT_EQ((*frames)->facts().scan.has_value(), rank >= 4);
    expect_pixels(**frames, pixels, type.swapped);
  }
}

/// Reads of the file beside HDF5 while one frame is read.
int plain_reads(const FaultyFiles& files, StoredFrames& frames) {
  std::vector<std::byte> pixels(size_bytes(frames.facts().shape));
  const int before = files.calls(Call::kRead);
  EXPECT_TRUE(frames.read(0, pixels, std::nullopt));
  return files.calls(Call::kRead) - before;
}

TEST_F(ForeignFile, IsReadPastHdf5WhereItsFramesLieInOnePiece) {
  FaultyFiles files;
  const std::pair<Storage, int> cases[]{
      {{.sizes = {1500, 2, 3}, .chunk = {1, 2, 3}, .early = true}, 1},
      {{.sizes = {1500, 2, 3}, .chunk = {1, 2, 3}, .early = true, .old = true}, 0},
      {{.sizes = {1500, 2, 3}, .chunk = {1, 2, 3}}, 0},
      {{.sizes = {900, 2, 3}, .chunk = {1, 2, 3}}, 1},
      {{.sizes = {3, 4, 2, 3}, .chunk = {2, 3, 2, 3}}, 1},
      {{.sizes = {3, 4, 2, 3}, .chunk = {1, 1, 2, 2}}, 0},
      {{.sizes = {3, 4, 2, 3}}, 1}};
  for (const auto& [storage, reads] : cases) {
    create(0, storage.old);
    const auto pixels = put("/a", storage);
    file.close();
    const auto frames = open_hdf5_frames(files, path);
    ASSERT_TRUE(frames) << describe(frames.error());
    EXPECT_EQ(plain_reads(files, **frames), reads)
        << testing::PrintToString(storage.sizes) << testing::PrintToString(storage.chunk);
    expect_pixels(**frames, pixels, false);
  }
}

TEST_F(ForeignFile, HoldsBooleansAsH5pyWritesThem) {
  const Handle type(H5Tenum_create(H5T_STD_I8LE));
  const std::int8_t values[]{0, 1};
  H5Tenum_insert(type.get(), "FALSE", &values[0]);
  H5Tenum_insert(type.get(), "TRUE", &values[1]);
  for (const bool gzip : {false, true}) {
    create(0);
    const Sizes chunk = gzip ? Sizes{1, 4} : Sizes{};
    const auto pixels =
        put("/mask", {.sizes = {3, 4}, .type = type.get(), .chunk = chunk, .gzip = gzip});
    const auto frames = open();
    ASSERT_TRUE(frames) << describe(frames.error());
    EXPECT_EQ((*frames)->facts().shape, (FrameShape{3, 4, PixelType::kUint8}));
    expect_pixels(**frames, pixels, false);
  }
}

TEST_F(ForeignFile, GivesTheNexusDefaultOrElseTheLargest) {
  put("/entry/data/small", {.sizes = {2, 2, 2}});
  put("/entry/other/large", {.sizes = {3, 3, 3}});
  put("/entry/other/larger_but_flat", {.sizes = {100000}});
  put("/entry/other/larger_but_complex", {.sizes = {1, 1, 1, 1, 1, 99}});
  EXPECT_EQ((*open())->facts().settings[0].second, "/entry/other/large");
  file = Handle(H5Fopen(path.c_str(), H5F_ACC_RDWR, access().get()));
  attribute("/", "default", "entry");
  attribute("/entry", "default", "data");
  attribute("/entry/data", "signal", "small");
  EXPECT_EQ((*open())->facts().settings[0].second, "/entry/data/small");
  EXPECT_EQ((*open("entry/other/large"))->facts().frames, 3U);
}

TEST_F(ForeignFile, IsNotGuessedAt) {
  put("/b", {.sizes = {4, 3, 3}});
  put("/a", {.sizes = {3, 4, 3}});
  expect_failure(ErrorCode::kInvalid, "/a 3 x 4 x 3 uint16, /b 4 x 3 x 3 uint16");
  expect_failure(ErrorCode::kNotFound, "\"c\" (candidates: /a", "c");
  EXPECT_TRUE(open("a"));
}

TEST_F(ForeignFile, WithoutFramesSaysSo) {
  put("/line", {.sizes = {5}});
  expect_failure(ErrorCode::kNotFound, "no numeric dataset of two to five dimensions");
  expect_failure(ErrorCode::kUnsupported, "1 dimensions", "line");
}

TEST_F(ForeignFile, OfOtherTypesIsRefused) {
  put("/wide", {.sizes = {2, 2, 2}, .type = H5T_STD_I64LE});
  expect_failure(ErrorCode::kUnsupported, "int64 (allowed: uint8", "wide");
}

TEST_F(ForeignFile, IsRefusedWhereItWasNeverWritten) {
  const Sizes sizes{hsize_t{1} << 40U, 1, 1};
  const Handle space(H5Screate_simple(3, sizes.data(), nullptr));
  const Handle set(H5Dcreate2(file.get(), "/sparse", H5T_STD_U8LE, space.get(), H5P_DEFAULT,
                              properties_of({.sizes = {}, .chunk = {1, 1, 1}}).get(), H5P_DEFAULT));
  const Handle flat(H5Dcreate2(file.get(), "/flat", H5T_STD_U8LE, space.get(), H5P_DEFAULT,
                               H5P_DEFAULT, H5P_DEFAULT));
  const Sizes empty{0, 2, 2};
  const Handle no_space(H5Screate_simple(3, empty.data(), nullptr));
  const Handle none(H5Dcreate2(file.get(), "/none", H5T_STD_U8LE, no_space.get(), H5P_DEFAULT,
                               H5P_DEFAULT, H5P_DEFAULT));
  ASSERT_TRUE(set.valid() && flat.valid() && none.valid());
  expect_failure(ErrorCode::kCorrupt, "0 of 1099511627776 chunks", "sparse");
  expect_failure(ErrorCode::kCorrupt, "never written", "flat");
  expect_failure(ErrorCode::kCorrupt, "an empty array of 0 x 2 x 2", "none");
}

TEST_F(ForeignFile, WithAnUnknownFilterNamesIt) {
  const Sizes sizes{2, 2, 2};
  const Handle space(H5Screate_simple(3, sizes.data(), nullptr));
  const Handle properties = properties_of({.sizes = {}, .chunk = {1, 2, 2}});
  H5Pset_filter(properties.get(), 31999, H5Z_FLAG_OPTIONAL, 0, nullptr);
  const Handle set(H5Dcreate2(file.get(), "/x", H5T_STD_U8LE, space.get(), H5P_DEFAULT,
                              properties.get(), H5P_DEFAULT));
  ASSERT_TRUE(set.valid());
  expect_failure(ErrorCode::kUnsupported, "filter 31999");
}

TEST_F(ForeignFile, NamesAMissingFileOfAVirtualDataset) {
  const Sizes sizes{2, 2, 2};
  const Handle space(H5Screate_simple(3, sizes.data(), nullptr));
  const Handle properties(H5Pcreate(H5P_DATASET_CREATE));
  H5Pset_virtual(properties.get(), space.get(), "b.h5", "/x", space.get());
  const Handle set(H5Dcreate2(file.get(), "/v", H5T_STD_U16LE, space.get(), H5P_DEFAULT,
                              properties.get(), H5P_DEFAULT));
  ASSERT_TRUE(set.valid());
  expect_failure(ErrorCode::kNotFound, "b.h5");
  const auto target = path;
  path = scratch.path() / "b.h5";
  create(0);
  const auto pixels = put("/x", {.sizes = sizes});
  file.close();
  path = target;
  const auto frames = open();
  ASSERT_TRUE(frames) << describe(frames.error());
  expect_pixels(**frames, pixels, false);
  EXPECT_EQ((*frames)->facts().inputs,
            (std::vector<std::filesystem::path>{path, scratch.path() / "b.h5"}));
}

TEST_F(ForeignFile, GrownFromNothingHasChunksLargerThanItself) {
  const Sizes none{0, 4, 5};
  const Sizes all{3, 4, 5};
  const Sizes chunk{10, 4, 5};
  for (const bool gzip : {false, true}) {
    create(0);
    const Handle space(H5Screate_simple(3, none.data(), all.data()));
    const auto properties = properties_of({.chunk = chunk, .gzip = gzip});
    const Handle set(H5Dcreate2(file.get(), "/x", H5T_STD_U16LE, space.get(), H5P_DEFAULT,
                                properties.get(), H5P_DEFAULT));
    ASSERT_GE(H5Dset_extent(set.get(), all.data()), 0);
    std::vector<std::byte> pixels(120);
    for (std::byte& byte : pixels) byte = static_cast<std::byte>(random());
    ASSERT_GE(H5Dwrite(set.get(), H5T_STD_U16LE, H5S_ALL, H5S_ALL, H5P_DEFAULT, pixels.data()), 0);
    const auto frames = open();
    ASSERT_TRUE(frames) << describe(frames.error());
    expect_pixels(**frames, pixels, false);
  }
}

TEST_F(ForeignFile, WithTwoNamesForADatasetThatKnowsOfOneIsRead) {
  const auto pixels = put("/a", {.sizes = {3, 3, 4}});
  put("/b", {.sizes = {2, 3, 4}});
  std::string bytes = stored_bytes();
  const std::size_t members = bytes.find("SNOD") + 8;
  bytes.replace(members + 40 + 8, 8, bytes.substr(members + 8, 8));
  scratch.write("a.h5", bytes);
  const auto frames = open();
  ASSERT_TRUE(frames) << describe(frames.error());
  expect_pixels(**frames, pixels, false);
}

TEST_F(ForeignFile, SaysWhenItHasBecomeShorter) {
  put("/x", {.sizes = {4, 30, 20}});
  const auto frames = open();
  ASSERT_TRUE(frames);
  std::filesystem::resize_file(path, 2000);
  std::vector<std::byte> pixels(1200);
  EXPECT_EQ((*frames)->read(3, pixels, std::nullopt).error().code, ErrorCode::kCorrupt);
}

/// A segment of ours with frames numbered 10, 12, 14, ... and two lost before the third.
class Segment : public testing::Test {
 protected:
  static constexpr FrameShape kShape{4, 8, PixelType::kUint16};

  void SetUp() override {
    SegmentDescription d;
    d.instrument = "bench";
    d.product = "whole";
    d.shape = kShape;
    d.sensor = kShape;
    d.region = {0, 4, 0, 8};
    d.pixel_size = {{1.0, "px"}};
    d.saturation = 4095.0;
    d.bit_depth = 12;
    d.run_uuid = "0b7f2f3e-6a4e-4e0a-9d2b-0c1f6c7d8e9f";
    d.provenance_json = "{}";
    d.capacity_frames = 3000;
    d.direct_io = false;
    auto writer = find_format("hdf5")->prepare(system_files(), scratch.path() / "next", d);
    ASSERT_TRUE(writer) << describe(writer.error());
    ASSERT_TRUE((*writer)->activate(part));
    segment = std::move(*writer);
  }

  void append(int count) {
    pixels.resize(static_cast<std::size_t>(count) * size_bytes(kShape));
    std::mt19937 random(5);
    for (std::byte& byte : pixels) byte = static_cast<std::byte>(random());
    records.resize(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < records.size(); ++i) {
      records[i].sequence = i;
      records[i].source_sequence = 10 + 2 * i;
      records[i].monotonic_ns = static_cast<std::int64_t>(1000 * i);
      records[i].crc32c = crc32c(std::span(pixels).subspan(i * 64, 64));
      records[i].dropped_before = i == 2 ? 2 : 0;
      seal(records[i]);
    }
    ASSERT_TRUE(segment->append(records, pixels, {}));
    ASSERT_TRUE(segment->sync());
  }

  void expect_frames() {
    const auto frames = open_hdf5_frames(system_files(), part);
    ASSERT_TRUE(frames) << describe(frames.error());
    const StoredFacts& facts = (*frames)->facts();
    EXPECT_EQ(facts.frames, records.size());
    EXPECT_EQ(facts.shape, kShape);
    EXPECT_TRUE(facts.has_times);
    EXPECT_EQ(facts.saturation, 4095.0);
    EXPECT_EQ(facts.bit_depth, 12);
    EXPECT_EQ(facts.inputs, std::vector{part});
    std::vector<std::byte> frame(64);
    for (std::size_t i = 0; i < records.size(); ++i) {
      const auto stored = (*frames)->info(i);
      ASSERT_TRUE(stored);
      EXPECT_EQ(stored->info.source_sequence, 10 + 2 * i);
      EXPECT_EQ(stored->info.monotonic_ns, static_cast<std::int64_t>(1000 * i));
      EXPECT_EQ(stored->lost_before, i == 2 ? 2U : 0U);
      EXPECT_EQ((*frames)->read(i, frame, stored->crc32c), true);
      EXPECT_EQ(std::memcmp(frame.data(), pixels.data() + i * 64, 64), 0);
    }
    EXPECT_EQ((*frames)->read(0, frame, records[1].crc32c), false);
  }

  ScratchDirectory scratch;
  std::filesystem::path part = scratch.path() / "a.h5.part";
  std::unique_ptr<SegmentWriter> segment;
  std::vector<std::byte> pixels;
  std::vector<FrameRecord> records;
};

TEST_F(Segment, IsReadWhileItIsRecordedAndWhenItIsFinished) {
  append(700);
  expect_frames();
  SegmentEnd end;
  end.file_name = "a.h5";
  end.provenance_json = "{}";
  ASSERT_TRUE(find_format("hdf5")->finalise(system_files(), part, 700, end));
  expect_frames();
}

TEST_F(Segment, WithoutAFrameSaysSo) {
  const auto frames = open_hdf5_frames(system_files(), part);
  ASSERT_FALSE(frames);
  EXPECT_EQ(frames.error().code, ErrorCode::kInvalid);
  EXPECT_NE(describe(frames.error()).find("no frame is in it"), std::string::npos);
}

TEST(Hdf5Frames, ReadsRealProjections) {
  const char* given = std::getenv("FRAMELOG_TEST_DATA");
  const auto path = std::filesystem::path(given == nullptr ? "../shared/data" : given) /
                    "xray/tooth_181x2x640_f32.h5";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is not there";
  const auto frames = open_hdf5_frames(system_files(), path);
  ASSERT_TRUE(frames) << describe(frames.error());
  EXPECT_EQ((*frames)->facts().shape, (FrameShape{2, 640, PixelType::kFloat32}));
  EXPECT_EQ((*frames)->facts().frames, 181U);
  EXPECT_EQ((*frames)->facts().settings[0].second, "/exchange/data");
  const auto dark = open_hdf5_frames(system_files(), path, "exchange/data_dark");
  ASSERT_TRUE(dark);
  EXPECT_EQ((*dark)->facts().frames, 10U);
}

}  // namespace
}  // namespace framelog
