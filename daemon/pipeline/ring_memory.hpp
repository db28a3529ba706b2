#pragma once

#include <cstdint>

#include "core/result.hpp"
#include "core/unique_fd.hpp"

namespace framelog {

/// Gives a fresh memory file its size, all pages present. Errors: kNoMemory, also where it would
/// take nearly all that the machine has left.
[[nodiscard]] Result<void> fill_memory(const UniqueFd& memory, std::uint64_t bytes);
/// A memfd of that size. Errors: as above.
[[nodiscard]] Result<UniqueFd> make_memory(std::uint64_t bytes);

}  // namespace framelog
