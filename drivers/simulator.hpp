#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "drivers/drivers.hpp"
#include "drivers/fault_script.hpp"
#include "drivers/frame_schedule.hpp"
#include "drivers/patterns.hpp"
#include "drivers/sleeper.hpp"

namespace framelog {

struct SimulatorConfig {
  Pattern pattern{PatternKind::kSpot, 1, {480, 640, PixelType::kUint16}};
  std::optional<double> rate_hz{25.0};  ///< Absent: as fast as it is read.
  std::optional<std::uint64_t> frames;  ///< Frame numbers below this exist; absent: no end.
  std::vector<Fault> faults;            ///< In order.
  std::string faults_text{"none"};
};

/// A camera made of arithmetic, with faults by script.
///
/// At a fixed rate it behaves like hardware: frame N is due at start + N * period (rounded to whole
/// nanoseconds, no drift), and carries that time; a reader who is late by more than a buffer of
/// FrameSchedule::kPending frames loses the newest, and source_sequence jumps. At rate `max` a
/// frame is made when it is read. device_ns is the time since the first start, exposure_ns the
/// period (-1 at `max`).
///
/// What a script does:
///   lose, corrupt, incomplete   touch exactly the frames they name, where these arrive; corrupt
///                               inverts bits A5 (hex) of bytes 0, 97, 194, ... of the pixels
///   stall                       the camera pauses: all later frames are late, none is lost
///   step                        utc_ns of all frames from there on
///   hang                        read() does not come back, until the process ends
///   disconnect, silent, resize  happen when the frame named, or one after it, is about to be read;
///                               open() and start() go on from there. At a fixed rate all frames
///                               due meanwhile are lost; the frame of a resize is lost at any rate
///   absent                      open() fails for so long after the simulator was made
/// stop() and start() without such an event lose nothing, and wake a silent camera.
class Simulator final : public FrameSource {
 public:
  /// `clock` is borrowed.
  Simulator(SimulatorConfig config, const Clock& clock);

  [[nodiscard]] Result<SourceInfo> open() override;
  [[nodiscard]] Result<void> start() override;
  [[nodiscard]] Result<FrameInfo> read(std::span<std::byte> pixels,
                                       Deadline deadline) noexcept override;
  void stop() noexcept override;
  void cancel() noexcept override;
  [[nodiscard]] std::optional<std::uint64_t> first_expected() const noexcept override {
    return first_;
  }
  [[nodiscard]] std::optional<std::uint64_t> end_expected() const noexcept override {
    return config_.frames;
  }
  [[nodiscard]] std::span<const SourceCounter> counters() const noexcept override {
    return counters_;
  }

 private:
  enum class State : std::uint8_t { kClosed, kOpen, kRunning, kSilent };

  [[nodiscard]] Result<void> pass_events(std::uint64_t sequence, Deadline deadline) noexcept;
  [[nodiscard]] FrameInfo deliver(const Arrival& arrival, std::span<std::byte> pixels) noexcept;
  [[nodiscard]] bool at_end(std::uint64_t sequence) const noexcept;

  SimulatorConfig config_;
  const Clock& clock_;
  Sleeper sleeper_;
  FrameSchedule schedule_;
  std::vector<Fault> events_;  // disconnect, silent, resize, hang
  std::size_t next_event_{0};
  State state_{State::kClosed};
  bool interrupted_{false};  // By an event: the camera went on without us.
  std::int64_t absent_until_ns_{0};
  std::uint64_t resume_at_{0};
  std::uint64_t first_{0};  // The next frame, at the latest start.
  std::array<SourceCounter, 2> counters_{{
      {.name = "damaged-frames", .help = "Frames that the script has damaged."},
      {.name = "interruptions", .help = "Times that the script has taken the camera away."},
  }};
};

[[nodiscard]] const Driver& simulator_driver() noexcept;

}  // namespace framelog
