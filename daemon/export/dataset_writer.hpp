#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/file_system.hpp"
#include "core/result.hpp"
#include "export/recording.hpp"
#include "export/request.hpp"
#include "export/result_frames.hpp"

namespace framelog {

/// What a writer is told before the first slice. What it points at outlives the writer.
struct WritePlan {
  std::filesystem::path part;  ///< NAME.EXT.part: created by the writer, which must not be there.
  std::string final_name;      ///< Without directory.
  const RecordingFacts* recording{};
  const ResultFacts* result{};
  const WriteRequest* request{};
  /// Where the sums of its detectors are read, in the thread of write(); null: they are left out.
  Recording* source{};
  std::string provenance_json;   ///< Of this output, complete but for its own digest.
  std::int64_t export_utc_ns{};  ///< Fixed by SOURCE_DATE_EPOCH.
};

/// One output file that holds an array with its metadata, being written. Same slices, same bytes.
/// Threads: one.
class DatasetWriter {
 public:
  virtual ~DatasetWriter() = default;
  /// In order of their index, each once. Errors: kIo, kNoSpace.
  [[nodiscard]] virtual Result<void> write(const ResultSlice& slice) = 0;
  /// Ends the recording that is being written, of which `end` is known, and begins another one in
  /// the same file, whose plan has the same part, and a request with the next `run` of `runs`.
  /// create() had run 0 of them; verify() is called once for each run, with its result and request.
  /// Errors: kUnsupported, the format (or layout) holds one recording; kInvalid, slices are
  /// missing.
  [[nodiscard]] virtual Result<void> next_run(const ResultEnd& end, const WritePlan& plan);
  /// Completes, syncs and closes the file. Without it, what is there is worth nothing.
  [[nodiscard]] virtual Result<void> finish(const ResultEnd& end) = 0;
};

/// One row of the table of dataset formats.
struct DatasetFormat {
  std::string_view name;       ///< As --to has it: "hdf5", "ome-tiff".
  std::string_view extension;  ///< ".h5"
  std::string_view help;       ///< One line.
  std::string_view manual;     ///< Some lines for `framelog help export NAME`, with an example.
  std::span<const std::string_view> layouts;  ///< The first is the default; empty: no choice.
  bool keeps_layers{};
  std::span<const Codec> codecs;  ///< Beside none.
  bool big_endian{};              ///< It can be written so.
  /// Files beside it, whose extensions replace its own: NAME.json.part beside NAME.raw.part, until
  /// they are renamed. They are there from create() or finish() on; whoever removes a part removes
  /// those that are there.
  std::span<const std::string_view> companions;
  /// Whether such a result can be written so. Errors: kUnsupported or kInvalid with what is
  /// allowed. Notes for the user that are no errors go into `notes`.
  Result<void> (*check)(const RecordingFacts& recording, const ResultFacts& result,
                        const WriteRequest& request, std::vector<std::string>& notes);
  /// Bytes on disk at most, without compression.
  std::int64_t (*estimate)(const RecordingFacts& recording, const ResultFacts& result,
                           const WriteRequest& request);
  Result<std::unique_ptr<DatasetWriter>> (*create)(FileSystem& files, const WritePlan& plan);
  /// Reads slice after slice back from the file and compares their CRC-32C; null: cannot be read
  /// back. Errors: kCorrupt with the slice.
  Result<void> (*verify)(FileSystem& files, const std::filesystem::path& part,
                         const ResultFacts& result, const WriteRequest& request,
                         std::span<const std::uint32_t> crc32c);
};

[[nodiscard]] std::span<const DatasetFormat> dataset_formats() noexcept;
[[nodiscard]] const DatasetFormat* find_dataset_format(std::string_view name) noexcept;
/// Whether it writes layers, in the layout that is asked for.
[[nodiscard]] bool keeps_layers(const DatasetFormat& format, const WriteRequest& request) noexcept;

}  // namespace framelog
