#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/frame.hpp"
#include "formats/stored_frames.hpp"

namespace framelog {

/// What the user says of a file that does not describe itself. Little-endian.
struct RawGeometry {
  PixelType type{};
  std::vector<std::uint64_t> shape;  ///< (n, height, width), or (height, width): as many as fit.
};

/// Whether a sidecar of ours lies beside the file. False also when it cannot be read.
[[nodiscard]] bool has_raw_sidecar(FileSystem& files, const std::filesystem::path& path);

/// The provenance in the sidecar of NAME.raw, as JSON; empty where it has none. Errors: those of
/// reading; kNotFound, there is no sidecar; kCorrupt, kUnsupported, it is not ours.
[[nodiscard]] Result<std::string> raw_provenance(FileSystem& files,
                                                 const std::filesystem::path& path);

/// What the user says of a self-describing file must agree with it. Errors: kInvalid.
[[nodiscard]] Result<void> check_agreement(const StoredFacts& facts, const RawGeometry& geometry);

/// Opens NAME.raw by its sidecar NAME.json, and the NAME.frames that the sidecar names where that
/// file is there. `geometry` describes a file without a sidecar of ours; beside one it must agree.
/// The sidecar's keys, others are ignored: "format": "framelog-raw", "version": 1, "shape":
/// [n, y, x], "dtype": "<u2", "endianness": "little" or "big", "frames": "NAME.frames".
/// Errors: kNotFound, kDenied, kIo; kInvalid, no description, one that does not agree, or not a
/// regular file; kCorrupt, not as described; kUnsupported, another version.
[[nodiscard]] Result<std::unique_ptr<StoredFrames>> open_raw(
    FileSystem& files, const std::filesystem::path& path,
    const std::optional<RawGeometry>& geometry = {});

}  // namespace framelog
