#include <gtest/gtest.h>
#include <hdf5.h>

#include "formats/bundle.hpp"
#include "formats/hdf5_tree.hpp"
#include "recording.hpp"

namespace framelog {
namespace {

using hdf5::Handle;

/// A dataset of which nothing is written; `place`: it has its place in the file, without blocks.
void claim(const Handle& file, const char* name, hid_t type, const std::vector<hsize_t>& sizes,
           bool place) {
  const Handle properties(H5Pcreate(H5P_DATASET_CREATE));
  H5Pset_fill_time(properties.get(), H5D_FILL_TIME_NEVER);
  if (place) {
    H5Pset_alloc_time(properties.get(), H5D_ALLOC_TIME_EARLY);
  } else {
    const hsize_t chunk = 1024;
    H5Pset_chunk(properties.get(), 1, &chunk);
  }
  const Handle space(H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr));
  const Handle set(
      H5Dcreate2(file.get(), name, type, space.get(), H5P_DEFAULT, properties.get(), H5P_DEFAULT));
  ASSERT_TRUE(set.valid());
}

TEST(Hdf5Bundle, TimesThatAreOnlyClaimedTakeNoMemory) {
  hdf5::set_up_library();
  const ScratchDirectory scratch;
  const auto path = scratch.path() / "a.h5";
  // Where sizes have 32 bits the times would be one; elsewhere 256 GiB.
  constexpr hsize_t kFrames = (hsize_t{1} << 35U) + 1;
  {
    const Handle file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
    ASSERT_TRUE(file.valid());
    claim(file, "/data", H5T_STD_U8LE, {kFrames, 1, 1}, true);
    claim(file, "/timestamps", H5T_IEEE_F64LE, {kFrames}, false);
    claim(file, "/frame_metadata_json", H5T_STD_U8LE, {1}, true);
  }
  const auto bundle = open_hdf5_bundle(system_files(), path);
  ASSERT_TRUE(bundle) << describe(bundle.error());
  ASSERT_TRUE(*bundle);
  EXPECT_EQ((*bundle)->frames->facts().frames, kFrames);
  EXPECT_FALSE((*bundle)->frames->facts().has_times);
}

}  // namespace
}  // namespace framelog
