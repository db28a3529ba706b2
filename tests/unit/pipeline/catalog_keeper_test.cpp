#include "pipeline/catalog_keeper.hpp"

#include <chrono>
#include <thread>

#include "formats/hdf5_master.hpp"
#include "store/checksum_list.hpp"
#include "tests/unit/store/segment_fixture.hpp"

namespace framelog {
namespace {

namespace fs = std::filesystem;

class CatalogKeeperTest : public SegmentTest {
 protected:
  [[nodiscard]] CatalogSettings settings(bool digests = false) const {
    return {"bench", directory_ / ".framelog" / "bench" / "catalog.sqlite", {directory_}, digests};
  }
  fs::path segment(const std::string& name, std::uint64_t first, std::int64_t number) {
    auto recording = start("hdf5", name, first, number);
    record(recording, 10);
    return finish(recording);
  }
  static void work(CatalogKeeper& keeper) {
    while (keeper.step()) {
    }
  }
  void make_workshop() { fs::create_directories(directory_ / ".framelog" / "bench"); }
};

TEST_F(CatalogKeeperTest, MakesNothingWhereTheDiskIsAbsent) {
  CatalogKeeper keeper(files_, settings());
  keeper.add(segment("a", 0, 1));
  EXPECT_FALSE(keeper.step());
  EXPECT_EQ(keeper.complete(), nullptr);
  EXPECT_FALSE(fs::exists(directory_ / ".framelog"));
  EXPECT_FALSE(keeper.mark(directory_ / "a.h5", CatalogKeeper::Mark::kPin));
  // It comes.
  make_workshop();
  std::this_thread::sleep_until(keeper.next_look());
  work(keeper);
  ASSERT_NE(keeper.complete(), nullptr);
  EXPECT_EQ(keeper.complete()->totals().value().segments, 1);
}

TEST_F(CatalogKeeperTest, FillsWhatIsMissing) {
  make_workshop();
  segment("a", 0, 1);
  CatalogKeeper keeper(files_, settings());
  const auto late = segment("b", 10, 2);
  work(keeper);
  keeper.add(late);
  EXPECT_EQ(keeper.complete()->totals().value().segments, 2);
  EXPECT_EQ(keeper.trouble(), "");
}

TEST_F(CatalogKeeperTest, ADiskThatIsAwayIsNotForgottenAndLearnedWhenItComes) {
  const CatalogSettings own{
      "bench", directory_ / "state" / "catalog.sqlite", {directory_ / "mount"}, false};
  fs::create_directory(directory_ / "state");
  fs::create_directory(directory_ / "mount");
  const auto hidden = segment("a", 0, 1);
  const auto there = directory_ / "mount" / hidden.filename();
  {
    // An empty directory, where nothing is mounted yet.
    CatalogKeeper keeper(files_, own);
    keeper.let_go(directory_ / "mount/");
    work(keeper);
    ASSERT_NE(keeper.complete(), nullptr) << "what the other disks hold is known";
    fs::rename(hidden, there);
    keeper.found(directory_ / "mount");
    EXPECT_EQ(keeper.complete(), nullptr) << "which segment is the oldest is not known";
    work(keeper);
    ASSERT_NE(keeper.complete(), nullptr);
    EXPECT_TRUE(keeper.complete()->find(there).value());
    keeper.found(directory_ / "mount");
    EXPECT_NE(keeper.complete(), nullptr) << "nothing new";
  }
  // It is away at the next start.
  fs::rename(there, hidden);
  CatalogKeeper keeper(files_, own);
  EXPECT_FALSE(keeper.mark(directory_ / "none.h5", CatalogKeeper::Mark::kPin));  // Opens it.
  keeper.let_go(directory_ / "mount");
  work(keeper);
  ASSERT_NE(keeper.complete(), nullptr);
  EXPECT_TRUE(keeper.complete()->find(there).value());
}

TEST_F(CatalogKeeperTest, WhoHasTheCatalogKeepsIt) {
  make_workshop();
  segment("a", 0, 1);
  CatalogKeeper keeper(files_, settings());
  work(keeper);
  const auto catalog = keeper.complete();
  ASSERT_NE(catalog, nullptr);
  keeper.let_go(directory_);
  EXPECT_EQ(keeper.complete(), nullptr);
  EXPECT_EQ(catalog->totals().value().segments, 1);
}

TEST_F(CatalogKeeperTest, PinsWhatItHasNotComeTo) {
  make_workshop();
  const auto path = segment("a", 0, 1);
  CatalogKeeper keeper(files_, settings());
  const auto pinned = keeper.mark(path, CatalogKeeper::Mark::kPin);
  ASSERT_TRUE(pinned) << describe(pinned.error());
  EXPECT_EQ(*pinned, "pinned: " + path.string());
  work(keeper);
  EXPECT_TRUE(keeper.complete()->find(path).value()->pinned);
  EXPECT_EQ(keeper.mark(directory_ / "none.h5", CatalogKeeper::Mark::kPin).error().code,
            ErrorCode::kNotFound);
}

TEST_F(CatalogKeeperTest, ADeletedSegmentLeavesNoTrace) {
  make_workshop();
  CatalogKeeper keeper(files_, settings(true));
  keeper.begin();
  std::vector<fs::path> paths;
  for (std::int64_t i = 0; i < 3; ++i) {
    paths.push_back(
        segment("a_000" + std::to_string(i + 1), static_cast<std::uint64_t>(10 * i), i + 1));
    keeper.add(paths.back());
  }
  work(keeper);
  EXPECT_EQ(read_checksums(files_, directory_).value().size(), 3U);
  fs::remove(paths[0]);
  const CatalogEntry entry = keeper.complete()->find(paths[0]).value().value();
  ASSERT_TRUE(keeper.complete()->remove(paths[0]));  // As retention does.
  keeper.removed(entry);
  EXPECT_EQ(read_checksums(files_, directory_).value().size(), 2U);
  EXPECT_EQ(keeper.complete()->find(paths[1]).value()->sha256.size(), 64U);
  keeper.end();
  // Of a run that has ended the master file is there at once.
  EXPECT_TRUE(fs::exists(directory_ / "a_master.h5"));
}

TEST_F(CatalogKeeperTest, AMasterThatADeadProcessLeftBehindIsWrittenAnew) {
  make_workshop();
  std::vector<fs::path> paths;
  for (std::int64_t i = 0; i < 3; ++i) {
    paths.push_back(
        segment("a_000" + std::to_string(i + 1), static_cast<std::uint64_t>(10 * i), i + 1));
  }
  const auto run = [&] {
    CatalogKeeper keeper(files_, settings());
    keeper.begin();
    work(keeper);
    keeper.end();
  };
  run();
  const fs::path master = directory_ / "a_master.h5";
  const auto written = read_master_fingerprint(master);
  ASSERT_TRUE(written);
  const auto time = fs::last_write_time(master);
  run();
  EXPECT_EQ(fs::last_write_time(master), time) << "nothing has changed";
  {
    // It dies when the segment and its entry have gone.
    CatalogKeeper keeper(files_, settings());
    work(keeper);
    fs::remove(paths[0]);
    ASSERT_TRUE(keeper.complete()->remove(paths[0]));
  }
  run();
  EXPECT_NE(read_master_fingerprint(master).value(), *written);
}

TEST_F(CatalogKeeperTest, DeletingWhatIsBeingHashedIsNoTrouble) {
  make_workshop();
  CatalogKeeper keeper(files_, settings(true));
  work(keeper);
  // After so many steps: before, while and after it is hashed.
  for (int steps = 0; steps < 12; ++steps) {
    const auto path = segment("a_" + std::to_string(steps), 0, 1);
    keeper.add(path);
    for (int i = 0; i < steps; ++i) static_cast<void>(keeper.step());
    const CatalogEntry entry = keeper.complete()->find(path).value().value();
    fs::remove(path);
    ASSERT_TRUE(keeper.complete()->remove(path));  // As retention does.
    keeper.removed(entry);
    work(keeper);
    EXPECT_EQ(keeper.trouble(), "") << steps;
    EXPECT_TRUE(read_checksums(files_, directory_).value().empty()) << steps;
  }
}

TEST_F(CatalogKeeperTest, TroubleIsToldAndOverWhenItIsOver) {
  make_workshop();
  fs::create_directory(settings().file);
  CatalogKeeper keeper(files_, settings());
  keeper.add(segment("a", 0, 1));
  EXPECT_NE(keeper.trouble(), "");
  EXPECT_EQ(keeper.complete(), nullptr);
  EXPECT_GT(keeper.next_look(), std::chrono::steady_clock::now());
  fs::remove(settings().file);
  // A command does not wait for the next try.
  EXPECT_TRUE(keeper.mark(directory_ / "a.h5", CatalogKeeper::Mark::kAcknowledge));
  EXPECT_EQ(keeper.trouble(), "");
}

TEST_F(CatalogKeeperTest, AnotherInstrumentsSegmentIsNotTaken) {
  make_workshop();
  CatalogSettings other = settings();
  other.instrument = "other";
  CatalogKeeper keeper(files_, other);
  keeper.add(segment("a", 0, 1));
  work(keeper);
  EXPECT_EQ(keeper.complete()->totals().value().segments, 0);
}

}  // namespace
}  // namespace framelog
