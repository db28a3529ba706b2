#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "export/picture.hpp"

namespace framelog {

/// "um" as "µm"; others as they are.
[[nodiscard]] std::string with_micro_sign(std::string_view unit);
/// How many `to` one `from` is; none where they measure different things or are not known.
[[nodiscard]] std::optional<double> unit_ratio(std::string_view from, std::string_view to);

/// The scale bar that is asked for, automatic where no length is given. Errors: kInvalid: no pixel
/// size, a unit of something else, a length that does not fit.
[[nodiscard]] Result<ScaleBar> scale_bar_of(double width_px, const Length& pixel_size,
                                            const ScaleBarRequest& request);

}  // namespace framelog
