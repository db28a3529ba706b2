#include "drivers/merlin.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>

#include "allocations.hpp"
#include "loopback.hpp"
#include "merlin_stream.hpp"

namespace framelog {
namespace {

using merlin::frame;
using merlin::header;
using merlin::message;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kLong{60'000};
constexpr milliseconds kShort{30};

/// A Merlin that is only listened to; the frames are 3 x 4 pixels.
class ListenedTo : public testing::Test {
 protected:
  ListenedTo() {
    config.port = server.port();
    config.control_port.reset();
    config.shape = FrameShape{3, 4, PixelType::kUint16};
    config.patience = kLong;
  }

  void begin() {
    source.emplace(config);
    open_again();
  }
  /// After the connection was lost.
  void open_again() {
    const auto opened = source->open();
    ASSERT_TRUE(opened) << describe(opened.error());
    info = *opened;
    pixels.resize(size_bytes(info.shape));
    server.accept();
    ASSERT_TRUE(source->start());
  }

  Result<FrameInfo> read(milliseconds time = kLong) {
    return source->read(pixels, steady_clock::now() + time);
  }
  std::uint64_t number() {
    const auto got = read();
    EXPECT_TRUE(got) << describe(got.error());
    return got ? got->source_sequence : 0;
  }
  ErrorCode error(milliseconds time = kLong) {
    const auto got = read(time);
    return got ? ErrorCode::kEnd : got.error().code;
  }
  std::uint16_t pixel(std::size_t index) {
    std::uint16_t value = 0;
    std::memcpy(&value, pixels.data() + index * 2, 2);
    return value;
  }
  std::uint64_t counter(std::string_view name) {
    for (const SourceCounter& one : source->counters()) {
      if (one.name == name) return one.count.load();
    }
    ADD_FAILURE() << name;
    return 0;
  }

  Loopback server;
  MerlinConfig config;
  std::optional<Merlin> source;
  SourceInfo info;
  std::vector<std::byte> pixels;
};

TEST_F(ListenedTo, TellsWhatItKnows) {
  begin();
  EXPECT_EQ(info.shape, (FrameShape{3, 4, PixelType::kUint16}));
  EXPECT_EQ(info.vendor, "Quantum Detectors");
  EXPECT_TRUE(info.numbered);
  EXPECT_TRUE(info.may_be_silent);
  EXPECT_EQ(info.first_number, 1U);
  EXPECT_FALSE(info.simulated);
}

TEST_F(ListenedTo, DeliversFramesInTheMachinesByteOrderWithTheirNumbersAndTimes) {
  begin();
  server.send(message(header(2)) + message(frame(1)) + message(frame(2)));
  EXPECT_EQ(number(), 1U);
  EXPECT_EQ(pixel(5), 6U);
  const auto second = read();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->source_sequence, 2U);
  EXPECT_EQ(second->exposure_ns, 1'000'000);
  EXPECT_EQ(second->device_ns % 1'000'000'000, 2);
  EXPECT_EQ(second->utc_ns, -1) << "the Merlin's clock is not ours";
  EXPECT_EQ(second->flags, 0U);
  EXPECT_EQ(counter("acquisitions"), 1U);
}

TEST_F(ListenedTo, AFrameThatADeadlineCutsGoesOnInAnotherSlot) {
  begin();
  const std::string bytes = message(frame(1));
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    server.send(bytes.substr(at, 1));
    if (at + 1 < bytes.size()) {
      ASSERT_EQ(error(milliseconds(0)), ErrorCode::kTimeout);
      std::ranges::fill(pixels, std::byte{0xEE});
    }
  }
  EXPECT_EQ(number(), 1U);
  for (std::size_t i = 0; i < 12; ++i) EXPECT_EQ(pixel(i), 1 + i);
}

TEST_F(ListenedTo, CancelEndsAWaitAndLosesNothing) {
  begin();
  server.send(message(frame(1)).substr(0, 290));
  std::jthread other([&] { source->cancel(); });
  EXPECT_EQ(source->read(pixels, kNoDeadline).error().code, ErrorCode::kTimeout);
  other.join();
  server.send(message(frame(1)).substr(290));
  EXPECT_EQ(number(), 1U);
  EXPECT_EQ(pixel(11), 12U);
}

TEST_F(ListenedTo, AHalfFrameIsLostWithItsConnectionAndTheNextNumberTells) {
  begin();
  server.send(message(frame(1)) + message(frame(2)).substr(0, 280));
  EXPECT_EQ(number(), 1U);
  server.cut();
  EXPECT_EQ(error(), ErrorCode::kDisconnected);
  EXPECT_EQ(counter("incomplete-frames"), 1U);
  source->stop();
  open_again();
  server.send(message(frame(3)));
  EXPECT_EQ(number(), 3U);
}

TEST_F(ListenedTo, AFrameOfAnotherShapeIsGeometryAndItsSuccessorIsFound) {
  config.shape.reset();
  source.emplace(config);
  std::jthread peer([&] {
    server.accept();
    server.send(message(header(9)) + message(frame(1)) + message(frame(2, 6, 5)));
  });
  const auto opened = source->open();
  ASSERT_TRUE(opened) << describe(opened.error());
  peer.join();
  EXPECT_EQ(opened->shape, (FrameShape{3, 4, PixelType::kUint16}));
  EXPECT_EQ(opened->serial, "W1_A2");
  EXPECT_EQ(opened->bit_depth, 12);
  EXPECT_EQ(opened->settings.at(0).first, "Chip ID");
  pixels.resize(24);
  ASSERT_TRUE(source->start());
  EXPECT_EQ(number(), 1U);
  EXPECT_EQ(error(), ErrorCode::kGeometry);
  source->stop();
  server.send(message(frame(3, 6, 5)));
  const auto again = source->open();
  ASSERT_TRUE(again) << describe(again.error());
  EXPECT_EQ(again->shape, (FrameShape{5, 6, PixelType::kUint16}));
  pixels.resize(60);
  ASSERT_TRUE(source->start());
  EXPECT_EQ(number(), 3U);
}

TEST_F(ListenedTo, FramesThatAreNotAsConfiguredAreAnErrorThatSaysBoth) {
  begin();
  server.send(message(frame(1, 6, 5)));
  EXPECT_EQ(error(), ErrorCode::kGeometry);
  source->stop();
  server.send(message(frame(2, 6, 5)));
  const auto again = source->open();
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(again.error().context.find("5 x 6 uint16"), std::string::npos);
  EXPECT_NE(again.error().context.find("3 x 4 uint16"), std::string::npos);
  // It does not stay with what did not fit.
  const auto then = source->open();
  ASSERT_TRUE(then) << describe(then.error());
  server.accept();
  ASSERT_TRUE(source->start());
  server.send(message(frame(1)));
  const auto right = read();
  ASSERT_TRUE(right) << describe(right.error());
  EXPECT_EQ(right->source_sequence, 2U) << "behind the one that did not fit";
}

TEST_F(ListenedTo, WithoutAFrameThereIsNothingToOpenYetAndTheConnectionStays) {
  config.shape.reset();
  config.patience = kShort;
  source.emplace(config);
  const auto nothing = source->open();
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().code, ErrorCode::kNotFound);
  server.accept();
  server.send(message(header(9)) + message(frame(1)));
  Result<SourceInfo> found = source->open();
  while (!found) found = source->open();
  pixels.resize(24);
  ASSERT_TRUE(source->start());
  EXPECT_EQ(number(), 1U);
}

TEST_F(ListenedTo, NobodyListensIsNotFound) {
  source.emplace(config);
  server.listen_no_more();
  const auto nothing = source->open();
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().code, ErrorCode::kNotFound);
}

TEST_F(ListenedTo, ReadsOnlyWhatIsStartedAndFits) {
  begin();
  EXPECT_FALSE(source->start()) << "twice";
  pixels.resize(25);
  EXPECT_EQ(error(), ErrorCode::kInvalid);
  source->stop();
  source->stop();
  EXPECT_EQ(error(), ErrorCode::kDisconnected);
  pixels.resize(24);
  server.send(message(frame(1)));
  ASSERT_TRUE(source->start());
  EXPECT_EQ(number(), 1U) << "what comes between waits";
}

TEST_F(ListenedTo, AllocatesNothingWhileReading) {
  begin();
  std::string bytes = message(header(50));
  for (std::uint64_t i = 1; i <= 50; ++i)
    bytes += message(frame(i)) + (i % 7 == 0 ? "rubbish" : "");
  server.send(bytes.substr(0, 3000));
  const Deadline past = steady_clock::now();
  int frames = 0;
  const std::size_t before = allocations();
  for (int i = 0; i < 5; ++i) frames += source->read(pixels, steady_clock::now() + kLong) ? 1 : 0;
  for (int i = 0; i < 40; ++i) frames += source->read(pixels, past) ? 1 : 0;
  EXPECT_EQ(allocations(), before);
  EXPECT_GE(frames, 5);
}

}  // namespace
}  // namespace framelog
