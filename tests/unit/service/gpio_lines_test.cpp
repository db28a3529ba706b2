#include "service/gpio_lines.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <limits>
#include <mutex>
#include <thread>

#include "tests/fakes/fake_lines.hpp"

namespace framelog {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using Kind = RecordSignal::Kind;

/// Generous: the machine may be busy.
bool eventually(const std::function<bool()>& condition) {
  const auto until = steady_clock::now() + std::chrono::seconds(60);
  while (!condition() && steady_clock::now() < until) std::this_thread::sleep_for(milliseconds(1));
  return condition();
}

/// Lines over a fake chip; what they tell is kept.
class GpioLinesTest : public testing::Test {
 protected:
  GpioLines make() {
    return GpioLines("framelogd-test", signals_,
                     {[this](RecordSignal signal) {
                        const std::scoped_lock lock(mutex_);
                        if (refusals_-- > 0) return false;
                        told_.push_back(signal);
                        return true;
                      },
                      [this](const LineEdges& edges) {
                        const std::scoped_lock lock(mutex_);
                        edges_.insert(edges_.end(), edges.edges.begin(), edges.edges.end());
                        notes_before_signal_ = edges_.size() > told_.size();
                      },
                      [this] {
                        const std::scoped_lock lock(mutex_);
                        return now_;
                      }},
                     system_clock(),
                     {[this] { return fake_.chips; },
                      [this](const ChosenLines& lines, const std::string& consumer) {
                        return fake_.request(lines, consumer);
                      }});
  }
  std::vector<RecordSignal> told() {
    const std::scoped_lock lock(mutex_);
    return told_;
  }
  std::vector<LineEdge> edges() {
    const std::scoped_lock lock(mutex_);
    return edges_;
  }
  void indicate(Recorder::Indications now) {
    const std::scoped_lock lock(mutex_);
    now_ = now;
  }

  static LineSettings with(std::vector<LineSpec> lines, TriggerEdges edges = TriggerEdges::kNone) {
    return {.chip = {}, .lines = std::move(lines), .trigger_edges = edges};
  }

  FakeLines fake_;
  LineSignals signals_;
  std::mutex mutex_;
  std::vector<RecordSignal> told_;
  std::vector<LineEdge> edges_;
  int refusals_{};
  bool notes_before_signal_{};
  Recorder::Indications now_;
};

constexpr std::int64_t kStart = 1'234'567'890'123'456'789;

TEST_F(GpioLinesTest, KeepsTheKernelsTimesToTheNanosecondAndTellsEachTrigger) {
  GpioLines lines = make();
  ASSERT_TRUE(
      lines.adopt(with({{.role = LineRole::kTrigger, .line = "BUTTON"}}, TriggerEdges::kRising)));
  constexpr int kEdges = 3000;
  for (int i = 0; i < kEdges; ++i) {
    fake_.edge(0, i % 2 == 0, kStart + std::int64_t{i} * 1'000'001,
               static_cast<std::uint32_t>(i + 1));
  }
  ASSERT_TRUE(eventually([&] { return edges().size() == kEdges; }));
  const auto all = edges();
  for (int i = 0; i < kEdges; ++i) {
    const LineEdge& edge = all[static_cast<std::size_t>(i)];
    ASSERT_EQ(edge.monotonic_ns, kStart + std::int64_t{i} * 1'000'001);
    ASSERT_EQ(edge.line, 0);
    ASSERT_EQ(edge.active, i % 2 == 0);
  }
  ASSERT_TRUE(eventually([&] { return told().size() == kEdges / 2; }));
  EXPECT_EQ(told()[7].kind, Kind::kTrigger);
  EXPECT_EQ(told()[7].monotonic_ns, kStart + 14 * 1'000'001);
  const LinesStatus status = lines.status();
  ASSERT_EQ(status.lines.size(), 1U);
  EXPECT_EQ(status.chip, "gpiochip7");
  EXPECT_EQ(status.lines[0].rising, kEdges / 2U);
  EXPECT_EQ(status.lines[0].falling, kEdges / 2U);
  EXPECT_EQ(status.lines[0].lost, 0U);
  EXPECT_EQ(fake_.consumers(), std::vector<std::string>{"framelogd-test"});
}

TEST_F(GpioLinesTest, AnEdgeIsTheFilesBeforeItIsASignal) {
  GpioLines lines = make();
  ASSERT_TRUE(lines.adopt(with({{.role = LineRole::kTrigger, .line = "0"}}, TriggerEdges::kBoth)));
  fake_.edge(0, true, kStart);
  ASSERT_TRUE(eventually([&] { return told().size() == 1; }));
  EXPECT_TRUE(notes_before_signal_);
}

TEST_F(GpioLinesTest, ASignalThatNobodyHasRoomForIsToldAgain) {
  GpioLines lines = make();
  ASSERT_TRUE(lines.adopt(with({{.role = LineRole::kTrigger, .line = "0"}}, TriggerEdges::kBoth)));
  {
    const std::scoped_lock lock(mutex_);
    refusals_ = 3;
  }
  fake_.edge(0, true, kStart);
  fake_.edge(0, false, kStart + 5);
  ASSERT_TRUE(eventually([&] { return told().size() == 2; }));
  EXPECT_EQ(told()[0].monotonic_ns, kStart);
  EXPECT_EQ(told()[1].monotonic_ns, kStart + 5);
}

TEST_F(GpioLinesTest, WhatNobodyHadRoomForOutlivesItsLines) {
  GpioLines lines = make();
  ASSERT_TRUE(lines.adopt(with({{.role = LineRole::kTrigger, .line = "0"}}, TriggerEdges::kBoth)));
  {
    const std::scoped_lock lock(mutex_);
    refusals_ = std::numeric_limits<int>::max();
  }
  fake_.edge(0, true, kStart);
  ASSERT_TRUE(eventually([&] { return edges().size() == 1; }));
  ASSERT_TRUE(lines.adopt(with({{.role = LineRole::kGate, .line = "SHUTTER"}})));
  ASSERT_TRUE(lines.adopt({}));
  EXPECT_TRUE(told().empty());
  {
    const std::scoped_lock lock(mutex_);
    refusals_ = 0;
  }
  lines.tick(ErrorLamp::kOff);
  ASSERT_EQ(told().size(), 3U);
  EXPECT_EQ(told()[0].kind, Kind::kTrigger);
  EXPECT_EQ(told()[0].monotonic_ns, kStart);
  EXPECT_EQ(told()[1].kind, Kind::kClose) << "the level of the gate";
  EXPECT_EQ(told()[2].kind, Kind::kClose) << "which nobody watches any more";
}

TEST_F(GpioLinesTest, SignalsThatAreForgottenAreCounted) {
  GpioLines lines = make();
  ASSERT_TRUE(lines.adopt(with({{.role = LineRole::kTrigger, .line = "0"}}, TriggerEdges::kBoth)));
  {
    const std::scoped_lock lock(mutex_);
    refusals_ = std::numeric_limits<int>::max();
  }
  for (int i = 0; i < 100'007; ++i) fake_.edge(0, i % 2 == 0, kStart + i);
  ASSERT_TRUE(eventually([&] { return lines.status().lines[0].forgotten == 7; }));
  {
    const std::scoped_lock lock(mutex_);
    refusals_ = 0;
  }
  ASSERT_TRUE(eventually([&] { return told().size() == 100'000; }));
  EXPECT_EQ(told()[0].monotonic_ns, kStart + 7);
}

TEST_F(GpioLinesTest, AGateThatNobodyWatchesIsClosed) {
  fake_.set_level(1, true);
  GpioLines lines = make();
  ASSERT_TRUE(lines.adopt(with({{.role = LineRole::kGate, .line = "SHUTTER"}})));
  ASSERT_EQ(told().back().kind, Kind::kOpen);
  ASSERT_TRUE(lines.adopt(with({{.role = LineRole::kTrigger, .line = "BUTTON"}})));
  EXPECT_EQ(told().back().kind, Kind::kClose) << "a reload";
  ASSERT_TRUE(lines.adopt(with({{.role = LineRole::kGate, .line = "SHUTTER"},
                                {.role = LineRole::kStrobe, .line = "LAMP"}})));
  ASSERT_EQ(told().back().kind, Kind::kOpen);
  fake_.refuse_to_set();
  signals_.frames.fetch_add(1);
  signals_.frame_came.notify();
  // The tick behind the one that finds it asks for the lines again.
  bool failed = false;
  ASSERT_TRUE(eventually([&] {
    if (!failed) lines.tick(ErrorLamp::kOff);
    failed = !lines.status().trouble.empty();
    return failed;
  }));
  EXPECT_EQ(told().back().kind, Kind::kClose) << "the strobe has failed";
}

TEST_F(GpioLinesTest, EdgesThatTheKernelLostAreCountedByItsNumbersOrItsLimit) {
  GpioLines lines = make();
  ASSERT_TRUE(lines.adopt(with({{.role = LineRole::kTrigger, .line = "BUTTON"},
                                {.role = LineRole::kGate, .line = "SHUTTER"}})));
  fake_.edge(0, true, kStart, 1);
  fake_.edge(0, false, kStart + 1, 5);
  fake_.edge(1, true, kStart + 2, {}, true);
  ASSERT_TRUE(eventually([&] { return edges().size() == 3; }));
  EXPECT_EQ(lines.status().lines[0].lost, 3U);
  EXPECT_EQ(lines.status().lines[0].overflows, 0U);
  EXPECT_EQ(lines.status().lines[1].lost, 0U);
  EXPECT_EQ(lines.status().lines[1].overflows, 1U);
}

TEST_F(GpioLinesTest, NumbersOfEventsComeRound) {
  GpioLines lines = make();
  ASSERT_TRUE(lines.adopt(with({{.role = LineRole::kTrigger, .line = "BUTTON"}})));
  constexpr std::uint32_t kLast = std::numeric_limits<std::uint32_t>::max();
  fake_.edge(0, true, kStart, kLast);
  fake_.edge(0, false, kStart + 1, 0);
  fake_.edge(0, true, kStart + 2, 1);
  fake_.edge(0, false, kStart + 3, 4);
  ASSERT_TRUE(eventually([&] { return edges().size() == 4; }));
  EXPECT_EQ(lines.status().lines[0].lost, std::uint64_t{kLast} - 1 + 2);
}

TEST_F(GpioLinesTest, AnEdgeThatWasLostIsFoundByItsLevel) {
  GpioLines lines = make();
  ASSERT_TRUE(lines.adopt(with({{.role = LineRole::kGate, .line = "SHUTTER"}})));
  fake_.edge(1, true, kStart, {}, true, false);  // The kernel had no room for the next one.
  ASSERT_TRUE(eventually([&] { return edges().size() == 2; }));
  EXPECT_TRUE(edges()[0].active);
  EXPECT_FALSE(edges()[1].active);
  ASSERT_TRUE(eventually([&] { return told().size() == 3; }));
  EXPECT_EQ(told().back().kind, Kind::kClose);
  EXPECT_EQ(signals_.levels.load(), 0U);
  fake_.edge(1, false, kStart + 5);  // It was not lost, only late.
  fake_.edge(1, true, kStart + 6);
  ASSERT_TRUE(eventually([&] { return told().size() == 4; }));
  EXPECT_EQ(told().back().kind, Kind::kOpen);
  EXPECT_EQ(lines.status().lines[0].rising, 2U);
  EXPECT_EQ(lines.status().lines[0].falling, 1U);
}

TEST_F(GpioLinesTest, TheGateTellsItsLevelAtOnceAndEachChange) {
  fake_.set_level(1, true);
  GpioLines lines = make();
  ASSERT_TRUE(lines.adopt(with({{.role = LineRole::kGate, .line = "SHUTTER"}})));
  ASSERT_EQ(told().size(), 1U) << "before anything can be recorded";
  EXPECT_EQ(told()[0].kind, Kind::kOpen);
  EXPECT_EQ(signals_.levels.load(), bit_of(LineRole::kGate));
  fake_.edge(1, false, kStart);
  ASSERT_TRUE(eventually([&] { return told().size() == 2; }));
  EXPECT_EQ(told()[1].kind, Kind::kClose);
  EXPECT_EQ(told()[1].monotonic_ns, kStart);
  EXPECT_EQ(signals_.levels.load(), 0U);
}

TEST_F(GpioLinesTest, OutputsFollowTheRecorderAndAreInactiveInTheEnd) {
  {
    GpioLines lines = make();
    ASSERT_TRUE(lines.adopt(with({{.role = LineRole::kReady, .line = "BUTTON"},
                                  {.role = LineRole::kRecording, .line = "SHUTTER"},
                                  {.role = LineRole::kError, .line = "LAMP"}})));
    EXPECT_FALSE(fake_.level(0));
    indicate({.ready = true, .recording = false});
    ASSERT_TRUE(eventually([&] { return fake_.level(0); }));
    EXPECT_FALSE(fake_.level(1));
    indicate({.ready = true, .recording = true});
    ASSERT_TRUE(eventually([&] { return fake_.level(1); }));
    ASSERT_TRUE(eventually([&] {
      return signals_.levels.load() == (bit_of(LineRole::kReady) | bit_of(LineRole::kRecording));
    }));
    EXPECT_EQ(fake_.pulses(2), 0);
    lines.tick(ErrorLamp::kSteady);
    ASSERT_TRUE(eventually([&] { return fake_.level(2); }));
    lines.tick(ErrorLamp::kSourceLost);
    ASSERT_TRUE(eventually([&] { return fake_.pulses(2) >= 3; })) << "it blinks";
    lines.tick(ErrorLamp::kOff);
    ASSERT_TRUE(eventually([&] { return !fake_.level(2); }));
  }
  for (const std::uint32_t offset : {0U, 1U, 2U}) EXPECT_FALSE(fake_.level(offset));
  EXPECT_EQ(signals_.levels.load(), 0U);
  EXPECT_EQ(fake_.open_banks(), 0);
}

TEST_F(GpioLinesTest, ALineThatFloatsKeepsNeitherOutputsNorTheEndWaiting) {
  GpioLines lines = make();
  ASSERT_TRUE(lines.adopt(with({{.role = LineRole::kTrigger, .line = "BUTTON"},
                                {.role = LineRole::kReady, .line = "LAMP"}})));
  fake_.float_line(0);
  indicate({.ready = true, .recording = false});
  ASSERT_TRUE(eventually([&] { return fake_.level(2); }));
  ASSERT_TRUE(eventually([&] { return lines.status().lines[0].rising > 1000; }));
  ASSERT_TRUE(lines.adopt({}));
  EXPECT_FALSE(fake_.level(2));
}

TEST_F(GpioLinesTest, TheStrobeHasAPulseForEachFrameOrCountsIt) {
  GpioLines lines = make();
  ASSERT_TRUE(lines.adopt(with(
      {{.role = LineRole::kStrobe, .line = "LAMP", .length = std::chrono::microseconds(50)}})));
  const auto frame = [&] {
    signals_.frames.fetch_add(1);
    signals_.frame_came.notify();
  };
  for (int i = 1; i <= 5; ++i) {
    frame();
    ASSERT_TRUE(eventually([&] { return fake_.pulses(2) == i && !fake_.level(2); }));
    ASSERT_TRUE(eventually([&] { return lines.status().lines[0].pulses == unsigned(i); }));
  }
  for (int i = 0; i < 1000; ++i) frame();
  ASSERT_TRUE(eventually([&] {
    const LineStatus strobe = lines.status().lines[0];
    return strobe.pulses + strobe.missed == 1005;
  }));
  EXPECT_GE(lines.status().lines[0].pulses, 6U);
}

TEST_F(GpioLinesTest, ABouncingContactIsOneEdgeWithTheTimeFromWhichItStayed) {
  GpioLines lines = make();
  ASSERT_TRUE(lines.adopt(
      with({{.role = LineRole::kTrigger, .line = "BUTTON", .debounce = milliseconds(5)}},
           TriggerEdges::kBoth)));
  const std::int64_t now = system_clock().monotonic_ns();
  constexpr std::int64_t kUs = 1000;
  fake_.edges(0, {{now, true},
                  {now + 100 * kUs, false},
                  {now + 200 * kUs, true},
                  {now + 20'000 * kUs, false},
                  {now + 20'050 * kUs, true},
                  {now + 50'000 * kUs, false}});
  ASSERT_TRUE(eventually([&] { return edges().size() == 2; }));
  EXPECT_EQ(edges()[0].monotonic_ns, now + 200'000);
  EXPECT_TRUE(edges()[0].active);
  EXPECT_EQ(edges()[1].monotonic_ns, now + 50'000'000);
  EXPECT_FALSE(edges()[1].active);
  EXPECT_TRUE(eventually([&] { return told().size() == 2; }));
  EXPECT_EQ(lines.status().lines[0].bounces, 4U);
}

TEST_F(GpioLinesTest, LinesThatGoAwayAreAskedForAgainAndTheirCountsGoOn) {
  GpioLines lines = make();
  ASSERT_TRUE(lines.adopt(with({{.role = LineRole::kGate, .line = "SHUTTER"}})));
  fake_.edge(1, true, kStart);
  ASSERT_TRUE(eventually([&] { return edges().size() == 1; }));
  fake_.unplug();
  ASSERT_TRUE(eventually([&] {
    lines.tick(ErrorLamp::kOff);
    return !lines.status().trouble.empty();
  }));
  ASSERT_TRUE(eventually([&] { return told().back().kind == Kind::kClose; }));
  lines.tick(ErrorLamp::kOff);
  EXPECT_FALSE(lines.status().trouble.empty());
  fake_.unplug(false);
  lines.tick(ErrorLamp::kOff);
  EXPECT_EQ(lines.status().trouble, "");
  EXPECT_EQ(told().back().kind, Kind::kOpen) << "its level is told again";
  fake_.edge(1, false, kStart + 1);
  ASSERT_TRUE(eventually([&] { return edges().size() == 2; }));
  EXPECT_EQ(lines.status().lines[0].rising, 1U);
  EXPECT_EQ(lines.status().lines[0].falling, 1U);
}

TEST_F(GpioLinesTest, AChipThatVanishesInSilenceIsNoticed) {
  fake_.set_level(1, true);
  GpioLines lines = make();
  ASSERT_TRUE(lines.adopt(with({{.role = LineRole::kGate, .line = "SHUTTER"}})));
  fake_.vanish();
  ASSERT_TRUE(eventually([&] { return told().back().kind == Kind::kClose; }));
  lines.tick(ErrorLamp::kOff);
  EXPECT_EQ(lines.status().trouble, "cannot read a GPIO line");
}

TEST_F(GpioLinesTest, LinesThatCannotBeHadAtAReloadAreToldOnce) {
  testing::internal::CaptureStderr();
  GpioLines lines = make();
  ASSERT_TRUE(lines.adopt(with({{.role = LineRole::kTrigger, .line = "BUTTON"}})));
  lines.tick(ErrorLamp::kOff);
  fake_.unplug();
  EXPECT_FALSE(lines.adopt(with({{.role = LineRole::kTrigger, .line = "SHUTTER"}})));
  for (int i = 0; i < 3; ++i) lines.tick(ErrorLamp::kOff);
  fake_.unplug(false);
  for (int i = 0; i < 3; ++i) lines.tick(ErrorLamp::kOff);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "error: GPIO lines: cannot open /dev/gpiochip7; trying again\nGPIO lines: there\n");
}

TEST_F(GpioLinesTest, AChipThatIsNotThereAtFirstIsWaitedFor) {
  const auto chips = std::exchange(fake_.chips, {});
  GpioLines lines = make();
  const auto adopted = lines.adopt(with({{.role = LineRole::kTrigger, .line = "BUTTON"}}));
  ASSERT_FALSE(adopted);
  EXPECT_TRUE(adopted.error().may_come);
  lines.tick(ErrorLamp::kOff);
  EXPECT_NE(lines.status().trouble, "");
  fake_.chips = chips;
  lines.tick(ErrorLamp::kOff);
  EXPECT_EQ(lines.status().trouble, "");
  fake_.edge(0, true, kStart);
  EXPECT_TRUE(eventually([&] { return edges().size() == 1; }));
}

TEST_F(GpioLinesTest, AnotherConfigurationHasItsLines) {
  GpioLines lines = make();
  const LineSettings first = with({{.role = LineRole::kTrigger, .line = "BUTTON"}});
  ASSERT_TRUE(lines.adopt(first));
  ASSERT_TRUE(lines.adopt(first));
  EXPECT_EQ(fake_.consumers().size(), 1U) << "what is the same is kept";
  ASSERT_TRUE(lines.adopt(with({{.role = LineRole::kTrigger, .line = "SHUTTER"}})));
  EXPECT_EQ(fake_.consumers().size(), 2U);
  EXPECT_EQ(fake_.open_banks(), 1);
  ASSERT_TRUE(lines.adopt({}));
  EXPECT_EQ(fake_.open_banks(), 0);
  EXPECT_TRUE(lines.status().lines.empty());
}

}  // namespace
}  // namespace framelog
