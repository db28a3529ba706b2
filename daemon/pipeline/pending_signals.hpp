#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>

namespace framelog {

/// What somebody tells the gate of a recording, and when it was, on the monotonic clock.
struct RecordSignal {
  enum class Kind : std::uint8_t {
    kTrigger,
    kOpen,   ///< Frames from now on are recorded,
    kClose,  ///< until now.
  };
  Kind kind{};
  std::int64_t monotonic_ns{};
};

/// Signals on their way to the writer, each kept until a frame of its time has come: the writer may
/// be behind by as much as the ring holds, and two signals with a frame between them are two.
/// Threads: push() any; front() any; pop() write.
class PendingSignals {
 public:
  static constexpr std::size_t kMost = 1024;

  /// False when there are kMost: nothing has changed, try again later.
  [[nodiscard]] bool push(RecordSignal signal) noexcept;
  [[nodiscard]] std::optional<RecordSignal> front() const noexcept;
  /// Behind front().
  void pop() noexcept;

 private:
  std::mutex pushing_;  ///< Between those who push; the writer never takes it.
  std::array<std::atomic<std::uint64_t>, kMost> slots_{};
  std::atomic<std::uint64_t> pushed_{0};
  std::atomic<std::uint64_t> popped_{0};
};

}  // namespace framelog
