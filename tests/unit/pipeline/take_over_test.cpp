#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <functional>
#include <thread>

#include "pipeline/recipe.hpp"
#include "pipeline/ring_memory.hpp"
#include "recording.hpp"
#include "tests/fakes/sanitizers.hpp"

namespace framelog {
namespace {

/// Memory that this process keeps for its children.
class TestKeeper final : public RingKeeper {
 public:
  TestKeeper() : memory_(make_memory(4096).value()) {}
  std::vector<UniqueFd> left_behind() override { return {}; }
  Result<UniqueFd> make(std::uint64_t bytes) override {
    if (auto filled = fill_memory(memory_, bytes); !filled) return std::unexpected(filled.error());
    return copy();
  }
  void forget(const UniqueFd& /*memory*/) override { forgotten = true; }
  [[nodiscard]] std::string_view place() const override { return "a test"; }
  [[nodiscard]] UniqueFd copy() const {
    return UniqueFd(::fcntl(memory_.get(), F_DUPFD_CLOEXEC, 0));
  }

  bool forgotten{};

 private:
  UniqueFd memory_;
};

/// Runs in a process of its own that has to end by SIGKILL.
void killed(const std::function<void()>& what) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    what();
    ::_exit(1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status)) << "it was not killed";
}

/// Frames at a rate that leaves time for other things.
class PacedSource final : public FrameSource {
 public:
  explicit PacedSource(FrameSource& source) : source_(source) {}
  Result<SourceInfo> open() override { return source_.open(); }
  Result<void> start() override { return source_.start(); }
  Result<FrameInfo> read(std::span<std::byte> pixels, Deadline deadline) noexcept override {
    std::this_thread::sleep_for(std::chrono::microseconds(200));
    return source_.read(pixels, deadline);
  }
  void stop() noexcept override { source_.stop(); }
  void cancel() noexcept override { source_.cancel(); }

 private:
  FrameSource& source_;
};

struct TakeOverRig {
  /// A process that records so many frames and is killed then.
  void record_and_die(std::uint64_t frames) {
    killed([this, frames] {
      recording.source.frames(frames).then([] { ::raise(SIGKILL); });
      auto session = Session::start(recording.source, recording.plan(), recording.files,
                                    recording.clock, &keeper);
      if (session) static_cast<void>((*session)->drain());
    });
  }

  /// A process that dies before the `nth` write to files whose names contain `name`.
  void record_and_die_writing(const std::string& name, int nth, std::uint64_t frames) {
    killed([&] {
      recording.files.add({.call = Call::kWrite, .first = nth, .path = name, .deadly = true});
      recording.source.frames(frames);
      auto session = Session::start(recording.source, recording.plan(), recording.files,
                                    recording.clock, &keeper);
      if (session) static_cast<void>((*session)->drain());
    });
  }

  /// Goes on with what is left; null: without a source.
  void take_over(FrameSource* source) {
    const auto recipe = read_recipe(Ring::recipe_of(keeper.copy()).value());
    ASSERT_TRUE(recipe) << describe(recipe.error());
    auto session = Session::take_over(source, recording.plan(), recipe->run, keeper.copy(),
                                      recording.files, recording.clock, keeper);
    ASSERT_TRUE(session) << describe(session.error());
    recording.session = std::move(*session);
    recording.finish();
    EXPECT_TRUE(keeper.forgotten);
    EXPECT_TRUE(recording.leftovers().empty());
  }

  /// A ring with frames that nobody has reduced, as a process leaves it that died at once.
  void leave_frames(std::uint64_t frames) {
    RecordingPlan plan = recording.plan();
    const RunIdentity run{make_uuid(), 1, 0, 0};
    const std::string recipe = write_recipe({plan.instrument, "", plan.source, run});
    Ring ring =
        Ring::attach(keeper.make(Ring::kept_bytes(plan.ring, recipe.size())).value(), plan.ring)
            .value();
    ASSERT_TRUE(ring.put_recipe(recipe));
    for (std::uint64_t sequence = 0; sequence < frames; ++sequence) {
      SlotHeader& header = ring.slot(sequence).header;
      header.info.sequence = header.info.source_sequence = sequence;
      header.info.utc_ns = header.info.monotonic_ns =
          static_cast<std::int64_t>(sequence + 1) * ScriptedSource::kPeriodNs;
      header.received_total = sequence + 1;
      add(ring.capture_counters().received, 1);
      ring.advance_captured(sequence + 1);
    }
  }

  /// A process that dies with the frame in a stage's hands.
  void die_with(std::size_t hand, std::uint64_t sequence) {
    killed([&] {
      auto ring = Ring::attach(keeper.copy(), recording.plan().ring);
      if (!ring) return;
      ring->take_in_hand(hand, sequence);
      ::raise(SIGKILL);
    });
  }

  /// By the processes until now.
  std::uint64_t received() {
    const auto ring = Ring::attach(keeper.copy(), recording.plan().ring);
    return ring->capture_counters().received.load();
  }

  Recording recording;
  TestKeeper keeper;
};

struct TakeOver : testing::Test, TakeOverRig {};

TEST_F(TakeOver, WritesEachFrameOnceAndCountsOn) {
  recording.set("product.sums", "accumulate", "4");
  recording.set("product.sums", "max_size", "1 MiB");
  recording.set("product.some", "keep_every", "3");
  recording.set("product.some", "max_size", "1 MiB");
  record_and_die(101);
  recording.source.next_number = 101;
  recording.source.frames(50);
  take_over(&recording.source);
  for (const std::string product : {"raw", "h5", "some", "sums"}) {
    SCOPED_TRACE(product);
    const Accounting& accounting = recording.accounting(product);
    EXPECT_EQ(accounting.received, 151U);
    EXPECT_EQ(accounting.total_dropped(), 0U);
    EXPECT_EQ(accounting.in_flight(), 0U);
    const auto segments = recording.segments(product);
    ASSERT_FALSE(segments.empty());
    EXPECT_EQ(static_cast<std::uint64_t>(total_of(segments).frames), accounting.recorded);
    EXPECT_EQ(total_of(segments).received, 151U);
  }
  EXPECT_EQ(recording.accounting("h5").recorded, 151U);
  EXPECT_EQ(recording.accounting("some").recorded, 51U);
  EXPECT_EQ(recording.accounting("sums").merged + recording.accounting("sums").recorded, 151U);
}

TEST_F(TakeOver, CountsWhatTheHardwareDeliveredMeanwhileByItsNumbers) {
  record_and_die(50);
  recording.source.next_number = 80;
  recording.source.frames(20);
  take_over(&recording.source);
  const Accounting& accounting = recording.accounting("raw");
  EXPECT_EQ(accounting.received, 100U);
  EXPECT_EQ(accounting.recorded, 70U);
  EXPECT_EQ(dropped(accounting, DropReason::kNoProcess), 30U);
  EXPECT_EQ(accounting.total_lost_at_source(), 0U);
  const auto segments = recording.segments("raw");
  EXPECT_EQ(total_of(segments).dropped, 30U);
}

TEST_F(TakeOver, DoesNotCountLossesTwiceThatWereCountedBeforeTheEnd) {
  recording.slots = 4;
  recording.set("ring", "overflow", "drop");
  record_and_die(4000);  // Far more than the ring takes while the disk is asked.
  recording.source.next_number = 4010;
  recording.source.frames(20);
  take_over(&recording.source);
  const Accounting& accounting = recording.accounting("raw");
  EXPECT_EQ(accounting.received, 4030U);
  EXPECT_EQ(dropped(accounting, DropReason::kNoProcess), 10U);
  EXPECT_EQ(accounting.in_flight(), 0U);
  EXPECT_EQ(total_of(recording.segments("raw")).received, 4030U);
}

/// The end comes before the `nth` write to a product's file, whose frames are accounted for in its
/// files as they are in the run.
void goes_on_behind_write(const std::string& product, int segment, int nth) {
  constexpr std::uint64_t kMore = 20;
  SCOPED_TRACE(product + ", write " + std::to_string(nth));
  TakeOverRig rig;
  if (product == "some") {
    rig.recording.set("product.some", "keep_every", "3");
    rig.recording.set("product.some", "max_frames", "2");
  } else if (product == "sums") {
    rig.recording.set("product.sums", "accumulate", "4");
    rig.recording.set("product.sums", "max_size", "1 MiB");
  }
  rig.record_and_die_writing(product + "_000" + std::to_string(segment), nth, 12);
  const std::uint64_t before = rig.received();
  rig.recording.source.next_number = before;
  rig.recording.source.frames(kMore);
  rig.take_over(&rig.recording.source);
  const Accounting& accounting = rig.recording.accounting(product);
  EXPECT_EQ(accounting.received, before + kMore);
  EXPECT_EQ(accounting.in_flight(), 0U);
  const Total total = total_of(rig.recording.segments(product));
  EXPECT_EQ(static_cast<std::uint64_t>(total.frames), accounting.recorded);
  EXPECT_EQ(total.received, before + kMore);
}

TEST(TakeOverBehind, AnyWriteToAFileCountsEachFrameOnce) {
  if (kIsThreadSanitized) GTEST_SKIP() << "many processes, no new threads: plain and with ASan";
  // The log, the first frames with their records, and their count.
  constexpr int kMostWrites = 7;
  for (int nth = 1; nth <= kMostWrites; ++nth) {
    goes_on_behind_write("raw", 1, nth);
    goes_on_behind_write("h5", 1, nth);
    goes_on_behind_write("some", 2, nth);
    goes_on_behind_write("sums", 1, nth);
  }
}

TEST_F(TakeOver, EndsTheRunWhereThereIsNoSource) {
  record_and_die(50);
  take_over(nullptr);
  EXPECT_EQ(recording.accounting("h5").recorded, 50U);
  const auto segments = recording.segments("h5");
  ASSERT_EQ(segments.size(), 1U);
  EXPECT_EQ(segments[0].provenance.stop_reason, "crash");
}

TEST_F(TakeOver, AFrameThatKillsTheReducerAgainAndAgainIsDropped) {
  leave_frames(10);
  for (int death = 0; death < 3; ++death) die_with(0, 4);
  take_over(nullptr);
  for (const std::string product : {"raw", "h5"}) {
    const Accounting& accounting = recording.accounting(product);
    EXPECT_EQ(accounting.recorded, 9U) << product;
    EXPECT_EQ(dropped(accounting, DropReason::kCrash), 1U) << product;
    EXPECT_EQ(total_of(recording.segments(product)).dropped, 1U) << product;
  }
}

TEST_F(TakeOver, AFrameThatKillsTheWriterAgainAndAgainIsDropped) {
  leave_frames(10);
  for (int death = 0; death < 3; ++death) die_with(kMostReducers, 0);
  take_over(nullptr);
  EXPECT_EQ(recording.accounting("raw").recorded, 9U);
  EXPECT_EQ(dropped(recording.accounting("raw"), DropReason::kCrash), 1U);
}

TEST_F(TakeOver, AFrameThatHasKilledTwiceIsTriedAgain) {
  leave_frames(10);
  for (int death = 0; death < 2; ++death) die_with(0, 4);
  take_over(nullptr);
  EXPECT_EQ(recording.accounting("raw").recorded, 10U);
}

TEST_F(TakeOver, AnotherFrameIsNotToBlame) {
  leave_frames(10);
  for (std::uint64_t death = 0; death < 6; ++death) die_with(0, death % 2);
  take_over(nullptr);
  EXPECT_EQ(recording.accounting("raw").recorded, 10U);
}

TEST_F(TakeOver, ALostFrameEndsTheGroupBeforeIt) {
  recording.set("product.sums", "accumulate", "4");
  leave_frames(10);
  for (int death = 0; death < 3; ++death) die_with(0, 6);
  take_over(nullptr);
  const Accounting& accounting = recording.accounting("sums");
  // 0..3, 4..5, and behind the lost one 7..9.
  EXPECT_EQ(accounting.recorded, 3U);
  EXPECT_EQ(accounting.merged, 6U);
  EXPECT_EQ(dropped(accounting, DropReason::kCrash), 1U);
  EXPECT_EQ(accounting.in_flight(), 0U);
}

TEST(Reload, ChangesTheProductsWithoutLosingAFrame) {
  Recording recording;
  PacedSource paced(recording.source);
  recording.set("realtime", "reduce_threads", "3");
  // As many segments as reloads: on a slow disk each costs its time.
  for (const char* product : {"product.raw", "product.h5"}) {
    recording.set(product, "max_size", "8 MiB");
  }
  recording.source.frames_until_cancelled();
  auto session = Session::start(paced, recording.plan(), recording.files, recording.clock);
  ASSERT_TRUE(session) << describe(session.error());
  recording.session = std::move(*session);
  const auto recorded = [&] {
    const auto products = recording.session->status().products;
    return std::ranges::min(products, {},
                            [](const auto& product) { return product.accounting.recorded; })
        .accounting.recorded;
  };
  for (int round = 0; round < 6; ++round) {
    // What has been recorded since the reload before is in segments of its own.
    const std::uint64_t before = recorded();
    while (recorded() < before + 200) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    recording.set("product.h5", "bin_mode", round % 2 == 0 ? "mean" : "sum");
    recording.set("product.h5", "dtype", "uint32");
    const auto reloaded = recording.session->reload(recording.plan());
    if (round == 0 && !reloaded) {
      EXPECT_EQ(reloaded.error().code, ErrorCode::kLayout);
    } else {
      EXPECT_TRUE(reloaded) << describe(reloaded.error());
    }
  }
  recording.session->request_stop();
  recording.finish();
  for (const std::string product : {"raw", "h5"}) {
    const Accounting& accounting = recording.accounting(product);
    EXPECT_EQ(accounting.recorded, accounting.received) << product;
    const auto segments = recording.segments(product);
    EXPECT_EQ(static_cast<std::uint64_t>(total_of(segments).frames), accounting.recorded);
    EXPECT_EQ(total_of(segments).received, accounting.received);
    EXPECT_GT(segments.size(), 5U);
  }
  EXPECT_TRUE(recording.leftovers().empty());
}

TEST(Reload, RefusesWhatNeedsAnotherRing) {
  Recording recording;
  recording.source.frames_until_cancelled();
  ASSERT_TRUE(recording.start());
  recording.set("product.h5", "bin", "1x1");
  const auto reloaded = recording.session->reload(recording.plan());
  ASSERT_FALSE(reloaded);
  EXPECT_EQ(reloaded.error().code, ErrorCode::kLayout);
  recording.session->request_stop();
  recording.finish();
  EXPECT_EQ(recording.accounting("h5").recorded, recording.accounting("h5").received);
}

}  // namespace
}  // namespace framelog
