#pragma once

#include <cstddef>

#include "pipeline/product_reduction.hpp"
#include "pipeline/ring.hpp"
#include "pipeline/session.hpp"

namespace framelog {

/// A copy of the latest frame of a product that the reducers have made, of one that accumulates the
/// latest group; its name is left empty. Nobody waits for it: a frame that capture comes round to
/// while it is copied is given up, and the latest one is tried again. Threads: any. Errors:
/// kNotFound (there is none in the ring), kTimeout (each one was overtaken).
[[nodiscard]] Result<GrabbedFrame> grab_frame(Ring& ring, std::size_t product,
                                              const ProductReduction& reduction);

}  // namespace framelog
