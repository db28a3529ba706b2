#include "command/snapshot_export.hpp"

#include <gtest/gtest.h>

namespace framelog {
namespace {

TEST(SnapshotExport, WhatReplacesAnExportIsNotForSnapshots) {
  const auto read = [](const std::vector<std::string>& words) {
    const auto given = read_options(snapshot_export_options(), words);
    return given ? std::string() : given.error();
  };
  for (const char* option :
       {"--delete", "--yes", "--preview=a.png", "--list-images", "--split=2", "--jobs=a.txt"}) {
    EXPECT_NE(read({"a.h5", "--all", option}).find("unknown option"), std::string::npos) << option;
  }
  EXPECT_EQ(read({"a.h5", "--all", "--output-folder", "d", "--on-exists", "skip", "--dry-run"}),
            "");
}

}  // namespace
}  // namespace framelog
