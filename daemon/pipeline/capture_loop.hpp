#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "core/health.hpp"
#include "drivers/frame_source.hpp"
#include "pipeline/ring.hpp"
#include "pipeline/ring_ahead.hpp"

namespace framelog {

/// What came before the first frame of a loop that goes on where another has ended.
struct Interruption {
  DropReason reason{};  ///< kNoProcess, kReload: what the frames in between are lost for.
  std::optional<std::uint64_t> last_source_sequence;
  std::int64_t last_monotonic_ns{-1};
  std::uint64_t told{};  ///< Frames behind the last one whose loss is counted already.
};

struct CaptureOptions {
  bool wait_when_full{};  ///< Overflow policy; else drop the newest frame.
  bool reconnect{true};   ///< on_disconnect = retry.
  bool drop_damaged{};    ///< incomplete = drop.
  std::optional<std::chrono::nanoseconds>
      stall_timeout;                         ///< Silence that counts as disconnected; none: never.
  std::optional<std::uint64_t> most_frames;  ///< Stop after so many frames were received.
  std::optional<Interruption> interruption;  ///< Of the session before; a ring knows its own.
};

/// Why the source is away, and since when.
struct SourceTrouble {
  std::string why;  ///< What the latest attempt to open it said, or else what was seen first.
  std::int64_t since_monotonic_ns{};
};

enum class CaptureEnd : std::uint8_t {
  kStopped,
  kEndOfSource,
  kEnoughFrames,
  kDisconnected,
  kGeometry
};

/// The first stage: reads frames from an open source into the ring until it ends, gives each its
/// sequence and times, and counts what was lost. Nothing else in the process ever blocks it, except
/// a full ring where the policy says wait. Over a ring that another process has left it goes on
/// where that one died.
class CaptureLoop {
 public:
  CaptureLoop(FrameSource& source, const SourceInfo& info, Ring& ring, Health& health,
              const Clock& clock, const CaptureOptions& options);

  /// Threads: capture. Closes the ring when it returns. With kGeometry the source is open in its
  /// new shape.
  [[nodiscard]] CaptureEnd run(const std::stop_token& stop);

  /// While the source is away. Threads: any.
  [[nodiscard]] std::optional<SourceTrouble> trouble() const;
  /// Losses behind the last frame in the ring. These three: threads any, after the ring was closed.
  [[nodiscard]] const LossBefore& tail() const noexcept { return pending_; }
  [[nodiscard]] std::uint64_t received() const noexcept { return received_; }
  [[nodiscard]] CaptureEnd end() const noexcept { return end_; }
  /// How a loop after this one may go on. Threads: any, after run().
  [[nodiscard]] Interruption interrupted(DropReason reason) const noexcept;
  /// What the source announces after kGeometry. Threads: any, after run().
  [[nodiscard]] const std::optional<SourceInfo>& new_shape() const noexcept { return new_shape_; }

 private:
  enum class Step : std::uint8_t { kGoOn, kEnd };

  [[nodiscard]] Step read_one(const std::stop_token& stop);
  [[nodiscard]] Step handle(const Error& error, const std::stop_token& stop);
  [[nodiscard]] Step reconnect(const std::string& why, const std::stop_token& stop);
  [[nodiscard]] Step try_to_open(const std::stop_token& stop);
  [[nodiscard]] Step source_back(SourceInfo info);
  void set_trouble(std::string why);
  void stop_source();
  [[nodiscard]] std::string absence_text() const;
  [[nodiscard]] bool wait_for_slot(const std::stop_token& stop);
  void take(const FrameInfo& delivered, bool has_slot);
  void complete_times(FrameInfo& info) const;
  void take_over();
  void count_losses_before_first(const FrameInfo& info);
  void count_source_losses(const FrameInfo& info);
  void count_losses_behind_last();
  void keep_memory() noexcept;
  void count_interruption(const FrameInfo& info);
  void drop(DropReason reason, const FrameInfo& info);
  void publish(FrameInfo& info);

  FrameSource& source_;
  SourceInfo info_;
  Ring& ring_;
  Health& health_;
  const Clock& clock_;
  CaptureOptions options_;
  std::size_t spare_bytes_;
  /// Where a frame goes that has no slot. No memory before the first of them.
  std::unique_ptr<std::byte[]> spare_;
  CaptureEnd end_{CaptureEnd::kStopped};
  std::uint64_t captured_{};
  RingAhead ahead_{ring_, captured_};
  std::uint64_t received_{};
  std::optional<std::uint64_t> last_source_sequence_;
  std::int64_t last_monotonic_ns_{-1};
  std::int64_t last_arrival_ns_{};
  std::int64_t started_ns_{};
  bool reconnected_{};
  std::optional<Interruption> interruption_;
  LossBefore pending_;
  std::optional<SourceInfo> new_shape_;
  mutable std::mutex trouble_mutex_;  ///< Capture takes it only while no frame can come.
  std::optional<SourceTrouble> trouble_;
};

}  // namespace framelog
