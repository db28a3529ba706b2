#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/option.hpp"
#include "drivers/drivers.hpp"

namespace framelog {

/// A value, or the camera's own automatic.
template <class T>
struct ValueOrAuto {
  std::optional<T> value;  ///< None: automatic.
};

/// What is asked of a camera; what is absent stays as the camera has it.
struct AravisConfig {
  std::string camera;  ///< Id, serial number or address; empty: the only one.
  /// GenICam features by name, as text, in the order in which they are set; before all others.
  std::vector<std::pair<std::string, std::string>> features;
  std::optional<Binning> binning;
  std::optional<RegionSpec> region;  ///< Nothing but empty ends: the whole sensor.
  std::optional<std::string> pixel_format;
  std::optional<std::string> trigger;  ///< "off", or a GenICam TriggerSource.
  std::optional<double> rate_hz;
  std::optional<ValueOrAuto<std::chrono::nanoseconds>> exposure;
  std::optional<ValueOrAuto<double>> gain;
  std::optional<std::int64_t> packet_bytes;  ///< None: the largest that arrives.
  std::optional<std::int64_t> buffers;       ///< None: as many as make 32 MiB.
  bool packet_socket{true};
  bool chunks{true};
};

/// A GigE Vision or USB3 Vision camera, by Aravis.
///
/// source_sequence is the camera's frame id, which begins anew with each acquisition; where ids
/// have 16 bits they are carried on behind 65535. device_ns is the camera's clock, monotonic_ns
/// when the first packet of the frame arrived, exposure_ns that of the frame where the camera sends
/// it along (chunk data), else as set. Where packets are missing the frame is flagged incomplete
/// and the missing pixels are zero; where the camera sent something else than it announced it is
/// flagged corrupt. A camera that no longer answers, or that another program took, is kDisconnected
/// once the frames that arrived are read. With trigger = Software, read() fires the trigger at
/// rate_hz.
class AravisSource final : public FrameSource {
 public:
  /// `clock` is borrowed.
  AravisSource(AravisConfig config, const Clock& clock);
  ~AravisSource() override;

  /// Takes a second or more: cameras are searched for, and asked many things.
  [[nodiscard]] Result<SourceInfo> open() override;
  void look_ahead(SlotsAhead* slots) noexcept override;
  [[nodiscard]] Result<void> start() override;
  [[nodiscard]] Result<FrameInfo> read(std::span<std::byte> pixels,
                                       Deadline deadline) noexcept override;
  /// Of a camera that does not answer it takes up to 3 s.
  void stop() noexcept override;
  [[nodiscard]] std::optional<std::uint64_t> first_expected() const noexcept override;
  void cancel() noexcept override;
  [[nodiscard]] std::span<const SourceCounter> counters() const noexcept override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

[[nodiscard]] const Driver& aravis_driver() noexcept;

}  // namespace framelog
