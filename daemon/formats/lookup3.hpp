#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace framelog {

/// The checksum of HDF5's metadata: Bob Jenkins' lookup3 (burtleburtle.net/bob/c/lookup3.c,
/// hashlittle) with the initial value 0. Threads: any.
[[nodiscard]] std::uint32_t lookup3(std::span<const std::byte> bytes) noexcept;

}  // namespace framelog
