#include <array>

#include "formats/hdf5_segment.hpp"
#include "formats/raw_segment.hpp"
#include "formats/segment.hpp"

namespace framelog {
namespace {

constexpr std::array<std::string_view, 2> kRawCompanions{".json", ".frames"};

constexpr std::array kFormats{
    SegmentFormat{
        "hdf5", ".h5", prepare_hdf5, open_hdf5, undo_hdf5, finalise_hdf5, publish_hdf5, {}},
    SegmentFormat{"raw", ".raw", prepare_raw, open_raw, undo_raw, finalise_raw, publish_raw,
                  kRawCompanions},
};

}  // namespace

std::span<const SegmentFormat> segment_formats() noexcept { return kFormats; }

const SegmentFormat* find_format(std::string_view name) noexcept {
  for (const SegmentFormat& format : kFormats) {
    if (format.name == name) return &format;
  }
  return nullptr;
}

const SegmentFormat* format_of(const std::filesystem::path& path) noexcept {
  std::string_view text = path.native();
  if (text.ends_with(".part")) text.remove_suffix(5);
  for (const SegmentFormat& format : kFormats) {
    if (text.ends_with(format.extension)) return &format;
  }
  return nullptr;
}

}  // namespace framelog
