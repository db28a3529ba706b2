#include "drivers/v4l2_controls.hpp"

#include <gtest/gtest.h>

#include "tests/fakes/fake_camera.hpp"

namespace framelog {
namespace {

using Wanted = std::vector<std::pair<std::string, std::string>>;

/// With one control of each kind.
struct Rig {
  Rig() {
    camera.controls = {
        {1, V4L2_CTRL_TYPE_CTRL_CLASS, "User Controls"},
        {2, V4L2_CTRL_TYPE_INTEGER, "Gain", -5, 100, 7},
        {3, V4L2_CTRL_TYPE_BOOLEAN, "Gain, Automatic", 0, 1, 1},
        {4,
         V4L2_CTRL_TYPE_MENU,
         "Auto Exposure",
         0,
         3,
         3,
         0,
         {{1, "Manual Mode"}, {3, "Aperture Priority Mode"}}},
        {5, V4L2_CTRL_TYPE_INTEGER_MENU, "Speed", 0, 1, 0, 0, {{0, "25"}, {1, "50"}}},
        {6, V4L2_CTRL_TYPE_BITMASK, "Bits", 0, static_cast<__s32>(0x80000002), 2},
        {7, V4L2_CTRL_TYPE_INTEGER64, "Long", -(1LL << 40), 1LL << 40, 5},
        {8, V4L2_CTRL_TYPE_STRING, "Label", 2, 8, 0, 0, {}, "ab"},
        {9, V4L2_CTRL_TYPE_BUTTON, "Do It", 0, 0, 0, V4L2_CTRL_FLAG_WRITE_ONLY},
        {10, V4L2_CTRL_TYPE_U8, "Table", 0, 9, 0, V4L2_CTRL_FLAG_HAS_PAYLOAD},
        {11, V4L2_CTRL_TYPE_INTEGER, "Temperature", 0, 99, 42, V4L2_CTRL_FLAG_READ_ONLY},
        {12, V4L2_CTRL_TYPE_INTEGER, "Lost", 0, 1, 0, V4L2_CTRL_FLAG_DISABLED},
    };
    device = VideoDevice::open(camera, "/dev/video0").value();
    controls = list_controls(device);
  }
  Result<void> set(const Wanted& wanted) {
    return set_controls(device, controls, wanted, ControlTime::kAfterFormat);
  }
  std::string fault(const Wanted& wanted) {
    const auto done = set(wanted);
    return done ? "none" : describe(done.error());
  }
  std::string value(const std::string& name) {
    for (const auto& [key, text] : read_controls(device, controls)) {
      if (key == "control." + name) return text;
    }
    return "none";
  }

  FakeCamera camera;
  VideoDevice device;
  std::vector<VideoControl> controls;
};

TEST(V4l2Controls, AreNamedAsV4l2CtlNamesThem) {
  EXPECT_EQ(control_name("Exposure Time, Absolute"), "exposure_time_absolute");
  EXPECT_EQ(control_name("  White Balance (Auto) "), "white_balance_auto");
  EXPECT_EQ(control_name("S_FMT -- 2"), "s_fmt_2");
  Rig rig;
  std::vector<std::string> names;
  for (const VideoControl& control : rig.controls) names.push_back(control.name);
  EXPECT_EQ(names,
            (std::vector<std::string>{"gain", "gain_automatic", "auto_exposure", "speed", "bits",
                                      "long", "label", "do_it", "table", "temperature"}));
}

TEST(V4l2Controls, AreSetAndReadBack) {
  Rig rig;
  const auto done = rig.set({{"gain", "-3"},
                             {"gain_automatic", "no"},
                             {"auto_exposure", "manual mode"},
                             {"speed", "50"},
                             {"bits", "0x80000000"},
                             {"long", "1000000000000"},
                             {"label", "xyz"}});
  ASSERT_TRUE(done) << describe(done.error());
  const auto values = read_controls(rig.device, rig.controls);
  EXPECT_EQ(values, (Wanted{{"control.gain", "-3"},
                            {"control.gain_automatic", "0"},
                            {"control.auto_exposure", "1 (Manual Mode)"},
                            {"control.speed", "1 (50)"},
                            {"control.bits", "0x80000000"},
                            {"control.long", "1000000000000"},
                            {"control.label", "xyz"},
                            {"control.temperature", "42"}}));
}

TEST(V4l2Controls, AMenuTakesNumbersAndWhatIsReadBack) {
  Rig rig;
  ASSERT_TRUE(rig.set({{"auto_exposure", "1"}}));
  EXPECT_EQ(rig.value("auto_exposure"), "1 (Manual Mode)");
  ASSERT_TRUE(rig.set({{"auto_exposure", "3 (Aperture Priority Mode)"}}));
  EXPECT_EQ(rig.value("auto_exposure"), "3 (Aperture Priority Mode)");
}

TEST(V4l2Controls, SwitchesComeFirst) {
  Rig rig;
  ASSERT_TRUE(
      rig.set({{"gain", "1"}, {"auto_exposure", "1"}, {"long", "2"}, {"gain_automatic", "0"}}));
  EXPECT_EQ(rig.camera.log,
            (std::vector<std::string>{"Auto Exposure", "Gain, Automatic", "Gain", "Long"}));
}

TEST(V4l2Controls, WhatTheyDoNotTakeIsSaidWithWhatTheyTake) {
  Rig rig;
  EXPECT_EQ(rig.fault({{"gain", "101"}}), "control gain: cannot be \"101\" (-5..100)");
  EXPECT_EQ(rig.fault({{"gain", "many"}}), "control gain: cannot be \"many\" (-5..100)");
  EXPECT_EQ(rig.fault({{"gain", "1 "}}), "control gain: cannot be \"1 \" (-5..100)");
  EXPECT_EQ(rig.fault({{"gain", "--1"}}), "control gain: cannot be \"--1\" (-5..100)");
  EXPECT_EQ(rig.fault({{"gain_automatic", "2"}}),
            "control gain_automatic: cannot be \"2\" (yes or no)");
  EXPECT_EQ(rig.fault({{"auto_exposure", "2"}}),
            "control auto_exposure: cannot be \"2\" (1 Manual Mode, 3 Aperture Priority Mode)");
  EXPECT_EQ(rig.fault({{"bits", "1"}}), "control bits: cannot be \"1\" (bits of 0x80000002)");
  EXPECT_EQ(rig.fault({{"label", "much too long"}}),
            "control label: cannot be \"much too long\" (a text of 2 to 8 bytes)");
  EXPECT_EQ(rig.fault({{"do_it", "1"}}),
            "control do_it: cannot be set: do_it a button, which has no value");
  EXPECT_EQ(rig.fault({{"table", "1"}}), "control table: cannot be set: table an array");
  EXPECT_EQ(rig.fault({{"temperature", "1"}}),
            "control temperature: cannot be set: temperature 0..99 (read only)");
  EXPECT_TRUE(rig.camera.log.empty());
}

TEST(V4l2Controls, AnUnknownOneIsToldWithTheNearestAndAllThereAre) {
  Rig rig;
  const std::string text = rig.fault({{"gian", "1"}});
  EXPECT_TRUE(
      text.starts_with("the camera has no control \"gian\" (did you mean gain? it has gain "
                       "-5..100; gain_automatic yes or no; auto_exposure 1 Manual Mode"))
      << text;
  EXPECT_FALSE(text.contains("do_it"));
  EXPECT_FALSE(text.contains('\n'));
}

TEST(V4l2Controls, ARefusalOfTheCameraIsTold) {
  Rig rig;
  rig.camera.failures[VIDIOC_S_EXT_CTRLS] = {EIO};
  EXPECT_EQ(rig.fault({{"gain", "1"}}),
            "the camera refuses the control gain = 1 (gain -5..100): Input/output error");
}

TEST(V4l2Controls, ExposureIsKnownWhereItIsFixed) {
  FakeCamera camera;
  camera.controls = {{V4L2_CID_EXPOSURE_AUTO,
                      V4L2_CTRL_TYPE_MENU,
                      "Auto Exposure",
                      0,
                      3,
                      3,
                      0,
                      {{1, "Manual Mode"}, {3, "Aperture Priority Mode"}}},
                     {V4L2_CID_EXPOSURE_ABSOLUTE, V4L2_CTRL_TYPE_INTEGER, "Exposure Time, Absolute",
                      1, 5000, 157}};
  const VideoDevice device = VideoDevice::open(camera, "/dev/video0").value();
  const auto controls = list_controls(device);
  EXPECT_EQ(exposure_ns(device, controls), -1);
  camera.controls[0].value = 1;
  EXPECT_EQ(exposure_ns(device, controls), 15'700'000);
}

}  // namespace
}  // namespace framelog
