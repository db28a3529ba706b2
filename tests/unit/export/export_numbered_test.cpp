#include "export/export_numbered.hpp"

#include <gtest/gtest.h>

#include "exporter_fixture.hpp"

namespace framelog {
namespace {

namespace fs = std::filesystem;

class NumberedTest : public ExporterTest {
 protected:
  /// Names of what --delete would remove.
  std::vector<std::string> earlier(const ExportRequest& request) {
    std::vector<std::string> names;
    const auto found = find_earlier(files_, request);
    EXPECT_TRUE(found) << describe(found.error());
    if (!found) return names;
    for (const auto& path : *found) names.push_back(path.filename().string());
    return names;
  }
  void touch(const std::string& name) { std::ofstream(directory_ / name) << "x"; }
  using Texts = std::vector<std::string>;
};

TEST_F(NumberedTest, LongerSequencesWithHolesAreFoundAsAWhole) {
  const auto input = write_npy("a", 12);
  for (const char* name :
       {"f_{slice_index:02}", "run7{slice_index:02}", "{frame:02}x{slice_index}"}) {
    auto pictures = request(input, "png", name);
    done(pictures);
    const auto all = earlier(pictures);
    ASSERT_EQ(all.size(), 12U) << name;
    for (const std::size_t hole : {1U, 4U, 5U, 6U, 7U}) fs::remove(directory_ / all[hole]);
    pictures.transform.cutout = {{Axis::kTime, 0, 2}};
    EXPECT_EQ(earlier(pictures), (Texts{all[0], all[2], all[3], all[8], all[9], all[10], all[11]}))
        << name;
    for (const std::string& left : earlier(pictures)) fs::remove(directory_ / left);
  }
}

TEST_F(NumberedTest, OtherNamesAreNotOfTheSequence) {
  const auto input = write_npy("a", 3);
  for (const char* other :
       {"f_9.png", "f_009.png", "g_09.png", "f_09.jpg", "f_.png", "f_09_1.png"}) {
    touch(other);
  }
  auto pictures = request(input, "png", "f_{slice_index:02}");
  EXPECT_EQ(earlier(pictures), Texts{});
  touch("f_09.png");
  EXPECT_EQ(earlier(pictures), Texts{"f_09.png"});
  touch("f_123.png");
  EXPECT_EQ(earlier(pictures), (Texts{"f_09.png", "f_123.png"}));
}

}  // namespace
}  // namespace framelog
