#include "pipeline/capture_loop.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/event.hpp"
#include "core/log.hpp"
#include "pipeline/recipe.hpp"

namespace framelog {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::chrono::nanoseconds kLongestRead = seconds(1);
/// Cameras on a network are searched for, and some take long to wake up.
constexpr std::chrono::nanoseconds kLongestOpen = seconds(30);
constexpr auto kLongestWait = milliseconds(200);
constexpr auto kFirstBackOff = milliseconds(500);
constexpr auto kLongestBackOff = seconds(30);

/// For the strobe, which has a thread of its own: a wake-up is all that capture does for it.
void tell_lines(LineSignals& lines) noexcept {
  lines.frames.fetch_add(1, std::memory_order_relaxed);
  if (lines.wants_frames.load(std::memory_order_relaxed)) lines.frame_came.notify();
}

/// Sleeps in pieces that a stop request can end.
bool sleep_unless_stopped(Ring& ring, std::chrono::nanoseconds duration,
                          const std::stop_token& stop) {
  const auto until = std::chrono::steady_clock::now() + duration;
  while (!stop.stop_requested() && std::chrono::steady_clock::now() < until) {
    ring.nap(std::min(until, std::chrono::steady_clock::now() + kLongestWait));
  }
  return !stop.stop_requested();
}

}  // namespace

CaptureLoop::CaptureLoop(FrameSource& source, const SourceInfo& info, Ring& ring, Health& health,
                         const Clock& clock, const CaptureOptions& options)
    : source_(source),
      info_(info),
      ring_(ring),
      health_(health),
      clock_(clock),
      options_(options),
      spare_bytes_(options.wait_when_full ? 0 : size_bytes(info.shape)),
      spare_(std::make_unique_for_overwrite<std::byte[]>(spare_bytes_)),
      captured_(ring.captured()),
      interruption_(options.interruption) {
  take_over();
}

Interruption CaptureLoop::interrupted(DropReason reason) const noexcept {
  return {reason, last_source_sequence_, last_monotonic_ns_, 0};
}

CaptureEnd CaptureLoop::run(const std::stop_token& stop) {
  started_ns_ = last_arrival_ns_ = clock_.monotonic_ns();
  Step step = Step::kGoOn;
  source_.look_ahead(&ahead_);
  health_.capture.call("starting the source", last_arrival_ns_, kLongestOpen.count());
  if (auto started = source_.start(); !started) {
    log(LogLevel::kError, "source: " + describe(started.error()));
    step = reconnect("it does not start", stop);
  }
  if (step == Step::kGoOn) health_.source_connected.store(true, std::memory_order_relaxed);
  while (step == Step::kGoOn && !stop.stop_requested()) {
    if (options_.most_frames && received_ >= *options_.most_frames) {
      end_ = CaptureEnd::kEnoughFrames;
      break;
    }
    step = read_one(stop);
  }
  count_losses_behind_last();
  if (end_ != CaptureEnd::kGeometry) stop_source();
  source_.look_ahead(nullptr);
  health_.capture.rest(clock_.monotonic_ns());
  ring_.close();
  return end_;
}

CaptureLoop::Step CaptureLoop::read_one(const std::stop_token& stop) {
  bool has_slot = ring_.end_of(Stage::kCapture) > captured_;
  if (!has_slot && options_.wait_when_full) {
    if (!wait_for_slot(stop)) return Step::kGoOn;
    has_slot = true;
  }
  const std::span<std::byte> pixels =
      has_slot ? ring_.slot(captured_).raw : std::span(spare_.get(), spare_bytes_);
  const auto now = std::chrono::steady_clock::now();
  health_.capture.call("reading from the source", clock_.monotonic_ns(), kLongestRead.count());
  auto frame = source_.read(pixels, now + kLongestRead);
  if (!frame) return handle(frame.error(), stop);
  // While the source was waited for, the ring may have found room again.
  if (!has_slot && ring_.end_of(Stage::kCapture) > captured_) {
    std::ranges::copy(pixels, ring_.slot(captured_).raw.begin());
    has_slot = true;
  }
  health_.capture.begin(clock_.monotonic_ns());
  take(*frame, has_slot);
  return Step::kGoOn;
}

bool CaptureLoop::wait_for_slot(const std::stop_token& stop) {
  health_.capture.rest(clock_.monotonic_ns());
  const bool there =
      ring_.wait(Stage::kCapture, captured_, std::chrono::steady_clock::now() + kLongestWait);
  last_arrival_ns_ = clock_.monotonic_ns();  // Silence that we made ourselves is no stall.
  return there && !stop.stop_requested();
}

void CaptureLoop::take(const FrameInfo& delivered, bool has_slot) {
  FrameInfo info = delivered;
  if (!info_.numbered) info.source_sequence = received_;
  complete_times(info);
  if (interruption_) {
    count_interruption(info);
  } else if (!last_source_sequence_) {
    count_losses_before_first(info);
  }
  count_source_losses(info);
  ++received_;
  if (health_.lines != nullptr) tell_lines(*health_.lines);
  add(ring_.capture_counters().received, 1);
  add(ring_.capture_counters().bytes, size_bytes(info_.shape));
  const bool damaged = (info.flags & (kFlagCorrupt | kFlagIncomplete)) != 0;
  if (damaged && options_.drop_damaged) {
    drop(DropReason::kIncomplete, info);
  } else if (!has_slot) {
    drop(health_.full_because.load(std::memory_order_relaxed), info);
  } else {
    publish(info);
  }
}

void CaptureLoop::complete_times(FrameInfo& info) const {
  if (info.monotonic_ns < 0) info.monotonic_ns = clock_.monotonic_ns();
  if (info.gpio == 0 && health_.lines != nullptr) {
    info.gpio = health_.lines->levels.load(std::memory_order_relaxed);
  }
  // UTC of the frame, not of its delivery.
  if (info.utc_ns < 0) info.utc_ns = utc_at(clock_, info.monotonic_ns);
  if (!health_.clock_synchronised.load(std::memory_order_relaxed))
    info.flags |= kFlagClockUnsynchronised;
}

void CaptureLoop::publish(FrameInfo& info) {
  SlotHeader& header = ring_.slot(captured_).header;
  info.sequence = captured_;
  if (pending_.any() && last_monotonic_ns_ >= 0) {
    pending_.duration_ns = std::max(std::int64_t{1}, info.monotonic_ns - last_monotonic_ns_);
  }
  header.info = info;
  header.before = pending_;
  header.received_total = received_;
  const CaptureCounters& counters = ring_.capture_counters();
  for (std::size_t i = 0; i < kDropReasons; ++i) {
    header.dropped_total[i] = counters.dropped[i].load(std::memory_order_relaxed);
  }
  for (std::size_t i = 0; i < kLossReasons; ++i) {
    header.lost_total[i] = counters.lost_at_source[i].load(std::memory_order_relaxed);
  }
  pending_ = {};
  keep_memory();
  last_monotonic_ns_ = info.monotonic_ns;
  ++captured_;
  ring_.advance_captured(captured_);
}

CaptureLoop::Step CaptureLoop::handle(const Error& error, const std::stop_token& stop) {
  switch (error.code) {
    case ErrorCode::kTimeout: {
      const std::int64_t silence_ns = clock_.monotonic_ns() - last_arrival_ns_;
      if (!options_.stall_timeout || silence_ns < options_.stall_timeout->count())
        return Step::kGoOn;
      return reconnect("no frame for too long", stop);
    }
    case ErrorCode::kEnd:
      end_ = CaptureEnd::kEndOfSource;
      return Step::kEnd;
    case ErrorCode::kGeometry: {
      // A whole frame came that no slot can hold.
      ++received_;
      add(ring_.capture_counters().received, 1);
      FrameInfo lost;
      lost.monotonic_ns = clock_.monotonic_ns();
      drop(DropReason::kIncomplete, lost);
      // It had a number; the next frame's jump must not count it a second time.
      if (last_source_sequence_) ++*last_source_sequence_;
      return reconnect("a frame of another size than announced", stop);
    }
    default:
      return reconnect(describe(error), stop);
  }
}

std::optional<SourceTrouble> CaptureLoop::trouble() const {
  const std::scoped_lock lock(trouble_mutex_);
  return trouble_;
}

void CaptureLoop::set_trouble(std::string why) {
  const std::scoped_lock lock(trouble_mutex_);
  if (!trouble_) trouble_ = SourceTrouble{"", clock_.monotonic_ns()};
  trouble_->why = std::move(why);
}

std::string CaptureLoop::absence_text() const {
  const auto trouble = this->trouble();
  const std::int64_t since_ns = trouble ? trouble->since_monotonic_ns : clock_.monotonic_ns();
  return fmt::format("{:.1f} s", static_cast<double>(clock_.monotonic_ns() - since_ns) * 1e-9);
}

/// Some talk to their instrument once more.
void CaptureLoop::stop_source() {
  health_.capture.call("stopping the source", clock_.monotonic_ns(), kLongestOpen.count());
  source_.stop();
}

CaptureLoop::Step CaptureLoop::reconnect(const std::string& why, const std::stop_token& stop) {
  health_.source_connected.store(false, std::memory_order_relaxed);
  set_trouble(why);
  stop_source();
  report({.kind = EventKind::kSourceLost,
          .level = LogLevel::kWarning,
          .text = fmt::format("source lost: {}", why),
          .fields = {{"reason", why}}});
  if (!options_.reconnect) {
    end_ = CaptureEnd::kDisconnected;
    return Step::kEnd;
  }
  const Step step = try_to_open(stop);
  const std::scoped_lock lock(trouble_mutex_);
  trouble_.reset();
  return step;
}

/// Again and again, ever more rarely, until it is there or nobody wants it any more.
CaptureLoop::Step CaptureLoop::try_to_open(const std::stop_token& stop) {
  std::chrono::nanoseconds back_off = kFirstBackOff;
  bool first = true;
  while (!stop.stop_requested()) {
    health_.capture.call("opening the source", clock_.monotonic_ns(), kLongestOpen.count());
    auto info = source_.open();
    if (info && !is_same_instrument(*info, info_)) {
      report({.kind = EventKind::kSourceBack,
              .level = LogLevel::kWarning,
              .text = fmt::format("source back as another after {}: {} {} {}", absence_text(),
                                  to_string(info->shape), info->model, info->serial)});
      new_shape_ = std::move(*info);
      end_ = CaptureEnd::kGeometry;
      return Step::kEnd;
    }
    std::optional<Error> fault;
    if (!info) {
      fault = info.error();
    } else {
      health_.capture.call("starting the source", clock_.monotonic_ns(), kLongestOpen.count());
      if (auto started = source_.start(); !started) {
        fault = started.error();
        stop_source();
      }
    }
    if (!fault) return source_back(std::move(*info));
    set_trouble(describe(*fault));
    if (first) log(LogLevel::kWarning, "source: " + describe(*fault) + "; trying again");
    first = false;
    health_.capture.rest(clock_.monotonic_ns());
    if (!sleep_unless_stopped(ring_, back_off, stop)) break;
    back_off = std::min<std::chrono::nanoseconds>(back_off * 2, kLongestBackOff);
  }
  return Step::kEnd;
}

CaptureLoop::Step CaptureLoop::source_back(SourceInfo info) {
  const std::string absence = absence_text();
  report({.kind = EventKind::kSourceBack,
          .text = fmt::format("source back after {}", absence),
          .fields = {{"absence", absence}}});
  add(ring_.capture_counters().reconnects, 1);
  info_ = std::move(info);
  reconnected_ = true;
  last_arrival_ns_ = clock_.monotonic_ns();
  health_.source_connected.store(true, std::memory_order_relaxed);
  return Step::kGoOn;
}

}  // namespace framelog
