#include "formats/hdf5_heap.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "formats/hdf5_tree.hpp"

namespace framelog::hdf5 {
namespace {

constexpr std::uint64_t kHeapHeaderBytes = 16;
constexpr std::uint64_t kObjectHeaderBytes = 16;

/// Files and this machine are little-endian.
template <class T>
T load(std::span<const std::byte> bytes) noexcept {
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

struct HeapObject {
  std::uint16_t number{};  ///< 0: what is free, from its own header on.
  std::uint64_t size_bytes{};
  std::uint64_t next{};  ///< Where the one behind it begins.
};

/// Less than a header at the end is free without saying so.
bool has_object(std::span<const std::byte> heap, std::uint64_t at) noexcept {
  return at + kObjectHeaderBytes <= heap.size();
}

HeapObject object_at(std::span<const std::byte> heap, std::uint64_t at) noexcept {
  HeapObject object;
  object.number = load<std::uint16_t>(heap.subspan(at));
  object.size_bytes = load<std::uint64_t>(heap.subspan(at + 8));
  // An object that cannot be ends behind the heap.
  const std::uint64_t most = heap.size();
  object.next = at + (object.number == 0 ? object.size_bytes
                                         : kObjectHeaderBytes + (object.size_bytes + 7) / 8 * 8);
  if (object.size_bytes > most) object.next = most + 1;
  return object;
}

/// Of the files that open_file() and open_image() open.
bool read_raw(hid_t file, std::uint64_t offset, std::span<std::byte> into) {
  hsize_t size = 0;
  if (H5Fget_filesize(file, &size) < 0 || offset > size || into.size() > size - offset)
    return false;
  const Handle access(H5Fget_access_plist(file));
  void* handle = nullptr;
  if (H5Fget_vfd_handle(file, access.get(), &handle) < 0 || handle == nullptr) return false;
  if (H5Pget_driver(access.get()) == H5FD_CORE) {
    std::memcpy(into.data(), *static_cast<std::byte**>(handle) + offset, into.size());
    return true;
  }
  const ssize_t got =
      ::pread(*static_cast<int*>(handle), into.data(), into.size(), static_cast<off_t>(offset));
  return got == static_cast<ssize_t>(into.size());
}

/// Where a text of any length is: as many bytes in the object of this number.
struct Reference {
  std::uint32_t length_bytes{};
  std::uint64_t heap{};
  std::uint32_t number{};
};
constexpr std::size_t kReferenceBytes = 16;

bool is_in_heap(hid_t file, std::uint64_t base, const Reference& reference) {
  std::array<std::byte, kHeapHeaderBytes> begin{};
  if (!read_raw(file, base + reference.heap, begin) || !begins_heap(begin)) return false;
  hsize_t size = 0;
  if (H5Fget_filesize(file, &size) < 0 || heap_bytes(begin) > size) return false;
  std::vector<std::byte> heap(heap_bytes(begin));
  if (!read_raw(file, base + reference.heap, heap) || !is_sound(heap)) return false;
  for (std::uint64_t at = kHeapHeaderBytes; has_object(heap, at);) {
    const HeapObject object = object_at(heap, at);
    if (object.number == 0) return false;
    if (object.number == reference.number) return reference.length_bytes <= object.size_bytes;
    at = object.next;
  }
  return false;
}

}  // namespace

bool begins_heap(std::span<const std::byte> bytes) noexcept {
  return bytes.size() >= kHeapHeaderBytes && std::memcmp(bytes.data(), "GCOL\1\0\0", 8) == 0;
}

std::uint64_t heap_bytes(std::span<const std::byte> begin) noexcept {
  return load<std::uint64_t>(begin.subspan(8));
}

bool is_sound(std::span<const std::byte> heap) noexcept {
  if (heap.size() < kLeastHeapBytes) return false;
  for (std::uint64_t at = kHeapHeaderBytes; has_object(heap, at);) {
    const HeapObject object = object_at(heap, at);
    if (object.next > heap.size()) return false;
    // What is free is the last.
    if (object.number == 0) return object.size_bytes == 0 || object.next == heap.size();
    at = object.next;
  }
  return true;
}

Result<void> check_text(hid_t file, hid_t dataset) {
  unsigned intent = 0;
  const haddr_t place = H5Dget_offset(dataset);
  const Handle creation(H5Fget_create_plist(file));
  std::size_t address_bytes = 0;
  hsize_t base = 0;
  if (H5Fget_intent(file, &intent) < 0 || (intent & H5F_ACC_RDWR) != 0 || place == HADDR_UNDEF ||
      H5Pget_sizes(creation.get(), &address_bytes, nullptr) < 0 || address_bytes != 8 ||
      H5Pget_userblock(creation.get(), &base) < 0) {
    return {};
  }
  std::array<std::byte, kReferenceBytes> bytes{};
  if (!read_raw(file, place, bytes))
    return fail(ErrorCode::kCorrupt, "a text lies outside of the file");
  const std::span<const std::byte> all(bytes);
  const Reference reference{load<std::uint32_t>(all), load<std::uint64_t>(all.subspan(4)),
                            load<std::uint32_t>(all.subspan(12))};
  if (reference.heap == 0 || is_in_heap(file, base, reference)) return {};
  return fail(ErrorCode::kCorrupt, "a text is not where the file says");
}

}  // namespace framelog::hdf5
