#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "segment_fixture.hpp"
#include "store/catalog.hpp"

namespace framelog {

namespace fs = std::filesystem;

inline constexpr std::int64_t kSecond = 1'000'000'000;

/// Catalogs in a directory of their own, entries made up, and real segments.
class CatalogTest : public SegmentTest {
 protected:
  [[nodiscard]] fs::path file() const { return directory_ / "state" / "catalog.sqlite"; }
  Catalog open(Catalog::Mode mode = Catalog::Mode::kWrite) {
    auto catalog = Catalog::open(files_, file(), mode);
    EXPECT_TRUE(catalog) << describe(catalog.error());
    return std::move(*catalog);
  }
  static CatalogEntry entry(std::int64_t number) {
    CatalogEntry entry;
    entry.path = fmt::format("/data/{:08}.h5", number);
    entry.product = number % 2 == 0 ? "whole" : "small";
    entry.run_uuid = number < 50 ? "0b7f2f3e-6a4e-4e0a-9d2b-0c1f6c7d8e9f"
                                 : "1c7f2f3e-6a4e-4e0a-9d2b-0c1f6c7d8e9f";
    entry.run_number = number < 50 ? 1 : 2;
    entry.segment_number = number + 1;
    entry.first_sequence = number * 10;
    entry.last_sequence = number * 10 + 9;
    entry.first_utc_ns = number * 60 * kSecond;
    entry.last_utc_ns = entry.first_utc_ns + 59 * kSecond;
    entry.frames = 10;
    entry.bytes = 1000 + number;
    entry.gaps = number % 10 == 0 ? 2 : 0;
    entry.dropped = entry.gaps * 5;
    return entry;
  }
  static std::vector<CatalogEntry> entries(std::int64_t count) {
    std::vector<CatalogEntry> all;
    for (std::int64_t i = 0; i < count; ++i) all.push_back(entry(i));
    return all;
  }
  static std::vector<std::int64_t> numbers(const Result<std::vector<CatalogEntry>>& found) {
    EXPECT_TRUE(found) << describe(found.error());
    std::vector<std::int64_t> numbers;
    for (const CatalogEntry& one : *found) numbers.push_back(one.segment_number - 1);
    return numbers;
  }
  static std::vector<std::int64_t> range(std::int64_t from, std::int64_t to) {
    std::vector<std::int64_t> numbers(static_cast<std::size_t>(to - from));
    std::iota(numbers.begin(), numbers.end(), from);
    return numbers;
  }
  fs::path segment(const std::string& format, const std::string& name, std::uint64_t first,
                   std::int64_t number, const std::string& instrument = "bench") {
    SegmentDescription described = description(number);
    described.instrument = instrument;
    described.provenance_json = provenance_of(described);
    auto recording = start(format, name, first, described);
    record(recording, 10);
    return finish(recording);
  }
  std::vector<std::string> aside() const {
    std::vector<std::string> names = files_.list(file().parent_path()).value();
    std::erase_if(names, [](const auto& name) { return !name.contains(".damaged-"); });
    return names;
  }
  static void overwrite(const fs::path& file, const std::string& bytes) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
  }
};

}  // namespace framelog
