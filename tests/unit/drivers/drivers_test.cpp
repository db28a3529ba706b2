#include "drivers/drivers.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "fake_clock.hpp"
#include "tests/unit/formats/recording.hpp"

namespace framelog {
namespace {

void put(Settings& settings, std::string key, OptionValue value) {
  settings.put({"source", std::move(key), "", std::move(value), {"test.conf", 1}});
}

std::unique_ptr<FrameSource> make(std::string_view driver, const Settings& settings,
                                  std::vector<Complaint>& complaints) {
  static const FakeClock clock;
  return find_driver(driver)->make(settings, clock, complaints);
}

std::vector<std::string> complained_keys(std::string_view driver, const Settings& settings) {
  std::vector<Complaint> complaints;
  EXPECT_EQ(make(driver, settings, complaints), nullptr);
  std::vector<std::string> keys;
  for (const Complaint& complaint : complaints) {
    EXPECT_EQ(complaint.section, "source");
    keys.push_back(complaint.key);
  }
  return keys;
}

using Keys = std::vector<std::string>;
using Shape = std::vector<std::uint32_t>;

TEST(Drivers, AreFoundByTheirNames) {
  ASSERT_NE(find_driver("simulator"), nullptr);
  ASSERT_NE(find_driver("replay"), nullptr);
  EXPECT_EQ(find_driver("replay")->name, "replay");
  EXPECT_EQ(find_driver("teapot"), nullptr);
  EXPECT_EQ(find_driver(""), nullptr);
}

TEST(Drivers, WaitForHardwareAndForASimulatorThatIsAbsentAtFirst) {
  Settings settings;
  EXPECT_FALSE(may_appear_later(settings));
  for (const Driver& driver : drivers()) {
    put(settings, "driver", std::string(driver.name));
    EXPECT_EQ(may_appear_later(settings), driver.hardware) << driver.name;
  }
  put(settings, "driver", "simulator");
  put(settings, "faults", "corrupt at 1");
  EXPECT_FALSE(may_appear_later(settings));
  put(settings, "faults", "corrupt at 1; absent 2 s");
  EXPECT_TRUE(may_appear_later(settings));
}

TEST(Drivers, OwnTheirOptionsAndDefaultsAreValid) {
  for (const Driver& driver : drivers()) {
    std::set<std::string_view> keys;
    for (const OptionSpec& option : driver.options) {
      EXPECT_EQ(option.section, "source");
      EXPECT_EQ(option.driver, driver.name);
      EXPECT_FALSE(option.help.empty());
      EXPECT_TRUE(keys.insert(option.key).second) << option.key;
      if (option.default_text.empty()) continue;
      const auto value = parse_value(option, option.default_text);
      EXPECT_TRUE(value) << option.key << ": " << value.error();
    }
  }
}

TEST(Drivers, SimulatorWithoutSettingsIsTheOneOfTheDefaultsInTheTable) {
  Settings defaults;
  for (const OptionSpec& option : find_driver("simulator")->options) {
    put(defaults, std::string(option.key), parse_value(option, option.default_text).value());
  }
  std::vector<Complaint> complaints;
  const auto by_table = make("simulator", defaults, complaints)->open();
  const auto by_code = make("simulator", Settings{}, complaints)->open();
  ASSERT_TRUE(by_table && by_code);
  EXPECT_TRUE(complaints.empty());
  EXPECT_EQ(by_table->settings, by_code->settings);
  EXPECT_EQ(by_table->shape, (FrameShape{480, 640, PixelType::kUint16}));
}

TEST(Drivers, SimulatorTakesAllOfItsSettings) {
  Settings settings;
  put(settings, "width", std::int64_t{20});
  put(settings, "height", std::int64_t{10});
  put(settings, "pixel_type", PixelType::kUint8);
  put(settings, "rate", Word{"max"});
  put(settings, "pattern", std::string("counts"));
  put(settings, "seed", std::int64_t{42});
  put(settings, "frames", std::int64_t{7});
  put(settings, "faults", std::string("lose 1 at 2"));
  std::vector<Complaint> complaints;
  const auto source = make("simulator", settings, complaints);
  ASSERT_NE(source, nullptr);
  const auto info = source->open();
  ASSERT_TRUE(info);
  const std::vector<std::pair<std::string, std::string>> expected{
      {"width", "20"},       {"height", "10"}, {"pixel_type", "uint8"}, {"rate", "max"},
      {"pattern", "counts"}, {"seed", "42"},   {"frames", "7"},         {"faults", "lose 1 at 2"}};
  EXPECT_EQ(info->settings, expected);
}

TEST(Drivers, SimulatorComplainsOfItsScriptWithTheColumn) {
  Settings settings;
  put(settings, "faults", std::string("corrupt at 1; explode at 2"));
  std::vector<Complaint> complaints;
  EXPECT_EQ(make("simulator", settings, complaints), nullptr);
  ASSERT_EQ(complaints.size(), 1U);
  EXPECT_NE(settings.place(complaints[0]).find("test.conf:1: source.faults: column 15:"),
            std::string::npos)
      << settings.place(complaints[0]);
}

TEST(Drivers, ReplayTakesTheDatasetOfAnHdf5File) {
  const ScratchDirectory scratch;
  Settings settings;
  put(settings, "path", scratch.write("a.h5", "no HDF5").string());
  put(settings, "dataset", std::string("entry/frames"));
  std::vector<Complaint> complaints;
  const auto source = make("replay", settings, complaints);
  ASSERT_NE(source, nullptr);
  EXPECT_NE(describe(source->open().error()).find("begins with \\x89HDF"), std::string::npos);
  scratch.write("a.h5", npy_of("{'descr': '|u1', 'fortran_order': False, 'shape': (1,)}", "x"));
  EXPECT_NE(describe(source->open().error()).find("no datasets, such as \"entry/frames\""),
            std::string::npos);
}

TEST(Drivers, ReplayNeedsAPath) { EXPECT_EQ(complained_keys("replay", Settings{}), Keys{"path"}); }

TEST(Drivers, ReplayNeedsShapeAndPixelTypeTogether) {
  Settings shape_only;
  put(shape_only, "path", std::string("x.bin"));
  put(shape_only, "shape", Shape{4, 4});
  EXPECT_EQ(complained_keys("replay", shape_only), Keys{"shape"});

  Settings type_only;
  put(type_only, "pixel_type", PixelType::kUint8);
  EXPECT_EQ(complained_keys("replay", type_only), (Keys{"path", "pixel_type"}));

  for (const Shape& shape : {Shape{4}, Shape{1, 2, 3, 4}}) {
    Settings wrong;
    put(wrong, "path", std::string("x.bin"));
    put(wrong, "pixel_type", PixelType::kUint8);
    put(wrong, "shape", shape);
    EXPECT_EQ(complained_keys("replay", wrong), Keys{"shape"});
  }
}

TEST(Drivers, ReplayOfAMissingFileFailsWhenOpened) {
  Settings settings;
  put(settings, "path", std::string("/nowhere/at/all.npy"));
  put(settings, "rate", Word{"recorded"});
  put(settings, "loop", true);
  std::vector<Complaint> complaints;
  const auto source = make("replay", settings, complaints);
  ASSERT_NE(source, nullptr);
  const auto info = source->open();
  ASSERT_FALSE(info);
  EXPECT_EQ(info.error().code, ErrorCode::kNotFound);
  EXPECT_NE(describe(info.error()).find("/nowhere/at/all.npy"), std::string::npos);
}

}  // namespace
}  // namespace framelog
