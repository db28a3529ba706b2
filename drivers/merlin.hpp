#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "drivers/drivers.hpp"
#include "drivers/merlin_numbers.hpp"
#include "drivers/merlin_parser.hpp"
#include "drivers/tcp_stream.hpp"

namespace framelog {

struct MerlinConfig {
  std::string host{"127.0.0.1"};
  std::uint16_t port{6342};
  std::optional<std::uint16_t> control_port{6341};  ///< None: only the data are listened to.
  bool start{};                 ///< We start and stop acquisitions; else somebody else does.
  bool wait_for_acquisition{};  ///< Open only when an acquisition has begun.
  std::vector<std::pair<std::string, std::string>> set;  ///< Merlin's names and values.
  std::optional<FrameShape> shape;                       ///< None: asked for, or seen.
  std::int64_t receive_buffer_bytes{};                   ///< As TcpStream has it.
  std::uint64_t frames_per_scan{};                       ///< 0: there is no scan.
  /// How long open() waits for a first frame where nothing else tells the shape.
  std::chrono::nanoseconds patience{std::chrono::seconds(3)};
};

/// A Medipix3 detector with Quantum Detectors' Merlin readout, over TCP. Pixels are received where
/// they belong, and put in order there.
///
/// The shape is that of a frame that has come already, else what the configuration says, else what
/// the control port answers (IMAGEX, IMAGEY, COUNTERDEPTH), else that of the first frame, for which
/// open() waits; it fails with kNotFound without one, keeps the connection, and finds the frame the
/// next time. Frames between stop() and start() wait in the connection. A frame that was half there
/// when the connection was lost is lost: half a pattern is no point of a scan; the jump of the
/// numbers tells of it. Numbers go on over acquisitions as MerlinNumbers has it. device_ns is the
/// time stamp of the frame's header, on the Merlin's own clock.
class Merlin final : public FrameSource {
 public:
  explicit Merlin(MerlinConfig config);
  ~Merlin() override;
  Merlin(const Merlin&) = delete;
  Merlin& operator=(const Merlin&) = delete;

  [[nodiscard]] Result<SourceInfo> open() override;
  [[nodiscard]] Result<void> start() override;
  [[nodiscard]] Result<FrameInfo> read(std::span<std::byte> pixels,
                                       Deadline deadline) noexcept override;
  void stop() noexcept override;
  void cancel() noexcept override { stream_.cancel(); }
  [[nodiscard]] std::optional<std::uint64_t> first_expected() const noexcept override {
    return is_first_known_ ? std::optional(MerlinNumbers::kFirst) : std::nullopt;
  }
  [[nodiscard]] SourceMemory memory() const noexcept override { return numbers_.memory(); }
  void recall(const SourceMemory& memory, std::uint64_t last) noexcept override {
    numbers_.recall(memory, last);
  }
  [[nodiscard]] std::span<const SourceCounter> counters() const noexcept override {
    return counters_;
  }

 private:
  /// What makes it the same instrument when it is opened again.
  struct Identity {
    FrameShape shape;
    int bit_depth{};  ///< 0: not known.
    std::string serial;
  };
  using Settings = std::vector<std::pair<std::string, std::string>>;

  [[nodiscard]] Result<Settings> visit_control();
  [[nodiscard]] Result<void> connect();
  [[nodiscard]] Result<bool> look_for_frame(Deadline deadline);
  [[nodiscard]] Result<Identity> identify(const Settings& settings);
  [[nodiscard]] Result<Identity> identify_by_frame();
  void keep_identity(Identity found);
  [[nodiscard]] SourceInfo describe_source(Settings settings) const;
  [[nodiscard]] Result<std::size_t> fill(Deadline deadline) noexcept;
  void begin_acquisition() noexcept;
  [[nodiscard]] bool accept(std::span<std::byte> pixels) noexcept;
  void resume(std::span<std::byte> pixels) noexcept;
  void put_aside(std::span<const std::byte> pixels) noexcept;
  void end_acquisition() noexcept;
  [[nodiscard]] FrameInfo deliver(std::span<std::byte> pixels) noexcept;
  void count_faults() noexcept;

  enum Counter : std::uint8_t {
    kSkippedBytes,
    kResynchronised,
    kDamaged,
    kUnknown,
    kIncomplete,
    kAcquisitions,
    kCounters
  };

  MerlinConfig config_;
  TcpStream stream_;
  MerlinParser parser_;
  MerlinNumbers numbers_;
  std::string header_text_;      // Of the last acquisition; its memory is reserved.
  std::vector<std::byte> side_;  // Raw frames, and those that a deadline has cut.
  std::optional<Identity> identity_;
  std::optional<Identity> met_;  // The frame that did not fit.
  std::uint64_t source_sequence_{};
  bool has_delivered_{};
  bool is_first_known_{};  // The last frame was the first of all, behind its acquisition's header.
  bool is_started_{};
  bool was_stopped_{};  // Since it was opened.
  bool is_lost_{};      // The connection, since it was started.
  bool acquires_{};     // We have started an acquisition.
  std::array<SourceCounter, kCounters> counters_;
};

[[nodiscard]] const Driver& merlin_driver() noexcept;

}  // namespace framelog
