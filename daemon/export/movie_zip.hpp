#pragma once

#include <filesystem>
#include <memory>

#include "export/picture.hpp"

namespace framelog {

/// A zip of pictures "000000.png", numbered from 0. Errors: kInvalid, a picture format that is not
/// known; those of FileSystem::open().
[[nodiscard]] Result<std::unique_ptr<MovieWriter>> create_zip_movie(
    FileSystem& files, const std::filesystem::path& part, const MovieRequest& movie,
    const PictureRequest& picture);

}  // namespace framelog
