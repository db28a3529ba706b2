#include "formats/hdf5_filters.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <random>

#include "formats/codecs.hpp"
#include "formats/hdf5_frames.hpp"
#include "formats/hdf5_tree.hpp"
#include "recording.hpp"

namespace framelog {
namespace {

using namespace hdf5;
using Bytes = std::vector<std::byte>;
using Sizes = std::vector<hsize_t>;

constexpr FrameShape kShape{30, 41, PixelType::kUint16};
constexpr std::array<const char*, 4> kCodecs{"gzip-4", "lz4", "bitshuffle-lz4", "zstd-3"};

/// Values around `mean`, small ones.
Bytes counts(const FrameShape& shape, unsigned mean, std::mt19937& random) {
  std::poisson_distribution<std::uint16_t> value(mean);
  Bytes pixels(size_bytes(shape));
  for (std::size_t i = 0; i < pixels.size(); i += 2) {
    const std::uint16_t count = value(random);
    std::memcpy(pixels.data() + i, &count, 2);
  }
  return pixels;
}

Bytes packed_by(const char* codec, const FrameShape& shape, const Bytes& pixels) {
  Bytes packed(pixels.size());
  packed.resize(make_encoder(*parse_compression(codec), shape)->encode(pixels, packed));
  EXPECT_FALSE(packed.empty());
  return packed;
}

/// A file whose chunks come packed, as a detector writes it.
class PackedFile : public testing::Test {
 protected:
  void SetUp() override { set_up_library(); }

  static void add_filters(hid_t properties, const std::string& codec) {
    const std::array<unsigned, 5> values{0, 3, 2, 0, 2};
    if (codec == "gzip-4") H5Pset_shuffle(properties);
    if (codec == "gzip-4") H5Pset_deflate(properties, 4);
    if (codec == "lz4") H5Pset_filter(properties, kLz4Id, H5Z_FLAG_OPTIONAL, 0, nullptr);
    if (codec == "zstd-3") H5Pset_filter(properties, kZstdId, H5Z_FLAG_OPTIONAL, 0, nullptr);
    if (codec == "bitshuffle-lz4") {
      H5Pset_filter(properties, kBitshuffleId, H5Z_FLAG_OPTIONAL, values.size(), values.data());
    }
  }

  /// `chunks` are one after the other along the first dimension.
  void write(const char* codec, const Sizes& sizes, const Sizes& chunk,
             const std::vector<Bytes>& chunks, std::uint32_t skipped = 0) {
    const Handle file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
    const Handle properties(H5Pcreate(H5P_DATASET_CREATE));
    H5Pset_chunk(properties.get(), static_cast<int>(chunk.size()), chunk.data());
    add_filters(properties.get(), codec);
    const Handle space(H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr));
    const Handle set(H5Dcreate2(file.get(), "x", H5T_STD_U16LE, space.get(), H5P_DEFAULT,
                                properties.get(), H5P_DEFAULT));
    ASSERT_TRUE(set.valid()) << last_error();
    for (std::size_t i = 0; i < chunks.size(); ++i) {
      const Sizes start{i * chunk[0], 0, 0};
      ASSERT_GE(H5Dwrite_chunk(set.get(), H5P_DEFAULT, skipped, start.data(), chunks[i].size(),
                               chunks[i].data()),
                0);
    }
  }

  /// One frame; empty where it cannot be read.
  Bytes read(std::uint64_t index) {
    const auto frames = open_hdf5_frames(system_files(), path);
    if (!frames) ADD_FAILURE() << describe(frames.error());
    if (!frames) return {};
    Bytes pixels(size_bytes((*frames)->facts().shape));
    const auto got = (*frames)->read(index, pixels, std::nullopt);
    if (got) return pixels;
    EXPECT_EQ(got.error().code, ErrorCode::kCorrupt);
    return {};
  }

  ScratchDirectory scratch;
  std::filesystem::path path = scratch.path() / "a.h5";
  std::mt19937 random{1};
};

TEST_F(PackedFile, IsReadFrameByFrame) {
  for (const char* codec : kCodecs) {
    std::vector<Bytes> frames, packed;
    for (unsigned i = 0; i < 5; ++i) {
      frames.push_back(counts(kShape, i, random));
      packed.push_back(packed_by(codec, kShape, frames.back()));
    }
    write(codec, {5, 30, 41}, {1, 30, 41}, packed);
    for (std::size_t i = 0; i < frames.size(); ++i) EXPECT_EQ(read(i), frames[i]) << codec;
    write(codec, {5, 30, 41}, {1, 30, 41}, frames, 3);
    for (std::size_t i = 0; i < frames.size(); ++i) EXPECT_EQ(read(i), frames[i]) << codec;
  }
}

TEST_F(PackedFile, NeedNotHaveAChunkForAFrame) {
  const FrameShape three{90, 41, PixelType::kUint16};
  for (const char* codec : kCodecs) {
    const Bytes pixels = counts(three, 3, random);
    write(codec, {3, 30, 41}, {3, 30, 41}, {packed_by(codec, three, pixels)});
    for (std::size_t i = 0; i < 3; ++i) {
      const auto begin = pixels.begin() + static_cast<std::ptrdiff_t>(i * size_bytes(kShape));
      EXPECT_EQ(read(i), Bytes(begin, begin + static_cast<std::ptrdiff_t>(size_bytes(kShape))))
          << codec;
    }
  }
}

TEST_F(PackedFile, MayBePartOfAVirtualDataset) {
  std::filesystem::path master = scratch.path() / "master.h5";
  for (const char* codec : kCodecs) {
    const Bytes pixels = counts(kShape, 2, random);
    write(codec, {1, 30, 41}, {1, 30, 41}, {packed_by(codec, kShape, pixels)});
    {
      const Sizes sizes{1, 30, 41};
      const Handle file(H5Fcreate(master.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
      const Handle space(H5Screate_simple(3, sizes.data(), nullptr));
      const Handle properties(H5Pcreate(H5P_DATASET_CREATE));
      H5Pset_virtual(properties.get(), space.get(), "a.h5", "/x", space.get());
      const Handle set(H5Dcreate2(file.get(), "/v", H5T_STD_U16LE, space.get(), H5P_DEFAULT,
                                  properties.get(), H5P_DEFAULT));
      ASSERT_TRUE(set.valid());
    }
    std::swap(path, master);
    EXPECT_EQ(read(0), pixels) << codec;
    std::swap(path, master);
  }
}

// A chunk that unpacks to less would have HDF5 read what is behind it in memory.
TEST_F(PackedFile, WithAChunkOfAnotherSizeIsCorrupt) {
  const FrameShape shorter{29, 41, PixelType::kUint16};
  const FrameShape three{90, 41, PixelType::kUint16};
  for (const char* codec : kCodecs) {
    write(codec, {1, 30, 41}, {1, 30, 41}, {packed_by(codec, shorter, counts(shorter, 2, random))});
    EXPECT_EQ(read(0), Bytes()) << codec;
    write(codec, {3, 30, 41}, {3, 30, 41}, {packed_by(codec, kShape, counts(kShape, 2, random))});
    EXPECT_EQ(read(0), Bytes()) << codec;
    write(codec, {2, 30, 41}, {2, 30, 41}, {packed_by(codec, three, counts(three, 2, random))});
    EXPECT_EQ(read(0), Bytes()) << codec;
  }
}

TEST_F(PackedFile, ThatIsDamagedIsCorrupt) {
  const FrameShape two{60, 41, PixelType::kUint16};
  for (const char* codec : kCodecs) {
    for (const bool whole : {true, false}) {
      const FrameShape& shape = whole ? kShape : two;
      const Bytes packed = packed_by(codec, shape, counts(shape, 2, random));
      for (int i = 0; i < 60; ++i) {
        Bytes damaged = packed;
        damaged[random() % (i % 2 == 0 ? 16 : damaged.size())] ^= std::byte{0x55};
        if (i % 3 == 0) damaged.resize(1 + random() % damaged.size());
        write(codec, {whole ? 1U : 2U, 30, 41}, {whole ? 1U : 2U, 30, 41}, {damaged});
        read(0);
      }
    }
  }
}

TEST_F(PackedFile, IsDescribedWithItsFilters) {
  write("bitshuffle-lz4", {1, 30, 41}, {1, 30, 41},
        {packed_by("bitshuffle-lz4", kShape, counts(kShape, 2, random))});
  const auto frames = open_hdf5_frames(system_files(), path);
  ASSERT_TRUE(frames);
  EXPECT_EQ((*frames)->facts().description, "HDF5, /x, chunked, bitshuffle");
}

// As other programs do, where they have no filter.
TEST_F(PackedFile, IsLeftUnpackedByHdf5Itself) {
  const Bytes pixels = counts(kShape, 2, random);
  write("lz4", {1, 30, 41}, {1, 30, 41}, {pixels}, 1);
  {
    const Handle file(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT));
    const Handle set(H5Dopen2(file.get(), "x", H5P_DEFAULT));
    ASSERT_GE(H5Dwrite(set.get(), H5T_STD_U16LE, H5S_ALL, H5S_ALL, H5P_DEFAULT, pixels.data()), 0);
  }
  EXPECT_EQ(read(0), pixels);
}

}  // namespace
}  // namespace framelog
