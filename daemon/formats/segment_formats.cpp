#include <array>

#include "formats/hdf5_segment.hpp"
#include "formats/raw_segment.hpp"
#include "formats/segment.hpp"

namespace framelog {
namespace {

constexpr std::array<std::string_view, 2> kRawCompanions{".json", ".frames"};

std::filesystem::path itself(FileSystem& /*files*/, const std::filesystem::path& part) {
  return part;
}

constexpr std::array kFormats{
    SegmentFormat{.name = "hdf5",
                  .extension = ".h5",
                  .prepare = prepare_hdf5,
                  .resume = resume_hdf5,
                  .open = open_hdf5,
                  .undo = undo_hdf5,
                  .finalise = finalise_hdf5,
                  .publish = publish_hdf5,
                  .locked_file = itself,
                  .companions = {}},
    SegmentFormat{.name = "raw",
                  .extension = ".raw",
                  .prepare = prepare_raw,
                  .resume = resume_raw,
                  .open = open_raw,
                  .undo = undo_raw,
                  .finalise = finalise_raw,
                  .publish = publish_raw,
                  .locked_file = raw_table,
                  .companions = kRawCompanions},
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
