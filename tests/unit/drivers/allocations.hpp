#pragma once

#include <cstddef>

namespace framelog {

/// Calls of operator new in this program until now, by all threads.
[[nodiscard]] std::size_t allocations() noexcept;

}  // namespace framelog
