#include "formats/hdf5_array_file.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "tests/fakes/faulty_files.hpp"

namespace framelog {
namespace {

namespace fs = std::filesystem;

// Between giving a name up and taking it again another process may take it.
TEST(Hdf5ArrayFileTest, ItsNameIsNeverGivenUp) {
  std::string name = (fs::temp_directory_path() / "framelog-XXXXXX").string();
  const fs::path folder = ::mkdtemp(name.data());
  const fs::path path = folder / "a.h5.part";
  FaultyFiles files;
  files.add({.call = Call::kRemove, .count = kForEver});
  {
    const auto made = Hdf5ArrayFile::create(files, path);
    ASSERT_TRUE(made) << describe(made.error());
    EXPECT_EQ(files.calls(Call::kRemove), 0);
    const auto again = Hdf5ArrayFile::create(files, path);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, ErrorCode::kExists);
    (*made)->attribute("/", "title", std::string("a"));
    EXPECT_TRUE((*made)->finish());
  }
  EXPECT_GT(fs::file_size(path), 0U);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace framelog
