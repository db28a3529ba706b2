#include "service/line_watch.hpp"

#include <pthread.h>

#include <algorithm>
#include <utility>

namespace framelog {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;

constexpr std::size_t kEventsAtOnce = 1024;
/// Then outputs and the end have their turn, however many edges come.
constexpr int kMostRounds = 16;
/// How late lamps follow the recorder, and edges come into the files.
constexpr nanoseconds kStep = milliseconds(20);
constexpr std::int64_t kStepNs = kStep.count();
/// A chip that goes away wakes nobody: Linux tells only who asks, before 6.4.
constexpr std::int64_t kLookNs = 1'000'000'000;
/// Told in one piece, so that the files thread is not woken for each edge.
constexpr std::size_t kManyEdges = 256;
/// Beyond so many signals without a frame they say nothing that those before have not said.
constexpr std::size_t kMostUnsent = 100'000;

bool lamp_on(ErrorLamp lamp, std::int64_t now_ns) noexcept {
  constexpr std::int64_t kHalfSecond = 500'000'000;
  switch (lamp) {
    case ErrorLamp::kOff:
      return false;
    case ErrorLamp::kDegraded:
      return now_ns / kHalfSecond % 2 == 0;
    case ErrorLamp::kSourceLost:
      return now_ns / (kHalfSecond / 4) % 2 == 0;
    case ErrorLamp::kSteady:
      return true;
  }
  std::unreachable();
}

bool is_trigger(TriggerEdges edges, bool active) noexcept {
  return edges == TriggerEdges::kBoth ||
         edges == (active ? TriggerEdges::kRising : TriggerEdges::kFalling);
}

}  // namespace

void send_signals(std::deque<RecordSignal>& unsent, const LineTargets& targets,
                  AllLineCounters& counters) {
  while (!unsent.empty() && targets.signal(unsent.front())) unsent.pop_front();
  while (unsent.size() > kMostUnsent) {
    const bool trigger = unsent.front().kind == RecordSignal::Kind::kTrigger;
    const LineRole role = trigger ? LineRole::kTrigger : LineRole::kGate;
    counters[static_cast<std::size_t>(role)].forgotten.fetch_add(1, std::memory_order_relaxed);
    unsent.pop_front();
  }
}

LineWatch::LineWatch(std::unique_ptr<LineBank> bank, ChosenLines chosen, const WatchParts& parts)
    : bank_(std::move(bank)),
      chosen_(std::move(chosen)),
      trigger_edges_(parts.settings.trigger_edges),
      signals_(parts.signals),
      counters_(parts.counters),
      targets_(parts.targets),
      lamp_(parts.lamp),
      clock_(parts.clock),
      told_(chosen_.lines.size()),
      events_(kEventsAtOnce),
      unsent_(parts.unsent) {
  // Before anything is recorded: the first frame has the levels, and knows the gate.
  if (auto begun = begin(); !begun) {
    fail_with(begun.error());
    close_gate();
    return;
  }
  thread_ = std::jthread([this](const std::stop_token& stop) {
    ::pthread_setname_np(::pthread_self(), "lines");
    run(stop);
  });
  if (!index_of(LineRole::kStrobe)) return;
  signals_.wants_frames.store(true, std::memory_order_relaxed);
  // Frames that come before the thread runs have their pulse, too.
  strobe_ = std::jthread(
      [this, seen = signals_.frames.load(std::memory_order_relaxed)](const std::stop_token& stop) {
        ::pthread_setname_np(::pthread_self(), "strobe");
        run_strobe(stop, seen);
      });
}

LineWatch::~LineWatch() {
  signals_.wants_frames.store(false, std::memory_order_relaxed);
  strobe_.request_stop();
  thread_.request_stop();
  stopping_.notify();
  signals_.frame_came.notify();
  bank_->wake();
  if (strobe_.joinable()) strobe_.join();
  if (thread_.joinable()) thread_.join();
  bank_.reset();  // Outputs are inactive from here on.
  for (const auto& line : chosen_.lines) show(line.spec.role, false);
}

std::string LineWatch::failure() const {
  const std::scoped_lock lock(mutex_);
  return failure_;
}

void LineWatch::fail_with(const Error& error) {
  const std::scoped_lock lock(mutex_);
  failure_ = describe(error);
}

std::optional<std::size_t> LineWatch::index_of(LineRole role) const noexcept {
  for (std::size_t i = 0; i < chosen_.lines.size(); ++i) {
    if (chosen_.lines[i].spec.role == role) return i;
  }
  return std::nullopt;
}

LineCounters& LineWatch::counters_of(std::size_t line) noexcept {
  return counters_[static_cast<std::size_t>(chosen_.lines[line].spec.role)];
}

void LineWatch::show(LineRole role, bool active) noexcept {
  if (active) {
    signals_.levels.fetch_or(bit_of(role), std::memory_order_relaxed);
  } else {
    signals_.levels.fetch_and(~bit_of(role), std::memory_order_relaxed);
  }
}

Result<void> LineWatch::begin() {
  for (std::size_t i = 0; i < chosen_.lines.size(); ++i) {
    const LineSpec& spec = chosen_.lines[i].spec;
    bool active = false;
    if (is_input(spec.role)) {
      const auto level = bank_->level(i);
      if (!level) return std::unexpected(level.error());
      active = *level;
    } else if (spec.role != LineRole::kStrobe) {
      has_outputs_ = true;
    }
    debouncers_.emplace_back(spec.debounce, active);
    told_[i].active = active;
    show(spec.role, active);
    if (spec.role != LineRole::kGate) continue;
    using enum RecordSignal::Kind;
    unsent_.push_back({active ? kOpen : kClose, clock_.monotonic_ns()});
  }
  flush(clock_.monotonic_ns());
  return {};
}

void LineWatch::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    auto done = bank_->wait(next_turn());
    if (done && !stop.stop_requested()) done = turn();
    if (done) done = look_around(clock_.monotonic_ns());
    if (done) continue;
    fail_with(done.error());
    break;
  }
  close_gate();
}

/// The gate of lines that nobody watches lets nothing through, and the files get what there was.
void LineWatch::close_gate() {
  const std::int64_t now_ns = clock_.monotonic_ns();
  if (index_of(LineRole::kGate)) unsent_.push_back({RecordSignal::Kind::kClose, now_ns});
  flush(now_ns);
}

/// Once a second where nothing is to be followed, debounced or told.
Deadline LineWatch::next_turn() const {
  const bool soon = has_outputs_ || !unsent_.empty() || !edges_.edges.empty();
  std::int64_t next_ns = clock_.monotonic_ns() + (soon ? kStepNs : kLookNs);
  for (const Debouncer& debouncer : debouncers_) {
    next_ns = std::min(next_ns, debouncer.deadline_ns().value_or(next_ns));
  }
  return Deadline(nanoseconds(next_ns));
}

Result<void> LineWatch::look_around(std::int64_t now_ns) {
  if (now_ns - looked_ns_ < kLookNs) return {};
  looked_ns_ = now_ns;
  const auto level = bank_->level(0);
  return level ? Result<void>{} : std::unexpected(level.error());
}

Result<void> LineWatch::turn() {
  std::int64_t now_ns = 0;
  for (int round = 0; round < kMostRounds; ++round) {
    // Events from before this moment are all there, unless more than these come.
    now_ns = clock_.monotonic_ns();
    const auto there = bank_->read(events_);
    if (!there) return std::unexpected(there.error());
    for (std::size_t i = 0; i < *there; ++i) take(events_[i]);
    if (*there == 0) {
      if (auto found = make_up(now_ns); !found) return found;
      settle(now_ns);
      break;
    }
    // What has not been read yet is younger than the oldest that has just been.
    settle(std::min(now_ns, events_.front().monotonic_ns));
    flush(now_ns);
  }
  flush(now_ns);
  return follow(now_ns);
}

/// Where an edge may be lost, the level tells: a change of which there is no event becomes one of
/// now.
Result<void> LineWatch::make_up(std::int64_t now_ns) {
  for (std::size_t i = 0; i < told_.size(); ++i) {
    if (!std::exchange(told_[i].uncertain, false)) continue;
    const auto active = bank_->level(i);
    if (!active) return std::unexpected(active.error());
    if (*active == told_[i].active) continue;
    take({.line = i, .active = *active, .monotonic_ns = now_ns});
    told_[i].made_up = true;
  }
  return {};
}

void LineWatch::take(const LineEvent& event) {
  check_numbers(event);
  Told& told = told_[event.line];
  told.uncertain = told.uncertain || event.at_limit;
  // The event of a change that was found on the line before the kernel told it.
  if (std::exchange(told.made_up, false) && told.active == event.active) return;
  told.active = event.active;
  LineCounters& counters = counters_of(event.line);
  Debouncer& debouncer = debouncers_[event.line];
  const std::uint64_t before = debouncer.bounces();
  if (const auto edge = debouncer.take(event)) pass(*edge);
  counters.bounces.fetch_add(debouncer.bounces() - before, std::memory_order_relaxed);
}

/// A kernel that numbers events has left out those between two numbers.
void LineWatch::check_numbers(const LineEvent& event) {
  LineCounters& counters = counters_of(event.line);
  if (event.at_limit) counters.overflows.fetch_add(1, std::memory_order_relaxed);
  if (!event.number) return;
  std::uint32_t& last = told_[event.line].number;
  counters.lost.fetch_add(*event.number - last - 1, std::memory_order_relaxed);
  last = *event.number;
}

void LineWatch::pass(const LineEvent& event) {
  const LineRole role = chosen_.lines[event.line].spec.role;
  LineCounters& counters = counters_of(event.line);
  (event.active ? counters.rising : counters.falling).fetch_add(1, std::memory_order_relaxed);
  show(role, event.active);
  const std::int64_t utc_ns = utc_at(clock_, event.monotonic_ns);
  edges_.edges.push_back(
      {event.monotonic_ns, utc_ns, static_cast<std::uint8_t>(role), event.active});
  using enum RecordSignal::Kind;
  if (role == LineRole::kGate) {
    unsent_.push_back({event.active ? kOpen : kClose, event.monotonic_ns});
  } else if (is_trigger(trigger_edges_, event.active)) {
    unsent_.push_back({kTrigger, event.monotonic_ns});
  }
}

void LineWatch::settle(std::int64_t now_ns) {
  for (Debouncer& debouncer : debouncers_) {
    if (const auto edge = debouncer.due(now_ns)) pass(*edge);
  }
}

/// Edges before their signals: the file that a signal opens has the edge that it came from.
void LineWatch::flush(std::int64_t now_ns) {
  const bool due = now_ns - flushed_ns_ >= kStepNs || edges_.edges.size() >= kManyEdges;
  if (!edges_.edges.empty() && (due || !unsent_.empty())) {
    targets_.note(edges_);
    edges_.edges.clear();
    flushed_ns_ = now_ns;
  }
  send_signals(unsent_, targets_, counters_);
}

Result<void> LineWatch::follow(std::int64_t now_ns) {
  if (!has_outputs_) return {};
  const Recorder::Indications now = targets_.indications();
  if (auto set = put(LineRole::kReady, now.ready); !set) return set;
  if (auto set = put(LineRole::kRecording, now.recording); !set) return set;
  return put(LineRole::kError, lamp_on(lamp_.load(std::memory_order_relaxed), now_ns));
}

Result<void> LineWatch::put(LineRole role, bool active) {
  const auto line = index_of(role);
  if (!line || ((outputs_ & bit_of(role)) != 0) == active) return {};
  if (auto set = bank_->set(*line, active); !set) return set;
  outputs_ ^= bit_of(role);
  show(role, active);
  return {};
}

void LineWatch::run_strobe(const std::stop_token& stop, std::uint64_t seen) {
  const std::size_t line = *index_of(LineRole::kStrobe);
  LineCounters& counters = counters_of(line);
  for (;;) {
    const Wakeup::Ticket ticket = signals_.frame_came.ticket();
    if (stop.stop_requested()) return;
    const std::uint64_t frames = signals_.frames.load(std::memory_order_relaxed);
    if (frames == seen) {
      signals_.frame_came.wait(ticket, kNoDeadline);
      continue;
    }
    pulse(line, chosen_.lines[line].spec.length, stop);
    counters.pulses.fetch_add(1, std::memory_order_relaxed);
    const std::uint64_t now = signals_.frames.load(std::memory_order_relaxed);
    counters.missed.fetch_add(now - seen - 1, std::memory_order_relaxed);
    seen = now;
  }
}

/// And the pause behind it, so that the next one is told from it.
void LineWatch::pulse(std::size_t line, nanoseconds length, const std::stop_token& stop) {
  for (const bool active : {true, false}) {
    if (auto set = bank_->set(line, active); !set) fail_with(set.error());
    show(LineRole::kStrobe, active);
    const Wakeup::Ticket ticket = stopping_.ticket();
    if (stop.stop_requested()) continue;
    stopping_.wait(ticket, steady_clock::now() + length);
  }
}

}  // namespace framelog
