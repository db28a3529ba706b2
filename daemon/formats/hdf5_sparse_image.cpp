#include "formats/hdf5_sparse_image.hpp"

#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <limits>
#include <memory>
#include <new>

namespace framelog::hdf5 {
namespace {

constexpr std::uint64_t kBlockBytes = std::uint64_t{16} << 10U;
constexpr haddr_t kMostBytes = std::numeric_limits<std::int64_t>::max();

/// What the library knows of an open image; it fills `common` in.
struct OpenImage {
  H5FD_t common{};
  SparseImage* image{};
  haddr_t allocated{};
};

OpenImage& opened(H5FD_t* file) { return *reinterpret_cast<OpenImage*>(file); }
const OpenImage& opened(const H5FD_t* file) { return *reinterpret_cast<const OpenImage*>(file); }

/// The properties hold a pointer to the image.
H5FD_t* open_image_file(const char* /*name*/, unsigned /*flags*/, hid_t access, haddr_t /*most*/) {
  const void* info = H5Pget_driver_info(access);
  if (info == nullptr) return nullptr;
  auto file = std::unique_ptr<OpenImage>(new (std::nothrow) OpenImage);
  if (!file) return nullptr;
  file->image = *static_cast<SparseImage* const*>(info);
  return &file.release()->common;
}

herr_t close_image(H5FD_t* file) {
  delete &opened(file);
  return 0;
}

int compare(const H5FD_t* a, const H5FD_t* b) {
  const std::less<const SparseImage*> before;
  return before(opened(a).image, opened(b).image)   ? -1
         : before(opened(b).image, opened(a).image) ? 1
                                                    : 0;
}

/// As the library's driver for files, so that it lays everything out in the same way.
herr_t query(const H5FD_t* /*file*/, unsigned long* flags) {
  *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
           H5FD_FEAT_AGGREGATE_SMALLDATA;
  return 0;
}

haddr_t allocated(const H5FD_t* file, H5FD_mem_t /*kind*/) { return opened(file).allocated; }

herr_t allocate(H5FD_t* file, H5FD_mem_t /*kind*/, haddr_t end) {
  opened(file).allocated = end;
  return 0;
}

haddr_t end_of_image(const H5FD_t* file, H5FD_mem_t /*kind*/) {
  return opened(file).image->size_bytes();
}

herr_t read(H5FD_t* file, H5FD_mem_t /*kind*/, hid_t /*transfer*/, haddr_t offset, size_t size,
            void* into) {
  opened(file).image->read(offset, {static_cast<std::byte*>(into), size});
  return 0;
}

herr_t write(H5FD_t* file, H5FD_mem_t /*kind*/, hid_t /*transfer*/, haddr_t offset, size_t size,
             const void* from) {
  opened(file).image->write(offset, {static_cast<const std::byte*>(from), size});
  return 0;
}

herr_t truncate(H5FD_t* file, hid_t /*transfer*/, hbool_t /*closing*/) {
  opened(file).image->resize(opened(file).allocated);
  return 0;
}

/// The library keeps the pointer.
const H5FD_class_t& driver_class() {
  static const H5FD_class_t driver = [] {
    H5FD_class_t d{};
#if H5_VERSION_GE(1, 13, 0)
    d.version = H5FD_CLASS_VERSION;
    d.value = 602;  // Above those of the library and its tests.
#endif
    d.name = "framelog-sparse-image";
    d.maxaddr = kMostBytes;
    d.fc_degree = H5F_CLOSE_WEAK;
    d.fapl_size = sizeof(SparseImage*);
    d.open = open_image_file;
    d.close = close_image;
    d.cmp = compare;
    d.query = query;
    d.get_eoa = allocated;
    d.set_eoa = allocate;
    d.get_eof = end_of_image;
    d.read = read;
    d.write = write;
    d.truncate = truncate;
    constexpr H5FD_mem_t kFreeLists[] = H5FD_FLMAP_DICHOTOMY;
    std::ranges::copy(kFreeLists, d.fl_map);
    return d;
  }();
  return driver;
}

hid_t driver_id() {
  static const hid_t id = H5FDregister(&driver_class());
  return id;
}

}  // namespace

Handle SparseImage::create(hid_t creation, const Handle& access) {
  SparseImage* const self = this;
  if (H5Pset_driver(access.get(), driver_id(), static_cast<const void*>(&self)) < 0) return {};
  return Handle(H5Fcreate("framelog-sparse-image", H5F_ACC_TRUNC, creation, access.get()));
}

void SparseImage::write(std::uint64_t offset, std::span<const std::byte> bytes) noexcept {
  while (!bytes.empty()) {
    const std::uint64_t at = offset % kBlockBytes;
    const std::size_t count = std::min<std::size_t>(bytes.size(), kBlockBytes - at);
    try {
      std::vector<std::byte>& block = blocks_[offset / kBlockBytes];
      block.resize(kBlockBytes);
      std::ranges::copy(bytes.first(count), block.begin() + static_cast<std::ptrdiff_t>(at));
    } catch (const std::bad_alloc&) {
      out_of_memory_ = true;  // The library is not told: it could not close the file.
      return;
    }
    offset += count;
    bytes = bytes.subspan(count);
    size_bytes_ = std::max(size_bytes_, offset);
  }
}

void SparseImage::read(std::uint64_t offset, std::span<std::byte> bytes) const noexcept {
  while (!bytes.empty()) {
    const std::uint64_t at = offset % kBlockBytes;
    const std::size_t count = std::min<std::size_t>(bytes.size(), kBlockBytes - at);
    const auto found = blocks_.find(offset / kBlockBytes);
    if (found == blocks_.end() || found->second.size() != kBlockBytes) {
      std::ranges::fill(bytes.first(count), std::byte{0});
    } else {
      std::ranges::copy(std::span(found->second).subspan(at, count), bytes.begin());
    }
    offset += count;
    bytes = bytes.subspan(count);
  }
}

Result<void> SparseImage::write_to(FileSystem& files, int fd) const {
  if (out_of_memory_) return fail_errno(ENOMEM, "cannot make an HDF5 file in memory");
  for (const auto& [number, block] : blocks_) {
    const std::uint64_t offset = number * kBlockBytes;
    if (offset >= size_bytes_) break;
    const auto length = std::min<std::uint64_t>(kBlockBytes, size_bytes_ - offset);
    const auto bytes = std::span(block).first(static_cast<std::size_t>(length));
    if (auto written = files.write_at(fd, bytes, static_cast<std::int64_t>(offset)); !written) {
      return written;
    }
  }
  return files.resize(fd, static_cast<std::int64_t>(size_bytes_));
}

Result<void> write_image(FileSystem& files, const std::filesystem::path& path,
                         const SparseImage& image, int flags) {
  // As the library creates files: what others may do is said by the umask.
  constexpr unsigned kMode = 0666;
  auto fd = files.open(path, O_RDWR | O_CREAT | O_TRUNC | flags, kMode);
  if (!fd) return std::unexpected(fd.error());
  return image.write_to(files, fd->get());
}

}  // namespace framelog::hdf5
