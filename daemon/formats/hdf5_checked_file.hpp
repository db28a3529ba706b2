#pragma once

#include <hdf5.h>

/// Private to the hdf5_*.cpp files of this folder.
namespace framelog::hdf5 {

/// Makes the global heaps of files that are opened with these properties be looked at when they are
/// read, so that a damaged one is an error (hdf5_heap.hpp). Otherwise as the library's own driver
/// for files. False: there is no memory. Threads: any.
[[nodiscard]] bool check_heaps(hid_t access) noexcept;
/// Of files that were opened with them.
[[nodiscard]] hid_t checked_driver() noexcept;

}  // namespace framelog::hdf5
