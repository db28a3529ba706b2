#include "export/write_facts.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "core/crc32c.hpp"
#include "core/version.hpp"
#include "formats/digest.hpp"
#include "formats/stored_record.hpp"

namespace framelog {
namespace {

/// A size in the unit's own spelling for files: "µm" is ours as "um".
Length known(const Length& length) { return length.unit.empty() ? Length{1, "px"} : length; }

/// One side of the frames as pixels of a source, so that a reader finds the scale of the axis
/// again.
struct Side {
  std::uint32_t start{};
  std::uint32_t stop{};
  std::uint32_t bin{1};
};

Side side_of(const ResultFacts& result, Axis axis, const IndexRange& region, std::uint32_t pixels) {
  Side side{static_cast<std::uint32_t>(region.start), static_cast<std::uint32_t>(region.stop), 1};
  const auto found = find_axis(result, axis);
  if (!found) return side;
  const AxisFacts& facts = result.axes[*found];
  if (facts.size != pixels || facts.size == 0 || !(facts.step > 0)) return side;
  side.bin = static_cast<std::uint32_t>(std::max<std::uint64_t>(1, region.size() / facts.size));
  // The centre of the first pixel, in pixels of the source.
  const double first = facts.origin / facts.step * side.bin - (side.bin - 1) / 2.0;
  const double most = std::numeric_limits<std::int32_t>::max();
  side.start = static_cast<std::uint32_t>(std::llround(std::clamp(first, 0.0, most)));
  side.stop = side.start + static_cast<std::uint32_t>(facts.size) * side.bin;
  return side;
}

/// Whose points the frames are: of flat ones by the numbers that they were recorded with, else by
/// their places (record_of()).
std::optional<Scan> scan_of(const RecordingFacts& recording, const ResultFacts& result) {
  if (!result.frames_in_order) return std::nullopt;
  if (has_axes(result, "tyx")) return recording.scan;
  if (!is_scan(result)) return std::nullopt;
  const std::span points = std::span(result.axes).last(4).first(2);
  return Scan{static_cast<std::uint32_t>(points[0].size),
              static_cast<std::uint32_t>(points[1].size), 0, 0};
}

/// From point to point of the result.
std::vector<Length> scan_step_of(const RecordingFacts& recording, const ResultFacts& result) {
  std::vector<Length> steps(recording.scan_step.begin(), recording.scan_step.end());
  if (!is_scan(result)) return steps;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    steps[i].value = result.axes[result.axes.size() - 4 + i].step;
  }
  return steps;
}

Length part_of(const Length& length, std::uint32_t bin) {
  return {length.value / bin, length.unit};
}

/// The frames that a gap tells of, where the accounting has them.
void account(const GapEntry& gap, Accounting& accounting) {
  if (gap.frames < 0) return;
  const auto frames = static_cast<std::uint64_t>(gap.frames);
  for (std::size_t i = 0; i < kLossReasons; ++i) {
    if (gap.reason == name_of(static_cast<LossReason>(i))) accounting.lost_at_source[i] += frames;
  }
  for (std::size_t i = 0; i < kDropReasons; ++i) {
    if (gap.reason != name_of(static_cast<DropReason>(i))) continue;
    accounting.dropped[i] += frames;
    accounting.received += frames;
  }
}

/// Whether a result goes back to the first frame of the recording, and on to the last.
std::pair<bool, bool> reach_of(const RecordingFacts& recording, const ResultFacts& result) {
  const bool is_scan =
      recording.scan && (find_axis(result, Axis::kScanY) || find_axis(result, Axis::kScanX));
  bool from_first = result.time.start == 0;
  bool to_last = result.time.stop == (is_scan ? recording.scans : recording.frames);
  if (is_scan) {
    const auto& [sy, sx] = result.scan;
    from_first = from_first && sy.start == 0 && sx.start == 0;
    to_last = to_last && sy.stop == recording.scan->rows && sx.stop == recording.scan->columns;
  }
  return {from_first, to_last};
}

/// Events of the rest of a recording are not those of a part.
void leave_others_out(const WritePlan& plan, const FrameSpan& span, SegmentEnd& end) {
  const auto [from_first, to_last] = reach_of(*plan.recording, *plan.result);
  const bool cuts_before = !from_first;
  const bool cuts_behind = !to_last;
  std::erase_if(end.events, [&](const EventEntry& event) {
    return (cuts_before && span.first_utc_ns >= 0 && event.utc_ns < span.first_utc_ns) ||
           (cuts_behind && span.last_utc_ns >= 0 && event.utc_ns > span.last_utc_ns);
  });
}

}  // namespace

std::vector<std::uint64_t> shape_of(const ResultFacts& result) {
  std::vector<std::uint64_t> shape;
  for (const AxisFacts& axis : result.axes) shape.push_back(axis.size);
  return shape;
}

std::string shape_text(const ResultFacts& result) {
  return fmt::format("{} {}", fmt::join(shape_of(result), " x "), name_of(result.type));
}

std::uint64_t slice_bytes(const ResultFacts& result) noexcept { return size_bytes(result.slice); }

std::uint64_t pixel_bytes(const ResultFacts& result) noexcept {
  return slice_bytes(result) * result.slices;
}

bool has_axes(const ResultFacts& result, std::string_view axes) {
  std::string have;
  for (const AxisFacts& axis : result.axes) have += name_of(axis.axis);
  return have == axes;
}

bool is_scan(const ResultFacts& result) {
  return result.frames_in_order && (has_axes(result, "sysxyx") || has_axes(result, "tsysxyx"));
}

std::optional<std::size_t> find_axis(const ResultFacts& result, Axis axis) noexcept {
  for (std::size_t i = 0; i < result.axes.size(); ++i) {
    if (result.axes[i].axis == axis) return i;
  }
  return std::nullopt;
}

std::optional<double> length_in(const Length& length, std::string_view unit) noexcept {
  struct Scale {
    std::string_view unit;
    double metres;
  };
  constexpr std::array<Scale, 5> kScales{
      {{"nm", 1e-9}, {"um", 1e-6}, {"mm", 1e-3}, {"m", 1.0}, {"pm", 1e-12}}};
  const auto* from = std::ranges::find(kScales, length.unit, &Scale::unit);
  const auto* to = std::ranges::find(kScales, unit, &Scale::unit);
  if (from == kScales.end() || to == kScales.end() || !(length.value > 0)) return std::nullopt;
  if (from == to) return length.value;
  // A division by a whole power of ten is exact where a product with its inverse is not.
  return from->metres < to->metres ? length.value / std::round(to->metres / from->metres)
                                   : length.value * std::round(from->metres / to->metres);
}

std::int64_t start_utc_ns(const WritePlan& plan) noexcept {
  return plan.recording->start_utc_ns >= 0 ? plan.recording->start_utc_ns : plan.export_utc_ns;
}

SegmentDescription describe_as_segment(const WritePlan& plan) {
  const RecordingFacts& recording = *plan.recording;
  const ResultFacts& result = *plan.result;
  SegmentDescription d;
  d.program_version = program_version();
  d.instrument = recording.instrument;
  d.product = recording.product;
  d.title = recording.title;
  d.operator_name = recording.operator_name;
  d.sample = recording.sample;
  d.notes = recording.notes;
  d.channel = recording.channel;
  d.detector_description = recording.detector_description;
  d.serial_number = recording.serial_number;
  d.bit_depth = recording.bit_depth;
  d.saturation = recording.saturation;
  d.shape = result.slice;
  d.sensor = recording.shape;
  const Side y = side_of(result, Axis::kY, result.region[0], result.slice.height_px);
  const Side x = side_of(result, Axis::kX, result.region[1], result.slice.width_px);
  d.region = {y.start, y.stop, x.start, x.stop};
  d.bin = {y.bin, x.bin};
  d.bin_mode = "none";
  d.pixel_size = {part_of(known(result.pixel_size[0]), y.bin),
                  part_of(known(result.pixel_size[1]), x.bin)};
  if (!recording.scan_step[0].unit.empty()) {
    d.scan_step = scan_step_of(recording, result);
  }
  d.value_unit = recording.value_unit;
  d.steps = result.steps;
  d.scan = scan_of(recording, result);
  d.run_uuid = recording.run_uuid;
  d.run_number = recording.run_number;
  d.run_start_utc_ns = start_utc_ns(plan);
  d.configuration = recording.configuration;
  d.configuration_sha256 = sha256_hex(recording.configuration);
  d.provenance_json = plan.provenance_json;
  d.capacity_frames = static_cast<std::int64_t>(result.slices);
  d.big_endian = plan.request->big_endian;
  d.compression = plan.request->compression;
  d.direct_io = false;
  return d;
}

SegmentEnd end_as_segment(const WritePlan& plan, const ResultEnd& end) {
  SegmentEnd out;
  out.file_name = plan.final_name;
  out.stop_reason = "exported";
  out.accounting.recorded = end.slices;
  if (plan.result->frames_in_order) {
    out.events = plan.recording->events;
    if (end.frames) leave_others_out(plan, *end.frames, out);
    out.accounting.recorded -= end.missing;
    if (end.losses) {
      out.gaps = end.losses->gaps;
      out.accounting.merged = end.losses->merged;
      out.accounting.skipped = end.losses->left_out;
    }
  }
  const Accounting& counted = out.accounting;
  out.accounting.received = counted.recorded + counted.merged + counted.skipped;
  for (const GapEntry& gap : out.gaps) account(gap, out.accounting);
  out.provenance_json = plan.provenance_json;
  return out;
}

FrameRecord record_of(const ResultFacts& result, const ResultSlice& slice,
                      std::span<const std::byte> bytes_in_file) {
  FrameRecord record;
  const bool is_frame = result.frames_in_order && !slice.missing;
  const FrameInfo info = is_frame ? slice.note.info : FrameInfo{};
  record.sequence = is_frame ? info.sequence : slice.index;
  if (result.frames_in_order && slice.missing) record.sequence = kNoFrameSequence;
  record.source_sequence = is_frame && !is_scan(result) ? info.source_sequence : slice.index;
  record.utc_ns = info.utc_ns;
  record.monotonic_ns = info.monotonic_ns;
  record.device_ns = info.device_ns;
  record.exposure_ns = info.exposure_ns;
  record.gpio = info.gpio;
  record.flags = info.flags | (slice.missing ? std::uint32_t{kFlagIncomplete} : 0U);
  record.min = slice.statistics.min;
  record.max = slice.statistics.max;
  record.mean = slice.statistics.mean;
  record.std = slice.statistics.std;
  record.sum = slice.statistics.sum;
  record.saturated = slice.statistics.saturated;
  record.clipped = slice.statistics.clipped;
  record.dropped_before = is_frame ? slice.note.lost_before : 0;
  record.accumulated = static_cast<std::uint16_t>(std::min<std::uint32_t>(
      result.frames_in_order ? (slice.missing ? 0 : slice.note.accumulated) : 1,
      std::numeric_limits<std::uint16_t>::max()));
  const bool is_same = bytes_in_file.data() == slice.pixels.data();
  record.crc32c = is_same ? checksum_of(slice) : crc32c(bytes_in_file);
  seal(record);
  return record;
}

double FrameTimes::seconds(const ResultSlice& slice) noexcept {
  const FrameInfo& info = slice.note.info;
  if (slice.missing) return std::numeric_limits<double>::quiet_NaN();
  if (info.monotonic_ns >= 0) {
    if (!first_monotonic_ns_) first_monotonic_ns_ = info.monotonic_ns;
    return static_cast<double>(info.monotonic_ns - *first_monotonic_ns_) * 1e-9;
  }
  if (info.utc_ns < 0) return std::numeric_limits<double>::quiet_NaN();
  if (!first_utc_ns_) first_utc_ns_ = info.utc_ns;
  return static_cast<double>(info.utc_ns - *first_utc_ns_) * 1e-9;
}

std::filesystem::path companion_part(const std::filesystem::path& part, std::string_view extension,
                                     std::string_view companion) {
  std::string text = part.string();
  constexpr std::string_view kPart = ".part";
  const bool is_part = text.ends_with(kPart);
  if (is_part) text.resize(text.size() - kPart.size());
  if (text.ends_with(extension)) text.resize(text.size() - extension.size());
  return text + std::string(companion) + (is_part ? std::string(kPart) : std::string());
}

std::unexpected<Error> cannot_write(std::string_view format, std::string_view why) {
  return fail(ErrorCode::kUnsupported, "cannot write", fmt::format("{}: {}", format, why));
}

}  // namespace framelog
