#pragma once

#include "core/clock.hpp"
#include "core/result.hpp"
#include "core/unique_fd.hpp"

namespace framelog {

/// Sleeps until `input` has something to read, or an error to tell. `cancel` is an eventfd: once it
/// was written to, the one wait that runs, or else the next one, ends, and it is cleared. Allocates
/// nothing. Errors: kTimeout, the deadline has passed or it was cancelled; kIo.
[[nodiscard]] Result<void> wait_for_input(const UniqueFd& input, const UniqueFd& cancel,
                                          Deadline deadline) noexcept;

/// The same, until `output` takes something, or a connection is made or refused.
[[nodiscard]] Result<void> wait_for_output(const UniqueFd& output, const UniqueFd& cancel,
                                           Deadline deadline) noexcept;

}  // namespace framelog
