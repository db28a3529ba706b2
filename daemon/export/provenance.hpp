#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "export/recording.hpp"
#include "export/result_frames.hpp"

namespace framelog {

/// The time of an export: SOURCE_DATE_EPOCH (https://reproducible-builds.org/specs) where it is
/// set, else `now_utc_ns`. Errors: kInvalid, it is no whole number of seconds.
[[nodiscard]] Result<std::int64_t> export_time(const char* source_date_epoch,
                                               std::int64_t now_utc_ns);

/// How the digest of an input was found.
struct InputDigest {
  std::string sha256;  ///< Empty: none.
  std::string source;  ///< "computed", "SHA256SUMS", or why there is none.
};
/// Of a file that is still growing there is none; else that of the SHA256SUMS beside it, where the
/// directory has such a list; else computed where the file has 64 MiB at most: more would read the
/// whole input a second time, and the frames of recordings have checksums of their own. Never an
/// error: what cannot be read has none.
[[nodiscard]] InputDigest digest_of(FileSystem& files, const InputFile& input);

[[nodiscard]] std::vector<InputDigest> digest_inputs(FileSystem& files,
                                                     const RecordingFacts& recording);

/// The provenance of what a bundle's frames were before so many of its processing steps, the last
/// ones: without those, and with the cuts and bins behind them, which its layers share. What is not
/// ours is given back as it is.
[[nodiscard]] std::string provenance_before(const std::string& provenance, std::size_t filters);

/// One JSON object for the outputs of an export: that of the (first) input, where it is ours, with
/// the export's own steps behind those of the recording, `files.inputs` with digests, `export` with
/// program, version and time, and `sources`, the provenance of every input as it was. Errors:
/// kCorrupt.
[[nodiscard]] Result<std::string> export_provenance(const RecordingFacts& recording,
                                                    const ResultFacts& result,
                                                    const std::vector<InputDigest>& digests,
                                                    std::int64_t export_utc_ns);
/// With digest_inputs().
[[nodiscard]] Result<std::string> export_provenance(FileSystem& files,
                                                    const RecordingFacts& recording,
                                                    const ResultFacts& result,
                                                    std::int64_t export_utc_ns);

}  // namespace framelog
