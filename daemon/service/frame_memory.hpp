#pragma once

#include <cstddef>
#include <span>

#include "core/result.hpp"
#include "core/unique_fd.hpp"

namespace framelog {

/// A copy of `bytes` in memory of its own that nobody can change or shrink any more, to be sent to
/// another process. Threads: any. Errors: kNoMemory, kIo.
[[nodiscard]] Result<UniqueFd> sealed_memory(std::span<const std::byte> bytes);

}  // namespace framelog
