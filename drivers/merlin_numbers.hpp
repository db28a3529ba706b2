#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace framelog {

/// Source sequence numbers over acquisitions, each of which the Merlin numbers from 1. They go on
/// from acquisition to acquisition: the first frame of the second one follows the last of the
/// first.
///
/// - Frames that an acquisition announced and that had not come when the connection was lost are
///   jumped over by the next acquisition: they are lost. Of one that ends early with the connection
///   standing nothing is: somebody has stopped it.
/// - With a scan each acquisition begins at the next scan's first point; points that were not
///   reached are jumped over.
/// - The same header again with numbers that go on, as after a reconnection, begins nothing. A
///   number 1 or 0 without a header begins an acquisition as a header does.
/// - What memory() says, kept by somebody else, lets another object go on where this one was.
/// Allocates nothing. Threads: one.
class MerlinNumbers {
 public:
  static constexpr std::uint64_t kFirst = 1;  ///< Of the first frame of the first acquisition.

  /// Frames of a whole scan, flyback included; 0: there is no scan.
  explicit MerlinNumbers(std::uint64_t frames_per_scan) noexcept
      : frames_per_scan_(frames_per_scan) {}

  /// An acquisition's header came, which announces so many frames (0: it does not tell).
  void begin(std::string_view header, std::uint64_t announced) noexcept;
  /// What recall() needs, as of the last frame: never all zero behind a frame.
  using Memory = std::array<std::uint64_t, 4>;
  [[nodiscard]] Memory memory() const noexcept {
    return {base_ + 1, known_header_, announced_, is_from_zero_ ? 1U : 0U};
  }
  /// Behind the frame `last` of a process that died, before the first frame of this one. An
  /// acquisition's header may have come already.
  void recall(const Memory& memory, std::uint64_t last) noexcept;
  /// The connection was lost.
  void interrupt() noexcept { interrupted_ = true; }
  /// The source sequence number of the frame that the Merlin calls `number`.
  [[nodiscard]] std::uint64_t number(std::uint64_t number) noexcept;

 private:
  void end_acquisition() noexcept;

  std::uint64_t frames_per_scan_;
  std::uint64_t base_{};  // Source sequence number of this acquisition's number 0.
  std::uint64_t last_{};  // Of the last frame.
  std::uint64_t announced_{};
  std::uint64_t announced_next_{};
  std::uint64_t header_{};        // Digest.
  std::uint64_t known_header_{};  // That of the last frame's acquisition.
  bool is_known_{};               // The header was the one before.
  bool has_begun_{};
  bool interrupted_{};
  bool is_from_zero_{};
};

}  // namespace framelog
