#include <gtest/gtest.h>
#include <hdf5.h>

#include <array>
#include <cstring>
#include <initializer_list>

#include "formats/hdf5_frames.hpp"
#include "hdf5_foreign_file.hpp"

namespace framelog {
namespace {

/// Each is an error of one line, also where the library would crash.
class DamagedFile : public ForeignFile {};

TEST_F(DamagedFile, ThatIsDamagedIsAnErrorOfOneLine) {
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
TEST_F(DamagedFile, WithDamagedAddressesIsAnErrorOfOneLine) {
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
TEST_F(DamagedFile, WithFewerPixelsInItsHeaderThanItSaysIsRefused) {
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
TEST_F(DamagedFile, WithAnUnpackedChunkOfAnotherLengthIsRefused) {
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
TEST_F(DamagedFile, WithAGroupInItselfIsAnErrorOfOneLine) {
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
TEST_F(DamagedFile, WithPackedChunksThatComeToFewerPixelsIsAnError) {
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

TEST_F(DamagedFile, WithChunksLargerThanAnyMemoryIsRefused) {
  put("/x", {.sizes = {3, 3, 4}, .chunk = {1, 3, 4}, .gzip = true});
  std::string bytes = stored_bytes();
  const std::size_t extents = bytes.find(little_endian({1, 3, 4, 2}));
  ASSERT_NE(extents, std::string::npos);
  bytes.replace(extents + 8, 4, little_endian({620'756'996}));
  scratch.write("a.h5", bytes);
  expect_failure(ErrorCode::kCorrupt, "its chunks are larger than it can be: 620756996 of 4");
}

TEST_F(DamagedFile, WithChunksOfOtherDimensionsIsRefused) {
  put("/x", {.sizes = {3, 3, 4}, .chunk = {1, 2, 4}, .gzip = true});
  std::string bytes = stored_bytes();
  // The dataspace: version, dimensions, with their largest sizes.
  const std::size_t space = bytes.find(std::string("\x01\x03\x01\0\0\0\0\0\x03\0\0\0", 12));
  ASSERT_NE(space, std::string::npos);
  bytes[space + 1] = 2;
  scratch.write("a.h5", bytes);
  expect_failure(ErrorCode::kCorrupt, "its chunks have another number of dimensions");
}

}  // namespace
}  // namespace framelog
