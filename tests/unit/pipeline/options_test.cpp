#include "pipeline/options.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "core/name_template.hpp"

namespace framelog {
namespace {

const OptionSpec* find(std::string_view section, std::string_view key) {
  const auto found = std::ranges::find_if(recording_options(), [&](const OptionSpec& row) {
    return row.section == section && row.key == key;
  });
  return found == recording_options().end() ? nullptr : &*found;
}

TEST(RecordingOptions, AreNamedOnceAndExplained) {
  std::set<std::string> names;
  for (const OptionSpec& row : recording_options()) {
    const std::string name = std::string(row.section) + "." + std::string(row.key);
    EXPECT_TRUE(names.insert(name).second) << name;
    EXPECT_TRUE(row.help.ends_with('.')) << name;
    EXPECT_TRUE(row.driver.empty()) << name;
  }
}

TEST(RecordingOptions, HaveDefaultsThatTheyAcceptThemselves) {
  for (const OptionSpec& row : recording_options()) {
    if (row.default_text.empty()) continue;
    const auto value = parse_value(row, row.default_text);
    EXPECT_TRUE(value) << row.section << "." << row.key << ": " << value.error();
  }
}

TEST(RecordingOptions, OfAProductThatAreInheritedHaveNoDefaultAndTheRangeOfTheirParent) {
  int inherited = 0;
  for (const OptionSpec& row : recording_options()) {
    if (row.section != "files" && row.section != "roll") continue;
    const OptionSpec* own = find("product.*", row.key);
    if (own == nullptr) continue;
    ++inherited;
    EXPECT_EQ(own->default_text, "");
    EXPECT_EQ(own->type, row.type);
    EXPECT_EQ(own->allowed, row.allowed);
    EXPECT_EQ(own->words, row.words);
    EXPECT_EQ(own->least, row.least);
    EXPECT_EQ(own->most, row.most);
  }
  EXPECT_EQ(inherited, 6);
}

TEST(RecordingOptions, NameSegmentsByATemplateThatIsOne) {
  const OptionSpec* row = find("files", "template");
  ASSERT_NE(row, nullptr);
  EXPECT_TRUE(NameTemplate::parse(row->default_text));
}

TEST(RecordingOptions, RefuseWhatWouldNotRecord) {
  for (const auto& [section, key, text] :
       {std::tuple{"roll", "max_size", "1 MB"}, std::tuple{"roll", "max_size", "17 TiB"},
        std::tuple{"files", "sync_interval", "9 ms"},
        std::tuple{"files", "sync_interval", "61 min"}, std::tuple{"ring", "memory", "1023 KiB"},
        std::tuple{"realtime", "reduce_threads", "0"},
        std::tuple{"realtime", "reduce_threads", "17"}, std::tuple{"roll", "max_frames", "0"}}) {
    const OptionSpec* row = find(section, key);
    ASSERT_NE(row, nullptr) << key;
    EXPECT_FALSE(parse_value(*row, text)) << key << " = " << text;
  }
}

}  // namespace
}  // namespace framelog
