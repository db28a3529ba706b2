#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

#include "core/file_system.hpp"
#include "export/picture.hpp"

namespace framelog {

/// Animated GIF (GIF89a) by libavformat: a palette for each frame, times in 1/100 s.
[[nodiscard]] Result<std::unique_ptr<MovieWriter>> create_gif(FileSystem& files,
                                                              const std::filesystem::path& part);
/// "webm": VP9 by libvpx; "mp4": H.264 by what libavcodec has. Errors: kUnsupported.
[[nodiscard]] Result<std::unique_ptr<MovieWriter>> create_video(FileSystem& files,
                                                                std::string_view format,
                                                                const std::filesystem::path& part,
                                                                const MovieRequest& movie);

}  // namespace framelog
