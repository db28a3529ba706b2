#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>

#include "drivers/drivers.hpp"
#include "drivers/sleeper.hpp"
#include "formats/frame_files.hpp"

namespace framelog {

enum class ReplayPace : std::uint8_t {
  kRecorded,  ///< As recorded; as fast as it is read where the file has no times.
  kFixed,
  kMax,  ///< As fast as it is read.
};

struct ReplayConfig {
  std::filesystem::path path;  ///< A file, a directory, or a pattern; see open_frame_file().
  ReplayPace pace{ReplayPace::kRecorded};
  double rate_hz{};  ///< kFixed
  bool loop{};
  FrameFileRequest request;
};

/// Plays a recording of any readable format as if it came from an instrument. It waits for a late
/// reader, and then catches up with its schedule.
///
/// The first frame has its recorded number, and the numbers of those after it jump where frames
/// were lost, so that recorded losses show again; that a recording kept every n-th frame, or
/// accumulated, is no loss. Exposure, line levels, and the flags corrupt and incomplete are passed
/// on; pixels that do not fit the recorded checksum are flagged corrupt. The times are those of the
/// replay; device_ns is the recorded device_ns, or monotonic_ns where the instrument told none.
/// Looping, the numbers of each round follow on those of the round before it.
/// open() and start() go on where reading ended. A frame that cannot be read (kIo, kCorrupt) is
/// tried again once, then passed over, and shows as lost. Reading allocates where the format does:
/// see StoredFrames.
class Replay final : public FrameSource {
 public:
  /// `clock` is borrowed.
  Replay(ReplayConfig config, const Clock& clock);

  [[nodiscard]] Result<SourceInfo> open() override;
  [[nodiscard]] Result<void> start() override;
  [[nodiscard]] Result<FrameInfo> read(std::span<std::byte> pixels,
                                       Deadline deadline) noexcept override;
  void stop() noexcept override;
  void cancel() noexcept override;

 private:
  [[nodiscard]] SourceInfo describe_source() const;
  [[nodiscard]] Result<void> fetch() noexcept;
  [[nodiscard]] std::unexpected<Error> give_up(Error error) noexcept;
  void schedule(const StoredInfo& stored) noexcept;
  [[nodiscard]] std::uint64_t number(const StoredInfo& stored) noexcept;

  ReplayConfig config_;
  const Clock& clock_;
  Sleeper sleeper_;
  std::unique_ptr<StoredFrames> frames_;
  ReplayPace pace_{};  // As the file allows.
  bool started_{false};
  std::uint64_t index_{0};                     // Of the next frame.
  std::optional<std::uint64_t> failed_index_;  // That could not be read.
  std::uint64_t passed_over_{0};    // Since the last frame delivered, with those lost before them.
  std::optional<StoredInfo> next_;  // What the file says of it, once it is scheduled.

  std::int64_t start_ns_{0};
  std::uint64_t since_start_{0};  // Frames delivered.
  std::int64_t due_ns_{0};        // Of the frame scheduled last.
  std::int64_t recorded_ns_{-1};  // Recorded time of the last frame that had one; -1: none.
  std::int64_t step_ns_{0};       // Between the two before.

  /// A number that the file tells, and the one that was given for it.
  struct Numbered {
    std::uint64_t recorded{};
    std::uint64_t given{};
  };
  std::optional<std::uint64_t> last_number_;
  std::optional<Numbered> last_recorded_;  // In this round.
  bool round_begins_{false};
};

[[nodiscard]] const Driver& replay_driver() noexcept;

}  // namespace framelog
