#include "drivers/v4l2_source.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "allocations.hpp"
#include "fake_clock.hpp"
#include "tests/fakes/fake_camera.hpp"

namespace framelog {
namespace {

using Bytes = std::vector<std::byte>;
using Frame = FakeCamera::Frame;

constexpr auto kSoon = std::chrono::milliseconds(20);

struct Rig {
  explicit Rig(V4l2Config config = {}) : source(std::move(config), camera) {}

  SourceInfo open() {
    auto info = source.open();
    EXPECT_TRUE(info) << describe(info.error());
    if (!info) return {};
    slot.assign(size_bytes(info->shape), std::byte{0xA5});
    return *info;
  }
  void begin() {
    open();
    const auto started = source.start();
    ASSERT_TRUE(started) << describe(started.error());
  }
  std::string fault_of_open() {
    const auto info = source.open();
    return info ? "none" : describe(info.error());
  }
  Result<FrameInfo> read() { return source.read(slot, kPast); }
  /// A frame whose byte i is first + i.
  [[nodiscard]] Frame frame(std::uint32_t sequence, int first = 1) const {
    Frame made;
    made.payload.resize(std::size_t{camera.bytes_per_line()} * camera.size_now.height);
    for (std::size_t i = 0; i < made.payload.size(); ++i) {
      made.payload[i] = static_cast<std::byte>(first + static_cast<int>(i));
    }
    made.sequence = sequence;
    return made;
  }
  std::uint64_t count(std::string_view name) {
    for (const SourceCounter& counter : source.counters()) {
      if (counter.name == name) return counter.count;
    }
    ADD_FAILURE() << name;
    return 0;
  }

  FakeCamera camera;
  V4l2Source source;
  Bytes slot;
};

V4l2Config with_format(const char* word) {
  V4l2Config config;
  config.wishes.fourcc = fourcc_of(word);
  return config;
}

std::string setting(const SourceInfo& info, std::string_view name) {
  for (const auto& [key, value] : info.settings) {
    if (key == name) return value;
  }
  return "none";
}

TEST(V4l2Source, TakesTheMonoFormatOfMostBits) {
  Rig rig;
  const SourceInfo info = rig.open();
  EXPECT_EQ(info.shape, (FrameShape{2, 4, PixelType::kUint16}));
  EXPECT_EQ(info.bit_depth, 10);
  EXPECT_EQ(info.saturation, 1023);
  EXPECT_EQ(info.rate_hz, 30);
  EXPECT_TRUE(info.numbered);
  EXPECT_TRUE(info.renumbers);
  EXPECT_EQ(info.model, "Fake Camera");
  EXPECT_EQ(setting(info, "format"), "Y10");
  EXPECT_EQ(setting(info, "kernel_driver"), "fakecam 6.1.2");
}

TEST(V4l2Source, OfTheBestFormatsTakesTheOneThatHasTheSize) {
  V4l2Config config;
  config.wishes.width_px = 8;
  config.wishes.height_px = 6;
  Rig rig(config);
  EXPECT_EQ(setting(rig.open(), "format"), "GREY");  // Y10 has 4 x 2 and 6 x 4 alone.
}

TEST(V4l2Source, SaysWhatTheCameraOffers) {
  EXPECT_EQ(Rig(with_format("Y16")).fault_of_open(),
            "the camera has no pixel format Y16 (it offers YUYV GREY Y10)");
  V4l2Config config = with_format("GREY");
  config.wishes.width_px = 5;
  EXPECT_EQ(Rig(config).fault_of_open(),
            "the camera does not deliver 5 x 2 GREY, but 4 x 2 GREY (width x height; it offers 4 x "
            "2, 8 x 6)");
  Rig colour;
  colour.camera.offers = {{V4L2_PIX_FMT_RGB24, {{4, 2}}, 24}};
  EXPECT_EQ(colour.fault_of_open(),
            "the camera has no pixel format that is known (it offers RGB3, of which none can be "
            "recorded)");
}

TEST(V4l2Source, TellsTheRateThatTheCameraMakesOfTheOneWanted) {
  V4l2Config config;
  config.wishes.rate_hz = 59.94;
  Rig rig(config);
  EXPECT_EQ(rig.open().rate_hz, 59);
  Rig without(config);
  without.camera.has_rate = false;
  EXPECT_EQ(without.fault_of_open(), "the camera's rate cannot be set (rate = auto)");
}

TEST(V4l2Source, CropsInTheSensor) {
  V4l2Config config = with_format("GREY");
  config.wishes.crop = RegionSpec{1, 4, 2, std::nullopt};
  Rig rig(config);
  rig.camera.crops = true;
  const SourceInfo info = rig.open();
  EXPECT_EQ(info.shape, (FrameShape{3, 6, PixelType::kUint8}));
  EXPECT_EQ(setting(info, "crop"), "y=1:4, x=2:8");
}

TEST(V4l2Source, AnEarlierCropIsUndone) {
  Rig rig(with_format("GREY"));
  rig.camera.crops = true;
  rig.camera.cropped = {2, 2, 2, 2};
  EXPECT_EQ(setting(rig.open(), "crop"), "y=0:6, x=0:8");
}

TEST(V4l2Source, ACropThatTheCameraCannotMakeIsAnError) {
  V4l2Config config = with_format("GREY");
  config.wishes.crop = RegionSpec{1, 4, 2, 7};
  Rig without(config);
  EXPECT_EQ(without.fault_of_open(),
            "crop: the camera cannot crop (roi of a product crops what it delivers)");
  Rig coarse(config);
  coarse.camera.crops = true;
  coarse.camera.crop_step = 4;
  EXPECT_EQ(coarse.fault_of_open(),
            "crop: the camera makes y=1:4, x=2:6 of y=1:4, x=2:7 (choose the former, or another "
            "one)");
  config.wishes.crop = RegionSpec{1, 40, 2, 7};
  Rig outside(config);
  outside.camera.crops = true;
  EXPECT_EQ(outside.fault_of_open(),
            "crop: not inside of the sensor, y=1:40, x=2:7 (allowed: within y=0:6, x=0:8)");
}

TEST(V4l2Source, WhatIsNoCameraOrInUseIsSaid) {
  Rig denied;
  denied.camera.open_error = EACCES;
  EXPECT_EQ(denied.fault_of_open(), "cannot open the camera /dev/video0: Permission denied");
  Rig busy;
  busy.camera.failures[VIDIOC_REQBUFS] = {EBUSY};
  EXPECT_EQ(busy.fault_of_open(),
            "the camera is in use by another program /dev/video0: Device or resource busy");
  Rig output;
  output.camera.device_caps = V4L2_CAP_META_CAPTURE | V4L2_CAP_STREAMING;
  EXPECT_EQ(output.fault_of_open(), "is no camera that streams /dev/video0 (Fake Camera)");
  EXPECT_EQ(output.camera.opened, output.camera.closed);
}

TEST(V4l2Source, ControlsAreSetBeforeItStreams) {
  V4l2Config config;
  config.controls = {{"gain", "9"}};
  Rig rig(config);
  rig.camera.controls = {{2, V4L2_CTRL_TYPE_INTEGER, "Gain", 0, 100, 7}};
  rig.begin();
  EXPECT_EQ(rig.camera.log, (std::vector<std::string>{"format", "Gain", "stream on"}));
}

TEST(V4l2Source, WhatMirrorsThePictureIsSetBeforeItsFormat) {
  V4l2Config config = with_format("GREY");
  config.controls = {{"gain", "9"}, {"vertical_flip", "yes"}};
  Rig rig(config);
  rig.camera.controls = {
      {2, V4L2_CTRL_TYPE_INTEGER, "Gain", 0, 100, 7},
      {3, V4L2_CTRL_TYPE_BOOLEAN, "Vertical Flip", 0, 1, 0, V4L2_CTRL_FLAG_MODIFY_LAYOUT}};
  rig.open();
  EXPECT_EQ(rig.camera.log, (std::vector<std::string>{"Vertical Flip", "format", "Gain"}));
}

TEST(V4l2Source, DeliversPixelsNumbersAndTheKernelsTimes) {
  Rig rig(with_format("GREY"));
  rig.camera.padding = 5;
  rig.begin();
  Frame frame = rig.frame(7);
  frame.microseconds = 12'345'678;
  ASSERT_TRUE(rig.camera.deliver(frame));
  const auto info = rig.read();
  ASSERT_TRUE(info);
  EXPECT_EQ(info->source_sequence, 7U);
  EXPECT_EQ(info->monotonic_ns, 12'345'678'000);
  EXPECT_EQ(info->utc_ns, -1);
  EXPECT_EQ(info->flags, 0U);
  EXPECT_EQ(rig.slot, (Bytes{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}, std::byte{10},
                             std::byte{11}, std::byte{12}, std::byte{13}}));
  EXPECT_EQ(rig.camera.queued(), 8U);
}

TEST(V4l2Source, TimesOfAnotherClockAreUnknown) {
  Rig rig(with_format("GREY"));
  rig.begin();
  Frame frame = rig.frame(1);
  frame.flags = V4L2_BUF_FLAG_TIMESTAMP_UNKNOWN;
  rig.camera.deliver(frame);
  EXPECT_EQ(rig.read()->monotonic_ns, -1);
}

TEST(V4l2Source, NumbersGoOnBehind32BitsAndBeginAnewWithEachStart) {
  Rig rig(with_format("GREY"));
  rig.begin();
  for (const std::uint32_t sequence : {0xFFFFFFFFU, 0U, 2U})
    rig.camera.deliver(rig.frame(sequence));
  EXPECT_EQ(rig.read()->source_sequence, 0xFFFFFFFFU);
  EXPECT_EQ(rig.read()->source_sequence, 0x100000000U);
  EXPECT_EQ(rig.read()->source_sequence, 0x100000002U);
  rig.source.stop();
  ASSERT_TRUE(rig.source.start());
  rig.camera.deliver(rig.frame(0));
  EXPECT_EQ(rig.read()->source_sequence, 0U);
}

TEST(V4l2Source, DamagedAndShortBuffersAreMarkedAndCounted) {
  Rig rig(with_format("GREY"));
  rig.begin();
  Frame damaged = rig.frame(0);
  damaged.flags |= V4L2_BUF_FLAG_ERROR;
  rig.camera.deliver(damaged);
  EXPECT_EQ(rig.read()->flags, kFlagCorrupt);
  Frame half = rig.frame(1);
  half.payload.resize(5);
  rig.camera.deliver(half);
  EXPECT_EQ(rig.read()->flags, kFlagIncomplete);
  EXPECT_EQ(rig.slot[3], std::byte{4});
  EXPECT_EQ(rig.slot[4], std::byte{0});
  Frame empty = rig.frame(2);
  empty.payload.clear();
  empty.flags |= V4L2_BUF_FLAG_ERROR;
  rig.camera.deliver(empty);
  EXPECT_EQ(rig.read()->flags, kFlagCorrupt | kFlagIncomplete);
  EXPECT_EQ(rig.count("corrupt-buffers"), 2U);
  EXPECT_EQ(rig.count("short-buffers"), 2U);
}

TEST(V4l2Source, ABrokenJpegIsACorruptFrame) {
  Rig rig(with_format("MJPG"));
  rig.camera.offers = {{V4L2_PIX_FMT_MJPEG, {{4, 2}}, 8}};
  rig.begin();
  rig.camera.deliver(rig.frame(0));
  EXPECT_EQ(rig.read()->flags, kFlagCorrupt);
  EXPECT_EQ(rig.slot, Bytes(8, std::byte{0}));
  EXPECT_EQ(rig.count("undecodable-frames"), 1U);
}

TEST(V4l2Source, MultiPlanarCamerasAreReadToo) {
  Rig rig(with_format("GREY"));
  rig.camera.device_caps = V4L2_CAP_VIDEO_CAPTURE_MPLANE | V4L2_CAP_STREAMING;
  rig.camera.plane_offset = 16;
  rig.begin();
  rig.camera.deliver(rig.frame(3, 50));
  const auto info = rig.read();
  ASSERT_TRUE(info) << describe(info.error());
  EXPECT_EQ(info->flags, 0U);
  EXPECT_EQ(rig.slot[0], std::byte{50});
  EXPECT_EQ(rig.slot[7], std::byte{57});
}

TEST(V4l2Source, AnUnpluggedCameraIsClosedAndComesBack) {
  Rig rig(with_format("GREY"));
  rig.begin();
  rig.camera.deliver(rig.frame(0));
  ASSERT_TRUE(rig.read());
  rig.camera.gone = true;
  EXPECT_EQ(rig.read().error().code, ErrorCode::kDisconnected);
  rig.source.stop();
  EXPECT_EQ(rig.camera.opened, rig.camera.closed);
  EXPECT_EQ(rig.camera.mapped, 0U);
  EXPECT_EQ(rig.source.open().error().code, ErrorCode::kNotFound);
  rig.camera.gone = false;
  rig.begin();
  rig.camera.deliver(rig.frame(0, 9));
  ASSERT_TRUE(rig.read());
  EXPECT_EQ(rig.slot[0], std::byte{9});
}

TEST(V4l2Source, ErrorsOfDequeuingAndChangesOfTheSignalEndTheStream) {
  V4l2Config config = with_format("GREY");
  config.input = 1;
  Rig rig(config);
  rig.begin();
  rig.camera.failures[VIDIOC_DQBUF] = {EIO};
  const auto stopped = rig.read();
  EXPECT_EQ(stopped.error().code, ErrorCode::kDisconnected);
  EXPECT_EQ(stopped.error().system_errno, EIO);
  rig.begin();
  rig.camera.source_changes = 1;
  EXPECT_EQ(describe(rig.read().error()), "the camera's signal has changed");
  rig.begin();
  EXPECT_EQ(rig.read().error().code, ErrorCode::kTimeout);
}

TEST(V4l2Source, ABufferThatIsNotTakenBackIsOfferedAgain) {
  Rig rig(with_format("GREY"));
  rig.begin();
  rig.camera.deliver(rig.frame(0));
  rig.camera.failures[VIDIOC_QBUF] = {EINVAL, EINVAL};
  ASSERT_TRUE(rig.read());
  EXPECT_EQ(rig.count("refused-buffers"), 1U);
  EXPECT_EQ(rig.read().error().code, ErrorCode::kTimeout);
  EXPECT_EQ(rig.camera.queued(), 7U);
  EXPECT_EQ(rig.read().error().code, ErrorCode::kTimeout);
  EXPECT_EQ(rig.camera.queued(), 8U);
}

TEST(V4l2Source, ACameraThatTakesNoBufferBackIsLost) {
  V4l2Config config = with_format("GREY");
  config.buffers = 2;
  Rig rig(config);
  rig.begin();
  rig.camera.deliver(rig.frame(0));
  rig.camera.deliver(rig.frame(1));
  rig.camera.failures[VIDIOC_QBUF] = {EINVAL, EINVAL, EINVAL, EINVAL, EINVAL};
  ASSERT_TRUE(rig.read());
  ASSERT_TRUE(rig.read());
  EXPECT_EQ(rig.read().error().code, ErrorCode::kDisconnected);
}

TEST(V4l2Source, FailuresOfStartingLeaveNothingBehind) {
  for (const unsigned long call : {VIDIOC_QUERYBUF, VIDIOC_QBUF, VIDIOC_STREAMON}) {
    Rig rig(with_format("GREY"));
    rig.open();
    rig.camera.failures[call] = {EIO};
    EXPECT_FALSE(rig.source.start());
    EXPECT_EQ(rig.camera.mapped, 0U);
    EXPECT_EQ(rig.read().error().code, ErrorCode::kDisconnected);
    EXPECT_TRUE(rig.source.start());
  }
  Rig poor(with_format("GREY"));
  poor.camera.most_buffers = 1;
  poor.open();
  EXPECT_EQ(describe(poor.source.start().error()),
            "the camera gives too few buffers (1, at least 2)");
}

TEST(V4l2Source, WaitsForAFrameUntilItsDeadline) {
  Rig rig(with_format("GREY"));
  rig.begin();
  const auto deadline = std::chrono::steady_clock::now() + kSoon;
  EXPECT_EQ(rig.source.read(rig.slot, deadline).error().code, ErrorCode::kTimeout);
  EXPECT_GE(std::chrono::steady_clock::now(), deadline);
}

TEST(V4l2Source, CancelEndsAWait) {
  Rig rig(with_format("GREY"));
  rig.begin();
  std::jthread canceller([&] {
    std::this_thread::sleep_for(kSoon);
    rig.source.cancel();
  });
  EXPECT_EQ(rig.source.read(rig.slot, kNoDeadline).error().code, ErrorCode::kTimeout);
  canceller.join();
  rig.source.cancel();  // Before the wait.
  EXPECT_EQ(rig.source.read(rig.slot, kNoDeadline).error().code, ErrorCode::kTimeout);
  rig.camera.deliver(rig.frame(0));
  EXPECT_TRUE(rig.source.read(rig.slot, kNoDeadline));
}

TEST(V4l2Source, ReadingAllocatesNothing) {
  Rig rig(with_format("GREY"));
  rig.begin();
  rig.camera.failures.try_emplace(VIDIOC_DQBUF);
  rig.camera.deliver(rig.frame(0));
  rig.camera.deliver(rig.frame(1));
  ASSERT_TRUE(rig.read());
  // The fake's queue of buffers may take memory of its own; its failures and frames do not.
  const std::size_t before = allocations();
  const auto info = rig.read();
  const std::size_t after = allocations();
  ASSERT_TRUE(info);
  EXPECT_EQ(after, before);
  EXPECT_EQ(rig.read().error().code, ErrorCode::kTimeout);
  EXPECT_EQ(allocations(), after);
}

}  // namespace
}  // namespace framelog
