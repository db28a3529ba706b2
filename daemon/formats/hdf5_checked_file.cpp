#include "formats/hdf5_checked_file.hpp"

#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <new>
#include <span>
#include <utility>

#include "formats/hdf5_heap.hpp"
#include "formats/hdf5_tree.hpp"

namespace framelog::hdf5 {
namespace {

constexpr haddr_t kMostBytes = std::numeric_limits<std::int64_t>::max();
/// What the library knows of an open file; it fills `common` in.
struct OpenFile {
  H5FD_t common{};
  H5FD_t* file{};  ///< Of the library's own driver.
  bool writes{};
};

H5FD_t* inner(H5FD_t* file) { return reinterpret_cast<OpenFile*>(file)->file; }
H5FD_t* inner(const H5FD_t* file) { return reinterpret_cast<const OpenFile*>(file)->file; }

H5FD_t* open_file(const char* name, unsigned flags, hid_t /*access*/, haddr_t most) {
  auto opened = std::unique_ptr<OpenFile>(new (std::nothrow) OpenFile);
  const Handle access(H5Pcreate(H5P_FILE_ACCESS));
  if (!opened || H5Pset_fapl_sec2(access.get()) < 0) return nullptr;
  opened->file = H5FDopen(name, flags, access.get(), most);
  opened->writes = (flags & H5F_ACC_RDWR) != 0;
  return opened->file == nullptr ? nullptr : &opened.release()->common;
}

/// Each call of the library forgets what went wrong before it; here it is still to be told.
class KeptErrors {
 public:
  KeptErrors() : stack_(H5Eget_current_stack()) {}
  ~KeptErrors() { H5Eset_current_stack(stack_); }
  KeptErrors(const KeptErrors&) = delete;
  KeptErrors& operator=(const KeptErrors&) = delete;

 private:
  hid_t stack_;
};

herr_t close_file(H5FD_t* file) {
  const KeptErrors errors;
  const std::unique_ptr<OpenFile> opened(reinterpret_cast<OpenFile*>(file));
  return H5FDclose(opened->file);
}

int compare(const H5FD_t* a, const H5FD_t* b) { return H5FDcmp(inner(a), inner(b)); }

/// The library asks of a driver without a file as well. In what it has gathered of metadata it
/// looks for any address, and reads there where it has gathered nothing; the driver refuses one
/// that is not in the file.
herr_t query(const H5FD_t* file, unsigned long* flags) {
  *flags = 0;
  if (file == nullptr) return 0;
  if (H5FDquery(inner(file), flags) < 0) return -1;
  if (!reinterpret_cast<const OpenFile*>(file)->writes) {
    *flags &= ~static_cast<unsigned long>(H5FD_FEAT_ACCUMULATE_METADATA);
  }
  return 0;
}

haddr_t allocated(const H5FD_t* file, H5FD_mem_t kind) { return H5FDget_eoa(inner(file), kind); }

herr_t allocate(H5FD_t* file, H5FD_mem_t kind, haddr_t end) {
  return H5FDset_eoa(inner(file), kind, end);
}

haddr_t end_of_file(const H5FD_t* file, H5FD_mem_t kind) { return H5FDget_eof(inner(file), kind); }

herr_t descriptor(H5FD_t* file, hid_t access, void** into) {
  return H5FDget_vfd_handle(inner(file), access, into);
}

/// Bytes of a length in this file, as its superblock says.
std::size_t length_width(H5FD_t* file, hid_t transfer) {
  std::array<unsigned char, 16> begin{};
  if (H5FDread(inner(file), H5FD_MEM_SUPER, transfer, file->base_addr, begin.size(), begin.data()) <
      0) {
    return 0;
  }
  // HDF5 File Format Specification, section II.A: versions 0 and 1, and behind them.
  return begin[8] < 2 ? begin[14] : begin[10];
}

/// The whole of the heap whose beginning was read.
bool is_sound_in(H5FD_t* file, hid_t transfer, haddr_t offset, std::span<const std::byte> begin) {
  const std::size_t width = length_width(file, transfer);
  const std::uint64_t bytes = heap_bytes(begin, width);
  if (bytes <= begin.size()) return bytes == begin.size() && is_sound(begin, width);
  const haddr_t end = H5FDget_eof(inner(file), H5FD_MEM_DRAW);
  if (offset >= end || bytes > end - offset || !std::in_range<std::ptrdiff_t>(bytes)) return false;
  const auto count = static_cast<std::size_t>(bytes);
  const std::unique_ptr<std::byte[]> heap(new (std::nothrow) std::byte[count]);
  return heap && H5FDread(inner(file), H5FD_MEM_DRAW, transfer, offset, count, heap.get()) >= 0 &&
         is_sound({heap.get(), count}, width);
}

/// The library asks for heaps as it asks for pixels, with their least size first. Pixels do not
/// begin with the eight bytes of a heap.
herr_t read(H5FD_t* file, H5FD_mem_t kind, hid_t transfer, haddr_t offset, size_t size,
            void* into) {
  if (H5FDread(inner(file), kind, transfer, offset, size, into) < 0) return -1;
  const std::span bytes(static_cast<const std::byte*>(into), size);
  if (size != kLeastHeapBytes || !begins_heap(bytes)) return 0;
  return is_sound_in(file, transfer, offset, bytes) ? 0 : -1;
}

herr_t write(H5FD_t* file, H5FD_mem_t kind, hid_t transfer, haddr_t offset, size_t size,
             const void* from) {
  return H5FDwrite(inner(file), kind, transfer, offset, size, from);
}

herr_t flush(H5FD_t* file, hid_t transfer, hbool_t closing) {
  return H5FDflush(inner(file), transfer, closing);
}

herr_t truncate(H5FD_t* file, hid_t transfer, hbool_t closing) {
  return H5FDtruncate(inner(file), transfer, closing);
}

/// The library keeps the pointer.
const H5FD_class_t& driver_class() {
  static const H5FD_class_t driver = [] {
    H5FD_class_t d{};
#if H5_VERSION_GE(1, 13, 0)
    d.version = H5FD_CLASS_VERSION;
    d.value = 601;  // Above those of the library and its tests.
#endif
    d.name = "framelog-checked-file";
    d.maxaddr = kMostBytes;
    d.fc_degree = H5F_CLOSE_WEAK;
    d.open = open_file;
    d.close = close_file;
    d.cmp = compare;
    d.query = query;
    d.get_eoa = allocated;
    d.set_eoa = allocate;
    d.get_eof = end_of_file;
    d.get_handle = descriptor;
    d.read = read;
    d.write = write;
    d.flush = flush;
    d.truncate = truncate;
    constexpr H5FD_mem_t kFreeLists[] = H5FD_FLMAP_DICHOTOMY;
    std::ranges::copy(kFreeLists, d.fl_map);
    return d;
  }();
  return driver;
}

}  // namespace

hid_t checked_driver() noexcept {
  static const hid_t id = H5FDregister(&driver_class());
  return id;
}

bool check_heaps(hid_t access) noexcept {
  return H5Pset_driver(access, checked_driver(), nullptr) >= 0;
}

}  // namespace framelog::hdf5
