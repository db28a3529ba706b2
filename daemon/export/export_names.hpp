#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "export/exporter.hpp"

namespace framelog {

/// One of the files of an export, as far as its name goes.
struct NameRequest {
  std::string format;       ///< "raw"
  std::string extension;    ///< ".raw"
  std::string result_type;  ///< "export", "frame", "max", "BF_0-12px"
  std::string suffix;       ///< Before the extension: "_raw", "_filtered".
  const DetectorSpec* detector{};
  std::optional<std::uint64_t> slice;  ///< Of a sequence.
  std::uint64_t frame{};
};

/// The names of an export's files.
class ExportNames {
 public:
  /// `is_sequence`: one of the formats makes a file of each slice. Errors: kInvalid, a template
  /// that is wrong, a sequence without {slice_index} and another output with it, {dataset_dir}
  /// anywhere but in front.
  [[nodiscard]] static Result<ExportNames> plan(const ExportRequest& request,
                                                const RecordingFacts& recording,
                                                const ResultFacts& result, bool is_sequence);
  [[nodiscard]] std::filesystem::path path(const NameRequest& name) const;
  [[nodiscard]] const std::filesystem::path& folder() const noexcept { return folder_; }

 private:
  ExportNames(NameTemplate name, std::filesystem::path folder, NameFields fields)
      : name_(std::move(name)), folder_(std::move(folder)), fields_(std::move(fields)) {}
  NameTemplate name_;
  std::filesystem::path folder_;
  NameFields fields_;
};

/// Name of the input without directory, extension and ".part".
[[nodiscard]] std::string nickname_of(const RecordingFacts& recording);

}  // namespace framelog
