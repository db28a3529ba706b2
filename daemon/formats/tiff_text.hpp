#pragma once

#include <span>
#include <string>

#include "formats/frame_record.hpp"
#include "formats/tiff_account.hpp"

/// Private to the tiff_*.cpp files of this folder: what other programs read in a TIFF.
namespace framelog::tiff {

/// OME-XML of the 2016-06 schema: one image, T frames of one channel and one z. `name` is that of
/// the file. Of frames whose record is torn no time is told.
[[nodiscard]] std::string ome_xml(const About& about, const FrameShape& shape,
                                  std::span<const FrameRecord> records, const std::string& name);

/// What ImageJ writes of a stack of frames in time.
[[nodiscard]] std::string imagej_text(const About& about, std::span<const FrameRecord> records);

/// "2026:11:21 18:00:05", in UTC: 20 bytes with the NUL.
[[nodiscard]] std::string tiff_time(std::int64_t utc_ns);

}  // namespace framelog::tiff
