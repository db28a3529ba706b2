#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/clock.hpp"
#include "core/wakeup.hpp"
#include "drivers/aravis_buffers.hpp"
#include "drivers/aravis_glib.hpp"
#include "drivers/aravis_setup.hpp"
#include "drivers/frame_source.hpp"
#include "drivers/packet_marks.hpp"

namespace framelog {

/// What goes wrong between camera and host; rows of the driver's counters.
enum class StreamCount : std::uint8_t {
  kTimeouts,
  kMissingPackets,
  kWrongPackets,
  kSizeMismatch,
  kAborted,
  kUnnumbered,
  kUnderruns,
  kLostPackets,
  kResentPackets,
};
inline constexpr std::size_t kStreamCounts = 9;
using StreamCounters = std::array<SourceCounter, kStreamCounts>;

/// A camera's running acquisition: its buffers, and the thread in which Aravis fills them.
/// Threads: capture, except on_stream_event(), on_new_buffer() and note_arrival().
class AravisStream {
 public:
  /// All are borrowed; `slots` may be null. `wakeup` is notified of each frame. Errors: as Failure.
  /// Begins nothing yet.
  [[nodiscard]] static Result<std::unique_ptr<AravisStream>> make(
      ArvCamera* camera, const CameraSetup& setup, const AravisConfig& config, const Clock& clock,
      Wakeup& wakeup, StreamCounters& counters, SlotsAhead* slots);
  ~AravisStream();
  AravisStream(const AravisStream&) = delete;
  AravisStream& operator=(const AravisStream&) = delete;

  /// The camera begins to send. Errors: as Failure.
  [[nodiscard]] Result<void> begin();
  /// Asks the camera to end, which takes 3 s where it does not answer.
  void end() noexcept;

  /// The next frame that has arrived, whole or not, in `pixels`. Errors: kTimeout (none
  /// has), kGeometry, kUnsupported (payload that is not an image). Allocates nothing of its own.
  [[nodiscard]] Result<FrameInfo> take(std::span<std::byte> pixels) noexcept;

 private:
  AravisStream(ArvCamera* camera, const CameraSetup& setup, const Clock& clock,
               StreamCounters& counters);
  void give_buffers() noexcept;
  [[nodiscard]] AravisBuffer* arrived(std::size_t index) noexcept;
  [[nodiscard]] bool waits_for_next(const AravisBuffer& buffer) noexcept;
  [[nodiscard]] std::optional<std::uint64_t> number_of(const AravisBuffer& buffer) noexcept;
  [[nodiscard]] Result<FrameInfo> deliver(const AravisBuffer& buffer,
                                          std::span<std::byte> pixels) noexcept;
  [[nodiscard]] std::int64_t exposure_of(ArvBuffer* buffer) noexcept;
  void count_losses() noexcept;

  void note_arrival() noexcept;
  static void on_stream_event(void* stream, int type) noexcept;
  static void on_new_buffer(ArvStream* stream, void* wakeup) noexcept;

  /// What a running total of Aravis had been when it was looked at last.
  struct Total {
    StreamCount count{};
    unsigned int id{};
    std::uint64_t seen{};
  };

  ArvCamera* camera_;
  CameraSetup setup_;
  std::optional<CameraLayout> whole_;  // Of the last whole frame, with its padding.
  const Clock& clock_;
  StreamCounters& counters_;
  FrameNumbers numbers_;
  PacketMarks marks_;
  std::optional<AravisBuffers> buffers_;
  /// In a round, as they were given. The queue of Aravis orders what its thread sees of them.
  std::vector<AravisBuffer*> given_;
  std::uint64_t given_count_{};
  std::uint64_t begun_count_{};             // Frames; Aravis' thread alone.
  std::array<AravisBuffer*, 2> arrived_{};  // That to read next, and the one behind it.
  std::int64_t last_arrival_ns_{-1};
  std::vector<Total> totals_;
  ObjectPtr<ArvChunkParser> chunks_;
  ObjectPtr<ArvStream> stream_;
};

}  // namespace framelog
