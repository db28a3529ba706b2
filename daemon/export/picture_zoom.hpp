#pragma once

#include "export/picture.hpp"

namespace framelog {

/// The picture with `factor` output pixels per pixel, at least one in each direction. Whole factors
/// repeat pixels, so that they stay what they are; other enlargements are linear between pixel
/// centres, and shrinking takes the mean of the area that an output pixel covers. Threads: any.
/// Errors: kInvalid: a factor that is not above zero, a side of more than 32767 pixels.
[[nodiscard]] Result<RgbImage> zoom(const RgbImage& image, double factor);

}  // namespace framelog
