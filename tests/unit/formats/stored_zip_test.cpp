#include "formats/stored_zip.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "recording.hpp"

namespace framelog {
namespace {

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

/// A zip of two files, the second of which is open while the first is written.
std::filesystem::path two_files(const ScratchDirectory& scratch) {
  const auto path = scratch.path() / "two.zip";
  auto zip = StoredZipWriter::create(system_files(), path);
  EXPECT_TRUE(zip);
  const auto first = (*zip)->reserve("first", 12);
  const auto last = (*zip)->open_last("last", 4);
  EXPECT_TRUE((*zip)->append(last, bytes("behind the head")));
  EXPECT_TRUE((*zip)->append(first, bytes("twelve bytes")));
  (*zip)->set_head(last, "head");
  EXPECT_TRUE((*zip)->finish());
  return path;
}

void flip(const std::filesystem::path& path, std::int64_t offset) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekg(offset);
  const int byte = file.get();
  file.seekp(offset);
  file.put(static_cast<char>(byte ^ 1));
}

TEST(StoredZip, EntriesAreReadInPiecesBehindTheirHeads) {
  const ScratchDirectory scratch;
  const auto path = two_files(scratch);
  const auto entries = read_stored_zip(system_files(), path);
  ASSERT_TRUE(entries) << describe(entries.error());
  ASSERT_EQ(entries->size(), 2U);
  std::vector<std::string> pieces;
  const auto read = check_stored_entry(
      system_files(), path, (*entries)[1],
      {4, 6, [&](std::span<const std::byte> piece) -> Result<void> {
         pieces.emplace_back(reinterpret_cast<const char*>(piece.data()), piece.size());
         return {};
       }});
  ASSERT_TRUE(read) << describe(read.error());
  EXPECT_EQ(pieces, (std::vector<std::string>{"behind", " the h", "ead"}));
}

TEST(StoredZip, ByteOfAnyEntryThatDiffersIsFound) {
  const ScratchDirectory scratch;
  const auto path = two_files(scratch);
  const auto entries = read_stored_zip(system_files(), path);
  ASSERT_TRUE(entries) << describe(entries.error());
  for (const StoredZipEntry& entry : *entries) {
    EXPECT_TRUE(check_stored_entry(system_files(), path, entry));
    for (const auto offset :
         {entry.offset, entry.offset + static_cast<std::int64_t>(entry.bytes) - 1}) {
      flip(path, offset);
      const auto found = check_stored_entry(system_files(), path, entry);
      ASSERT_FALSE(found) << entry.name << " at " << offset;
      EXPECT_EQ(found.error().code, ErrorCode::kCorrupt);
      EXPECT_NE(describe(found.error()).find(entry.name), std::string::npos);
      flip(path, offset);
    }
  }
}

TEST(StoredZip, FileThatHasBecomeShorterIsFound) {
  const ScratchDirectory scratch;
  const auto path = two_files(scratch);
  const auto entries = read_stored_zip(system_files(), path);
  ASSERT_TRUE(entries) << describe(entries.error());
  std::filesystem::resize_file(path, static_cast<std::uintmax_t>((*entries)[0].offset) + 5);
  EXPECT_FALSE(check_stored_entry(system_files(), path, (*entries)[0]));
}

}  // namespace
}  // namespace framelog
