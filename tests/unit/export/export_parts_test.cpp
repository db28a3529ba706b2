#include "export/export_parts.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace framelog {
namespace {

namespace fs = std::filesystem;

class PartFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() /
              ("framelog-parts-" +
               std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  static void write(const fs::path& path) { std::ofstream(path) << "pixels"; }

  fs::path folder_;
};

TEST_F(PartFilesTest, AreRemovedWhereTheyAreNotKept) {
  {
    PartFiles parts(system_files());
    ASSERT_TRUE(parts.make_folder(folder_ / "a/b"));
    write(parts.add(folder_ / "a/b/c.npy").value());
  }
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(PartFilesTest, HaveTheirNamesWhenTheyAreKept) {
  {
    PartFiles parts(system_files());
    write(parts.add(folder_ / "a.raw").value());
    static_cast<void>(parts.add(folder_ / "a.frames", true).value());
    ASSERT_TRUE(parts.keep());
  }
  EXPECT_TRUE(fs::exists(folder_ / "a.raw"));
  EXPECT_FALSE(fs::exists(folder_ / "a.raw.part"));
}

TEST_F(PartFilesTest, ReplaceNothing) {
  write(folder_ / "b.raw");
  {
    PartFiles parts(system_files());
    write(parts.add(folder_ / "a.raw").value());
    write(parts.add(folder_ / "b.raw").value());
    const auto kept = parts.keep();
    ASSERT_FALSE(kept);
    EXPECT_EQ(kept.error().code, ErrorCode::kExists);
  }
  EXPECT_TRUE(fs::exists(folder_ / "b.raw"));
  EXPECT_FALSE(fs::exists(folder_ / "a.raw"));
  EXPECT_FALSE(fs::exists(folder_ / "b.raw.part"));
}

TEST_F(PartFilesTest, OfAnotherExportAreLeftToIt) {
  {
    PartFiles parts(system_files());
    const fs::path part = parts.add(folder_ / "a.raw").value();
    write(part);  // By the other one, in the same moment.
    const auto made = write_new_file(system_files(), part, {});
    ASSERT_FALSE(made);
    parts.leave_to_others(folder_ / "a.raw", made.error());
  }
  EXPECT_TRUE(fs::exists(folder_ / "a.raw.part"));
  PartFiles late(system_files());
  EXPECT_EQ(late.add(folder_ / "a.raw").error().code, ErrorCode::kExists);
}

}  // namespace
}  // namespace framelog
