// Inputs that receive a signal, such as HDMI, whose size is not the camera's own.
#include <gtest/gtest.h>

#include "drivers/v4l2_source.hpp"
#include "tests/fakes/fake_camera.hpp"

namespace framelog {
namespace {

V4l2Config second_input() {
  V4l2Config config;
  config.input = 1;
  config.wishes.fourcc = fourcc_of("GREY");
  return config;
}

TEST(V4l2Signal, ItsSizeIsThatOfTheFrames) {
  FakeCamera camera;
  camera.signal = v4l2_area{8, 6};
  V4l2Source source(second_input(), camera);
  const auto info = source.open();
  ASSERT_TRUE(info) << describe(info.error());
  EXPECT_EQ(info->shape, (FrameShape{6, 8, PixelType::kUint8}));
}

TEST(V4l2Signal, OneThatIsAsItWasLeavesTheCameraAsItIs) {
  FakeCamera camera;
  camera.signal = camera.size_now;
  camera.failures[VIDIOC_S_DV_TIMINGS] = {EBUSY};
  V4l2Source source(second_input(), camera);
  EXPECT_TRUE(source.open());
}

TEST(V4l2Signal, WithoutOneThereAreNoFramesToWaitFor) {
  const std::map<int, std::string> faults{
      {ENOLINK, "the camera's input has no signal"},
      {ENOLCK, "the signal at the camera's input is not steady"},
      {ERANGE, "the camera does not know the signal at its input"}};
  for (const auto& [number, text] : faults) {
    FakeCamera camera;
    camera.failures[VIDIOC_QUERY_DV_TIMINGS] = {number};
    V4l2Source source(second_input(), camera);
    const auto info = source.open();
    ASSERT_FALSE(info);
    EXPECT_EQ(info.error().code, ErrorCode::kDisconnected);  // It is looked for again.
    EXPECT_EQ(describe(info.error()), text);
    EXPECT_TRUE(source.open()) << "the signal is back";
  }
}

TEST(V4l2Signal, TimingsThatTheCameraRefusesAreTold) {
  FakeCamera camera;
  camera.signal = v4l2_area{8, 6};
  camera.failures[VIDIOC_S_DV_TIMINGS] = {EINVAL};
  V4l2Source source(second_input(), camera);
  const auto info = source.open();
  ASSERT_FALSE(info);
  EXPECT_EQ(describe(info.error()),
            "the camera refuses its signal's timings 8 x 6: Invalid argument");
}

TEST(V4l2Signal, ItsChangesAreThoseOfTheChosenInput) {
  FakeCamera camera;
  V4l2Source source(second_input(), camera);
  ASSERT_TRUE(source.open());
  EXPECT_EQ(camera.watched_input, 1);
}

}  // namespace
}  // namespace framelog
