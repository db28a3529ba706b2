#include "drivers/simulator.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace framelog {
namespace {

constexpr double kNsPerSecond = 1e9;
constexpr std::size_t kDamageStep = 97;
constexpr std::byte kDamage{0xA5};

std::int64_t period_ns(const SimulatorConfig& config) noexcept {
  return config.rate_hz ? std::llround(kNsPerSecond / *config.rate_hz) : 0;
}

// Every byte that is damaged changes, so that no checksum can miss it.
void damage(std::span<std::byte> pixels) noexcept {
  for (std::size_t i = 0; i < pixels.size(); i += kDamageStep) pixels[i] ^= kDamage;
}

void cut_short(std::span<std::byte> pixels, PixelType type) noexcept {
  const std::size_t kept_px = pixels.size() / size_bytes(type) / 2;
  std::ranges::fill(pixels.subspan(kept_px * size_bytes(type)), std::byte{0});
}

bool is_event(const Fault& fault) noexcept {
  return fault.kind == FaultKind::kDisconnect || fault.kind == FaultKind::kSilent ||
         fault.kind == FaultKind::kHang || fault.kind == FaultKind::kResize;
}

}  // namespace

Simulator::Simulator(SimulatorConfig config, const Clock& clock)
    : config_(std::move(config)),
      clock_(clock),
      sleeper_(clock),
      schedule_(period_ns(config_), config_.faults) {
  std::ranges::copy_if(config_.faults, std::back_inserter(events_), is_event);
  const auto absent = std::ranges::find(config_.faults, FaultKind::kAbsent, &Fault::kind);
  if (absent != config_.faults.end()) {
    absent_until_ns_ = clock.monotonic_ns() + absent->length.count();
  }
}

Result<SourceInfo> Simulator::open() {
  const std::int64_t missing_ns = absent_until_ns_ - clock_.monotonic_ns();
  if (missing_ns > 0) {
    return fail(ErrorCode::kNotFound, "the simulator is absent by its script",
                fmt::format("(for {:.3f} s more)", static_cast<double>(missing_ns) / kNsPerSecond));
  }
  state_ = State::kOpen;
  const FrameShape& shape = config_.pattern.shape;
  const std::string rate = config_.rate_hz ? fmt::format("{} Hz", *config_.rate_hz) : "max";
  const auto pattern = name_of(config_.pattern.kind);
  SourceInfo info;
  info.shape = shape;
  info.driver = "simulator";
  info.vendor = "framelog";
  info.model = "simulator";
  info.serial = fmt::format("{:08}", config_.pattern.seed);
  info.description = fmt::format("simulated camera, pattern {}, {}, {}", pattern, to_string(shape),
                                 config_.rate_hz ? rate : "as fast as it is read");
  info.rate_hz = config_.rate_hz;
  if (!is_float(shape.type)) {
    info.saturation = largest_value(shape.type);
    info.bit_depth = static_cast<int>(size_bytes(shape.type) * 8) - (is_signed(shape.type) ? 1 : 0);
  }
  info.simulated = true;
  info.can_wait = !config_.rate_hz;
  info.numbered = true;
  info.settings = {{"width", std::to_string(shape.width_px)},
                   {"height", std::to_string(shape.height_px)},
                   {"pixel_type", std::string(name_of(shape.type))},
                   {"rate", rate},
                   {"pattern", std::string(pattern)},
                   {"seed", std::to_string(config_.pattern.seed)},
                   {"frames", config_.frames ? std::to_string(*config_.frames) : "unlimited"},
                   {"faults", config_.faults_text}};
  return info;
}

Result<void> Simulator::start() {
  if (state_ != State::kOpen) {
    return fail(ErrorCode::kInvalid, "the simulator cannot start (it must be open, and stopped)");
  }
  const std::int64_t now_ns = clock_.monotonic_ns();
  if (std::exchange(interrupted_, false)) {
    schedule_.resume(now_ns, resume_at_);
  } else {
    schedule_.restart(now_ns);
  }
  first_ = schedule_.next_sequence();
  state_ = State::kRunning;
  return {};
}

Result<FrameInfo> Simulator::read(std::span<std::byte> pixels, Deadline deadline) noexcept {
  if (state_ != State::kRunning && state_ != State::kSilent) {
    return fail(ErrorCode::kDisconnected, "the simulator is not started");
  }
  if (pixels.size() != size_bytes(config_.pattern.shape)) {
    return fail(ErrorCode::kInvalid, "the buffer is not of the frame's size");
  }
  for (;;) {
    schedule_.advance(clock_.monotonic_ns());
    const std::uint64_t sequence = schedule_.next_sequence();
    if (config_.frames && sequence >= *config_.frames) {
      return fail(ErrorCode::kEnd, "the simulator has delivered all of its frames");
    }
    const Arrival* arrival = schedule_.front();
    if (arrival != nullptr) {
      if (auto passed = pass_events(sequence, deadline); !passed) {
        return std::unexpected(std::move(passed.error()));
      }
      return deliver(*arrival, pixels);
    }
    if (!sleeper_.wait_until(schedule_.next_due_ns(), deadline)) {
      return fail(ErrorCode::kTimeout, "no frame yet");
    }
  }
}

void Simulator::stop() noexcept {
  if (state_ == State::kRunning || state_ == State::kSilent) state_ = State::kOpen;
}

void Simulator::cancel() noexcept { sleeper_.cancel(); }

// What the script has happen before frame `sequence` can be delivered.
Result<void> Simulator::pass_events(std::uint64_t sequence, Deadline deadline) noexcept {
  if (state_ == State::kRunning) {
    if (next_event_ == events_.size() || events_[next_event_].at > sequence) return {};
    const Fault& event = events_[next_event_++];
    interrupted_ = true;
    counters_[1].count.fetch_add(1, std::memory_order_relaxed);
    resume_at_ = sequence;
    if (event.kind == FaultKind::kDisconnect) {
      state_ = State::kClosed;
      absent_until_ns_ = clock_.monotonic_ns() + event.length.count();
      return fail(ErrorCode::kDisconnected, "disconnected by the simulator's script");
    }
    if (event.kind == FaultKind::kResize) {
      state_ = State::kClosed;
      resume_at_ = sequence + 1;
      config_.pattern.shape.height_px = event.height_px;
      config_.pattern.shape.width_px = event.width_px;
      return fail(ErrorCode::kGeometry, "resized by the simulator's script");
    }
    while (event.kind == FaultKind::kHang) ::pause();
    state_ = State::kSilent;
  }
  static_cast<void>(sleeper_.wait_until(Sleeper::kNever, deadline));
  return fail(ErrorCode::kTimeout, "silent by the simulator's script");
}

FrameInfo Simulator::deliver(const Arrival& arrival, std::span<std::byte> pixels) noexcept {
  FrameInfo info;
  info.source_sequence = arrival.sequence;
  set_times(info, clock_, arrival.due_ns);
  info.device_ns = arrival.due_ns - schedule_.epoch_ns();
  info.exposure_ns = config_.rate_hz ? period_ns(config_) : -1;
  schedule_.pop();
  render(config_.pattern, info.source_sequence, pixels);
  for (const Fault& fault : config_.faults) {
    if (fault.at > info.source_sequence) break;
    if (fault.kind == FaultKind::kStep) info.utc_ns += fault.length.count();
    if (fault.at < info.source_sequence) continue;
    if (fault.kind == FaultKind::kCorrupt) {
      info.flags |= kFlagCorrupt;
      damage(pixels);
    } else if (fault.kind == FaultKind::kIncomplete) {
      info.flags |= kFlagIncomplete;
      cut_short(pixels, config_.pattern.shape.type);
    }
  }
  if ((info.flags & (kFlagCorrupt | kFlagIncomplete)) != 0) {
    counters_[0].count.fetch_add(1, std::memory_order_relaxed);
  }
  return info;
}

}  // namespace framelog
