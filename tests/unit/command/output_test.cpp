#include "command/output.hpp"

#include <gtest/gtest.h>

#include "command/accounting_text.hpp"

namespace framelog {
namespace {

TEST(OutputTest, ColumnsStandBelowEachOtherWhateverTheirTextsContain) {
  using enum TextTable::Align;
  TextTable table({kLeft, kRight, kLeft});
  table.add({"name", "n", "x"});
  table.add({"\xC3\xA4", "100", ""});
  table.add({"a\x1b[2Jb", "7", "y"});
  EXPECT_EQ(table.text(),
            "name         n  x\n"
            "\xC3\xA4          100\n"
            "a\\x1b[2Jb    7  y\n");
}

TEST(OutputTest, SizesHaveThreeDigits) {
  EXPECT_EQ(size_text(0), "0 B");
  EXPECT_EQ(size_text(999), "999 B");
  EXPECT_EQ(size_text(1000), "1.00 kB");
  EXPECT_EQ(size_text(17'249'999), "17.2 MB");
  EXPECT_EQ(size_text(999'999), "1.00 MB");
}

TEST(OutputTest, DurationsAreReadable) {
  EXPECT_EQ(duration_text(-1), "unknown");
  EXPECT_EQ(duration_text(1'500'000), "1.5 ms");
  EXPECT_EQ(duration_text(12'340'000'000), "12.3 s");
  EXPECT_EQ(duration_text(125'000'000'000), "2 min 05 s");
  EXPECT_EQ(duration_text(7'500'000'000'000), "2 h 05 min");
}

TEST(OutputTest, WhoMayNotReadGetsAStatusOfItsOwn) {
  EXPECT_EQ(exit_status_of(fail_errno(EACCES, "").error()), 4);
  EXPECT_EQ(exit_status_of(fail_errno(EIO, "").error()), 1);
}

TEST(AccountingTextTest, SaysTheEquationAndWhatIsMissing) {
  Accounting accounting;
  accounting.received = 103;
  accounting.recorded = 100;
  accounting.dropped[static_cast<std::size_t>(DropReason::kRingFull)] = 3;
  accounting.lost_at_source[static_cast<std::size_t>(LossReason::kSequenceGap)] = 2;
  EXPECT_EQ(accounting_text(accounting),
            "103 received = 100 recorded + 3 dropped (ring-full 3); 2 lost at source (sequence-gap "
            "2)");
  accounting.received = 104;
  EXPECT_NE(accounting_text(accounting).find("+ 1 NOT ACCOUNTED FOR"), std::string::npos);
}

}  // namespace
}  // namespace framelog
