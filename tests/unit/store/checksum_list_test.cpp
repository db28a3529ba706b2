#include "store/checksum_list.hpp"

#include "segment_fixture.hpp"
#include "tests/fakes/faulty_files.hpp"

namespace framelog {
namespace {

class ChecksumListTest : public SegmentTest {
 protected:
  [[nodiscard]] std::filesystem::path list() const { return directory_ / kChecksumList; }
  [[nodiscard]] std::string text() { return read_text(files_, list()).value_or(""); }
  static std::string digest(char digit) { return std::string(64, digit); }
};

TEST_F(ChecksumListTest, HasALinePerFileAsSha256sumReadsIt) {
  ASSERT_TRUE(add_checksum(files_, directory_ / "a.h5", digest('a')));
  ASSERT_TRUE(add_checksum(files_, directory_ / "b.h5", digest('b')));
  ASSERT_TRUE(add_checksum(files_, directory_ / "b.h5", digest('b')));
  EXPECT_EQ(text(), digest('a') + "  a.h5\n" + digest('b') + "  b.h5\n");
  EXPECT_EQ(read_checksums(files_, directory_).value().at("b.h5"), digest('b'));
}

TEST_F(ChecksumListTest, AnotherDigestReplacesTheOneBefore) {
  ASSERT_TRUE(add_checksum(files_, directory_ / "a.h5", digest('a')));
  ASSERT_TRUE(add_checksum(files_, directory_ / "a.h5", digest('c')));
  EXPECT_EQ(text(), digest('c') + "  a.h5\n");
}

TEST_F(ChecksumListTest, TheLastLineTakesTheFileAlong) {
  ASSERT_TRUE(add_checksum(files_, directory_ / "a.h5", digest('a')));
  ASSERT_TRUE(add_checksum(files_, directory_ / "b.h5", digest('b')));
  ASSERT_TRUE(remove_checksum(files_, directory_ / "a.h5"));
  EXPECT_EQ(text(), digest('b') + "  b.h5\n");
  ASSERT_TRUE(remove_checksum(files_, directory_ / "none.h5"));
  ASSERT_TRUE(remove_checksum(files_, directory_ / "b.h5"));
  EXPECT_EQ(left(), std::vector<std::string>{});
  ASSERT_TRUE(remove_checksum(files_, directory_ / "b.h5"));
}

TEST_F(ChecksumListTest, WhatAPowerCutHasTornIsCutOff) {
  std::ofstream(list()) << digest('a') << "  a.h5\n" << digest('b').substr(0, 20);
  EXPECT_EQ(read_checksums(files_, directory_).value().size(), 1U);
  ASSERT_TRUE(add_checksum(files_, directory_ / "c.h5", digest('c')));
  EXPECT_EQ(text(), digest('a') + "  a.h5\n" + digest('c') + "  c.h5\n");
}

TEST_F(ChecksumListTest, NamesWithABackslashAreEscaped) {
  const std::string name = "a\\b\nc.h5";
  ASSERT_TRUE(add_checksum(files_, directory_ / name, digest('a')));
  EXPECT_EQ(text(), "\\" + digest('a') + "  a\\\\b\\nc.h5\n");
  EXPECT_EQ(read_checksums(files_, directory_).value().at(name), digest('a'));
}

TEST_F(ChecksumListTest, LinesThatAreNoneArePassedOver) {
  std::ofstream(list()) << "# a remark\n"
                        << digest('g') << "  no hexadecimal\n"
                        << digest('a') << " *binary\n\n";
  const auto lines = read_checksums(files_, directory_);
  ASSERT_TRUE(lines);
  ASSERT_EQ(lines->size(), 1U);
  EXPECT_EQ(lines->at("binary"), digest('a'));
}

TEST_F(ChecksumListTest, AFullDiskLeavesTheListAsItWas) {
  ASSERT_TRUE(add_checksum(files_, directory_ / "a.h5", digest('a')));
  ASSERT_TRUE(add_checksum(files_, directory_ / "b.h5", digest('b')));
  const std::string before = text();
  FaultyFiles faulty;
  faulty.add({.call = Call::kWrite, .first = 1, .count = kForEver, .system_errno = ENOSPC});
  EXPECT_FALSE(remove_checksum(faulty, directory_ / "a.h5"));
  EXPECT_FALSE(add_checksum(faulty, directory_ / "c.h5", digest('c')));
  EXPECT_EQ(text(), before);
}

}  // namespace
}  // namespace framelog
