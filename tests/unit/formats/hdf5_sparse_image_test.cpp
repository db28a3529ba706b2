#include "formats/hdf5_sparse_image.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <ctime>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>

#include "recording.hpp"
#include "tests/fakes/faulty_files.hpp"

namespace framelog::hdf5 {
namespace {

namespace fs = std::filesystem;

constexpr hsize_t kPageBytes = hsize_t{64} << 10U;

Handle paged() {
  Handle creation(H5Pcreate(H5P_FILE_CREATE));
  H5Pset_file_space_strategy(creation.get(), H5F_FSPACE_STRATEGY_PAGE, false, 1);
  H5Pset_file_space_page_size(creation.get(), kPageBytes);
  return creation;
}

Handle latest() {
  Handle access(H5Pcreate(H5P_FILE_ACCESS));
  H5Pset_libver_bounds(access.get(), H5F_LIBVER_V110, H5F_LIBVER_V110);
  H5Pset_fclose_degree(access.get(), H5F_CLOSE_STRONG);
  return access;
}

/// Groups, texts, columns, and pixels of which nothing is written.
void fill(Tree& tree, hsize_t frames) {
  tree.group("/entry", "NXentry");
  for (int i = 0; i < 40; ++i)
    tree.text("/entry/text_" + std::to_string(i), std::string(3000, 'x'));
  tree.column("/entry/column", std::vector<double>(20'000, 1.5), "s");
  const std::array<hsize_t, 3> sizes{frames, 256, 256};
  const Handle space(H5Screate_simple(3, sizes.data(), nullptr));
  const std::array<hsize_t, 3> chunk{1, 256, 256};
  const Handle properties(H5Pcreate(H5P_DATASET_CREATE));
  H5Pset_chunk(properties.get(), 3, chunk.data());
  H5Pset_alloc_time(properties.get(), H5D_ALLOC_TIME_EARLY);
  H5Pset_fill_time(properties.get(), H5D_FILL_TIME_NEVER);
  tree.dataset("/entry/data", H5T_STD_U16LE, space.get(), properties.get(), nullptr);
  tree.remove("/entry/text_7");
  tree.text("/entry/text_7", "another");
  tree.close();
  EXPECT_EQ(tree.error(), "");
}

std::string content(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct SparseImageTest : testing::Test {
  SparseImageTest() { set_up_library(); }
  ScratchDirectory directory;
  FaultyFiles files;
};

/// Calls `make` until it has begun and ended in the same second: HDF5 notes in which one each
/// object was made, also where it can be told not to, in what a paged file has beside its
/// superblock.
void within_one_second(const std::function<void()>& make) {
  const auto second = [] { return ::time(nullptr); };
  for (std::time_t before = -1; before != second();) {
    before = second();
    make();
  }
}

TEST_F(SparseImageTest, IsTheFileThatTheLibraryMakes) {
  for (const bool pages : {true, false}) {
    const Handle creation = pages ? paged() : Handle(H5Pcreate(H5P_FILE_CREATE));
    const fs::path expected = directory.path() / "expected";
    const fs::path path = directory.path() / "image";
    within_one_second([&] {
      Tree direct(
          Handle(H5Fcreate(expected.c_str(), H5F_ACC_TRUNC, creation.get(), latest().get())));
      fill(direct, 20);
      SparseImage image;
      Tree tree(image.create(creation.get(), latest()));
      fill(tree, 20);
      ASSERT_TRUE(write_image(files, path, image));
    });
    EXPECT_TRUE(content(path) == content(expected)) << (pages ? "paged" : "plain");
  }
}

TEST_F(SparseImageTest, WhatIsOnlyAllocatedTakesNoRoom) {
  const fs::path path = directory.path() / "image";
  SparseImage image;
  Tree tree(image.create(paged().get(), latest()));
  constexpr hsize_t kFrames = hsize_t{1} << 16U;
  fill(tree, kFrames);
  ASSERT_TRUE(write_image(files, path, image));
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_GT(status.st_size, static_cast<off_t>(kFrames) * 256 * 256 * 2);
  EXPECT_LT(status.st_blocks * 512, 16 << 20);
}

TEST_F(SparseImageTest, AFullDiskLeavesNothingOpenInTheLibrary) {
  const ssize_t before = H5Fget_obj_count(H5F_OBJ_ALL, H5F_OBJ_ALL);
  for (const Call call : {Call::kOpen, Call::kWrite, Call::kResize}) {
    SparseImage image;
    Tree tree(image.create(paged().get(), latest()));
    fill(tree, 20);
    FaultyFiles full;
    full.add({.call = call, .count = kForEver, .system_errno = ENOSPC});
    const auto written = write_image(full, directory.path() / "image", image);
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, ErrorCode::kNoSpace);
    EXPECT_EQ(H5Fget_obj_count(H5F_OBJ_ALL, H5F_OBJ_ALL), before);
  }
}

TEST_F(SparseImageTest, TwoAtOnceAreTwoFiles) {
  SparseImage one;
  SparseImage other;
  Tree first(one.create(H5P_DEFAULT, latest()));
  Tree second(other.create(H5P_DEFAULT, latest()));
  first.text("/first", "1");
  second.text("/second", "2");
  EXPECT_FALSE(has(first.file(), "/second"));
  EXPECT_FALSE(has(second.file(), "/first"));
}

TEST_F(SparseImageTest, AnewIsNeverOverAnother) {
  SparseImage image;
  Tree tree(image.create(H5P_DEFAULT, latest()));
  tree.close();
  const fs::path path = directory.write("image", "precious");
  const auto written = write_image(files, path, image, O_EXCL);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::kExists);
  EXPECT_EQ(content(path), "precious");
}

}  // namespace
}  // namespace framelog::hdf5
