#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "export/dataset_writer.hpp"
#include "export/export_names.hpp"
#include "export/exporter.hpp"

namespace framelog {

/// One output as it is planned; of dataset, picture and movie one is there.
struct PlannedOutput {
  std::string format;
  const DatasetFormat* dataset{};
  const PictureFormat* picture{};
  const MovieFormat* movie{};
  WriteRequest write;          ///< What the format takes of the request's.
  MovieRequest movie_request;  ///< Likewise.
  bool raw_values{};
  std::string image;  ///< Of kImages: which; else the result's name.
  NameRequest name;   ///< Without slice.
  bool is_sequence{};
  bool is_skipped{};
  std::int64_t estimate{};
  bool may_shrink{};  ///< The estimate is far above what is written: pictures, compression.
};

/// What an export will do: everything that can be known before pixels are read.
struct ExportPlan {
  std::vector<std::unique_ptr<Recording>> recordings;  ///< One; of a composite its layers.
  ResultFacts result;                                  ///< Of the first.
  std::vector<FrameShape> slices;                      ///< Of each.
  ViewRequest view;                                    ///< With the detectors' centres.
  std::vector<std::string> images;  ///< Of kImages: what is written, of each scan one.
  std::vector<DetectorSpec> detectors;
  std::optional<ExportNames> names;           ///< Of all but sequences.
  std::optional<ExportNames> sequence_names;  ///< Of sequences of pictures.
  std::vector<PlannedOutput> outputs;
  std::vector<std::string> notes;
  TransformRequest transform;  ///< That of the request, with layers where an output holds them.
  std::uint64_t every{1};      ///< Frames from one slice to the next.
  std::uint32_t renamed{};     ///< "_1" behind the names; 0: nothing.

  [[nodiscard]] Recording& recording() const noexcept { return *recordings.front(); }
  /// Of a sequence: of slice `slice`.
  [[nodiscard]] std::filesystem::path path(const PlannedOutput& output,
                                           std::uint64_t slice = 0) const;
  [[nodiscard]] const std::filesystem::path& folder() const;
  /// A path's companions, such as NAME.json beside NAME.raw.
  [[nodiscard]] static std::vector<std::filesystem::path> companions(
      const PlannedOutput& output, const std::filesystem::path& path);
};

/// `looks_at_disk`: existing outputs are dealt with as the request says, and the free space has to
/// do. Errors: as preview_export().
[[nodiscard]] Result<ExportPlan> plan_export(FileSystem& files, const ExportRequest& request,
                                             bool looks_at_disk);

/// Errors: kNoSpace, what cannot shrink does not fit.
[[nodiscard]] Result<void> check_space(FileSystem& files, const ExportPlan& plan);

[[nodiscard]] std::int64_t all_bytes(const ExportPlan& plan) noexcept;
/// Free bytes where the folder is, or will be made.
[[nodiscard]] Result<std::int64_t> free_bytes(FileSystem& files,
                                              const std::filesystem::path& folder);

}  // namespace framelog
