#include "drivers/v4l2_nodes.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/fakes/fake_camera.hpp"
#include "tests/unit/formats/recording.hpp"

namespace framelog {
namespace {

namespace fs = std::filesystem;

/// A /dev with two nodes of one camera, and what the kernel knows of it.
class V4l2Nodes : public testing::Test {
 protected:
  V4l2Nodes() {
    for (const char* node : {"video0", "video10", "video2", "videofoo", "null"}) {
      std::ofstream(places_.devices / node).put('x');
    }
    fs::create_directories(places_.devices / "v4l/by-id");
    fs::create_symlink("../../video2", places_.devices / "v4l/by-id/usb-Fake_1-video-index0");
  }

  ScratchDirectory scratch_;
  VideoPlaces places_{scratch_.path(), scratch_.path() / "sys"};
  FakeCamera camera_;
};

TEST_F(V4l2Nodes, AreListedByTheirNumbersWithTheNamesThatStay) {
  const auto nodes = list_video_nodes(camera_, places_);
  ASSERT_TRUE(nodes);
  ASSERT_EQ(nodes->size(), 3U);
  EXPECT_EQ((*nodes)[0].path, (places_.devices / "video0").string());
  EXPECT_EQ((*nodes)[0].by_id, "");
  EXPECT_EQ((*nodes)[1].by_id, (places_.devices / "v4l/by-id/usb-Fake_1-video-index0").string());
  EXPECT_EQ((*nodes)[2].path, (places_.devices / "video10").string());
  EXPECT_EQ(camera_.opened, camera_.closed);
}

TEST_F(V4l2Nodes, ThatDoNotCaptureAreLeftOut) {
  camera_.device_caps = V4L2_CAP_VIDEO_OUTPUT | V4L2_CAP_STREAMING;
  EXPECT_TRUE(list_video_nodes(camera_, places_)->empty());
}

TEST_F(V4l2Nodes, BecomeInstrumentsWithAllThatOpensThem) {
  const auto found = find_cameras(camera_, places_);
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 3U);
  using Settings = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(
      (*found)[1].settings,
      (Settings{{"device", (places_.devices / "v4l/by-id/usb-Fake_1-video-index0").string()}}));
  EXPECT_TRUE((*found)[1].description.starts_with("Fake Camera at "));
  EXPECT_EQ((*found)[1].note, "");
}

TEST_F(V4l2Nodes, SayWhyTheyMayNotOpen) {
  camera_.failures[VIDIOC_REQBUFS] = {EBUSY};
  EXPECT_EQ((*find_cameras(camera_, places_))[0].note, "in use by another program");
  camera_.open_error = EACCES;
  const auto denied = find_cameras(camera_, places_);
  ASSERT_EQ(denied->size(), 3U);
  EXPECT_TRUE((*denied)[0].note.starts_with("no permission to open it"));
}

TEST_F(V4l2Nodes, AreFoundByPathCardOrBus) {
  EXPECT_EQ(find_video_node(camera_, places_, "/any/path").value(), "/any/path");
  const auto several = find_video_node(camera_, places_, "Fake Camera");
  ASSERT_FALSE(several);
  EXPECT_EQ(several.error().code, ErrorCode::kInvalid);
  for (const char* node : {"video10", "video2"}) fs::remove(places_.devices / node);
  const std::string only = (places_.devices / "video0").string();
  EXPECT_EQ(find_video_node(camera_, places_, "Fake Camera").value(), only);
  EXPECT_EQ(find_video_node(camera_, places_, "usb-fake-1").value(), only);
  const auto none = find_video_node(camera_, places_, "Webcam");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(describe(none.error()),
            "no camera is called \"Webcam\" (" + only + " is Fake Camera, usb-fake-1)");
}

TEST_F(V4l2Nodes, HaveTheSerialNumberOfTheirUsbDevice) {
  const fs::path usb = places_.system / "devices/usb1/1-1";
  fs::create_directories(usb / "1-1:1.0");
  fs::create_directories(places_.system / "class/video4linux/video2");
  fs::create_directory_symlink(usb / "1-1:1.0", places_.system / "class/video4linux/video2/device");
  std::ofstream(usb / "serial") << "AB12\n";
  std::ofstream(usb / "manufacturer") << "Fake Inc.\n";
  const std::string by_id = (places_.devices / "v4l/by-id/usb-Fake_1-video-index0").string();
  const UsbIdentity identity = usb_identity(places_, by_id);
  EXPECT_EQ(identity.serial, "AB12");
  EXPECT_EQ(identity.manufacturer, "Fake Inc.");
  EXPECT_EQ(identity.release, "");
  EXPECT_EQ(usb_identity(places_, (places_.devices / "video0").string()).serial, "");
}

}  // namespace
}  // namespace framelog
