#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/frame.hpp"
#include "core/result.hpp"
#include "export/axes.hpp"
#include "export/recording.hpp"
#include "export/request.hpp"

namespace framelog {

/// The array that an export writes: decided before the first frame is read.
struct ResultFacts {
  std::vector<AxisFacts> axes;  ///< As written, slowest first; the last two are those of a slice.
  PixelType type{};
  std::uint64_t slices{};            ///< Product of all axes but the last two.
  FrameShape slice;                  ///< The last two axes (one axis: height 1).
  bool frames_in_order{true};        ///< A slice is a frame of (y, x), and they come in time.
  std::array<Length, 2> pixel_size;  ///< y, x, after binning.
  std::array<IndexRange, 2> region;  ///< y, x in pixels of the recording; effective.
  IndexRange time;                   ///< Frames (or scans) of the recording.
  std::array<IndexRange, 2> scan;    ///< sy, sx.
  std::vector<LayerFacts> layers;    ///< Written beside the frames where the format can.
  std::vector<ProcessStep> steps;    ///< What was done, for provenance.
  bool has_times{};
  /// Of the values: exact for unsigned integers, none where not known beforehand.
  std::optional<std::array<double, 2>> value_range;
};

/// One slice of the result, borrowed until the next.
struct ResultSlice {
  std::uint64_t index{};              ///< From 0, in C order over the axes before the last two.
  std::span<const std::byte> pixels;  ///< size_bytes(ResultFacts::slice), machine's byte order.
  /// CRC-32C of the pixels, where somebody has calculated it.
  std::optional<std::uint32_t> crc32c;
  std::uint64_t frame{};  ///< Of the recording, where frames_in_order.
  /// Likewise. `lost_before` tells of all frames since the slice before.
  FrameNote note;
  bool missing{};              ///< A point of a scan that has no frame: NaN, or 0 where integers.
  FrameStatistics statistics;  ///< Of these pixels.
  std::vector<std::span<const std::byte>> layers;
};

/// CRC-32C of the slice's pixels.
[[nodiscard]] std::uint32_t checksum_of(const ResultSlice& slice) noexcept;

/// The first and the last frame of the recording that a result has.
struct FrameSpan {
  std::uint64_t first_sequence{}, last_sequence{};
  std::int64_t first_utc_ns{-1}, last_utc_ns{-1};  ///< -1: not known.
};

/// What a result does not have of the frames of its recording.
struct ResultLosses {
  std::vector<GapEntry> gaps;  ///< In order. Of a part: those that are in it.
  std::uint64_t merged{};      ///< Into its frames.
  std::uint64_t left_out{};    ///< With a number of their own, between its first and its last one.
};

/// What is known behind the last slice.
struct ResultEnd {
  std::uint64_t slices{};
  std::uint64_t missing{};  ///< Points without a frame.
  std::uint64_t clipped{};  ///< Pixels that did not fit their type.
  /// None where slices are not frames, or where no frame tells its number.
  std::optional<FrameSpan> frames{};
  std::shared_ptr<const ResultLosses> losses{};  ///< Null where slices are not frames.
};

/// The result, slice by slice, in bounded memory. Threads: one.
class ResultFrames {
 public:
  virtual ~ResultFrames() = default;
  [[nodiscard]] virtual const ResultFacts& facts() const noexcept = 0;
  /// False behind the last. Errors: of reading; kInvalid, a value that the type does not hold,
  /// without `saturate`.
  [[nodiscard]] virtual Result<bool> next(ResultSlice& slice) = 0;
  /// Takes the memory in which the pixels of the last slice lie, and gives `pixels` for it,
  /// whatever size it has: so they outlive the next slice without a copy. False: they cannot be had
  /// so.
  [[nodiscard]] virtual bool exchange(std::vector<std::byte>& /*pixels*/) { return false; }
  [[nodiscard]] virtual ResultEnd end() const noexcept = 0;
  /// From the start again: for contrast over a whole stack.
  virtual void rewind() = 0;
};

/// What the request makes of the recording, without reading a frame's pixels. Errors: kInvalid with
/// what is allowed, naming the option: a cutout out of range or empty, axes that the recording does
/// not have, ...
[[nodiscard]] Result<ResultFacts> plan_result(Recording& recording,
                                              const TransformRequest& request);

/// `recording` has to outlive it. At most `memory_bytes` are taken, beside two frames. Errors: as
/// plan_result().
[[nodiscard]] Result<std::unique_ptr<ResultFrames>> open_result(
    Recording& recording, const TransformRequest& request,
    std::size_t memory_bytes = std::size_t{64} << 20U);

/// A picture made of the whole recording: a projection, a kymograph, the image of a detector.
struct DerivedImage {
  std::string name;  ///< "max", "BF_0-12px", "pattern_3_4"
  FrameShape shape;
  std::vector<std::byte> pixels;
  std::array<AxisFacts, 2> axes;  ///< Of the image: rows, columns.
  std::optional<DetectorSpec> detector;
  std::vector<std::uint8_t> missing;  ///< 1 where no frame was; empty: all are there.
};
/// Names of what kImages can give for the recording.
[[nodiscard]] std::vector<std::string> list_images(const Recording& recording,
                                                   const ViewRequest& view);
/// One pass over `result` gives all of them. Not for kFrames and kContactSheet. Errors: kInvalid
/// with what is allowed, those of reading.
[[nodiscard]] Result<std::vector<DerivedImage>> derive_images(Recording& recording,
                                                              ResultFrames& result,
                                                              const ViewRequest& view);

}  // namespace framelog
