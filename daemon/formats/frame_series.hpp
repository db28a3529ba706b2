#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "formats/stored_frames.hpp"

namespace framelog {

/// Whether `a` comes before `b` where numbers count as numbers: img2 before img10.
[[nodiscard]] bool natural_less(std::string_view a, std::string_view b) noexcept;

/// Whether `path` stands for several files: a directory, or a name with * ? or [ that is not the
/// name of a file.
[[nodiscard]] bool is_series(FileSystem& files, const std::filesystem::path& path);

/// The files of a directory that end in one of `extensions` (".tif", in any case, with or without
/// .part), hidden ones left out, or those that a pattern fits as the shell has it; in natural
/// order. Errors: kNotFound, kDenied; kNotFound, there is none, with what is allowed.
[[nodiscard]] Result<std::vector<std::filesystem::path>> list_series(
    FileSystem& files, const std::filesystem::path& path,
    std::span<const std::string_view> extensions);

using OpenFrames =
    std::function<Result<std::unique_ptr<StoredFrames>>(const std::filesystem::path&)>;

/// The frames of several files, one file behind the other. All are opened once, so that what is
/// wrong with one is known at the start, and must be of one shape and type; then one at a time is
/// open, and reading allocates where it goes from one file to the next.
///
/// Numbers are those recorded; where a file begins with a number that was there before, as every
/// file does whose numbers are indices, they follow on those of the file before it.
/// Errors: as `open`; kInvalid, a file of another shape. One that has changed since is kCorrupt.
[[nodiscard]] Result<std::unique_ptr<StoredFrames>> open_series(
    const std::vector<std::filesystem::path>& paths, OpenFrames open);

}  // namespace framelog
