#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <thread>
#include <utility>

#include "drivers/frame_source.hpp"
#include "tests/fakes/fake_clock.hpp"

namespace framelog {

/// An instrument that does what its script says, then ends. Its frames are 1 ms apart on the fake
/// clock; byte i of frame n is byte_of(n, i).
class ScriptedSource final : public FrameSource {
 public:
  static constexpr std::int64_t kPeriodNs = 1'000'000;

  ScriptedSource(FakeClock& clock, const FrameShape& shape) : clock_(clock) {
    info.shape = shape;
    info.driver = "scripted";
    info.numbered = true;
  }

  SourceInfo info;                     ///< What open() finds.
  std::uint64_t next_number{};         ///< The hardware's number of the next frame.
  std::optional<std::uint64_t> first;  ///< What first_expected() says.
  std::optional<std::uint64_t> end;    ///< What end_expected() says.
  SourceMemory knows{};                ///< What memory() says.
  SourceMemory recalled{};             ///< What it was told of a process before, behind this frame:
  std::uint64_t recalled_last{};
  std::atomic<int> refused_opens{};  ///< So many open() fail from now on.

  ScriptedSource& frames(std::uint64_t count, std::uint32_t flags = 0) {
    steps_.push_back({Step::kFrames, count, flags, {}});
    return *this;
  }
  ScriptedSource& lose(std::uint64_t count) {
    return then([this, count] { next_number += count; });
  }
  /// read() times out, and the clock has moved.
  ScriptedSource& silence(std::int64_t ns) {
    then([this, ns] { clock_.move(ns); });
    return fail_with(ErrorCode::kTimeout);
  }
  ScriptedSource& fail_with(ErrorCode code) {
    steps_.push_back({Step::kFail, static_cast<std::uint64_t>(code), 0, {}});
    return *this;
  }
  ScriptedSource& then(std::function<void()> action) {
    steps_.push_back({Step::kAction, 0, 0, std::move(action)});
    return *this;
  }
  /// Gives frames until cancel(), and again from the next start() on.
  ScriptedSource& frames_until_cancelled() {
    steps_.push_back({Step::kEndless, 0, 0, {}});
    return *this;
  }

  [[nodiscard]] std::optional<std::uint64_t> first_expected() const noexcept override {
    return first;
  }
  [[nodiscard]] std::optional<std::uint64_t> end_expected() const noexcept override { return end; }
  [[nodiscard]] SourceMemory memory() const noexcept override { return knows; }
  void recall(const SourceMemory& memory, std::uint64_t last) noexcept override {
    recalled = memory;
    recalled_last = last;
  }
  Result<SourceInfo> open() override {
    ++opens;
    if (refused_opens > 0) {
      --refused_opens;
      return fail(ErrorCode::kNotFound, "no instrument");
    }
    return info;
  }
  Result<void> start() override {
    ++starts;
    cancelled_.store(false);  // What was cancelled was the recording before.
    return {};
  }
  Result<FrameInfo> read(std::span<std::byte> pixels, Deadline) noexcept override {
    for (;;) {
      if (steps_.empty()) return fail(ErrorCode::kEnd, "the script has ended");
      Step& step = steps_.front();
      if (step.kind == Step::kFrames && step.count > 0) {
        --step.count;
        return frame(pixels, step.flags);
      }
      if (step.kind == Step::kEndless) {
        if (!cancelled_.load()) return frame(pixels, 0);
        return fail(ErrorCode::kTimeout, "cancelled");
      }
      const Step done = std::move(step);
      steps_.pop_front();
      if (done.kind == Step::kAction) done.action();
      if (done.kind == Step::kFail) {
        return fail(static_cast<ErrorCode>(done.count), "as the script says");
      }
    }
  }
  void stop() noexcept override { ++stops; }
  void cancel() noexcept override { cancelled_.store(true); }

  static std::byte byte_of(std::uint64_t number, std::size_t index) noexcept {
    return static_cast<std::byte>(number * 7 + index * 13 + (index >> 8U));
  }

  int opens{};
  int starts{};
  int stops{};

 private:
  struct Step {
    enum Kind : std::uint8_t { kFrames, kFail, kAction, kEndless };
    Kind kind{};
    std::uint64_t count{};
    std::uint32_t flags{};
    std::function<void()> action;
  };

  FrameInfo frame(std::span<std::byte> pixels, std::uint32_t flags) noexcept {
    for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = byte_of(next_number, i);
    clock_.move(kPeriodNs);
    FrameInfo frame;
    frame.source_sequence = next_number++;
    frame.flags = flags;
    return frame;
  }

  FakeClock& clock_;
  std::deque<Step> steps_;
  std::atomic<bool> cancelled_{false};
};

}  // namespace framelog
