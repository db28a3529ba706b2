#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/accounting.hpp"
#include "core/file_system.hpp"
#include "core/frame.hpp"
#include "core/option.hpp"
#include "core/result.hpp"
#include "core/scan.hpp"
#include "formats/compression.hpp"
#include "formats/frame_record.hpp"

namespace framelog {

/// One step of the reduction, as provenance and NXprocess show it.
struct ProcessStep {
  using Value = std::variant<std::vector<std::int64_t>, double, std::string>;
  std::string name;  ///< "crop", "bin"
  std::vector<std::pair<std::string, Value>> parameters;
};

// Steps that leave frames out.
inline constexpr std::string_view kKeepEveryStep = "keep_every";
inline constexpr std::string_view kSkipFlybackStep = "skip_flyback";
inline constexpr std::string_view kAccumulateStep = "accumulate";
inline constexpr std::string_view kRecordStep = "record";  ///< Around triggers, or by schedule.

/// A virtual detector, whose sums are beside the frames.
struct DetectorDescription {
  std::string name;
  std::vector<std::pair<std::string, ProcessStep::Value>> parameters;  ///< Shape, centre, radii ...
  std::int64_t pixels{};                                               ///< Of the product.
};

/// A GPIO line whose level is in each frame, and whose edges are in the file.
struct LineDescription {
  std::uint8_t bit{};  ///< In FrameInfo::gpio.
  std::string role;    ///< "trigger"
  std::string line;    ///< Its name or offset, as configured.
  std::string chip;    ///< As configured; empty: the one that has the lines.
  bool active_low{};
};

/// Everything that a segment says of itself and that is known before its first frame.
struct SegmentDescription {
  std::string program_version;
  std::string instrument;  ///< The configuration's stem.
  std::string product;
  std::string title, operator_name, sample, notes, channel;
  std::string detector_description, detector_model, serial_number;
  bool simulated{};
  std::optional<int> bit_depth;
  std::optional<double> saturation;  ///< In pixel values of this product.
  std::optional<double> rate_hz;

  FrameShape shape;  ///< Of this product's frames.
  FrameShape sensor;
  Region region;
  Binning bin;
  std::string bin_mode;
  std::vector<Length> pixel_size;  ///< Of a source pixel at the sample: y, x.
  std::optional<std::pair<double, double>> sensor_pitch_m;  ///< y, x.
  std::string value_unit;
  std::vector<ProcessStep> steps;
  std::vector<DetectorDescription> detectors;
  std::vector<LineDescription> lines;
  std::optional<Scan> scan;
  std::vector<Length> scan_step;  ///< Between points: y, x; empty: points.
  /// Of the product's pixels, those that are made of a bad source pixel are 1; empty: none are.
  std::vector<std::uint8_t> pixel_mask;
  bool flatfield_applied{};

  std::string run_uuid;
  std::int64_t run_number{};
  std::int64_t run_start_utc_ns{};
  std::int64_t run_start_monotonic_ns{};
  std::int64_t segment_number{};

  std::string configuration;         ///< Effective text.
  std::string configuration_sha256;  ///< Hexadecimal.
  std::string provenance_json;       ///< As far as known; completed at the end.

  std::int64_t capacity_frames{};  ///< Space is reserved for so many.
  std::int64_t capacity_bytes{};   ///< With compression: for so many bytes of packed frames.
  bool big_endian{};               ///< RAW only: the pixels come in swapped.
  Compression compression;         ///< One that the format can; frames come in packed.
  bool direct_io{true};  ///< Bypass the page cache where frame size and file system allow.
};

/// A piece of the run of which no frame is in the file.
struct GapEntry {
  std::int64_t after_sequence{-1};  ///< Last frame before it; -1: before the first.
  std::int64_t frames{-1};          ///< -1: unknown.
  std::int64_t duration_ns{-1};     ///< -1: unknown.
  std::string stage;                ///< source, capture, write
  std::string reason;               ///< A name of DropReason or LossReason.
  friend bool operator==(const GapEntry&, const GapEntry&) = default;
};

/// The relation of the two clocks when it was looked at.
struct ClockEntry {
  std::int64_t utc_ns{};
  std::int64_t utc_minus_monotonic_ns{};
  bool synchronised{};
};

struct EventEntry {
  std::int64_t utc_ns{};
  std::string text;
  std::string author{};  ///< Of a mark; empty: nobody is known.
};

/// One value of a quantity that changes slowly, as somebody reported it.
struct QuantityEntry {
  std::int64_t utc_ns{};
  std::string key;  ///< [A-Za-z_][A-Za-z0-9_]*; a key has one unit in all of a run.
  double value{};
  std::string unit;  ///< May be empty.
};

/// A change of a GPIO line.
struct LineEdge {
  std::int64_t monotonic_ns{};  ///< As the kernel has stamped it.
  std::int64_t utc_ns{};        ///< The same, by the clock's offset when it was read.
  std::uint8_t line{};          ///< Its bit in FrameInfo::gpio.
  bool active{};                ///< The level from then on.
  friend bool operator==(const LineEdge&, const LineEdge&) = default;
};

/// Edges that belong into a segment, in the order of their lines' reports.
struct LineEdges {
  std::vector<LineEdge> edges;
  std::uint64_t left_out{};  ///< Counted, and not kept: beyond kMostEdges.
};
/// So many a segment keeps: 200 s of a line that changes 1 000 times a second.
inline constexpr std::size_t kMostEdges = 200'000;

/// What is known only when a segment has ended.
struct SegmentEnd {
  std::string file_name;    ///< Final, without directory.
  std::string stop_reason;  ///< size, duration, frames, hour, day, stop, end of source, ...
  std::vector<GapEntry> gaps;
  std::vector<ClockEntry> clock;
  std::vector<EventEntry> events;
  std::vector<QuantityEntry> quantities;
  LineEdges lines;
  Accounting accounting;
  std::string provenance_json;
};

struct SegmentSummary {
  std::int64_t frames{};
  std::int64_t bytes{};  ///< Of the finished file, or files.
};

/// One frame as it comes to a segment with compression.
struct PackedFrame {
  std::span<const std::byte> bytes;
  bool is_packed{};  ///< Else they are the pixels, because packing would not make them smaller.
};

/// One segment being recorded. Calls on one segment never overlap, except append() with sync() and
/// frames().
class SegmentWriter {
 public:
  virtual ~SegmentWriter() = default;
  /// Moves the prepared files to `part` (NAME.EXT.part) and its companions. Threads: write.
  /// Errors: kExists when one of the names is taken; nothing has moved then.
  [[nodiscard]] virtual Result<void> activate(const std::filesystem::path& part) = 0;
  /// Puts consecutive frames, their pixels one behind the other, at their place; `detectors` holds
  /// one row of sums per frame. Blocks on the disk, allocates nothing. Threads: write. Errors: kIo,
  /// kNoSpace; the frames() before the call stay valid.
  [[nodiscard]] virtual Result<void> append(std::span<const FrameRecord> records,
                                            std::span<const std::byte> pixels,
                                            std::span<const double> detectors) = 0;
  /// append() of a segment with compression. After it the frames cannot be lost with the process.
  [[nodiscard]] virtual Result<void> append_packed(std::span<const FrameRecord> records,
                                                   std::span<const PackedFrame> frames,
                                                   std::span<const double> detectors) {
    static_cast<void>(records), static_cast<void>(frames), static_cast<void>(detectors);
    return fail(ErrorCode::kUnsupported, "this segment takes no packed frames");
  }
  /// Frames that a reader of the file finds now. Threads: any.
  [[nodiscard]] virtual std::int64_t frames() const noexcept = 0;
  [[nodiscard]] virtual std::int64_t capacity_frames() const noexcept = 0;
  /// Packed bytes that append_packed() still has room for; without compression no bound. Threads:
  /// write.
  [[nodiscard]] virtual std::int64_t free_bytes() const noexcept {
    return std::numeric_limits<std::int64_t>::max();
  }
  /// After it, `synced` in the file equals the frames() that it began with. Threads: sync.
  [[nodiscard]] virtual Result<void> sync() = 0;
  /// Lets go of the descriptors that only recording needs. The lock stays. Threads: files.
  virtual void close_pixels() noexcept = 0;
};

/// A segment of a dead process, open again.
struct ResumedSegment {
  std::unique_ptr<SegmentWriter> writer;
  FrameRecord first, last;  ///< Of its frames.
};

/// A file or set of files that holds frames, opened for reading: finished or .part, living or dead.
class SegmentReader {
 public:
  virtual ~SegmentReader() = default;
  [[nodiscard]] virtual FrameShape shape() const = 0;
  [[nodiscard]] virtual bool big_endian() const = 0;
  [[nodiscard]] virtual std::int64_t frames() const = 0;  ///< In the data set as a reader sees it.
  [[nodiscard]] virtual std::int64_t valid() const = 0;   ///< As the file says.
  [[nodiscard]] virtual std::int64_t synced() const = 0;  ///< As the file says.
  [[nodiscard]] virtual bool finished() const = 0;        ///< Finalised, not merely prepared.
  /// The frames may take less space than their pixels.
  [[nodiscard]] virtual bool packed() const { return false; }
  [[nodiscard]] virtual Result<std::vector<FrameRecord>> records(std::int64_t count) = 0;
  /// Of one frame, without reading those before it where the format can.
  [[nodiscard]] virtual Result<FrameRecord> record(std::int64_t frame) {
    const auto all = records(frame + 1);
    if (!all) return std::unexpected(all.error());
    return all->back();
  }
  /// Of frames [first, first + count), likewise.
  [[nodiscard]] virtual Result<std::vector<FrameRecord>> records_from(std::int64_t first,
                                                                      std::int64_t count) {
    auto all = records(first + count);
    if (all) all->erase(all->begin(), all->begin() + first);
    return all;
  }
  /// As they lie in the file: those of a big-endian one have to be swapped.
  [[nodiscard]] virtual Result<void> pixels(std::int64_t frame, std::span<std::byte> into) = 0;
  [[nodiscard]] virtual Result<std::string> provenance() = 0;
  /// What it was prepared with, as far as the format tells; the rest is empty.
  [[nodiscard]] virtual Result<SegmentDescription> description() { return SegmentDescription{}; }
  [[nodiscard]] virtual Result<std::vector<GapEntry>> gaps() = 0;
  [[nodiscard]] virtual Result<std::optional<Accounting>> accounting() = 0;
  /// The scan that the frames are points of; none where there is none.
  [[nodiscard]] virtual std::optional<Scan> scan() { return std::nullopt; }
  [[nodiscard]] virtual std::vector<std::string> detectors() { return {}; }
  /// Pixels of the product that a detector sums.
  [[nodiscard]] virtual Result<std::int64_t> detector_pixels(const std::string& detector) {
    return fail(ErrorCode::kNotFound, "no such detector:", detector);
  }
  /// The first `count` sums of a detector; NaN where a power cut has taken them.
  [[nodiscard]] virtual Result<std::vector<double>> detector_series(const std::string& detector,
                                                                    std::int64_t count) {
    static_cast<void>(count);
    return fail(ErrorCode::kNotFound, "no such detector:", detector);
  }
  /// Structure and a few values, indented, for `framelog info --tree`.
  [[nodiscard]] virtual Result<std::string> tree() = 0;
};

/// One row of the table of recordable formats.
struct SegmentFormat {
  std::string_view name;       ///< "hdf5"
  std::string_view extension;  ///< ".h5"
  /// Creates the files `stem` + suffixes in full: space reserved, head written, synced, locked.
  /// Threads: files.
  Result<std::unique_ptr<SegmentWriter>> (*prepare)(FileSystem& files,
                                                    const std::filesystem::path& stem,
                                                    const SegmentDescription& description);
  /// Goes on with the .part of a process that died, with the description that it was prepared with:
  /// behind the frames that it counts. Takes its lock. Threads: control. Errors: kBusy when a
  /// living process records it, kNotFound, kEnd when it has no frame, kInvalid when its finishing
  /// had begun, kLayout when it was prepared otherwise, kUnsupported when such a segment cannot be
  /// gone on with (it is finished by recovery, and the next one begins), kCorrupt.
  Result<ResumedSegment> (*resume)(FileSystem& files, const std::filesystem::path& part,
                                   const SegmentDescription& description);
  /// Opens NAME.EXT or NAME.EXT.part. Errors: kNotFound, kCorrupt with what is wrong.
  Result<std::unique_ptr<SegmentReader>> (*open)(FileSystem& files,
                                                 const std::filesystem::path& path);
  /// Writes an interrupted finalising back, so that the .part is as it was while recording. Nothing
  /// to do is fine.
  Result<void> (*undo)(FileSystem& files, const std::filesystem::path& part);
  /// Trims the .part to `frames`, completes it from its own frame table and `end`, syncs.
  /// Repeatable after undo(). The name stays. Threads: files. Errors: kIo, kNoSpace, kCorrupt.
  Result<SegmentSummary> (*finalise)(FileSystem& files, const std::filesystem::path& part,
                                     std::int64_t frames, const SegmentEnd& end);
  /// Renames the .part and its companions to `final_path`, never over anything, and removes what
  /// only an interruption needs. Errors: kExists.
  Result<void> (*publish)(FileSystem& files, const std::filesystem::path& part,
                          const std::filesystem::path& final_path);
  /// The file of an unfinished segment that its recorder holds locked.
  std::filesystem::path (*locked_file)(FileSystem& files, const std::filesystem::path& part);
  /// Extensions of the files that belong to NAME.EXT: they replace EXT, and take .part with it.
  std::span<const std::string_view> companions;
  /// Of files that only some of its segments have, and that none needs any more when it has its
  /// name.
  std::span<const std::string_view> optional_companions{};
  /// Beside Codec::kNone, which all can.
  std::span<const Codec> codecs{};
  /// Of a frame in the file beside its pixels, its record and its columns.
  std::int64_t bytes_per_frame{};
  std::optional<std::int64_t> most_bytes{};  ///< A segment has to end before.
  /// With compression it is full by SegmentDescription::capacity_bytes as well.
  bool reserves_packed{};
};

[[nodiscard]] std::span<const SegmentFormat> segment_formats() noexcept;
/// "NAME.h5, NAME.raw ...", for people; `suffix` is behind each.
[[nodiscard]] std::string segment_names(std::string_view suffix = {});
/// The error for a path that format_of() does not know.
[[nodiscard]] Error not_a_segment(const std::filesystem::path& path);
/// Whether frames can be recorded so. Errors: kUnsupported with what is allowed.
[[nodiscard]] Result<void> check_format(const SegmentFormat& format, const FrameShape& shape);
[[nodiscard]] const SegmentFormat* find_format(std::string_view name) noexcept;
/// By extension, with or without .part; null when it is none of ours.
[[nodiscard]] const SegmentFormat* format_of(const std::filesystem::path& path) noexcept;

}  // namespace framelog
