#include "service/journal.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <set>

#include "service/message_ids.hpp"

namespace framelog {
namespace {

TEST(Journal, FieldsOfALine) {
  EXPECT_EQ(journal_fields(LogLevel::kWarning, "text", nullptr, "camera"),
            (std::vector<std::string>{"MESSAGE=text", "PRIORITY=4", "SYSLOG_IDENTIFIER=framelogd",
                                      "FRAMELOG_INSTRUMENT=camera"}));
}

TEST(Journal, FieldsOfAnEvent) {
  const Event event{.kind = EventKind::kSegmentFinished,
                    .level = LogLevel::kInfo,
                    .text = "text",
                    .fields = {{"path", "/data/a=b"}, {"after-sequence", "7"}},
                    .utc_ns = 0};
  const auto fields = journal_fields(event.level, event.text, &event, "camera");
  ASSERT_EQ(fields.size(), 8U);
  EXPECT_EQ(fields[4], "FRAMELOG_EVENT=segment-finished");
  EXPECT_EQ(fields[5], "MESSAGE_ID=ba10ceeffb764f06aff5d94172a320b1");
  EXPECT_EQ(fields[6], "FRAMELOG_PATH=/data/a=b");
  EXPECT_EQ(fields[7], "FRAMELOG_AFTER_SEQUENCE=7");
}

TEST(Journal, IsKnownByTheStreamThatStandardErrorIs) {
  struct stat status {};
  ASSERT_EQ(::fstat(STDERR_FILENO, &status), 0);
  const std::string own = std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
  ::unsetenv("JOURNAL_STREAM");
  EXPECT_FALSE(is_stderr_the_journal());
  ::setenv("JOURNAL_STREAM", own.c_str(), 1);
  EXPECT_TRUE(is_stderr_the_journal());
  for (const std::string& other : {own + "1", own + " ", "9" + own, std::string(), std::string("7"),
                                   std::string("7:"), std::string(":7")}) {
    ::setenv("JOURNAL_STREAM", other.c_str(), 1);
    EXPECT_FALSE(is_stderr_the_journal()) << other;
  }
  ::unsetenv("JOURNAL_STREAM");
}

TEST(MessageIds, AreThoseOfTheCatalog) {
  std::set<std::string> in_code;
  for (std::size_t i = 0; i < kEventKinds; ++i) {
    const auto id = message_id(static_cast<EventKind>(i));
    EXPECT_EQ(id.size(), 32U);
    EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string_view::npos) << id;
    EXPECT_TRUE(in_code.emplace(id).second) << id << " stands for two kinds";
  }
  std::ifstream catalog(FRAMELOG_CATALOG);
  ASSERT_TRUE(catalog) << "the catalog is missing";
  std::set<std::string> in_catalog;
  for (std::string line; std::getline(catalog, line);) {
    if (line.starts_with("-- ")) {
      EXPECT_TRUE(in_catalog.insert(line.substr(3)).second) << line << " is explained twice";
    }
  }
  EXPECT_EQ(in_code, in_catalog);
}

}  // namespace
}  // namespace framelog
