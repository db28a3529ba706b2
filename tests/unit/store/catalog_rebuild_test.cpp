#include "store/catalog_rebuild.hpp"

#include <algorithm>

#include "catalog_fixture.hpp"
#include "tests/fakes/faulty_files.hpp"

namespace framelog {
namespace {

TEST_F(CatalogTest, TheEntryOfAFileIsWhatItsReaderSays) {
  for (const char* format : {"hdf5", "raw"}) {
    auto recording = start(format, std::string("a-") + format, 100, 7);
    recording.events.gaps = {{99, 3, 1, "source", "sequence-gap"}};
    record(recording, 10, 3);
    const fs::path path = finish(recording);
    const auto entry = catalog_entry(files_, path);
    ASSERT_TRUE(entry) << describe(entry.error());
    EXPECT_EQ(entry->path, path);
    EXPECT_EQ(entry->product, "whole");
    EXPECT_EQ(entry->run_uuid, "0b7f2f3e-6a4e-4e0a-9d2b-0c1f6c7d8e9f");
    EXPECT_EQ(entry->segment_number, 7);
    EXPECT_EQ(entry->first_sequence, 100);
    EXPECT_EQ(entry->last_sequence, 109);
    EXPECT_EQ(entry->last_utc_ns - entry->first_utc_ns, 90'000'000);
    EXPECT_EQ(entry->frames, 10);
    EXPECT_EQ(entry->dropped, 3);
    EXPECT_EQ(entry->gaps, 1);
    EXPECT_GE(entry->bytes, 10 * 8 * 16 * 2);
  }
}

TEST_F(CatalogTest, AnUnfinishedOrForeignFileHasNoEntry) {
  auto recording = start("hdf5", "open", 0);
  record(recording, 1);
  EXPECT_FALSE(catalog_entry(files_, recording.part));
  overwrite(directory_ / "foreign.h5", "no HDF5");
  EXPECT_FALSE(catalog_entry(files_, directory_ / "foreign.h5"));
  EXPECT_FALSE(catalog_entry(files_, directory_ / "none.h5"));
}

TEST_F(CatalogTest, ARebuildSaysWhatLiesBelowTheBases) {
  const fs::path base = directory_ / "base";
  fs::create_directories(base / "2026");
  fs::create_directories(base / "quarantine");
  fs::create_directories(base / ".framelog" / "bench");
  const fs::path kept = segment("hdf5", "base/2026/a", 0, 1);
  const fs::path raw = segment("raw", "base/b", 10, 2);
  segment("raw", "base/foreign", 0, 1, "other");
  segment("raw", "base/quarantine/q", 0, 1);
  segment("raw", "base/.framelog/bench/w", 0, 1);
  overwrite(base / "notes.h5", "no HDF5");
  auto recording = start("hdf5", "base/c", 20, 3);
  record(recording, 1);

  auto catalog = open();
  ASSERT_TRUE(catalog.add(entry(1)));  // Of a file that is gone.
  EXPECT_EQ(rebuild_catalog(files_, catalog, {base, base / "2026"}, "bench").value(), 2);
  const auto found = catalog.find(CatalogQuery{}).value();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].path, kept);
  EXPECT_EQ(found[1].path, raw);
  EXPECT_EQ(found[1], catalog_entry(files_, raw).value());

  ASSERT_TRUE(catalog.set_pinned(kept, true));
  fs::remove(raw);
  EXPECT_EQ(rebuild_catalog(files_, catalog, {base}, "bench").value(), 1);
  EXPECT_TRUE(catalog.find(kept).value()->pinned);
  EXPECT_EQ(catalog.find(raw).value(), std::nullopt);
}

TEST_F(CatalogTest, FillingReadsOnlyWhatIsNotKnown) {
  fs::create_directories(directory_ / "base");
  const fs::path path = segment("raw", "base/a", 0, 1);
  auto catalog = open();
  CatalogEntry known = catalog_entry(files_, path).value();
  known.frames = 77;  // Not so; who does not read the file does not see it.
  ASSERT_TRUE(catalog.add(known));
  const auto fill = [&](CatalogRebuild::Kind kind) {
    CatalogRebuild rebuild(files_, catalog, {directory_ / "base"}, "bench", kind);
    while (!rebuild.done()) EXPECT_TRUE(rebuild.step());
    return rebuild.difference_count();
  };
  EXPECT_EQ(fill(CatalogRebuild::Kind::kFill), 0);
  EXPECT_EQ(fill(CatalogRebuild::Kind::kCheck), 1);
  EXPECT_EQ(catalog.find(path).value()->frames, 77);
  EXPECT_EQ(fill(CatalogRebuild::Kind::kAll), 1);
  EXPECT_EQ(catalog.find(path).value()->frames, 10);
  EXPECT_EQ(fill(CatalogRebuild::Kind::kCheck), 0);
}

TEST_F(CatalogTest, WhatLiesOnAnAbsentDiskIsNotForgotten) {
  fs::create_directories(directory_ / "disk" / "base");
  const fs::path path = segment("raw", "disk/base/a", 0, 1);
  auto catalog = open();
  ASSERT_TRUE(rebuild_catalog(files_, catalog, {directory_ / "disk" / "base"}, "bench"));
  fs::rename(directory_ / "disk", directory_ / "unplugged");
  EXPECT_EQ(rebuild_catalog(files_, catalog, {directory_ / "disk" / "base"}, "bench").value(), 0);
  EXPECT_NE(catalog.find(path).value(), std::nullopt);
}

TEST_F(CatalogTest, AConfigurationElsewhereHasItsOwnCatalog) {
  ::unsetenv("STATE_DIRECTORY");
  EXPECT_EQ(catalog_path("cam", "/home/me/cam.conf", "/data"),
            fs::path("/data/.framelog/cam/catalog.sqlite"));
  ::setenv("STATE_DIRECTORY", "/var/lib/framelogd/cam:/other", 1);
  EXPECT_EQ(catalog_path("cam", "/etc/framelogd/cam.conf", "/data"),
            fs::path("/var/lib/framelogd/cam/catalog.sqlite"));
  ::unsetenv("STATE_DIRECTORY");
}

}  // namespace
}  // namespace framelog
