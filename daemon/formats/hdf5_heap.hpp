#pragma once

#include <hdf5.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/result.hpp"

/// Private to the hdf5_*.cpp files of this folder: global heaps, in which texts of any length are
/// kept. The library believes them without asking: it copies as many bytes as the heap says to
/// where the reference has room for others, reads behind the end of a heap that is damaged, and
/// asks for as much memory as a damaged reference says. Format: HDF5 File Format Specification,
/// section III.E.
namespace framelog::hdf5 {

constexpr std::size_t kLeastHeapBytes = 4096;

/// Whether a heap begins here.
[[nodiscard]] bool begins_heap(std::span<const std::byte> bytes) noexcept;
/// How many bytes the heap has that begins here. `width`: bytes of a length in this file.
[[nodiscard]] std::uint64_t heap_bytes(std::span<const std::byte> begin,
                                       std::size_t width) noexcept;
/// Whether the objects of the whole heap lie within it.
[[nodiscard]] bool is_sound(std::span<const std::byte> heap, std::size_t width) noexcept;

/// Lets the library give references as they are stored. Once, before the first read_heap().
void register_references() noexcept;

/// The texts of any length, or the rows of bytes, of a dataset or an attribute, in C order; those
/// that were written since the file was opened are not found. The caller knows how many there are.
/// Errors: kCorrupt, one is not where the file says; kUnsupported, no such type, or of a file that
/// is kept in several.
[[nodiscard]] Result<std::vector<std::string>> read_heap(hid_t object);

}  // namespace framelog::hdf5
