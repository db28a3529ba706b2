#pragma once

#include <hdf5.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/result.hpp"

/// Private to the hdf5_*.cpp files of this folder: global heaps, in which texts of any length are
/// kept. The library believes them without asking: it reads behind the end of one that is damaged,
/// and asks for as much memory as a damaged reference says. Format: HDF5 File Format Specification,
/// section III.E.
namespace framelog::hdf5 {

constexpr std::size_t kLeastHeapBytes = 4096;

/// Whether a heap begins here.
[[nodiscard]] bool begins_heap(std::span<const std::byte> bytes) noexcept;
/// How many bytes the heap has that begins here.
[[nodiscard]] std::uint64_t heap_bytes(std::span<const std::byte> begin) noexcept;
/// Whether the objects of the whole heap lie within it.
[[nodiscard]] bool is_sound(std::span<const std::byte> heap) noexcept;

/// Whether the one text of a dataset is where the dataset says. It is not looked for where it is
/// kept in another way, or the file is open for writing. Errors: kCorrupt.
[[nodiscard]] Result<void> check_text(hid_t file, hid_t dataset);

}  // namespace framelog::hdf5
