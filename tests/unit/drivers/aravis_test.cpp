#ifdef FRAMELOG_HAS_ARAVIS

#include "drivers/aravis.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "allocations.hpp"
#include "drivers/aravis_find.hpp"

// Its header is wrapped by the driver. Gives the process a camera of arithmetic, Fake_1.
extern "C" {
void arv_enable_interface(const char* name);
void arv_disable_interface(const char* name);
}

namespace framelog {
namespace {

using std::chrono::seconds;
using namespace std::chrono_literals;

constexpr auto kLong = seconds(60);  // Only what hangs takes so long.

Deadline in(std::chrono::nanoseconds time) { return std::chrono::steady_clock::now() + time; }

class Aravis : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    arv_enable_interface("Fake");
    for (const char* other : {"GigEVision", "USB3Vision"}) arv_disable_interface(other);
  }

  static AravisConfig fake() {
    AravisConfig config;
    config.camera = "Fake_1";
    config.region = RegionSpec{0, 48, 0, 64};
    config.rate_hz = 200;
    return config;
  }

  /// What opening says to a configuration that it refuses.
  static std::string refusal(const AravisConfig& config) {
    AravisSource source(config, system_clock());
    const auto info = source.open();
    EXPECT_FALSE(info.has_value());
    if (info) return "";
    EXPECT_EQ(info.error().code, ErrorCode::kInvalid);
    return describe(info.error());
  }

  static std::string refusal_of(const std::string& feature, const std::string& value) {
    AravisConfig config = fake();
    config.features = {{feature, value}};
    return refusal(config);
  }
};

TEST_F(Aravis, CamerasAreFoundWithTheKeyThatOpensThem) {
  const auto found = aravis_driver().find(1s);
  ASSERT_TRUE(found.has_value());
  const auto fake = std::ranges::find_if(*found, [](const FoundInstrument& instrument) {
    return instrument.settings ==
           std::vector<std::pair<std::string, std::string>>{{"camera", "Fake_1"}};
  });
  ASSERT_NE(fake, found->end());
  EXPECT_NE(fake->description.find("Aravis Fake"), std::string::npos) << fake->description;
}

TEST_F(Aravis, ACameraThatIsNotThereIsNotFound) {
  AravisConfig config;
  config.camera = "Nobody-1234";
  AravisSource source(config, system_clock());
  const auto info = source.open();
  ASSERT_FALSE(info.has_value());
  EXPECT_EQ(info.error().code, ErrorCode::kNotFound);
  EXPECT_NE(describe(info.error()).find("Fake_1"), std::string::npos) << describe(info.error());
}

TEST_F(Aravis, WhatWasSetIsReadBack) {
  AravisConfig config = fake();
  config.region = RegionSpec{8, 56, 16, 80};
  config.pixel_format = "Mono16";
  config.exposure = ValueOrAuto<std::chrono::nanoseconds>{2ms};
  config.gain = ValueOrAuto<double>{3.0};
  config.features = {
      {"TestBoolean", "yes"}, {"TestStringReg", "abc"}, {"TriggerSelector", "FrameStart"}};
  AravisSource source(config, system_clock());
  const auto info = source.open();
  ASSERT_TRUE(info.has_value()) << describe(info.error());
  EXPECT_EQ(info->shape, (FrameShape{48, 64, PixelType::kUint16}));
  EXPECT_EQ(info->vendor, "Aravis");
  EXPECT_EQ(info->bit_depth, 16);
  EXPECT_EQ(info->saturation, 65535);
  EXPECT_TRUE(info->numbered);
  ASSERT_TRUE(info->rate_hz.has_value());
  EXPECT_NEAR(*info->rate_hz, 200, 1);
  const auto setting = [&](std::string_view name) -> std::string {
    for (const auto& [key, value] : info->settings) {
      if (key == name) return value;
    }
    return "missing";
  };
  EXPECT_EQ(setting("OffsetX"), "16");
  EXPECT_EQ(setting("OffsetY"), "8");
  EXPECT_EQ(setting("PixelFormat"), "Mono16");
  EXPECT_EQ(setting("ExposureTimeAbs"), "2000");
  EXPECT_EQ(setting("GainRaw"), "3");
  EXPECT_EQ(setting("TestBoolean"), "yes");
  EXPECT_EQ(setting("TestStringReg"), "abc");
}

TEST_F(Aravis, AFeatureIsCheckedBeforeItIsSet) {
  EXPECT_EQ(refusal_of("Widht", "64"), "the camera has no feature.Widht (nearest: Width)");
  EXPECT_NE(refusal_of("Width", "5000").find("an integer from 1 to 2048"), std::string::npos);
  EXPECT_NE(refusal_of("Width", "64.5").find("an integer"), std::string::npos);
  EXPECT_NE(refusal_of("AcquisitionFrameRate", "fast").find("a number"), std::string::npos);
  EXPECT_NE(refusal_of("TestBoolean", "maybe").find("allowed: yes, no"), std::string::npos);
  EXPECT_NE(refusal_of("PixelFormat", "Mono9").find("Mono16"), std::string::npos);
  EXPECT_NE(refusal_of("TriggerSoftware", "1").find("execute"), std::string::npos);
  EXPECT_NE(refusal_of("SensorWidth", "64").find("does not let write"), std::string::npos);
  EXPECT_NE(refusal_of("Root", "1").find("has no feature.Root"), std::string::npos);
}

TEST_F(Aravis, AKeyIsCheckedBeforeItIsSet) {
  AravisConfig config = fake();
  config.pixel_format = "RGB8";
  EXPECT_NE(refusal(config).find("source.pixel_format = RGB8 (allowed: "), std::string::npos);
  config = fake();
  config.region = RegionSpec{0, 48, 0, 4096};
  EXPECT_NE(refusal(config).find("source.region = x=0:4096 (allowed: within 0:2048"),
            std::string::npos);
  config = fake();
  config.exposure = ValueOrAuto<std::chrono::nanoseconds>{1000s};
  EXPECT_NE(refusal(config).find("source.exposure"), std::string::npos);
  config = fake();
  config.gain = ValueOrAuto<double>{1e6};
  EXPECT_NE(refusal(config).find("source.gain"), std::string::npos);
  config = fake();
  config.trigger = "Line9";
  EXPECT_NE(refusal(config).find("allowed: off, Line0, Software"), std::string::npos);
  config = fake();
  config.binning = Binning{400, 1};
  EXPECT_NE(refusal(config).find("source.binning"), std::string::npos);
}

TEST_F(Aravis, FramesComeNumberedWithTimesAndWithoutAllocations) {
  AravisSource source(fake(), system_clock());
  const auto info = source.open();
  ASSERT_TRUE(info.has_value()) << describe(info.error());
  std::vector<std::byte> pixels(size_bytes(info->shape), std::byte{0xEE});
  EXPECT_EQ(source.read(pixels, in(1s)).error().code, ErrorCode::kDisconnected);
  ASSERT_TRUE(source.start().has_value());
  EXPECT_EQ(source.start().error().code, ErrorCode::kInvalid);
  ASSERT_TRUE(source.read(pixels, in(kLong)).has_value());
  const std::size_t before = allocations();
  FrameInfo last;
  for (int i = 0; i < 30; ++i) {
    const auto frame = source.read(pixels, in(kLong));
    ASSERT_TRUE(frame.has_value()) << describe(frame.error());
    EXPECT_EQ(frame->flags, 0U);
    if (i > 0) {
      EXPECT_GT(frame->source_sequence, last.source_sequence);
      EXPECT_GT(frame->device_ns, last.device_ns);
    }
    last = *frame;
  }
  EXPECT_EQ(allocations(), before);
  EXPECT_GT(std::ranges::max(pixels), std::byte{0});
  source.stop();
  source.stop();
  EXPECT_EQ(source.read(pixels, in(1s)).error().code, ErrorCode::kDisconnected);
  ASSERT_TRUE(source.start().has_value());
  EXPECT_TRUE(source.read(pixels, in(kLong)).has_value());
}

TEST_F(Aravis, ABufferOfAnotherSizeIsRefused) {
  AravisSource source(fake(), system_clock());
  ASSERT_TRUE(source.open().has_value());
  ASSERT_TRUE(source.start().has_value());
  std::vector<std::byte> pixels(17);
  EXPECT_EQ(source.read(pixels, in(1s)).error().code, ErrorCode::kInvalid);
}

// The camera sends a frame whenever the clock shows a multiple of 10 s, which may be at any moment
// of the test: one that is there is still given, and the wait behind it ends.
TEST_F(Aravis, CancelEndsAWait) {
  AravisConfig config = fake();
  config.rate_hz = 0.1;
  AravisSource source(config, system_clock());
  const auto info = source.open();
  ASSERT_TRUE(info.has_value()) << describe(info.error());
  ASSERT_TRUE(source.start().has_value());
  std::vector<std::byte> pixels(size_bytes(info->shape));
  const auto end_of_wait = [&](Deadline deadline) {
    for (;;) {
      const auto frame = source.read(pixels, deadline);
      if (!frame) return frame.error().code;
    }
  };
  const Deadline deadline = in(kLong);
  source.cancel();  // Ends the next one, where none is waiting.
  EXPECT_EQ(end_of_wait(deadline), ErrorCode::kTimeout);
  std::jthread other([&] {
    std::this_thread::sleep_for(50ms);
    source.cancel();
  });
  EXPECT_EQ(end_of_wait(deadline), ErrorCode::kTimeout);
  EXPECT_LT(std::chrono::steady_clock::now(), deadline);
}

TEST_F(Aravis, ALineGivesTheRateThatNobodyKnows) {
  AravisConfig config = fake();
  config.rate_hz.reset();
  config.trigger = "Line0";
  AravisSource source(config, system_clock());
  const auto info = source.open();
  ASSERT_TRUE(info.has_value()) << describe(info.error());
  EXPECT_FALSE(info->rate_hz.has_value());
  EXPECT_TRUE(info->may_be_silent);
}

TEST_F(Aravis, CountersHaveNamesOfTheirOwn) {
  const AravisSource source(fake(), system_clock());
  std::vector<std::string_view> names;
  for (const SourceCounter& counter : source.counters()) {
    EXPECT_EQ(counter.count.load(), 0U);
    EXPECT_TRUE(counter.help.ends_with('.')) << counter.name;
    names.push_back(counter.name);
  }
  EXPECT_EQ(std::ranges::count(names, "missing-packets"), 1);
  std::ranges::sort(names);
  EXPECT_EQ(std::ranges::adjacent_find(names), names.end());
}

}  // namespace
}  // namespace framelog

#endif
