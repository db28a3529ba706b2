#include "formats/hdf5_frames.hpp"

#include <gtest/gtest.h>
#include <hdf5.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <random>

#include "core/crc32c.hpp"
#include "formats/byte_order.hpp"
#include "formats/hdf5_tree.hpp"
#include "formats/segment.hpp"
#include "recording.hpp"
#include "tests/fakes/faulty_files.hpp"

namespace framelog {
namespace {

using hdf5::Handle;
using Sizes = std::vector<hsize_t>;

/// How a dataset is to be stored.
struct Storage {
  Sizes sizes{};
  hid_t type{H5T_STD_U16LE};
  Sizes chunk{};
  bool gzip{};
  bool compact{};  ///< In the header.
  bool endless{};  ///< The first dimension may grow.
  bool early{};
  bool old{};  ///< Format of the file: metadata lie between the chunks.
};

/// A file with datasets as other programs write them.
class ForeignFile : public testing::Test {
 protected:
  void SetUp() override {
    hdf5::set_up_library();
    create(0);
  }

  /// Closing the file closes what is open in it.
  static Handle access(bool old = true) {
    Handle properties(H5Pcreate(H5P_FILE_ACCESS));
    H5Pset_fclose_degree(properties.get(), H5F_CLOSE_STRONG);
    if (!old) H5Pset_libver_bounds(properties.get(), H5F_LIBVER_V110, H5F_LIBVER_V110);
    return properties;
  }

  void create(hsize_t user_block_bytes, bool old = true) {
    file.close();
    const Handle creation(H5Pcreate(H5P_FILE_CREATE));
    H5Pset_userblock(creation.get(), user_block_bytes);
    file = Handle(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.get(), access(old).get()));
    ASSERT_TRUE(file.valid());
  }

  static Handle properties_of(const Storage& storage) {
    Handle properties(H5Pcreate(H5P_DATASET_CREATE));
    const int rank = static_cast<int>(storage.chunk.size());
    if (rank > 0) H5Pset_chunk(properties.get(), rank, storage.chunk.data());
    if (storage.gzip) H5Pset_deflate(properties.get(), 1);
    if (storage.compact) H5Pset_layout(properties.get(), H5D_COMPACT);
    if (storage.early) {
      H5Pset_alloc_time(properties.get(), H5D_ALLOC_TIME_EARLY);
      H5Pset_fill_time(properties.get(), H5D_FILL_TIME_NEVER);
    }
    return properties;
  }

  /// Random pixels, as they lie in the file.
  std::vector<std::byte> put(const std::string& name, const Storage& storage) {
    std::size_t bytes = H5Tget_size(storage.type);
    for (const hsize_t size : storage.sizes) bytes *= size;
    std::vector<std::byte> pixels(bytes);
    for (std::byte& byte : pixels) byte = static_cast<std::byte>(random());
    Sizes most = storage.sizes;
    if (storage.endless) most[0] = H5S_UNLIMITED;
    const Handle space(
        H5Screate_simple(static_cast<int>(most.size()), storage.sizes.data(), most.data()));
    const Handle links(H5Pcreate(H5P_LINK_CREATE));
    H5Pset_create_intermediate_group(links.get(), 1);
    const Handle set(H5Dcreate2(file.get(), name.c_str(), storage.type, space.get(), links.get(),
                                properties_of(storage).get(), H5P_DEFAULT));
    EXPECT_GE(H5Dwrite(set.get(), storage.type, H5S_ALL, H5S_ALL, H5P_DEFAULT, pixels.data()), 0);
    return pixels;
  }

  void attribute(const std::string& object, const char* name, const std::string& value) {
    const Handle type(H5Tcopy(H5T_C_S1));
    H5Tset_size(type.get(), value.size());
    const Handle space(H5Screate(H5S_SCALAR));
    const Handle made(H5Acreate_by_name(file.get(), object.c_str(), name, type.get(), space.get(),
                                        H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    EXPECT_GE(H5Awrite(made.get(), type.get(), value.data()), 0);
  }

  /// Of the file, which is closed.
  std::string stored_bytes() {
    file.close();
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

  Result<std::unique_ptr<StoredFrames>> open(const std::string& dataset = {}) {
    file.close();
    return open_hdf5_frames(system_files(), path, dataset);
  }

  void expect_failure(ErrorCode code, std::string_view part, const std::string& dataset = {}) {
    const auto frames = open(dataset);
    ASSERT_FALSE(frames) << part;
    const std::string text = describe(frames.error());
    EXPECT_EQ(frames.error().code, code) << text;
    EXPECT_NE(text.find(part), std::string::npos) << text;
    EXPECT_NE(text.find(path.string()), std::string::npos) << text;
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
  }

  ScratchDirectory scratch;
  std::filesystem::path path = scratch.path() / "a.h5";
  Handle file;
  std::mt19937 random{3};
};

void expect_pixels(StoredFrames& frames, std::span<const std::byte> stored, bool swapped) {
  std::vector<std::byte> pixels(size_bytes(frames.facts().shape));
  ASSERT_EQ(stored.size(), frames.facts().frames * pixels.size());
  for (std::uint64_t i = 0; i < frames.facts().frames; ++i) {
    const auto wanted = stored.subspan(i * pixels.size(), pixels.size());
    const auto read = frames.read(i, pixels, std::nullopt);
    ASSERT_TRUE(read) << describe(read.error());
    if (swapped) swap_bytes(pixels, size_bytes(frames.facts().shape.type));
    ASSERT_EQ(std::memcmp(pixels.data(), wanted.data(), wanted.size()), 0) << "frame " << i;
    EXPECT_EQ(frames.info(i)->info.source_sequence, i);
  }
}

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

TEST_F(ForeignFile, ThatIsDamagedIsAnErrorOfOneLine) {
  put("/x", {.sizes = {40, 30, 20}, .chunk = {1, 30, 20}, .gzip = true});
  file.close();
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 100);
  expect_failure(ErrorCode::kCorrupt, "truncated");
  scratch.write("a.h5", "no HDF5 at all");
  expect_failure(ErrorCode::kCorrupt, "wrong magic bytes");
  scratch.write("a.h5", "");
  expect_failure(ErrorCode::kCorrupt, "wrong magic bytes");
  EXPECT_EQ(open_hdf5_frames(system_files(), scratch.path() / "none.h5").error().code,
            ErrorCode::kNotFound);
  EXPECT_EQ(open_hdf5_frames(system_files(), scratch.path()).error().code, ErrorCode::kInvalid);
}

// The library looks for such an address in memory that it does not have.
TEST_F(ForeignFile, WithDamagedAddressesIsAnErrorOfOneLine) {
  put("/x", {.sizes = {3, 3, 4}});
  const std::string bytes = stored_bytes();
  std::uint64_t heap = 0;  // Of the names of the root's members, as the superblock tells.
  std::memcpy(&heap, &bytes[0x58], sizeof heap);
  ASSERT_EQ(bytes.substr(heap, 4), "HEAP");
  const std::string stored = bytes.substr(0x58, sizeof heap);
  for (const std::uint64_t damaged :
       {~std::uint64_t{0}, ~std::uint64_t{255}, std::uint64_t{1} << 63U, std::uint64_t{1} << 40U,
        std::uint64_t{1}}) {
    std::string changed = bytes;
    for (std::size_t at = changed.find(stored); at < heap; at = changed.find(stored, at + 1)) {
      std::memcpy(&changed[at], &damaged, sizeof damaged);
    }
    scratch.write("a.h5", changed);
    expect_failure(ErrorCode::kCorrupt, "cannot walk through the file");
  }
}

// The library would read them from nowhere.
TEST_F(ForeignFile, WithFewerPixelsInItsHeaderThanItSaysIsRefused) {
  const auto pixels = put("/x", {.sizes = {3, 3, 4}, .compact = true});
  expect_pixels(*open().value(), pixels, false);
  const std::string bytes = stored_bytes();
  const std::size_t at = bytes.find(std::string("\x03\0\x48\0", 4));  // Version, kind, bytes.
  ASSERT_NE(at, std::string::npos);
  for (const std::uint16_t damaged : {std::uint16_t{0}, std::uint16_t{71}}) {
    std::string changed = bytes;
    std::memcpy(&changed[at + 2], &damaged, sizeof damaged);
    scratch.write("a.h5", changed);
    expect_failure(ErrorCode::kCorrupt, "written");
  }
}

// Of a shorter one the library would read what is behind it in memory, and a longer one would be
// written behind the memory for it.
TEST_F(ForeignFile, WithAnUnpackedChunkOfAnotherLengthIsRefused) {
  for (const Sizes& chunk : {Sizes{2, 2, 2}, Sizes{1, 4, 4}}) {
    create(0);
    const auto pixels = put("/x", {.sizes = {4, 4, 4}, .chunk = chunk});
    expect_pixels(*open().value(), pixels, false);
    const std::string bytes = stored_bytes();
    const std::size_t tree = bytes.find(std::string("TREE\x01", 5));
    ASSERT_NE(tree, std::string::npos);
    const std::size_t key = tree + 24;  // Of the first chunk: bytes, filters, offsets.
    const auto chunk_bytes = static_cast<char>(2 * chunk[0] * chunk[1] * chunk[2]);
    ASSERT_EQ(bytes.substr(key, 4), std::string({chunk_bytes, 0, 0, 0}));
    for (const std::uint32_t damaged : {0U, 15U, 33U, 81U, 0x49000010U}) {
      std::string changed = bytes;
      std::memcpy(&changed[key], &damaged, sizeof damaged);
      scratch.write("a.h5", changed);
      expect_failure(ErrorCode::kCorrupt, "not as long as chunks are");
    }
  }
}

// The library would go round in it for ever.
TEST_F(ForeignFile, WithAGroupInItselfIsAnErrorOfOneLine) {
  put("/a/x", {.sizes = {3, 3, 4}});
  put("/b/x", {.sizes = {3, 3, 4}});
  std::string bytes = stored_bytes();
  std::array<std::uint64_t, 2> groups{};  // Where the headers of /a and /b are.
  const std::size_t members = bytes.find("SNOD") + 8;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    std::memcpy(&groups[i], &bytes[members + i * 40 + 8], sizeof groups[i]);
  }
  const std::size_t next = bytes.find("SNOD", members);
  ASSERT_NE(next, std::string::npos);
  // The first member of /a is /a, and not x any more; its heap and its tree are those of /a, too.
  std::memcpy(&bytes[next + 8 + 8], &groups[0], sizeof groups[0]);
  scratch.write("a.h5", bytes);
  expect_failure(ErrorCode::kCorrupt, "cannot walk through the file: a group is there twice");
}

/// Numbers as they lie in a file.
std::string little_endian(std::initializer_list<std::uint32_t> values) {
  const std::vector<std::uint32_t> numbers(values);
  return bytes_of(numbers);
}

// Of a chunk that is larger than what it unpacks to the library reads all the same.
TEST_F(ForeignFile, WithPackedChunksThatComeToFewerPixelsIsAnError) {
  for (const bool endless : {false, true}) {
    for (const hsize_t rows : {3U, 2U}) {
      create(0);
      put("/x", {.sizes = {3, 3, 4}, .chunk = {1, rows, 4}, .gzip = true, .endless = endless});
      const std::string bytes = stored_bytes();
      // The last one is of a pixel, in bytes.
      const std::size_t extents = bytes.find(little_endian({1, static_cast<unsigned>(rows), 4, 2}));
      const std::size_t tree = bytes.find(std::string("TREE\x01", 5));
      ASSERT_NE(std::max(extents, tree), std::string::npos);
      const std::size_t mask = tree + 24 + 4;  // Of the first chunk: what was left out.
      for (const auto& [at, damaged] :
           {std::pair{extents, 400U}, std::pair{extents + 4, 400U}, std::pair{extents + 8, 5U},
            std::pair{extents + 8, 60'000'000U}, std::pair{mask, 1U}}) {
        std::string changed = bytes;
        std::memcpy(&changed[at], &damaged, sizeof damaged);
        scratch.write("a.h5", changed);
        const auto frames = open();
        if (!frames) continue;
        std::vector<std::byte> pixels(size_bytes((*frames)->facts().shape));
        const auto read = (*frames)->read(0, pixels, std::nullopt);
        EXPECT_EQ(read.error().code, ErrorCode::kCorrupt) << at - extents << ": " << damaged;
      }
    }
  }
}

TEST_F(ForeignFile, WithChunksLargerThanAnyMemoryIsRefused) {
  put("/x", {.sizes = {3, 3, 4}, .chunk = {1, 3, 4}, .gzip = true});
  std::string bytes = stored_bytes();
  const std::size_t extents = bytes.find(little_endian({1, 3, 4, 2}));
  ASSERT_NE(extents, std::string::npos);
  bytes.replace(extents + 8, 4, little_endian({620'756'996}));
  scratch.write("a.h5", bytes);
  expect_failure(ErrorCode::kCorrupt, "its chunks are larger than it can be: 620756996 of 4");
}

TEST_F(ForeignFile, WithChunksOfOtherDimensionsIsRefused) {
  put("/x", {.sizes = {3, 3, 4}, .chunk = {1, 2, 4}, .gzip = true});
  std::string bytes = stored_bytes();
  // The dataspace: version, dimensions, with their largest sizes.
  const std::size_t space = bytes.find(std::string("\x01\x03\x01\0\0\0\0\0\x03\0\0\0", 12));
  ASSERT_NE(space, std::string::npos);
  bytes[space + 1] = 2;
  scratch.write("a.h5", bytes);
  expect_failure(ErrorCode::kCorrupt, "its chunks have another number of dimensions");
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
