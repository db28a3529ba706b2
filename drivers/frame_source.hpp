#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/clock.hpp"
#include "core/frame.hpp"
#include "core/result.hpp"
#include "drivers/slots_ahead.hpp"

namespace framelog {

/// What open() found: fixed until stop().
struct SourceInfo {
  FrameShape shape;
  std::string driver;  ///< As in the configuration: "simulator".
  std::string vendor;
  std::string model;
  std::string serial;
  std::string firmware;
  std::string description;  ///< One line for people.
  std::optional<double>
      rate_hz;  ///< Nominal; absent when unknown, triggered or as fast as possible.
  std::optional<double> saturation;  ///< Pixel value at which the detector is full.
  std::optional<int> bit_depth;      ///< Bits that carry signal.
  bool simulated{};                  ///< The pixels are made up.
  bool can_wait{};  ///< read() may be called late without losing a frame: overflow = wait.
  /// Silence is no fault, because frames come by trigger: `stall_timeout = auto` is off.
  bool may_be_silent{};
  /// source_sequence comes from the hardware, so that jumps are losses; else capture counts.
  bool numbered{};
  /// Each start() counts from anew: over a reconnect or an interruption the numbers say nothing.
  bool renumbers{};
  /// How many it will deliver in all, where it knows and none can be missing.
  std::optional<std::uint64_t> frames;
  /// Points of a scan, rows x columns, where it knows of them.
  std::optional<std::pair<std::uint32_t, std::uint32_t>> scan;
  /// source_sequence of the first frame of an acquisition; the points of a scan count from it.
  std::uint64_t first_number{};
  std::vector<std::pair<std::string, std::string>> settings;  ///< As read back from the device.
  std::vector<std::filesystem::path> inputs;  ///< Files replayed; their digests go into provenance.
};

/// What a driver counts of its own accord beside the frames: missing packets, resends, underruns.
struct SourceCounter {
  std::string_view name;  ///< "missing-packets", as status and metrics spell it.
  std::string_view help;  ///< One sentence.
  /// Goes on over stop() and open(). Threads: the driver's write.
  std::atomic<std::uint64_t> count{0};
};

/// What a source knows of its numbers beside the last one; all zero: nothing.
using SourceMemory = std::array<std::uint64_t, 4>;

/// An instrument. Threads: capture, except cancel(). Returns errors, never logs.
class FrameSource {
 public:
  virtual ~FrameSource() = default;
  /// Connects and fixes shape and identity until the next open(). Opening again after kDisconnected
  /// or kGeometry is the way back, and may find another shape. Errors: kNotFound, kDenied,
  /// kUnsupported, kInvalid, kCorrupt, kIo, with a context that says what is allowed.
  [[nodiscard]] virtual Result<SourceInfo> open() = 0;
  /// Behind the frame `last` of a process that died, and whose memory() this is: once, before the
  /// first start().
  virtual void recall(const SourceMemory& /*memory*/, std::uint64_t /*last*/) noexcept {}
  /// Before start(): where read() will be asked to put its frames. Borrowed until another is given,
  /// or null, in which the source may have them filled ahead, from start() to stop().
  virtual void look_ahead(SlotsAhead* /*slots*/) noexcept {}
  [[nodiscard]] virtual Result<void> start() = 0;
  /// Fills `pixels` (size_bytes(shape), borrowed for the call) with one frame. Allocates nothing.
  /// `sequence` of the result is left for capture to fill, as is any time the hardware does not
  /// tell (-1). A frame of which only a part arrived, or that the hardware calls damaged, is
  /// returned with its flag. Errors: kTimeout (call again), kDisconnected (open() again), kGeometry
  /// (the frame is lost, open() again), kEnd (no more frames, ever), kIo, kCorrupt (counted as
  /// disconnected).
  [[nodiscard]] virtual Result<FrameInfo> read(std::span<std::byte> pixels,
                                               Deadline deadline) noexcept = 0;
  virtual void stop() noexcept = 0;  ///< Idempotent; start() may follow.
  /// Makes a waiting read() return kTimeout at once. Threads: any.
  virtual void cancel() noexcept = 0;
  /// The number that the frame just read has if none was lost between start() and it. None where
  /// nobody knows, as when a stream is joined that has begun before. Asked behind the first read().
  [[nodiscard]] virtual std::optional<std::uint64_t> first_expected() const noexcept { return {}; }
  /// The number behind that of the last frame there was, whether that one arrived or not. None
  /// where nobody knows. Asked behind kEnd.
  [[nodiscard]] virtual std::optional<std::uint64_t> end_expected() const noexcept { return {}; }
  /// What the process after this one needs to number its frames as this one would have, should it
  /// die behind the frame just read.
  [[nodiscard]] virtual SourceMemory memory() const noexcept { return {}; }
  /// The same ones, in the same order, from the source's birth to its end. Threads: any.
  [[nodiscard]] virtual std::span<const SourceCounter> counters() const noexcept { return {}; }
};

}  // namespace framelog
