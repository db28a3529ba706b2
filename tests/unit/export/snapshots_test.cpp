#include "export/snapshots.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace framelog {
namespace {

namespace fs = std::filesystem;

class SnapshotsTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() /
              ("framelog-snapshots-" +
               std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  static Snapshot snapshot(const std::string& name) {
    return {.name = name,
            .description = "a \"quoted\" text",
            .tags = {"x", "y"},
            .rectangle = Region{1, 5, 2, 9},
            .frame = 7,
            .utc_ns = 1'700'000'000'000'000'001,
            .contrast = "0, 255",
            .files = {"a.h5"}};
  }

  fs::path folder_;
};

TEST_F(SnapshotsTest, ComeBackAsTheyWere) {
  Snapshot bare;
  bare.name = "b";
  bare.files = {"a.h5"};
  const std::vector<Snapshot> all{snapshot("a"), bare};
  const auto read = parse_snapshots(snapshots_text(all));
  ASSERT_TRUE(read) << describe(read.error());
  EXPECT_EQ(*read, all);
}

TEST_F(SnapshotsTest, LieBesideTheRecording) {
  EXPECT_EQ(snapshots_path("d/a.h5"), fs::path("d/a.snapshots.json"));
  EXPECT_EQ(snapshots_path("d/a.h5.part"), fs::path("d/a.snapshots.json"));
}

TEST_F(SnapshotsTest, AreChangedUnderALockAndGoWithTheLastOne) {
  const fs::path path = folder_ / "a.snapshots.json";
  FileSystem& files = system_files();
  EXPECT_TRUE(read_snapshots(files, path)->empty());
  const auto add = [](std::vector<Snapshot>& all) -> Result<void> {
    all.push_back(snapshot("a"));
    return {};
  };
  ASSERT_TRUE(change_snapshots(files, path, add));
  ASSERT_TRUE(change_snapshots(files, path, add));
  EXPECT_EQ(read_snapshots(files, path)->size(), 2U);
  const auto refuse = [](std::vector<Snapshot>& all) -> Result<void> {
    all.clear();
    return fail(ErrorCode::kInvalid, "no");
  };
  EXPECT_FALSE(change_snapshots(files, path, refuse));
  EXPECT_EQ(read_snapshots(files, path)->size(), 2U);
  const auto clear = [](std::vector<Snapshot>& all) -> Result<void> {
    all.clear();
    return {};
  };
  ASSERT_TRUE(change_snapshots(files, path, clear));
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(SnapshotsTest, WhatIsDamagedIsNeverReplaced) {
  const fs::path path = folder_ / "a.snapshots.json";
  for (const char* text :
       {"{", "[]", R"({"format": "framelog-snapshots", "version": 2, "snapshots": []})",
        R"({"format": "framelog-snapshots", "version": 1, "snapshots": [{"name": 3}]})"}) {
    std::ofstream(path) << text;
    EXPECT_FALSE(read_snapshots(system_files(), path)) << text;
    EXPECT_FALSE(change_snapshots(system_files(), path, [](auto& all) -> Result<void> {
      all.push_back(snapshot("a"));
      return {};
    })) << text;
    std::string left;
    std::getline(std::ifstream(path), left);
    EXPECT_EQ(left, text);
  }
}

}  // namespace
}  // namespace framelog
