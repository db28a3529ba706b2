#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/file_system.hpp"
#include "core/result.hpp"
#include "export/picture.hpp"
#include "export/recording.hpp"
#include "export/request.hpp"
#include "export/result_frames.hpp"

namespace framelog {

enum class OnExists : std::uint8_t { kFail, kRename, kSkip };

/// One call of `framelog export`.
struct ExportRequest {
  InputRequest input;
  TransformRequest transform;
  ViewRequest view;
  PictureRequest picture;
  MovieRequest movie;
  WriteRequest write;
  std::vector<std::string> formats;  ///< Of --to.
  std::filesystem::path folder;      ///< Empty: beside the input.
  std::string name;                  ///< Template; empty: "{nickname}_{result_type}".
  OnExists on_exists{OnExists::kFail};
  bool verify{true};
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

/// Called now and then; false ends the export with kTimeout "interrupted".
using ExportProgress = std::function<bool(std::int64_t done_bytes, std::int64_t all_bytes)>;

/// All that can be known without reading pixels. Errors: kInvalid, kUnsupported with the option and
/// what is allowed; kExists, an output is there; kNoSpace, they do not fit.
[[nodiscard]] Result<ExportPreview> preview_export(FileSystem& files, const ExportRequest& request);

/// Reads once, whatever the number of outputs. Files are NAME.part until they are whole and read
/// back; after an error or an interruption none of them is left. Errors: as preview_export(), those
/// of reading and writing, kCorrupt when what was read back differs.
[[nodiscard]] Result<ExportReport> run_export(FileSystem& files, const ExportRequest& request,
                                              const ExportProgress& progress);

}  // namespace framelog
