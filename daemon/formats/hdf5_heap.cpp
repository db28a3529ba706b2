#include "formats/hdf5_heap.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <string_view>

#include "formats/hdf5_checked_file.hpp"
#include "formats/hdf5_tree.hpp"

namespace framelog::hdf5 {
namespace {

constexpr std::uint64_t kHeaderBytes = 16;  ///< Of a heap, and of an object in it.
constexpr std::uint64_t kWindowBytes = std::uint64_t{64} << 10U;
constexpr const char* kReference = "framelog reference";

/// Files and this machine are little-endian; what is behind `width` is not told.
std::uint64_t load(std::span<const std::byte> bytes, std::size_t width) noexcept {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data(), std::min(width, sizeof value));
  return value;
}

struct HeapObject {
  std::uint64_t number{};  ///< 0: what is free, from its own header on.
  std::uint64_t size_bytes{};
};

HeapObject object_of(std::span<const std::byte> header, std::size_t width) noexcept {
  return {load(header, 2), load(header.subspan(8), width)};
}

/// Where the next object begins. An object that cannot be ends behind the heap.
std::uint64_t behind(const HeapObject& object, std::uint64_t at, std::uint64_t heap_bytes) {
  if (object.size_bytes > heap_bytes) return heap_bytes + 1;
  if (object.number == 0) return at + object.size_bytes;
  return at + kHeaderBytes + (object.size_bytes + 7) / 8 * 8;
}

/// Where a text is: as many bytes in the object of this number.
struct Reference {
  std::uint64_t length_bytes{}, heap{}, number{};
};

/// The bytes of the file that an object is in, beside the library.
class RawFile {
 public:
  static Result<RawFile> of(hid_t object) {
    RawFile raw;
    raw.file_ = Handle(H5Iget_file_id(object));
    const Handle creation(H5Fget_create_plist(raw.file_.get()));
    raw.access_ = Handle(H5Fget_access_plist(raw.file_.get()));
    const hid_t driver = H5Pget_driver(raw.access_.get());
    raw.is_image_ = driver == H5FD_CORE;
    const bool is_plain = raw.is_image_ || driver == H5FD_SEC2 || driver == checked_driver();
    if (!is_plain || H5Fget_filesize(raw.file_.get(), &raw.size_) < 0 ||
        H5Pget_sizes(creation.get(), &raw.address_bytes_, &raw.length_bytes_) < 0 ||
        H5Pget_userblock(creation.get(), &raw.base_) < 0 || raw.address_bytes_ > 8 ||
        raw.length_bytes_ > 8 ||
        H5Fget_vfd_handle(raw.file_.get(), raw.access_.get(), &raw.handle_) < 0) {
      return fail(ErrorCode::kUnsupported, "texts of a file that is kept in another way");
    }
    return raw;
  }

  [[nodiscard]] std::size_t address_bytes() const noexcept { return address_bytes_; }
  [[nodiscard]] std::size_t length_bytes() const noexcept { return length_bytes_; }
  /// Behind an address in the file.
  [[nodiscard]] std::uint64_t left_behind(std::uint64_t address) const noexcept {
    return base_ > size_ || address > size_ - base_ ? 0 : size_ - base_ - address;
  }
  [[nodiscard]] bool read(std::uint64_t address, std::span<std::byte> into) const {
    if (into.size() > left_behind(address)) return false;
    if (is_image_) {
      std::memcpy(into.data(), *static_cast<std::byte**>(handle_) + base_ + address, into.size());
      return true;
    }
    return ::pread(*static_cast<int*>(handle_), into.data(), into.size(),
                   static_cast<off_t>(base_ + address)) == static_cast<ssize_t>(into.size());
  }

 private:
  Handle file_, access_;
  void* handle_{};
  bool is_image_{};
  hsize_t size_{}, base_{};
  std::size_t address_bytes_{}, length_bytes_{};
};

std::unexpected<Error> not_there() {
  return fail(ErrorCode::kCorrupt, "a text is not where the file says");
}

/// The object behind a header at this place of the heap.
Result<std::string> take(const RawFile& file, const Reference& reference, std::uint64_t at,
                         std::uint64_t size_bytes) {
  // Both are written from one length: where they differ one is damaged.
  if (size_bytes != reference.length_bytes) return not_there();
  std::string text;
  try {
    text.resize(size_bytes);
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::kNoMemory, "a text is larger than memory");
  }
  if (!file.read(reference.heap + at + kHeaderBytes, std::as_writable_bytes(std::span(text)))) {
    return not_there();
  }
  return text;
}

Result<std::string> text_at(const RawFile& file, const Reference& reference) {
  if (reference.heap == 0 && reference.length_bytes != 0) return not_there();
  if (reference.length_bytes == 0) return std::string();
  std::array<std::byte, kHeaderBytes> header{};
  if (!file.read(reference.heap, header) || !begins_heap(header)) return not_there();
  const std::uint64_t bytes = heap_bytes(header, file.length_bytes());
  if (bytes > file.left_behind(reference.heap)) return not_there();
  // Heaps of more than one object are small.
  std::vector<std::byte> window(std::min(bytes, kWindowBytes));
  if (!file.read(reference.heap, window)) return not_there();
  for (std::uint64_t at = kHeaderBytes; at + kHeaderBytes <= bytes;) {
    if (at + kHeaderBytes <= window.size()) {
      std::ranges::copy(std::span(window).subspan(at, kHeaderBytes), header.begin());
    } else if (!file.read(reference.heap + at, header)) {
      return not_there();
    }
    const HeapObject object = object_of(header, file.length_bytes());
    const std::uint64_t next = behind(object, at, bytes);
    if (object.number == 0 || next > bytes) return not_there();
    if (object.number == reference.number) return take(file, reference, at, object.size_bytes);
    at = next;
  }
  return not_there();
}

/// From texts to the 16 bytes, or fewer, that stand for them in the file: nothing is to be done.
herr_t keep_reference(hid_t from, hid_t to, H5T_cdata_t* data, std::size_t /*count*/,
                      std::size_t /*stride*/, std::size_t /*background_stride*/, void* /*buffer*/,
                      void* /*background*/, hid_t /*transfer*/) {
  if (data->command != H5T_CONV_INIT) return 0;
  data->need_bkg = H5T_BKG_NO;
  char* const tag = H5Tget_tag(to);
  const bool is_ours = tag != nullptr && std::string_view(tag) == kReference;
  H5free_memory(tag);
  return is_ours && H5Tget_size(from) == H5Tget_size(to) ? 0 : -1;
}

Handle reference_type(std::size_t bytes) {
  Handle type(H5Tcreate(H5T_OPAQUE, bytes));
  H5Tset_tag(type.get(), kReference);
  return type;
}

bool is_heaped(hid_t type) {
  if (H5Tis_variable_str(type) > 0) return true;
  if (H5Tget_class(type) != H5T_VLEN) return false;
  const Handle item(H5Tget_super(type));
  return H5Tget_size(item.get()) == 1;
}

}  // namespace

bool begins_heap(std::span<const std::byte> bytes) noexcept {
  return bytes.size() >= kHeaderBytes && std::memcmp(bytes.data(), "GCOL\1\0\0", 8) == 0;
}

std::uint64_t heap_bytes(std::span<const std::byte> begin, std::size_t width) noexcept {
  return load(begin.subspan(8), width);
}

bool is_sound(std::span<const std::byte> heap, std::size_t width) noexcept {
  if (heap.size() < kLeastHeapBytes) return false;
  // Less than a header at the end is free without saying so.
  for (std::uint64_t at = kHeaderBytes; at + kHeaderBytes <= heap.size();) {
    const HeapObject object = object_of(heap.subspan(at), width);
    const std::uint64_t next = behind(object, at, heap.size());
    if (next > heap.size()) return false;
    // What is free is the last. The library goes round and round in one that has no bytes.
    if (object.number == 0) return next == heap.size();
    at = next;
  }
  return true;
}

void register_references() noexcept {
  const Handle text(H5Tcopy(H5T_C_S1));
  H5Tset_size(text.get(), H5T_VARIABLE);
  const Handle reference = reference_type(kHeaderBytes);
  H5Tregister(H5T_PERS_SOFT, kReference, text.get(), reference.get(), keep_reference);
}

Result<std::vector<std::string>> read_heap(hid_t object) {
  const bool is_attribute = H5Iget_type(object) == H5I_ATTR;
  const Handle type(is_attribute ? H5Aget_type(object) : H5Dget_type(object));
  const Handle space(is_attribute ? H5Aget_space(object) : H5Dget_space(object));
  if (!is_heaped(type.get())) return fail(ErrorCode::kUnsupported, "no texts of any length");
  const auto file = RawFile::of(object);
  if (!file) return std::unexpected(file.error());
  const std::size_t reference_bytes = 4 + file->address_bytes() + 4;
  const auto count =
      static_cast<std::size_t>(std::max<hssize_t>(0, H5Sget_simple_extent_npoints(space.get())));
  std::vector<std::byte> stored(count * reference_bytes);
  const Handle memory = reference_type(reference_bytes);
  const herr_t read =
      is_attribute ? H5Aread(object, memory.get(), stored.data())
                   : H5Dread(object, memory.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, stored.data());
  if (read < 0) return fail(ErrorCode::kCorrupt, "HDF5 cannot read:", last_error());
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < count; ++i) {
    const auto bytes = std::span<const std::byte>(stored).subspan(i * reference_bytes);
    auto text = text_at(*file, {load(bytes, 4), load(bytes.subspan(4), file->address_bytes()),
                                load(bytes.subspan(4 + file->address_bytes()), 4)});
    if (!text) return std::unexpected(text.error());
    texts.push_back(std::move(*text));
  }
  return texts;
}

}  // namespace framelog::hdf5
