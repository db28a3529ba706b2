#include "formats/hdf5_packed_segment.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <hdf5.h>

#include <array>

#include "packed_recording.hpp"
#include "tests/fakes/faulty_files.hpp"
#include "tests/unit/drivers/allocations.hpp"

namespace framelog {
namespace {

namespace fs = std::filesystem;

constexpr FrameShape kShape{24, 40, PixelType::kUint16};
constexpr Compression kGzip{Codec::kGzip, 4};
constexpr const char* kPixels = "/entry/instrument/detector/data";

SegmentDescription with_detectors(SegmentDescription d) {
  d.detectors = {{"bright", {}, 12}, {"dark", {}, 34}};
  return d;
}

/// What another program sees that opens the file with `flags`.
class OtherReader {
 public:
  OtherReader(const fs::path& path, unsigned flags)
      : file_(H5Fopen(path.c_str(), flags, H5P_DEFAULT)),
        set_(file_ < 0 ? -1 : H5Dopen2(file_, kPixels, H5P_DEFAULT)) {}
  OtherReader(const OtherReader&) = delete;
  OtherReader& operator=(const OtherReader&) = delete;
  ~OtherReader() {
    if (set_ >= 0) H5Dclose(set_);
    if (file_ >= 0) H5Fclose(file_);
  }
  [[nodiscard]] bool is_open() const { return set_ >= 0; }
  void refresh() const { EXPECT_GE(H5Drefresh(set_), 0); }
  [[nodiscard]] std::uint64_t rows(const char* path = kPixels) const {
    const hid_t set = H5Dopen2(file_, path, H5P_DEFAULT);
    const hid_t space = H5Dget_space(set);
    std::array<hsize_t, 3> sizes{};
    H5Sget_simple_extent_dims(space, sizes.data(), nullptr);
    H5Sclose(space);
    H5Dclose(set);
    return sizes[0];
  }
  [[nodiscard]] std::vector<std::byte> pixels(std::uint64_t frame) const {
    const std::array<hsize_t, 3> start{frame, 0, 0};
    const std::array<hsize_t, 3> count{1, kShape.height_px, kShape.width_px};
    const hid_t space = H5Dget_space(set_);
    const hid_t memory = H5Screate_simple(3, count.data(), nullptr);
    H5Sselect_hyperslab(space, H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr);
    std::vector<std::byte> pixels(size_bytes(kShape));
    EXPECT_GE(H5Dread(set_, H5T_STD_U16LE, memory, space, H5P_DEFAULT, pixels.data()), 0);
    H5Sclose(memory);
    H5Sclose(space);
    return pixels;
  }

 private:
  hid_t file_;
  hid_t set_;
};

class EachCodec : public PackedTest, public testing::WithParamInterface<Compression> {};

TEST_P(EachCodec, EveryFrameComesBack) {
  for (const PixelType type : {PixelType::kUint8, PixelType::kUint16, PixelType::kFloat32}) {
    const auto d = with_detectors(packed_description(GetParam(), {24, 40, type}, 60));
    leave(d, 50);
    const PackedBatch all(d, 0, 50);
    EXPECT_GT(all.packed(), 0U);
    EXPECT_LT(all.packed(), 50U) << "noise is not packed";
    expect_frames(part(), d, 50);
    const auto reader = format_.open(files_, part());
    EXPECT_EQ((*reader)->synced(), 50);
    EXPECT_EQ((*reader)->frames(), 60);
    EXPECT_FALSE((*reader)->finished());
    EXPECT_EQ((*reader)->provenance(), d.provenance_json);
    EXPECT_EQ((*reader)->detector_pixels("dark"), 34);
    const auto summary = finish(files_, 50);
    ASSERT_TRUE(summary) << describe(summary.error());
    EXPECT_EQ(summary->bytes, static_cast<std::int64_t>(fs::file_size(final_path())));
    EXPECT_LT(summary->bytes, all.bytes() + (1 << 20));
    EXPECT_EQ(left(), std::vector<std::string>{"a.h5"});
    expect_frames(final_path(), d, 50);
    const auto finished = format_.open(files_, final_path());
    EXPECT_TRUE((*finished)->finished());
    EXPECT_EQ((*finished)->frames(), 50);
    EXPECT_EQ((*finished)->synced(), 50);
    EXPECT_EQ((*finished)->accounting().value()->recorded, 50U);
    fs::remove(final_path());
  }
}

INSTANTIATE_TEST_SUITE_P(Codecs, EachCodec,
                         testing::Values(kGzip, Compression{Codec::kLz4, 0},
                                         Compression{Codec::kBitshuffleLz4, 0},
                                         Compression{Codec::kZstd, 3}),
                         [](const auto& codec) {
                           std::string name = to_string(codec.param);
                           std::erase(name, '-');
                           return name;
                         });

TEST_F(PackedTest, BitshuffleHasItsValuesBeforeAndAfterItWasRead) {
  const auto d = packed_description({Codec::kBitshuffleLz4, 0}, kShape, 10);
  for (int round = 0; round < 3; ++round) {
    leave(d, 3);
    const hid_t file = H5Fopen(part().c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
    const hid_t set = H5Dopen2(file, kPixels, H5P_DEFAULT);
    const hid_t properties = H5Dget_create_plist(set);
    std::array<unsigned, 8> values{};
    std::size_t count = values.size();
    unsigned flags = 0;
    unsigned config = 0;
    ASSERT_GE(
        H5Pget_filter_by_id2(properties, 32008, &flags, &count, values.data(), 0, nullptr, &config),
        0);
    EXPECT_EQ(count, 5U);
    EXPECT_EQ(std::vector<unsigned>(values.begin() + 2, values.begin() + 5),
              (std::vector<unsigned>{2, 0, 2}));
    H5Pclose(properties);
    H5Dclose(set);
    H5Fclose(file);
    // A filter that HDF5 has used once it asks on creation, too.
    EXPECT_EQ(OtherReader(part(), H5F_ACC_RDONLY).pixels(0), packed_pixels_of(kShape, 0));
    fs::remove(part());
    fs::remove(index());
  }
}

TEST_F(PackedTest, IsAWholeFileForEveryReaderAtAnyTime) {
  const auto d = packed_description(kGzip, kShape, 100);
  const auto writer = begin(d);
  EXPECT_EQ(OtherReader(part(), H5F_ACC_RDONLY).rows(), 0U);
  for (std::uint64_t frames = 0; frames < 40; frames += 5) {
    ASSERT_TRUE(PackedBatch(d, frames, 5).append_to(*writer));
    for (const unsigned flags : {H5F_ACC_RDONLY, H5F_ACC_RDONLY | H5F_ACC_SWMR_READ}) {
      const OtherReader other(part(), flags);
      ASSERT_TRUE(other.is_open());
      ASSERT_EQ(other.rows(), frames + 5);
      EXPECT_EQ(other.rows("/entry/data/time"), frames + 5);
      EXPECT_EQ(other.rows("/entry/instrument/detector/readout/frame_table"), frames + 5);
      for (std::uint64_t i = 0; i < frames + 5; ++i) {
        ASSERT_EQ(other.pixels(i), packed_pixels_of(kShape, i)) << i;
      }
    }
  }
}

TEST_F(PackedTest, AReaderThatStaysSeesTheFramesCome) {
  const auto d = packed_description(kGzip, kShape, 5000);
  const auto writer = begin(d);
  ASSERT_TRUE(PackedBatch(d, 0, 1).append_to(*writer));
  const OtherReader other(part(), H5F_ACC_RDONLY | H5F_ACC_SWMR_READ);
  ASSERT_TRUE(other.is_open());
  std::uint64_t frames = 1;
  // Over more than one page of the index of chunks.
  for (const std::uint64_t more : {1U, 1000U, 100U, 1000U, 3U}) {
    ASSERT_TRUE(PackedBatch(d, frames, more).append_to(*writer));
    frames += more;
    other.refresh();
    ASSERT_EQ(other.rows(), frames);
    for (const std::uint64_t i : {std::uint64_t{0}, frames / 2, frames - 1}) {
      ASSERT_EQ(other.pixels(i), packed_pixels_of(kShape, i)) << i;
    }
  }
}

TEST_F(PackedTest, ManyFramesOverManyPagesOfTheIndex) {
  const auto d = packed_description(kGzip, {2, 8, PixelType::kUint8}, 12000);
  leave(d, 10'300);
  ASSERT_TRUE(finish(files_, 10'300));
  expect_frames(final_path(), d, 10'300);
}

TEST_F(PackedTest, LargeFramesAreNotGathered) {
  const auto d = packed_description({Codec::kBitshuffleLz4, 0}, {700, 900, PixelType::kUint16}, 12);
  leave(d, 9);
  ASSERT_TRUE(finish(files_, 9));
  expect_frames(final_path(), d, 9);
}

TEST_F(PackedTest, SpaceThatWasReservedIsGivenBack) {
  auto d = packed_description(kGzip, kShape, 400'000);
  d.capacity_bytes = 64 << 20;
  leave(d, 10);
  EXPECT_GT(fs::file_size(part()), 64U << 20U);
  ASSERT_TRUE(finish(files_, 10));
  struct stat status {};
  ASSERT_EQ(::stat(final_path().c_str(), &status), 0);
  EXPECT_LT(status.st_blocks * 512, PackedBatch(d, 0, 10).bytes() + (1 << 20));
  expect_frames(final_path(), d, 10);
}

TEST_F(PackedTest, ASegmentIsFullByFramesAndByBytes) {
  auto d = packed_description(kGzip, kShape, 10);
  d.capacity_bytes = PackedBatch(d, 0, 6).bytes() + 1;
  const auto writer = begin(d);
  EXPECT_EQ(writer->capacity_frames(), 10);
  EXPECT_EQ(writer->free_bytes(), d.capacity_bytes);
  ASSERT_TRUE(PackedBatch(d, 0, 6).append_to(*writer));
  EXPECT_EQ(writer->free_bytes(), 1);
  const auto more = PackedBatch(d, 6, 1).append_to(*writer);
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code, ErrorCode::kNoSpace);
  EXPECT_EQ(writer->frames(), 6);
  EXPECT_EQ(format_.open(files_, part()).value()->valid(), 6);

  const auto other = packed_description(kGzip, kShape, 10);
  const auto second = begin(other, files_, "b");
  ASSERT_TRUE(PackedBatch(other, 0, 10).append_to(*second));
  EXPECT_EQ(PackedBatch(other, 10, 1).append_to(*second).error().code, ErrorCode::kNoSpace);
}

TEST_F(PackedTest, AppendingAllocatesNothing) {
  const auto d = with_detectors(packed_description(kGzip, kShape, 3000));
  const auto writer = begin(d);
  const PackedBatch batch(d, 0, 600);
  const PackedBatch one(d, 600, 1);
  const std::size_t before = allocations();
  const bool appended = batch.append_to(*writer) && one.append_to(*writer);
  EXPECT_EQ(allocations(), before);
  EXPECT_TRUE(appended);
}

TEST_F(PackedTest, FramesOfAFailedCallGoElsewhere) {
  const auto d = with_detectors(packed_description(kGzip, kShape, 100));
  for (int call = 1; call < 12; ++call) {
    FaultyFiles faulty;
    const auto writer = begin(d, faulty);
    ASSERT_TRUE(PackedBatch(d, 0, 5).append_to(*writer));
    faulty.add({.call = Call::kWrite, .first = call, .system_errno = ENOSPC, .torn = true});
    const auto failed = PackedBatch(d, 5, 3).append_to(*writer);
    if (failed) {
      EXPECT_GT(call, 8) << "so many places are written";
      break;
    }
    EXPECT_EQ(failed.error().code, ErrorCode::kNoSpace);
    EXPECT_EQ(writer->frames(), 5);
    // Recovery finds no frame that another segment has as well.
    const auto reader = format_.open(files_, part());
    ASSERT_TRUE(reader);
    EXPECT_FALSE(is_intact((*reader)->records(6).value()[5])) << call;
    // The segment is finished with what it had.
    ASSERT_TRUE(finish(files_, 5)) << call;
    expect_frames(final_path(), d, 5);
    fs::remove(final_path());
  }
}

TEST_F(PackedTest, AFailedSyncFreezesWhatIsCounted) {
  const auto d = packed_description(kGzip, kShape, 100);
  FaultyFiles faulty;
  const auto writer = begin(d, faulty);
  ASSERT_TRUE(PackedBatch(d, 0, 5).append_to(*writer));
  ASSERT_TRUE(writer->sync());
  ASSERT_TRUE(PackedBatch(d, 5, 5).append_to(*writer));
  faulty.add({.call = Call::kSync, .path = ".chunks.part"});
  EXPECT_FALSE(writer->sync());
  EXPECT_FALSE(writer->sync());
  EXPECT_FALSE(PackedBatch(d, 10, 1).append_to(*writer));
  const auto reader = format_.open(files_, part());
  EXPECT_EQ((*reader)->synced(), 5);
  EXPECT_EQ((*reader)->valid(), 10);
}

TEST_F(PackedTest, PreparingLeavesNothingWhereItFails) {
  const auto d = packed_description(kGzip, kShape, 100);
  for (const Call call : {Call::kReserve, Call::kWrite, Call::kSync, Call::kRename}) {
    for (int first = 1; first < 3; ++first) {
      FaultyFiles faulty;
      faulty.add({.call = call, .first = first, .system_errno = ENOSPC});
      EXPECT_FALSE(format_.prepare(faulty, directory_ / "next", d));
      EXPECT_EQ(left(), std::vector<std::string>{});
    }
  }
  auto large = d;
  large.capacity_bytes = std::int64_t{1} << 60U;
  EXPECT_EQ(format_.prepare(files_, directory_ / "next", large).error().code, ErrorCode::kNoSpace);
  auto small = d;
  small.capacity_bytes = 10;
  EXPECT_EQ(format_.prepare(files_, directory_ / "next", small).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(left(), std::vector<std::string>{});
}

TEST_F(PackedTest, ANameThatIsTakenMovesNothing) {
  const auto d = packed_description(kGzip, kShape, 10);
  auto writer = format_.prepare(files_, directory_ / "next", d);
  ASSERT_TRUE(writer);
  files_.open(index(), O_CREAT | O_WRONLY).value();
  EXPECT_EQ((*writer)->activate(part()).error().code, ErrorCode::kExists);
  EXPECT_EQ(left(),
            (std::vector<std::string>{"a.chunks.part", "next.chunks.ready", "next.h5.ready"}));
}

TEST_F(PackedTest, AnotherProcessGoesOn) {
  const auto d = with_detectors(packed_description(kGzip, kShape, 3000));
  {
    const auto writer = begin(d);
    ASSERT_TRUE(PackedBatch(d, 0, 1100).append_to(*writer));
    EXPECT_EQ(format_.resume(files_, part(), d).error().code, ErrorCode::kBusy);
  }
  auto other = d;
  other.compression.level = 5;
  EXPECT_EQ(format_.resume(files_, part(), other).error().code, ErrorCode::kLayout);
  auto resumed = format_.resume(files_, part(), d);
  ASSERT_TRUE(resumed) << describe(resumed.error());
  EXPECT_EQ(resumed->first.sequence, 0U);
  EXPECT_EQ(resumed->last.sequence, 1099U);
  EXPECT_EQ(resumed->writer->frames(), 1100);
  ASSERT_TRUE(PackedBatch(d, 1100, 1000).append_to(*resumed->writer));
  EXPECT_EQ(OtherReader(part(), H5F_ACC_RDONLY).rows(), 2100U);
  ASSERT_TRUE(resumed->writer->sync());
  expect_frames(part(), d, 2100);
  ASSERT_TRUE(finish(files_, 2100));
  expect_frames(final_path(), d, 2100);
}

}  // namespace
}  // namespace framelog
