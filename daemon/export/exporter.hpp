#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/file_system.hpp"
#include "core/name_template.hpp"
#include "core/result.hpp"
#include "export/picture.hpp"
#include "export/recording.hpp"
#include "export/request.hpp"
#include "export/result_frames.hpp"

namespace framelog {

enum class OnExists : std::uint8_t { kFail, kRename, kSkip };

/// Of pictures: values as they are, or with contrast, colours and drawing.
enum class ImageValues : std::uint8_t {
  kDefault,  ///< Displayed; of a scan's images both.
  kRaw,
  kDisplayed,
  kBoth,
};

/// A product that is laid over others in its colour.
struct CompositeLayer {
  std::string product;
  Rgb colour;
};

/// One call of `framelog export`.
struct ExportRequest {
  InputRequest input;
  /// Lines and points of a scan that the input does not know of; its frames fill it in order.
  std::optional<std::array<std::uint64_t, 2>> scan;
  TransformRequest transform;
  ViewRequest view;
  PictureRequest picture;
  /// How white is found, where it is found in another way than black.
  std::optional<ContrastRequest> white;
  ImageValues images{ImageValues::kDefault};
  std::vector<CompositeLayer> composite;
  std::vector<Region> regions;  ///< Outlined in pictures, in pixels of the recording.
  MovieRequest movie;
  WriteRequest write;
  std::vector<std::string> formats;  ///< Of --to.
  std::filesystem::path folder;      ///< Empty: beside the input.
  /// Template; empty: "{nickname}_{result_type}", of sequences with "_{slice_index:05}".
  std::string name;
  NameFields name_fields;  ///< Beside those that the recording gives: {snapshot}.
  OnExists on_exists{OnExists::kFail};
  bool verify{true};
  bool digests{};  ///< Of the files that were written, which reads them again.
  std::size_t memory_bytes{std::size_t{256} << 20U};
  std::int64_t export_utc_ns{};
};

/// One file that an export makes, or would make.
struct ExportOutput {
  std::string format;
  std::filesystem::path path;
  std::int64_t bytes{};  ///< Estimated beforehand; as it is afterwards.
  bool skipped{};        ///< Was there already.
  std::string sha256;    ///< Of one file; empty for sequences.
  std::uint64_t files{1};
  /// Of a sequence: the name of the last.
  std::filesystem::path last;
};

/// What --dry-run prints, and what is printed before an export begins.
struct ExportPreview {
  RecordingFacts recording;
  ResultFacts result;
  std::vector<ExportOutput> outputs;
  std::int64_t free_bytes{};
  std::vector<std::string> notes;
};

struct ExportReport {
  std::vector<ExportOutput> outputs;
  ResultEnd end;
  std::vector<std::string> notes;
};

/// Called now and then, also with -1 bytes from any thread, only to ask; false ends the export with
/// kTimeout "interrupted".
using ExportProgress = std::function<bool(std::int64_t done_bytes, std::int64_t all_bytes)>;

/// All that can be known without reading pixels. Errors: kInvalid, kUnsupported with the option and
/// what is allowed; kExists, an output is there; kNoSpace, they do not fit.
[[nodiscard]] Result<ExportPreview> preview_export(FileSystem& files, const ExportRequest& request);

/// The outputs of the request that are there, whatever on_exists says: for --delete. Errors: as
/// preview_export(); kInvalid, one of them is the input, or not proven to be an export.
[[nodiscard]] Result<std::vector<std::filesystem::path>> find_earlier(FileSystem& files,
                                                                      const ExportRequest& request);

/// One frame of the result as a PNG, with detectors and regions outlined. Errors: as
/// preview_export(), but for its outputs.
[[nodiscard]] Result<std::vector<std::byte>> preview_picture(FileSystem& files,
                                                             const ExportRequest& request);

/// Reads once, whatever the number of outputs. Files are NAME.part until they are whole and read
/// back; after an error or an interruption none of them is left. Errors: as preview_export(), those
/// of reading and writing, kCorrupt when what was read back differs.
[[nodiscard]] Result<ExportReport> run_export(FileSystem& files, const ExportRequest& request,
                                              const ExportProgress& progress);

}  // namespace framelog
