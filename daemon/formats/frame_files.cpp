#include "formats/frame_files.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <vector>

#include "core/text.hpp"
#include "formats/bundle.hpp"
#include "formats/frame_series.hpp"
#include "formats/hdf5_frames.hpp"
#include "formats/mib.hpp"
#include "formats/npy.hpp"
#include "formats/tiff_frames.hpp"

namespace framelog {
namespace {

using Opened = Result<std::unique_ptr<StoredFrames>>;

std::unexpected<Error> wrong(ErrorCode code, const std::filesystem::path& path,
                             std::string_view reason) {
  return fail(code, "cannot read", fmt::format("{}: {}", path.string(), reason));
}

/// What the user says of a self-describing file has to be true.
Opened agreeing(Opened frames, const FrameFileRequest& request) {
  if (!frames || !request.geometry) return frames;
  if (auto checked = check_agreement((*frames)->facts(), *request.geometry); !checked) {
    return std::unexpected(checked.error());
  }
  return frames;
}

Result<void> check_no_dataset(const std::filesystem::path& path, const FrameFileRequest& request) {
  if (request.dataset.empty()) return {};
  return wrong(ErrorCode::kInvalid, path,
               fmt::format("it has no datasets, such as {} (allowed: of HDF5 files only)",
                           in_quotes(request.dataset)));
}

/// A format whose files hold one recording and describe it themselves.
template <Opened (*open)(FileSystem&, const std::filesystem::path&)>
Opened open_described(FileSystem& files, const std::filesystem::path& path,
                      const FrameFileRequest& request) {
  if (auto good = check_no_dataset(path, request); !good) return std::unexpected(good.error());
  return agreeing(open(files, path), request);
}

Opened open_dataset(FileSystem& files, const std::filesystem::path& path,
                    const FrameFileRequest& request) {
  return agreeing(open_hdf5_frames(files, path, request.dataset), request);
}

Opened open_pixels(FileSystem& files, const std::filesystem::path& path,
                   const FrameFileRequest& request) {
  if (auto good = check_no_dataset(path, request); !good) return std::unexpected(good.error());
  return open_raw(files, path, request.geometry);
}

constexpr std::array<std::string_view, 6> kHdf5{".h5", ".hdf5", ".hdf", ".nxs", ".emd", ".cxi"};
constexpr std::array<std::string_view, 1> kNpy{".npy"};
constexpr std::array<std::string_view, 1> kNpz{".npz"};
constexpr std::array<std::string_view, 1> kMib{".mib"};
constexpr std::array<std::string_view, 2> kTiff{".tif", ".tiff"};
constexpr std::array<std::string_view, 1> kRaw{".raw"};

// Those with a signature of their own first.
constexpr std::array<FrameFileFormat, 6> kFormats{{
    {"HDF5", kHdf5, is_hdf5, open_dataset},
    {"Merlin", kMib, is_mib, open_described<open_mib>},
    {"TIFF", kTiff, is_tiff, open_described<open_tiff>},
    {"NPY", kNpy, looks_like_npy, open_described<open_npy>},
    {"NPZ", kNpz, is_npz, open_described<open_npz>},
    {"RAW", kRaw, has_raw_sidecar, open_pixels},
}};

bool has_extension(const FrameFileFormat& format, const std::filesystem::path& path) {
  auto plain = path;
  if (plain.extension() == ".part") plain.replace_extension();
  return std::ranges::find(format.extensions, lower_case(plain.extension().string())) !=
         format.extensions.end();
}

/// Null where the file is of no format that is known.
const FrameFileFormat* format_of_file(FileSystem& files, const std::filesystem::path& path) {
  for (const FrameFileFormat& format : kFormats) {
    if (format.recognises(files, path)) return &format;
  }
  const auto* found = std::ranges::find_if(
      kFormats, [&](const FrameFileFormat& format) { return has_extension(format, path); });
  return found == kFormats.end() ? nullptr : found;
}

/// `format` is that of the files before it in a series, null for the first.
Opened open_one(FileSystem& files, const std::filesystem::path& path,
                const FrameFileRequest& request, const FrameFileFormat*& format) {
  if (auto readable = open_regular_file(files, path); !readable) {
    return std::unexpected(readable.error());
  }
  const FrameFileFormat* found = format_of_file(files, path);
  if (found == nullptr && request.geometry) found = &kFormats.back();
  if (found == nullptr) {
    return wrong(ErrorCode::kUnsupported, path,
                 fmt::format("unknown format (allowed: {}; others with their shape and pixel_type)",
                             frame_file_formats_text()));
  }
  if (format == nullptr) format = found;
  if (found != format) {
    return wrong(ErrorCode::kInvalid, path,
                 fmt::format("{} among files of {} (allowed: all of one format)", found->name,
                             format->name));
  }
  return found->open(files, path, request);
}

}  // namespace

std::span<const FrameFileFormat> frame_file_formats() noexcept { return kFormats; }

std::string frame_file_formats_text() {
  std::vector<std::string> texts;
  for (const FrameFileFormat& format : kFormats) {
    texts.push_back(fmt::format("{} ({})", format.name, fmt::join(format.extensions, " ")));
  }
  return fmt::format("{}", fmt::join(texts, ", "));
}

Opened open_frame_file(FileSystem& files, const std::filesystem::path& path,
                       const FrameFileRequest& request) {
  const FrameFileFormat* format = nullptr;
  if (!is_series(files, path)) return open_one(files, path, request, format);
  std::vector<std::string_view> extensions;
  for (const FrameFileFormat& known : kFormats) {
    extensions.insert(extensions.end(), known.extensions.begin(), known.extensions.end());
  }
  const auto paths = list_series(files, path, extensions);
  if (!paths) return std::unexpected(paths.error());
  return open_series(*paths, [&files, request, format](const std::filesystem::path& one) mutable {
    return open_one(files, one, request, format);
  });
}

}  // namespace framelog
