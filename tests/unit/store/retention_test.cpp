#include "store/retention.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "segment_fixture.hpp"
#include "tests/fakes/fake_clock.hpp"
#include "tests/fakes/faulty_files.hpp"

namespace framelog {
namespace {

using std::filesystem::path;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kBytes = 4096;

/// Files with the names of segments, and a catalog that knows them.
class RetentionTest : public SegmentTest {
 protected:
  RetentionTest() {
    std::filesystem::create_directories(base_ / ".framelog");
    auto catalog = Catalog::open(faulty_, directory_ / "catalog.sqlite", Catalog::Mode::kWrite);
    EXPECT_TRUE(catalog);
    if (catalog) catalog_.emplace(std::move(*catalog));
  }

  /// Its last frame was `age_s` ago.
  path add(const std::string& name, std::int64_t age_s, bool in_catalog = true) {
    const path file = base_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << std::string(kBytes, 'x');
    if (file.extension() == ".raw") {
      for (const char* extension : {".json", ".frames"}) {
        std::ofstream(path(file).replace_extension(extension)) << "x";
      }
    }
    CatalogEntry entry;
    entry.path = file;
    entry.product = "whole";
    entry.run_uuid = "7b0c";
    entry.first_utc_ns = entry.last_utc_ns = clock_.utc_ns() - age_s * kSecond;
    entry.frames = 1;
    entry.bytes = kBytes;
    if (in_catalog) {
      EXPECT_TRUE(catalog_->add(entry));
    }
    return file;
  }
  /// Ten segments, the oldest first.
  std::vector<path> add_ten() {
    std::vector<path> files;
    for (int i = 0; i < 10; ++i) {
      files.push_back(add(fmt::format("2026/day{}/s_{:04}.h5", i / 5, i), 100 - i));
    }
    return files;
  }
  std::int64_t keep(const RetentionPolicy& policy) {
    Retention retention(faulty_, policy, clock_);
    std::int64_t count = 0;
    for (;;) {
      const auto deleted = retention.keep_bounds(*catalog_, {base_});
      EXPECT_TRUE(deleted);
      if (!deleted || deleted->segments.empty()) return count;
      count += static_cast<std::int64_t>(deleted->segments.size());
    }
  }
  static int there(const std::vector<path>& files) {
    return static_cast<int>(std::ranges::count_if(
        files, [](const path& file) { return std::filesystem::exists(file); }));
  }

  FaultyFiles faulty_;
  FakeClock clock_;
  path base_{directory_ / "base"};
  std::optional<Catalog> catalog_;
};

TEST_F(RetentionTest, KeepsTheNewestOfSoMany) {
  const auto files = add_ten();
  EXPECT_EQ(keep({.max_segments = 4}), 6);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(std::filesystem::exists(files[static_cast<std::size_t>(i)]), i >= 6) << i;
  }
  EXPECT_EQ(catalog_->totals()->segments, 4);
  EXPECT_EQ(keep({.max_segments = 4}), 0);
}

TEST_F(RetentionTest, KeepsSoManyBytes) {
  const auto files = add_ten();
  EXPECT_EQ(keep({.max_total_bytes = 3 * kBytes}), 7);
  EXPECT_EQ(there(files), 3);
}

TEST_F(RetentionTest, KeepsWhatIsYoungEnough) {
  const auto files = add_ten();
  EXPECT_EQ(keep({.max_age = std::chrono::milliseconds(95'500)}), 5);
  EXPECT_EQ(there(files), 5);
}

TEST_F(RetentionTest, OfManyTakesOnlySomeAtATime) {
  for (int i = 0; i < 40; ++i) add(fmt::format("s_{:04}.h5", i), 100 - i);
  Retention retention(faulty_, {.max_segments = 1}, clock_);
  const auto deleted = retention.keep_bounds(*catalog_, {base_});
  ASSERT_TRUE(deleted);
  EXPECT_EQ(deleted->segments.size(), 16U);
  EXPECT_EQ(deleted->why, "max_segments");
  EXPECT_EQ(keep({.max_segments = 1}), 23);
}

TEST_F(RetentionTest, RemovesCompanionsAndEmptyDirectoriesButNothingElse) {
  const path raw = add("2025/a/s.raw", 50);
  const path kept = add("2025/b/s.h5", 10);
  const path foreign = base_ / "2025" / "c" / "notes.txt";
  std::filesystem::create_directories(foreign.parent_path());
  std::ofstream(foreign) << "precious";
  EXPECT_EQ(keep({.max_segments = 1}), 1);
  EXPECT_FALSE(std::filesystem::exists(raw.parent_path()));
  EXPECT_TRUE(std::filesystem::exists(kept));
  EXPECT_EQ(keep({.max_total_bytes = 1}), 1);
  EXPECT_TRUE(std::filesystem::exists(foreign));
  EXPECT_TRUE(std::filesystem::exists(base_));
}

TEST_F(RetentionTest, NeverTakesWhatThePinsHoldOrTheCatalogDoesNotKnow) {
  const auto files = add_ten();
  ASSERT_TRUE(catalog_->set_pinned(files[0], true));
  ASSERT_TRUE(catalog_->set_pinned(files[3], true));
  const path unknown = add("unknown.h5", 1000, false);
  EXPECT_EQ(keep({.max_total_bytes = 1}), 8);
  EXPECT_TRUE(std::filesystem::exists(files[0]));
  EXPECT_TRUE(std::filesystem::exists(files[3]));
  EXPECT_TRUE(std::filesystem::exists(unknown));
}

TEST_F(RetentionTest, TakesOnlyWhatIsAcknowledgedWhereThatIsRequired) {
  const auto files = add_ten();
  ASSERT_TRUE(catalog_->set_acknowledged(files[2]));
  EXPECT_EQ(keep({.max_total_bytes = 1, .require_ack = true}), 1);
  EXPECT_FALSE(std::filesystem::exists(files[2]));
  EXPECT_EQ(there(files), 9);
}

TEST_F(RetentionTest, LeavesAloneWhatLiesElsewhereAndDoesNotCountIt) {
  const auto files = add_ten();
  Retention retention(faulty_, {.max_segments = 4}, clock_);
  const auto deleted = retention.keep_bounds(*catalog_, {directory_ / "other"});
  ASSERT_TRUE(deleted);
  EXPECT_TRUE(deleted->segments.empty());
  EXPECT_EQ(there(files), 10);
  // Six of ten are elsewhere: the four here are what may be kept.
  std::filesystem::create_directories(base_ / "2026/day1/.framelog");
  const auto here = retention.keep_bounds(*catalog_, {base_ / "2026/day1"});
  ASSERT_TRUE(here);
  EXPECT_EQ(here->segments.size(), 1U);
}

TEST_F(RetentionTest, ForgetsWhatSomebodyElseHasDeletedButNotWhatIsOnADiskThatHasGone) {
  const auto files = add_ten();
  std::filesystem::remove(files[0]);
  std::filesystem::rename(base_, directory_ / "away");
  Retention retention(faulty_, {.max_segments = 4}, clock_);
  EXPECT_FALSE(retention.keep_bounds(*catalog_, {base_}));
  EXPECT_EQ(catalog_->totals()->segments, 10);
  std::filesystem::rename(directory_ / "away", base_);
  EXPECT_EQ(keep({.max_segments = 4}), 5);
  EXPECT_EQ(catalog_->totals()->segments, 4);
}

TEST_F(RetentionTest, AClockThatJumpsMakesNothingOld) {
  const auto files = add_ten();
  Retention retention(faulty_, {.max_age = std::chrono::hours(24)}, clock_);
  clock_.set_utc(clock_.utc_ns() + 10 * 365 * 86400 * kSecond);
  clock_.set_synchronised(false);
  EXPECT_TRUE(retention.keep_bounds(*catalog_, {base_})->segments.empty());
  EXPECT_EQ(there(files), 10);
  clock_.set_synchronised(true);
  EXPECT_EQ(retention.keep_bounds(*catalog_, {base_})->segments.size(), 10U);
}

TEST_F(RetentionTest, WaitsForTheRoomThatItHasMadeBeforeItDeletesMore) {
  const auto files = add_ten();
  faulty_.set_free_bytes(0);  // However much is deleted: somebody reads it.
  Retention retention(faulty_, {.delete_oldest = true}, clock_);
  EXPECT_EQ(retention.make_room(*catalog_, {base_}, 2 * kBytes)->segments.size(), 2U);
  EXPECT_TRUE(retention.awaits_room());
  EXPECT_TRUE(retention.make_room(*catalog_, {base_}, 2 * kBytes)->segments.empty());
  EXPECT_EQ(retention.make_room(*catalog_, {base_}, 3 * kBytes)->segments.size(), 1U);
  clock_.move(6 * kSecond);
  EXPECT_FALSE(retention.awaits_room());
  EXPECT_EQ(retention.make_room(*catalog_, {base_}, kBytes)->segments.size(), 1U);
  EXPECT_EQ(there(files), 6);
}

TEST_F(RetentionTest, AFileThatCannotBeDeletedStaysKnown) {
  const auto files = add_ten();
  faulty_.add({.call = Call::kRemove, .count = kForEver, .system_errno = EROFS, .path = "s_0001"});
  Retention retention(faulty_, {.max_segments = 1}, clock_);
  const auto deleted = retention.keep_bounds(*catalog_, {base_});
  ASSERT_TRUE(deleted) << "it does not keep the others";
  EXPECT_EQ(deleted->segments.size(), 9U);
  EXPECT_TRUE(catalog_->find(files[1])->has_value());
  EXPECT_EQ(there(files), 1);
  const auto again = Retention(faulty_, {.max_age = std::chrono::seconds(1)}, clock_)
                         .keep_bounds(*catalog_, {base_});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().system_errno, EROFS);
}

}  // namespace
}  // namespace framelog
