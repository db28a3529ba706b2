#include "store/retention.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "segment_fixture.hpp"
#include "tests/fakes/fake_clock.hpp"
#include "tests/fakes/faulty_files.hpp"

namespace framelog {
namespace {

using std::filesystem::path;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kBytes = 4096;

/// Small segments, each behind the one before, and a catalog that knows them.
class RetentionTest : public SegmentTest {
 protected:
  RetentionTest() {
    std::filesystem::create_directories(base_ / ".framelog");
    auto catalog = Catalog::open(faulty_, directory_ / "catalog.sqlite", Catalog::Mode::kWrite);
    EXPECT_TRUE(catalog);
    if (catalog) catalog_.emplace(std::move(*catalog));
  }

  path segment(const path& file, std::int64_t number) {
    std::filesystem::create_directories(file.parent_path());
    auto recording = start(file.extension() == ".raw" ? "raw" : "hdf5",
                           path(file).replace_extension().lexically_relative(directory_),
                           static_cast<std::uint64_t>(number) * 10, number);
    record(recording, 1);
    return finish(recording);
  }
  /// Changes what the catalog knows.
  void change(const path& file, const std::function<void(CatalogEntry&)>& how) {
    CatalogEntry entry = catalog_->find(file).value().value();
    how(entry);
    ASSERT_TRUE(catalog_->add(entry));
  }
  /// Its last frame was `age_s` ago.
  path add(const std::string& name, std::int64_t age_s, bool in_catalog = true) {
    const path file = segment(base_ / name, ++segments_);
    CatalogEntry entry = catalog_entry(faulty_, file).value();
    entry.first_utc_ns = entry.last_utc_ns = clock_.utc_ns() - age_s * kSecond;
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

  std::int64_t segments_{};
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
  EXPECT_TRUE(std::filesystem::exists(foreign));
  EXPECT_TRUE(std::filesystem::exists(base_));
}

TEST_F(RetentionTest, NeverTakesWhatThePinsHoldOrTheCatalogDoesNotKnow) {
  const auto files = add_ten();
  ASSERT_TRUE(catalog_->set_pinned(files[0], true));
  ASSERT_TRUE(catalog_->set_pinned(files[3], true));
  const path unknown = add("unknown.h5", 1000, false);
  EXPECT_EQ(keep({.max_total_bytes = 1}), 7);
  EXPECT_EQ(there(files), 3) << "and the newest";
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
  // Five of ten are elsewhere: of the others four may be kept.
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
  EXPECT_EQ(there(files), 7);
  // It does not come: nothing more for twice as long, and then only one to see.
  for (std::int64_t wait_s = 10, left = 7; wait_s <= 20; wait_s *= 2, --left) {
    clock_.move(6 * kSecond);
    EXPECT_TRUE(retention.make_room(*catalog_, {base_}, 4 * kBytes)->segments.empty());
    EXPECT_TRUE(retention.awaits_room());
    clock_.move((wait_s - 7) * kSecond);
    EXPECT_TRUE(retention.make_room(*catalog_, {base_}, 4 * kBytes)->segments.empty());
    retention.room_is_there();  // On another disk.
    EXPECT_EQ(there(files), left);
    clock_.move(kSecond);
    EXPECT_FALSE(retention.awaits_room());
    EXPECT_EQ(retention.make_room(*catalog_, {base_}, 4 * kBytes)->segments.size(), 1U);
  }
  EXPECT_EQ(there(files), 5);
  faulty_.set_free_bytes(kBytes);  // What was deleted last is free after all.
  clock_.move(6 * kSecond);
  EXPECT_EQ(retention.make_room(*catalog_, {base_}, 2 * kBytes)->segments.size(), 2U);
}

TEST_F(RetentionTest, RoomThatHasComeIsNoReasonToWait) {
  const auto files = add_ten();
  faulty_.set_free_bytes(0);
  Retention retention(faulty_, {.delete_oldest = true}, clock_);
  EXPECT_EQ(retention.make_room(*catalog_, {base_}, 2 * kBytes)->segments.size(), 2U);
  faulty_.set_free_bytes(2 * kBytes);
  retention.room_is_there();
  faulty_.set_free_bytes(0);  // It has been recorded into.
  EXPECT_EQ(retention.make_room(*catalog_, {base_}, 2 * kBytes)->segments.size(), 2U);
}

TEST_F(RetentionTest, WhatHasAnotherNameMakesNoRoom) {
  const auto files = add_ten();
  std::filesystem::create_hard_link(files[0], directory_ / "copy.h5");
  Retention retention(faulty_, {.delete_oldest = true}, clock_);
  EXPECT_EQ(retention.make_room(*catalog_, {base_}, 1)->segments.size(), 1U);
  EXPECT_TRUE(std::filesystem::exists(files[0]));
  EXPECT_FALSE(std::filesystem::exists(files[1]));
  EXPECT_EQ(keep({.max_segments = 8}), 1) << "but it has a number";
  EXPECT_FALSE(std::filesystem::exists(files[0]));
}

TEST_F(RetentionTest, NeverFollowsALinkOutOfTheBase) {
  const auto files = add_ten();
  const path archive = directory_ / "archive";
  std::filesystem::rename(base_ / "2026/day0", archive);
  std::filesystem::create_directory_symlink(archive, base_ / "2026/day0");
  EXPECT_EQ(keep({.max_segments = 3}), 2) << "what is in the archive is not counted";
  EXPECT_EQ(keep({.max_age = std::chrono::seconds(1)}), 3);
  EXPECT_EQ(there(files), 5);
  Retention retention(faulty_, {.delete_oldest = true}, clock_);
  EXPECT_TRUE(retention.make_room(*catalog_, {base_}, kBytes)->segments.empty());
  EXPECT_EQ(there(files), 5);
  // The base itself may be one.
  std::filesystem::create_directory_symlink(base_, directory_ / "link");
  const path file = add("more.h5", 5, false);
  CatalogEntry entry = catalog_entry(faulty_, directory_ / "link" / "more.h5").value();
  entry.last_utc_ns = clock_.utc_ns() - 5 * kSecond;
  ASSERT_TRUE(catalog_->add(entry));
  Retention through(faulty_, {.max_age = std::chrono::seconds(1)}, clock_);
  EXPECT_EQ(through.keep_bounds(*catalog_, {directory_ / "link"})->segments.size(), 1U);
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST_F(RetentionTest, AFileThatIsNotTheOneOfItsEntryIsNotDeleted) {
  const auto files = add_ten();
  change(files[0], [](CatalogEntry& entry) { entry.run_uuid = "another run"; });
  change(files[1], [](CatalogEntry& entry) { entry.segment_number += 100; });
  std::ofstream(files[2], std::ios::trunc) << "somebody's notes";
  EXPECT_EQ(keep({.max_age = std::chrono::seconds(1)}), 7);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(std::filesystem::exists(files[i])) << i;
  EXPECT_EQ(*catalog_->find(files[0]), std::nullopt);
  EXPECT_EQ((*catalog_->find(files[1]))->segment_number, 2) << "it is ours, and made anew";
  EXPECT_EQ(*catalog_->find(files[2]), std::nullopt);
}

TEST_F(RetentionTest, WhatLiesBesideAFileThatHasGoneStays) {
  const path raw = add("s.raw", 50);
  std::filesystem::remove(raw);
  EXPECT_EQ(keep({.max_age = std::chrono::seconds(1)}), 0);
  EXPECT_EQ(*catalog_->find(raw), std::nullopt);
  EXPECT_TRUE(std::filesystem::exists(base_ / "s.json"));
  EXPECT_TRUE(std::filesystem::exists(base_ / "s.frames"));
}

TEST_F(RetentionTest, WrongClocksMakeNothingOldOrTheFirstToGo) {
  const auto files = add_ten();
  const auto stamp = [&](std::size_t i, std::int64_t utc_ns) {
    change(files[i], [&](CatalogEntry& entry) {
      entry.first_utc_ns = entry.last_utc_ns = utc_ns;
      entry.clock_unsynchronised = true;
    });
  };
  stamp(1, clock_.utc_ns() + 60 * 365 * 86400 * kSecond);
  stamp(8, 0);
  Retention suspended(faulty_, {.max_age = std::chrono::seconds(1)}, clock_);
  clock_.set_synchronised(false);
  testing::internal::CaptureStderr();
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(suspended.keep_bounds(*catalog_, {base_})->segments.empty());
  }
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::ranges::count(said, '\n'), 1) << said;
  EXPECT_TRUE(said.contains("max_age")) << said;
  EXPECT_EQ(keep({.max_segments = 7}), 3);
  EXPECT_FALSE(std::filesystem::exists(files[1]));
  EXPECT_TRUE(std::filesystem::exists(files[8]));
  clock_.set_synchronised(true);
  EXPECT_EQ(keep({.max_age = std::chrono::seconds(1)}), 6);
  EXPECT_TRUE(std::filesystem::exists(files[8]));
}

TEST_F(RetentionTest, WhatIsPinnedOrGoneLeavesItsPlaceToOthers) {
  const auto files = add_ten();
  for (std::size_t i = 0; i < 3; ++i) ASSERT_TRUE(catalog_->set_pinned(files[i], true));
  std::filesystem::remove(files[9]);
  std::filesystem::remove(files[7]);
  EXPECT_EQ(keep({.max_total_bytes = 4 * kBytes}), 1);
  EXPECT_FALSE(std::filesystem::exists(files[3]));
  EXPECT_EQ(there(files), 7);
  EXPECT_EQ(keep({.max_total_bytes = 1}), 3);
  EXPECT_TRUE(std::filesystem::exists(files[8])) << "the newest";
}

TEST_F(RetentionTest, AFileThatCannotBeDeletedStaysKnown) {
  const auto files = add_ten();
  faulty_.add({.call = Call::kRemove, .count = kForEver, .system_errno = EROFS, .path = "s_0001"});
  Retention retention(faulty_, {.max_segments = 1}, clock_);
  const auto deleted = retention.keep_bounds(*catalog_, {base_});
  ASSERT_TRUE(deleted) << "it does not keep the others";
  EXPECT_EQ(deleted->segments.size(), 8U) << "and the newest stays";
  EXPECT_TRUE(catalog_->find(files[1])->has_value());
  EXPECT_EQ(there(files), 2);
  Retention by_age(faulty_, {.max_age = std::chrono::seconds(1)}, clock_);
  EXPECT_EQ(by_age.keep_bounds(*catalog_, {base_})->segments.size(), 1U);
  const auto again = by_age.keep_bounds(*catalog_, {base_});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().system_errno, EROFS);
}

}  // namespace
}  // namespace framelog
