#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/file_system.hpp"
#include "core/frame.hpp"
#include "core/option.hpp"
#include "core/result.hpp"
#include "core/scan.hpp"
#include "export/request.hpp"
#include "formats/segment.hpp"

namespace framelog {

/// One file of what is exported.
struct InputFile {
  std::filesystem::path path;
  std::uint64_t first_frame{};  ///< In the recording.
  std::uint64_t frames{};
  bool growing{};  ///< Being recorded, or left by a dead process: exported up to `valid`.
};

/// Of a bundle: the layer of what was recorded, where the frames are processed.
inline constexpr std::string_view kRawLayer = "raw";

/// A stack beside the frames, as a playNano bundle holds it: a processed version or a mask.
struct LayerFacts {
  std::string name;  ///< "step_1_remove_plane"
  bool is_mask{};    ///< Of 0 and 1, uint8.
  FrameShape shape;
};

/// Which of the processing steps of a bundle a layer is: "step_3_gaussian" the third; 0: none.
[[nodiscard]] std::uint64_t step_of(std::string_view layer) noexcept;

/// What is known of a recording, whatever it was read from. What is not known is empty.
struct RecordingFacts {
  FrameShape shape;
  std::uint64_t frames{};
  /// Of (sy, sx): the frames that the files hold are placed by their numbers, so that some points
  /// may have none.
  std::optional<Scan> scan;
  std::uint64_t scans{1};            ///< 1 and more, where there is a scan.
  std::array<Length, 2> pixel_size;  ///< y, x of one of these pixels; unit empty: unknown.
  std::array<Length, 2> scan_step;   ///< sy, sx, likewise.
  std::array<double, 2> origin{};    ///< y, x of pixel 0's centre, in the unit of pixel_size.
  std::string value_unit, channel;
  std::string instrument, product, title, operator_name, sample, notes;
  std::string detector_description, serial_number;
  std::string run_uuid;
  std::int64_t run_number{};
  std::int64_t start_utc_ns{-1};  ///< Of the run, else of the first frame.
  bool has_times{};
  std::optional<int> bit_depth;
  std::optional<double> saturation;     ///< In pixel values.
  std::vector<DetectorSpec> detectors;  ///< Virtual ones, in pixels of these frames.
  std::vector<std::string> series;      ///< Detectors whose sums are stored with the frames.
  std::vector<LayerFacts> layers;       ///< Of a bundle.
  std::vector<GapEntry> gaps;
  bool losses_in_frames{};  ///< There is no list of gaps: what was lost the frames' notes tell.
  std::vector<EventEntry> events;
  std::string configuration;
  /// Of a foreign file: what it tells of its instrument.
  std::vector<std::pair<std::string, std::string>> settings;
  std::vector<InputFile> inputs;
  /// JSON as the inputs hold it, in their order; one that has none is empty.
  std::vector<std::string> provenances;
  /// What holds of these frames, where the first of `provenances` tells of more; empty: it does
  /// not.
  std::string base_provenance;
  /// Of a bundle: JSON of each frame, as it is.
  std::vector<std::string> frame_metadata;
  std::string description;  ///< One line for people.
};

/// What is known of one frame.
struct FrameNote {
  FrameInfo info;
  std::optional<FrameStatistics> statistics;  ///< As recorded.
  std::uint32_t lost_before{};
  std::uint32_t accumulated{1};  ///< 0: it stands for a point of a scan that has no frame.
  std::optional<std::uint32_t> crc32c;
};

/// Recordings opened for export: one frame axis over all of their files. Memory: bounded, whatever
/// their size. Threads: one at a time.
class Recording {
 public:
  virtual ~Recording() = default;
  [[nodiscard]] virtual const RecordingFacts& facts() const noexcept = 0;
  /// Errors: kIo, kCorrupt.
  [[nodiscard]] virtual Result<FrameNote> note(std::uint64_t frame) = 0;
  /// Fills `pixels` (size_bytes(shape)) in the machine's byte order. A frame that does not fit its
  /// checksum is kCorrupt. Errors: kIo, kCorrupt, each with the file.
  [[nodiscard]] virtual Result<void> read(std::uint64_t frame, std::span<std::byte> pixels) = 0;
  /// One frame of a layer, by its place in facts().layers.
  [[nodiscard]] virtual Result<void> read_layer(std::size_t layer, std::uint64_t frame,
                                                std::span<std::byte> pixels) = 0;
  /// The sums of facts().series[series] for frames [first, first + sums.size()).
  [[nodiscard]] virtual Result<void> read_series(std::size_t series, std::uint64_t first,
                                                 std::span<double> sums) = 0;
};

/// Opens segments, finished or not, whole runs (a directory, or several segments), master files,
/// and the foreign formats of frame_files.hpp, NPZ, and bundles. Errors: those of the format;
/// kInvalid, inputs that are no one recording (of several runs, products, shapes), with what can be
/// chosen.
[[nodiscard]] Result<std::unique_ptr<Recording>> open_recording(FileSystem& files,
                                                                const InputRequest& request);

/// The recordings that a directory holds, when several runs are exported together: one request for
/// each, in the order of their start.
[[nodiscard]] Result<std::vector<InputRequest>> split_runs(FileSystem& files,
                                                           const InputRequest& request);

}  // namespace framelog
