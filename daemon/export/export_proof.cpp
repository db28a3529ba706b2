#include "export/export_proof.hpp"

#include <algorithm>
#include <new>
#include <string>
#include <utility>

#include "core/text.hpp"
#include "export/recording_files.hpp"
#include "formats/bundle.hpp"
#include "formats/hdf5_frames.hpp"
#include "formats/raw_file.hpp"
#include "formats/tiff_file.hpp"
#include "formats/tiff_frames.hpp"
#include "store/provenance.hpp"

namespace framelog {
namespace {

namespace fs = std::filesystem;

std::unexpected<Error> keep(const fs::path& path, const std::string& reason) {
  return fail(ErrorCode::kInvalid, "--delete:",
              one_line(path.string()) + " " + reason +
                  " (allowed: exports that tell so themselves; delete it by hand)");
}

/// Pictures, in colour as well, have no provenance, and one page.
bool is_picture(FileSystem& files, const fs::path& path) {
  auto fd = open_regular_file(files, path);
  if (!fd) return false;
  const auto tiff = TiffFile::open(files, std::move(*fd), path);
  if (!tiff || !(*tiff)->provenance().empty()) return false;
  const bool is_ours = std::ranges::any_of((*tiff)->settings(), [](const auto& setting) {
    return setting.first == "Software" && setting.second.starts_with("framelog");
  });
  const auto more = (*tiff)->next();
  return is_ours && more && !*more;
}

Result<std::string> provenance_of(FileSystem& files, const fs::path& path,
                                  const SegmentFormat& format) {
  if (format.name == "hdf5") return hdf5_provenance(path);
  if (format.name == "raw") return raw_provenance(files, path);
  const auto reader = format.open(files, path);
  if (reader) return (*reader)->provenance();
  const auto pages = open_tiff(files, path);
  if (!pages) return std::unexpected(pages.error());
  return (*pages)->facts().provenance_json;
}

Result<void> check_text(const fs::path& path, const Result<std::string>& provenance) {
  if (!provenance) return keep(path, "is not readable: " + one_line(describe(provenance.error())));
  if (tells_of_export(*provenance)) return {};
  return keep(path, provenance->empty() ? "is no export of framelog" : "is a recording");
}

}  // namespace

Result<void> check_is_export(FileSystem& files, const std::filesystem::path& path) {
  try {
    const SegmentFormat* format = format_of(path);
    if (format != nullptr && format->extension == ".tif" && is_picture(files, path)) return {};
    if (format != nullptr) return check_text(path, provenance_of(files, path, *format));
    if (path.extension() != ".npz") return {};
    const auto bundle = open_npz_bundle(files, path);
    return check_text(path, bundle ? Result<std::string>(bundle->provenance_json)
                                   : std::unexpected(bundle.error()));
  } catch (const std::bad_alloc&) {
    return keep(path, "describes more than the memory of this machine holds");
  }
}

}  // namespace framelog
