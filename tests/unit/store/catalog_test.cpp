#include "store/catalog.hpp"

#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/wait.h>

#include <algorithm>
#include <numeric>

#include "catalog_fixture.hpp"
#include "store/catalog_rebuild.hpp"
#include "tests/fakes/faulty_files.hpp"

namespace framelog {
namespace {

TEST_F(CatalogTest, GivesBackWhatItWasGiven) {
  auto catalog = open();
  EXPECT_TRUE(catalog.is_new());
  CatalogEntry one = entry(3);
  one.sha256 = std::string(64, 'a');
  ASSERT_TRUE(catalog.add(one));
  EXPECT_EQ(catalog.find(one.path).value(), one);
  EXPECT_EQ(catalog.find(fs::path("/data/none")).value(), std::nullopt);
  EXPECT_EQ(catalog.totals().value().segments, 1);
  EXPECT_EQ(catalog.totals().value().bytes, one.bytes);
}

TEST_F(CatalogTest, IsThereAgainAfterClosing) {
  {
    auto catalog = open();
    ASSERT_TRUE(catalog.add(entries(100)));
  }
  auto catalog = open();
  EXPECT_FALSE(catalog.is_new());
  EXPECT_EQ(catalog.totals().value().segments, 100);
  auto reader = open(Catalog::Mode::kRead);
  EXPECT_EQ(reader.find(CatalogQuery{}).value(), entries(100));
}

TEST_F(CatalogTest, ReadingWhereThereIsNoneMakesNone) {
  const auto catalog = Catalog::open(files_, file(), Catalog::Mode::kRead);
  ASSERT_FALSE(catalog);
  EXPECT_EQ(catalog.error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(fs::exists(file()));
}

TEST_F(CatalogTest, FindsByEachPartOfAQueryAndByAllTogether) {
  auto catalog = open();
  ASSERT_TRUE(catalog.add(entries(100)));
  EXPECT_EQ(numbers(catalog.find(CatalogQuery{})), range(0, 100));
  CatalogQuery query;
  query.since_utc_ns = 40 * 60 * kSecond - kSecond;  // Number 39 ends exactly then.
  EXPECT_EQ(numbers(catalog.find(query)), range(39, 100));
  query.since_utc_ns = *query.since_utc_ns + 1;
  EXPECT_EQ(numbers(catalog.find(query)), range(40, 100));
  query.until_utc_ns = 60 * 60 * kSecond;
  EXPECT_EQ(numbers(catalog.find(query)), range(40, 60));
  query.run = "2";
  EXPECT_EQ(numbers(catalog.find(query)), range(50, 60));
  query.run = "0B7F2F3E";
  EXPECT_EQ(numbers(catalog.find(query)), range(40, 50));
  query.product = "whole";
  EXPECT_EQ(numbers(catalog.find(query)), (std::vector<std::int64_t>{40, 42, 44, 46, 48}));
  query.only_gaps = true;
  EXPECT_EQ(numbers(catalog.find(query)), (std::vector<std::int64_t>{40}));
  CatalogQuery first;
  first.limit = 3;
  EXPECT_EQ(numbers(catalog.find(first)), range(0, 3));
  first.product = "it's";
  EXPECT_EQ(numbers(catalog.find(first)), range(0, 0));
}

TEST_F(CatalogTest, ALongSegmentThatIsStillUnderWayAtTheInstantIsFound) {
  auto catalog = open();
  CatalogEntry night = entry(0);
  night.last_utc_ns = night.first_utc_ns + 8 * 3600 * kSecond;
  ASSERT_TRUE(catalog.add(entry(1)));
  ASSERT_TRUE(catalog.add(night));
  CatalogQuery query;
  query.since_utc_ns = 7 * 3600 * kSecond;
  EXPECT_EQ(numbers(catalog.find(query)), range(0, 1));
}

TEST_F(CatalogTest, TheOldestAreThoseThatMayBeTaken) {
  auto catalog = open();
  ASSERT_TRUE(catalog.add(entries(10)));
  ASSERT_TRUE(catalog.set_pinned(entry(0).path, true));
  ASSERT_TRUE(catalog.set_acknowledged(entry(0).path));
  ASSERT_TRUE(catalog.set_acknowledged(entry(4).path));
  EXPECT_EQ(numbers(catalog.oldest(false, 2)), (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(numbers(catalog.oldest(true, 5)), (std::vector<std::int64_t>{4}));
  ASSERT_TRUE(catalog.set_pinned(entry(0).path, false));
  EXPECT_EQ(numbers(catalog.oldest(false, 1)), (std::vector<std::int64_t>{0}));
  EXPECT_EQ(numbers(catalog.oldest(true, 5)), (std::vector<std::int64_t>{0, 4}));
}

TEST_F(CatalogTest, TheSumsFollowEveryChange) {
  auto catalog = open();
  ASSERT_TRUE(catalog.add(entries(10)));
  CatalogEntry grown = entry(9);
  grown.bytes = 5000;
  ASSERT_TRUE(catalog.add(grown));
  ASSERT_TRUE(catalog.remove(entry(0).path));
  ASSERT_TRUE(catalog.remove("/data/none"));
  std::int64_t bytes = 0;
  const auto all = catalog.find(CatalogQuery{}).value();
  for (const auto& one : all) bytes += one.bytes;
  EXPECT_EQ(catalog.totals().value().segments, 9);
  EXPECT_EQ(catalog.totals().value().bytes, bytes);
}

TEST_F(CatalogTest, AddingAgainKeepsThePinAndTheDigestOfAnUnchangedFile) {
  auto catalog = open();
  CatalogEntry one = entry(1);
  one.sha256 = "abc";
  ASSERT_TRUE(catalog.add(one));
  ASSERT_TRUE(catalog.set_pinned(one.path, true));
  ASSERT_TRUE(catalog.add(entry(1)));
  EXPECT_TRUE(catalog.find(one.path).value()->pinned);
  EXPECT_EQ(catalog.find(one.path).value()->sha256, "abc");
  CatalogEntry changed = entry(1);
  changed.bytes += 1;
  ASSERT_TRUE(catalog.add(changed));
  EXPECT_EQ(catalog.find(one.path).value()->sha256, "");
}

TEST_F(CatalogTest, DigestsAreWantedOfTheNewestFirst) {
  auto catalog = open();
  ASSERT_TRUE(catalog.add(entries(3)));
  ASSERT_TRUE(catalog.set_digest(entry(2).path, "abc"));
  ASSERT_TRUE(catalog.set_digest("/data/none", "abc"));
  EXPECT_EQ(numbers(catalog.undigested(5)), (std::vector<std::int64_t>{1, 0}));
  EXPECT_EQ(catalog.find(entry(2).path).value()->sha256, "abc");
}

TEST_F(CatalogTest, KnowsTheMasterFileOfARun) {
  auto catalog = open();
  EXPECT_EQ(catalog.master_of("run", "whole").value(), std::nullopt);
  ASSERT_TRUE(catalog.set_master("run", "whole", "/data/a_master.h5"));
  ASSERT_TRUE(catalog.set_master("run", "whole", "/data/b_master.h5"));
  EXPECT_EQ(catalog.master_of("run", "whole").value(), fs::path("/data/b_master.h5"));
  EXPECT_EQ(catalog.master_of("run", "small").value(), std::nullopt);
}

TEST_F(CatalogTest, MarksOfUnknownPathsAreRefused) {
  auto catalog = open();
  const auto pinned = catalog.set_pinned("/data/none", true);
  ASSERT_FALSE(pinned);
  EXPECT_EQ(pinned.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(catalog.set_acknowledged("/data/none").error().code, ErrorCode::kNotFound);
}

TEST_F(CatalogTest, ALostCatalogKnowsPinsAndAcknowledgementsAgain) {
  {
    auto catalog = open();
    ASSERT_TRUE(catalog.add(entries(10)));
    ASSERT_TRUE(catalog.set_pinned(entry(1).path, true));
    ASSERT_TRUE(catalog.set_pinned(entry(2).path, true));
    ASSERT_TRUE(catalog.set_pinned(entry(2).path, false));
    ASSERT_TRUE(catalog.set_acknowledged(entry(3).path));
  }
  // A kill tears the last line.
  std::ofstream(directory_ / "state" / "catalog.marks", std::ios::app) << "{\"path\": \"/da";
  fs::remove(file());
  auto catalog = open();
  EXPECT_TRUE(catalog.is_new());
  ASSERT_TRUE(catalog.add(entries(10)));
  for (std::int64_t i = 0; i < 10; ++i) {
    EXPECT_EQ(catalog.find(entry(i).path).value()->pinned, i == 1) << i;
    EXPECT_EQ(catalog.find(entry(i).path).value()->acknowledged, i == 3) << i;
  }
  // The line behind a torn one is whole.
  ASSERT_TRUE(catalog.set_pinned(entry(5).path, true));
  catalog = open();
  fs::remove(file());
  ASSERT_TRUE(catalog.renew().value());
  ASSERT_TRUE(catalog.add(entries(10)));
  EXPECT_TRUE(catalog.find(entry(5).path).value()->pinned);
}

TEST_F(CatalogTest, WhatIsForgottenComesBackPinnedAndWhatIsRemovedDoesNot) {
  auto catalog = open();
  ASSERT_TRUE(catalog.add(entries(2)));
  for (std::int64_t i = 0; i < 2; ++i) ASSERT_TRUE(catalog.set_pinned(entry(i).path, true));
  ASSERT_TRUE(catalog.forget(entry(0).path));
  ASSERT_TRUE(catalog.remove(entry(1).path));
  EXPECT_EQ(catalog.totals().value().segments, 0);
  ASSERT_TRUE(catalog.add(entries(2)));
  EXPECT_TRUE(catalog.find(entry(0).path).value()->pinned);
  EXPECT_FALSE(catalog.find(entry(1).path).value()->pinned);
}

TEST_F(CatalogTest, WhatGetsTheNameOfAMarkedSegmentIsNotMarked) {
  auto catalog = open();
  CatalogEntry other = entry(0);
  other.run_uuid = "2d7f2f3e-6a4e-4e0a-9d2b-0c1f6c7d8e9f";
  CatalogEntry with_digest = entry(0);
  with_digest.sha256 = "abc";
  ASSERT_TRUE(catalog.add(with_digest));
  ASSERT_TRUE(catalog.set_pinned(entry(0).path, true));
  ASSERT_TRUE(catalog.set_acknowledged(entry(0).path));
  ASSERT_TRUE(catalog.add(other));  // Over the entry,
  EXPECT_EQ(catalog.find(other.path).value(), other);
  ASSERT_TRUE(catalog.forget(other.path));
  ASSERT_TRUE(catalog.add(other));  // behind it,
  EXPECT_EQ(catalog.find(other.path).value(), other);
  catalog = open();
  fs::remove(file());
  ASSERT_TRUE(catalog.renew().value());
  ASSERT_TRUE(catalog.add(other));  // and in a catalog that has only the log.
  EXPECT_EQ(catalog.find(other.path).value(), other);
  ASSERT_TRUE(catalog.set_acknowledged(other.path));
  EXPECT_FALSE(catalog.find(other.path).value()->pinned);
  fs::remove(file());
  ASSERT_TRUE(catalog.renew().value());
  ASSERT_TRUE(catalog.add(other));
  EXPECT_FALSE(catalog.find(other.path).value()->pinned);
  EXPECT_TRUE(catalog.find(other.path).value()->acknowledged);
}

TEST_F(CatalogTest, TheMarksOfADeletedSegmentEndInTheLogToo) {
  auto catalog = open();
  ASSERT_TRUE(catalog.add(entries(2)));
  for (std::int64_t i = 0; i < 2; ++i) ASSERT_TRUE(catalog.set_acknowledged(entry(i).path));
  ASSERT_TRUE(catalog.remove(entry(0).path));
  fs::remove(file());
  ASSERT_TRUE(catalog.renew().value());
  ASSERT_TRUE(catalog.add(entries(2)));
  EXPECT_FALSE(catalog.find(entry(0).path).value()->acknowledged);
  EXPECT_TRUE(catalog.find(entry(1).path).value()->acknowledged);
}

TEST_F(CatalogTest, AMarkThatAPowerCutTookFromTheDataBaseIsInTheLog) {
  const fs::path before = directory_ / "before.sqlite";
  {
    auto catalog = open();
    ASSERT_TRUE(catalog.add(entries(3)));
    ASSERT_TRUE(catalog.set_pinned(entry(2).path, true));
  }
  fs::copy_file(file(), before);
  {
    auto catalog = open();
    ASSERT_TRUE(catalog.set_pinned(entry(0).path, true));
    ASSERT_TRUE(catalog.set_acknowledged(entry(1).path));
    ASSERT_TRUE(catalog.set_pinned(entry(2).path, false));
  }
  fs::copy_file(before, file(), fs::copy_options::overwrite_existing);
  auto catalog = open();
  EXPECT_FALSE(catalog.is_new());
  EXPECT_TRUE(catalog.find(entry(0).path).value()->pinned);
  EXPECT_TRUE(catalog.find(entry(1).path).value()->acknowledged);
  EXPECT_FALSE(catalog.find(entry(2).path).value()->pinned);
  EXPECT_EQ(catalog.totals().value().pinned_segments, 1);
  EXPECT_EQ(catalog.totals().value().pinned_bytes, entry(0).bytes);
}

TEST_F(CatalogTest, AClockThatWasWrongChangesNothingOfTheOrder) {
  auto catalog = open();
  std::vector<CatalogEntry> all;
  const auto add = [&](const char* run, std::int64_t number, std::int64_t utc_s, bool wrong) {
    CatalogEntry one = entry(static_cast<std::int64_t>(all.size()));
    one.run_uuid = run;
    one.run_number = number;
    one.first_utc_ns = one.last_utc_ns = utc_s * kSecond;
    one.clock_unsynchronised = wrong;
    all.push_back(one);
  };
  add("f", 8, 1000, false);
  add("e", 9, 0, true);      // It booted in 1970,
  add("e", 9, 2000, false);  // and found NTP.
  add("d", 10, 0, true);     // Then it never did,
  add("c", 11, 9000, true);  // then it was in 2080.
  add("b", 12, 3000, false);
  add("a", 1, 4000, false);  // On another disk.
  ASSERT_TRUE(catalog.add(std::vector<CatalogEntry>(all.rbegin(), all.rend())));
  EXPECT_EQ(numbers(catalog.oldest(false, 10)), range(0, 7));
  EXPECT_EQ(numbers(catalog.oldest(false, 4)), range(0, 4));
  EXPECT_EQ(catalog.newest().value(), all.back());
  EXPECT_EQ(numbers(catalog.older_than(10'000 * kSecond, false, 10)),
            (std::vector<std::int64_t>{0, 2, 5, 6}));
  ASSERT_TRUE(catalog.remove(all.back().path));
  EXPECT_EQ(catalog.newest().value(), all[5]);
}

TEST_F(CatalogTest, ALargeLogOfMarksIsWrittenAnew) {
  auto catalog = open();
  ASSERT_TRUE(catalog.add(entries(3)));
  ASSERT_TRUE(catalog.set_pinned(entry(0).path, true));
  ASSERT_TRUE(catalog.set_acknowledged(entry(1).path));
  const fs::path log = directory_ / "state" / "catalog.marks";
  std::ofstream(log, std::ios::app) << std::string(2 << 20, '\n');
  ASSERT_TRUE(catalog.tidy_marks());
  EXPECT_LT(fs::file_size(log), 1000U);
  fs::remove(file());
  ASSERT_TRUE(catalog.renew().value());
  ASSERT_TRUE(catalog.add(entries(3)));
  EXPECT_TRUE(catalog.find(entry(0).path).value()->pinned);
  EXPECT_TRUE(catalog.find(entry(1).path).value()->acknowledged);
  EXPECT_FALSE(catalog.find(entry(2).path).value()->acknowledged);
}

TEST_F(CatalogTest, WhatIsNoCatalogIsMovedAsideAndKept) {
  fs::create_directories(file().parent_path());
  const std::string foreign = "somebody's notes, which are no data base at all";
  overwrite(file(), foreign);
  const auto reader = Catalog::open(files_, file(), Catalog::Mode::kRead);
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().code, ErrorCode::kCorrupt);
  auto catalog = open();
  EXPECT_TRUE(catalog.is_new());
  EXPECT_TRUE(catalog.was_moved_aside());
  ASSERT_TRUE(catalog.add(entry(1)));
  ASSERT_EQ(aside().size(), 1U);
  EXPECT_EQ(read_text(files_, file().parent_path() / aside().front()).value(), foreign);
}

TEST_F(CatalogTest, OneThatAProcessLeftBeforeItMadeTheTablesIsFilled) {
  fs::create_directories(file().parent_path());
  overwrite(file(), "");
  auto catalog = open();
  EXPECT_TRUE(catalog.is_new());
  EXPECT_FALSE(catalog.was_moved_aside());
  EXPECT_TRUE(aside().empty());
  ASSERT_TRUE(catalog.add(entry(1)));
  EXPECT_FALSE(open(Catalog::Mode::kRead).is_new());
}

TEST_F(CatalogTest, AnotherProgramsDataBaseAndAnotherVersionAreMovedAside) {
  for (const char* statement : {"CREATE TABLE notes (text)", "PRAGMA user_version = 99"}) {
    fs::remove_all(file().parent_path());
    fs::create_directories(file().parent_path());
    sqlite3* other = nullptr;
    ASSERT_EQ(sqlite3_open(file().c_str(), &other), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(other, statement, nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(other);
    auto catalog = open();
    EXPECT_TRUE(catalog.is_new()) << statement;
    EXPECT_EQ(aside().size(), 1U) << statement;
  }
}

TEST_F(CatalogTest, NoticesThatItsFileIsGone) {
  auto catalog = open();
  ASSERT_TRUE(catalog.add(entries(10)));
  EXPECT_FALSE(catalog.renew().value());
  fs::remove(file());
  EXPECT_TRUE(catalog.renew().value());
  EXPECT_TRUE(catalog.is_new());
  EXPECT_EQ(catalog.totals().value().segments, 0);
  ASSERT_TRUE(catalog.add(entry(1)));
  EXPECT_EQ(open(Catalog::Mode::kRead).totals().value().segments, 1);
  EXPECT_FALSE(catalog.renew().value());
}

TEST_F(CatalogTest, NoticesThatItsFileWasWrittenOver) {
  auto catalog = open();
  ASSERT_TRUE(catalog.add(entries(10)));
  overwrite(file(), std::string(20'000, 'x'));
  EXPECT_TRUE(catalog.renew().value());
  // What was in the log of SQLite may have come back; the rest is for filling.
  ASSERT_TRUE(catalog.add(entries(10)));
  EXPECT_EQ(numbers(catalog.find(CatalogQuery{})), range(0, 10));
  EXPECT_FALSE(catalog.renew().value());
}

TEST_F(CatalogTest, NoticesDamageInTheMiddleWhenItMeetsIt) {
  {
    auto catalog = open();
    ASSERT_TRUE(catalog.add(entries(2000)));
  }
  const auto size = fs::file_size(file());
  {
    std::fstream stream(file(), std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(8192);
    stream << std::string(size - 8192, 'x');
  }
  auto catalog = Catalog::open(files_, file(), Catalog::Mode::kWrite);
  ASSERT_TRUE(catalog) << describe(catalog.error());
  if (!catalog->is_new()) {
    const auto found = catalog->find(CatalogQuery{});
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, ErrorCode::kCorrupt) << describe(found.error());
    EXPECT_TRUE(catalog->renew().value());
  }
  ASSERT_TRUE(catalog->add(entry(1)));
  EXPECT_EQ(numbers(catalog->find(CatalogQuery{})), range(1, 2));
  EXPECT_EQ(aside().size(), 1U);
}

TEST_F(CatalogTest, ManyProcessesMayWriteAtOnce) {
  auto catalog = open();
  std::vector<pid_t> children;
  for (int child = 0; child < 3; ++child) {
    children.push_back(::fork());
    if (children.back() != 0) continue;
    auto own = Catalog::open(files_, file(), Catalog::Mode::kWrite);
    bool good = own.has_value();
    for (int i = 0; good && i < 50; ++i) {
      CatalogEntry one = entry(child * 50 + i);
      good = own->add(one) && own->set_acknowledged(one.path);
    }
    ::_exit(good ? 0 : 1);
  }
  for (const pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(catalog.totals().value().segments, 150);
  EXPECT_EQ(catalog.oldest(true, 1000).value().size(), 150U);
}

}  // namespace
}  // namespace framelog
