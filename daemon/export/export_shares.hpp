#pragma once

#include <span>
#include <string>
#include <vector>

#include "export/dataset_writer.hpp"
#include "export/exporter.hpp"

namespace framelog {

/// The formats of the request; without any those in which images of a scan are written, as values
/// and displayed.
[[nodiscard]] std::vector<std::string> formats_of(const ExportRequest& request);

/// What a format takes of the request. Of several formats one that knows an option is enough: the
/// others are written without it. A compression that is left out of a format that has others is
/// told in `notes`.
[[nodiscard]] WriteRequest share_of(const DatasetFormat& format, const ExportRequest& request,
                                    std::vector<std::string>& notes);
[[nodiscard]] MovieRequest share_of(const MovieFormat& format, const ExportRequest& request);
/// `types`: of the values that pictures would have to keep.
[[nodiscard]] ImageValues share_of(const PictureFormat& format, const ExportRequest& request,
                                   std::span<const PixelType> types);
/// Whether a movie, of which a zip alone keeps values, has to.
[[nodiscard]] bool keeps_values(const MovieFormat& format, const ExportRequest& request,
                                std::span<const PixelType> types);
/// Errors: kUnsupported, the format does not keep values of all these types.
[[nodiscard]] Result<void> check_values(const PictureFormat& format,
                                        std::span<const PixelType> types);

}  // namespace framelog
