#pragma once

#include "drivers/drivers.hpp"

namespace framelog {

/// Cameras of the kernel's V4L2 interface.
[[nodiscard]] const Driver& v4l2_driver() noexcept;

}  // namespace framelog
