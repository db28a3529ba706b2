#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "export/dataset_writer.hpp"
#include "formats/frame_record.hpp"
#include "formats/segment.hpp"

/// Private to the write_*.cpp files of this folder: what several formats tell of a result.
namespace framelog {

[[nodiscard]] std::vector<std::uint64_t> shape_of(const ResultFacts& result);
/// "100 x 512 x 512 uint16"
[[nodiscard]] std::string shape_text(const ResultFacts& result);
[[nodiscard]] std::uint64_t slice_bytes(const ResultFacts& result) noexcept;
[[nodiscard]] std::uint64_t pixel_bytes(const ResultFacts& result) noexcept;
/// Its axes are these, in this order.
[[nodiscard]] bool has_axes(const ResultFacts& result, std::string_view axes);
/// Its slices are frames at the points of a scan, or of several, one behind the other.
[[nodiscard]] bool is_scan(const ResultFacts& result);
/// Where the axis is in the result's.
[[nodiscard]] std::optional<std::size_t> find_axis(const ResultFacts& result, Axis axis) noexcept;
/// In micrometres, nanometres ...; none where the unit is no length.
[[nodiscard]] std::optional<double> length_in(const Length& length, std::string_view unit) noexcept;

/// A result as a segment describes itself: for the formats that recordings have, too. All frames
/// are there, and the pixels have the size that they have now.
[[nodiscard]] SegmentDescription describe_as_segment(const WritePlan& plan);
[[nodiscard]] SegmentEnd end_as_segment(const WritePlan& plan, const ResultEnd& end);
/// The record of a slice in such a file. Without `frames_in_order` it tells of the pixels only; the
/// points of a scan are numbered by their places, where one may have no frame: its record stands
/// for none (is_placeholder()).
[[nodiscard]] FrameRecord record_of(const ResultFacts& result, const ResultSlice& slice,
                                    std::span<const std::byte> bytes_in_file);

/// Seconds of a frame since the first one that has a time; NaN where it has none. Threads: one.
class FrameTimes {
 public:
  [[nodiscard]] double seconds(const ResultSlice& slice) noexcept;

 private:
  std::optional<std::int64_t> first_monotonic_ns_, first_utc_ns_;
};

/// The time that the file begins with: of the run, else of the export.
[[nodiscard]] std::int64_t start_utc_ns(const WritePlan& plan) noexcept;

/// "NAME.json.part" beside "NAME.raw.part": what a companion is called until the export is whole.
[[nodiscard]] std::filesystem::path companion_part(const std::filesystem::path& part,
                                                   std::string_view extension,
                                                   std::string_view companion);

/// A message of a check: the format, what is wrong, what is allowed.
[[nodiscard]] std::unexpected<Error> cannot_write(std::string_view format, std::string_view why);

}  // namespace framelog
