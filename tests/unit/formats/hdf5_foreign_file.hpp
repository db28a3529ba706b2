#pragma once

#include <gtest/gtest.h>
#include <hdf5.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>

#include "formats/byte_order.hpp"
#include "formats/hdf5_frames.hpp"
#include "formats/hdf5_tree.hpp"
#include "recording.hpp"

namespace framelog {

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

inline void expect_pixels(StoredFrames& frames, std::span<const std::byte> stored, bool swapped) {
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

}  // namespace framelog
