#include "formats/hdf5_tree.hpp"

#include <charconv>
#include <cstdlib>
#include <mutex>

#include "formats/hdf5_checked_file.hpp"
#include "formats/hdf5_filters.hpp"
#include "formats/hdf5_heap.hpp"

namespace framelog::hdf5 {
namespace {

struct TextType {
  Handle type;
  TextType() : type(H5Tcopy(H5T_C_S1)) {
    H5Tset_size(type.get(), H5T_VARIABLE);
    H5Tset_cset(type.get(), H5T_CSET_UTF8);
  }
  [[nodiscard]] hid_t get() const noexcept { return type.get(); }
};

Handle scalar_space() { return Handle(H5Screate(H5S_SCALAR)); }

Handle line_space(std::size_t length) {
  const hsize_t size = length;
  return Handle(H5Screate_simple(1, &size, nullptr));
}

herr_t take_message(unsigned, const H5E_error2_t* entry, void* into) {
  auto& text = *static_cast<std::string*>(into);
  if (!text.empty() || entry->desc == nullptr) return 0;
  text = std::string(entry->desc) + " (" + entry->func_name + ")";
  return 0;
}

}  // namespace

void Handle::close() noexcept {
  if (id_ < 0) return;
  switch (H5Iget_type(id_)) {
    case H5I_FILE:
      H5Fclose(id_);
      break;
    case H5I_GROUP:
    case H5I_DATATYPE:
    case H5I_DATASET:
      H5Oclose(id_);
      break;
    case H5I_DATASPACE:
      H5Sclose(id_);
      break;
    case H5I_ATTR:
      H5Aclose(id_);
      break;
    case H5I_GENPROP_LST:
      H5Pclose(id_);
      break;
    default:
      break;
  }
  id_ = -1;
}

hid_t type_of(PixelType type) noexcept {
  switch (type) {
    case PixelType::kUint8:
      return H5T_STD_U8LE;
    case PixelType::kInt8:
      return H5T_STD_I8LE;
    case PixelType::kUint16:
      return H5T_STD_U16LE;
    case PixelType::kInt16:
      return H5T_STD_I16LE;
    case PixelType::kUint32:
      return H5T_STD_U32LE;
    case PixelType::kInt32:
      return H5T_STD_I32LE;
    case PixelType::kUint64:
      return H5T_STD_U64LE;
    case PixelType::kFloat32:
      return H5T_IEEE_F32LE;
    case PixelType::kFloat64:
      return H5T_IEEE_F64LE;
  }
  return -1;
}

std::optional<PixelType> pixel_type(hid_t type) noexcept {
  for (int i = 0; i <= static_cast<int>(PixelType::kFloat64); ++i) {
    const auto candidate = static_cast<PixelType>(i);
    if (H5Tequal(type, type_of(candidate)) > 0) return candidate;
  }
  return std::nullopt;
}

std::string last_error() {
  std::string text;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_message, &text);
  return text.empty() ? "HDF5 gives no reason" : text;
}

std::unexpected<Error> failure(const std::string& text) {
  // "file write failed: time = Sat Nov 21 ...\n, filename = ..., errno = 28, error message = ..."
  constexpr std::string_view kErrno = "errno = ";
  int number = 0;
  if (const std::size_t at = text.find(kErrno); at != std::string::npos) {
    std::from_chars(text.data() + at + kErrno.size(), text.data() + text.size(), number);
  }
  if (number == 0) return fail(ErrorCode::kIo, "HDF5:", text);
  return fail_errno(number, "HDF5:", text.substr(0, text.find(": time = ")));
}

void set_up_library() noexcept {
  static std::once_flag once;
  std::call_once(once, [] {
    // A reader that holds the file must not be able to stop the recorder.
    ::setenv("HDF5_USE_FILE_LOCKING", "FALSE", 1);  // NOLINT(concurrency-mt-unsafe): once
    // Files are closed where they are opened. What HDF5 would do at exit crashes after a disk had
    // refused to take a file's last bytes.
    H5dont_atexit();
    H5open();
    register_filters();
    register_references();
  });
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);  // Of the calling thread.
}

void Tree::check(bool good, const char* what, const std::string& path) {
  if (good || !error_.empty()) return;
  error_ = std::string(what) + " " + path + ": " + last_error();
}

void Tree::group(const std::string& path, std::string_view nexus_class) {
  if (!good()) return;
  const Handle group(H5Gcreate2(file(), path.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  check(group.valid(), "cannot create group", path);
  attribute(path, "NX_class", nexus_class);
}

void Tree::dataset(const std::string& path, hid_t type, hid_t space, hid_t properties,
                   const void* data) {
  if (!good()) return;
  const Handle set(
      H5Dcreate2(file(), path.c_str(), type, space, H5P_DEFAULT, properties, H5P_DEFAULT));
  check(set.valid(), "cannot create dataset", path);
  if (!good() || data == nullptr) return;
  check(H5Dwrite(set.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0, "cannot write dataset",
        path);
}

void Tree::put(const std::string& path, hid_t type, hid_t space, const void* data,
               std::string_view units) {
  const Handle properties(H5Pcreate(H5P_DATASET_CREATE));
  H5Pset_alloc_time(properties.get(), H5D_ALLOC_TIME_EARLY);
  dataset(path, type, space, properties.get(), data);
  if (!units.empty()) attribute(path, "units", units);
}

void Tree::text(const std::string& path, std::string_view value) {
  const TextType type;
  const std::string owned(value);
  const char* data = owned.c_str();
  put(path, type.get(), scalar_space().get(), static_cast<const void*>(&data), {});
}

void Tree::number(const std::string& path, double value, std::string_view units) {
  put(path, H5T_IEEE_F64LE, scalar_space().get(), &value, units);
}

void Tree::flag(const std::string& path, bool value) {
  // As h5py stores a bool: an enumeration over int8.
  const Handle type(H5Tenum_create(H5T_STD_I8LE));
  std::int8_t member = 0;
  H5Tenum_insert(type.get(), "FALSE", &member);
  member = 1;
  H5Tenum_insert(type.get(), "TRUE", &member);
  member = value ? 1 : 0;
  put(path, type.get(), scalar_space().get(), &member, {});
}

void Tree::integer(const std::string& path, std::int64_t value, std::string_view units) {
  put(path, H5T_STD_I64LE, scalar_space().get(), &value, units);
}

void Tree::integers(const std::string& path, std::span<const std::int64_t> values) {
  put(path, H5T_STD_I64LE, line_space(values.size()).get(), values.data(), {});
}

void Tree::column(const std::string& path, std::span<const double> values, std::string_view units) {
  put(path, H5T_IEEE_F64LE, line_space(values.size()).get(), values.data(), units);
}

void Tree::column(const std::string& path, std::span<const std::int64_t> values,
                  std::string_view units) {
  put(path, H5T_STD_I64LE, line_space(values.size()).get(), values.data(), units);
}

void Tree::note(const std::string& path, std::string_view type, std::string_view data) {
  group(path, "NXnote");
  text(path + "/type", type);
  text(path + "/data", data);
}

void Tree::hard_link(const std::string& from, const std::string& to) {
  if (!good()) return;
  check(H5Lcreate_hard(file(), from.c_str(), file(), to.c_str(), H5P_DEFAULT, H5P_DEFAULT) >= 0,
        "cannot link", to);
}

void Tree::remove(const std::string& path) {
  if (!good()) return;
  check(H5Ldelete(file(), path.c_str(), H5P_DEFAULT) >= 0, "cannot replace", path);
}

void Tree::attribute(const std::string& path, const std::string& name, hid_t type, hid_t space,
                     const void* data) {
  if (!good()) return;
  if (H5Aexists_by_name(file(), path.c_str(), name.c_str(), H5P_DEFAULT) > 0) {
    check(H5Adelete_by_name(file(), path.c_str(), name.c_str(), H5P_DEFAULT) >= 0,
          "cannot replace attribute of", path);
  }
  const Handle attribute(H5Acreate_by_name(file(), path.c_str(), name.c_str(), type, space,
                                           H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  check(attribute.valid() && H5Awrite(attribute.get(), type, data) >= 0,
        "cannot write attribute of", path);
}

void Tree::attribute(const std::string& path, const std::string& name, std::string_view value) {
  const TextType type;
  const std::string owned(value);
  const char* data = owned.c_str();
  attribute(path, name, type.get(), scalar_space().get(), static_cast<const void*>(&data));
}

void Tree::attribute(const std::string& path, const std::string& name, std::int64_t value) {
  attribute(path, name, H5T_STD_I64LE, scalar_space().get(), &value);
}

void Tree::attribute(const std::string& path, const std::string& name,
                     std::span<const std::string> values) {
  const TextType type;
  std::vector<const char*> data;
  for (const std::string& value : values) data.push_back(value.c_str());
  attribute(path, name, type.get(), line_space(values.size()).get(),
            static_cast<const void*>(data.data()));
}

void Tree::attribute(const std::string& path, const std::string& name,
                     std::span<const double> values) {
  attribute(path, name, H5T_IEEE_F64LE, line_space(values.size()).get(), values.data());
}

void Tree::close() {
  if (!file_.valid()) return;
  check(H5Fflush(file_.get(), H5F_SCOPE_LOCAL) >= 0, "cannot flush", "file");
  const hid_t id = file_.get();
  file_.close();
  check(H5Iis_valid(id) <= 0, "cannot close", "file");
}

Result<Handle> open_file(const std::string& path, unsigned flags) {
  set_up_library();
  const Handle access(H5Pcreate(H5P_FILE_ACCESS));
  H5Pset_libver_bounds(access.get(), H5F_LIBVER_V110, H5F_LIBVER_V110);
  H5Pset_fclose_degree(access.get(), H5F_CLOSE_STRONG);
  if (!check_heaps(access.get())) return fail(ErrorCode::kIo, "HDF5 cannot open", path);
  Handle file(H5Fopen(path.c_str(), flags, access.get()));
  if (!file.valid())
    return fail(ErrorCode::kCorrupt, "HDF5 cannot open", path + ": " + last_error());
  return file;
}

bool has(hid_t file, const std::string& path) {
  for (std::size_t at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1)) {
    if (H5Lexists(file, path.substr(0, at).c_str(), H5P_DEFAULT) <= 0) return false;
  }
  return H5Lexists(file, path.c_str(), H5P_DEFAULT) > 0;
}

namespace {

bool is_one(hid_t space) { return space >= 0 && H5Sget_simple_extent_npoints(space) == 1; }

/// Of a dataset or an attribute, whose texts of one length `read` takes.
Result<std::string> read_string(hid_t object, hid_t type, const std::string& path, auto&& read) {
  if (H5Tget_class(type) != H5T_STRING) return fail(ErrorCode::kCorrupt, "is no text:", path);
  if (H5Tis_variable_str(type) > 0) {
    auto texts = read_heap(object);
    if (!texts) return fail(texts.error().code, texts.error().what, path);
    return std::move(texts->front());
  }
  std::string result(H5Tget_size(type), '\0');
  if (read(type, static_cast<void*>(result.data())) < 0)
    return fail(ErrorCode::kCorrupt, "cannot read", path);
  result.resize(std::char_traits<char>::length(result.c_str()));
  return result;
}

}  // namespace

Result<std::string> read_text(hid_t file, const std::string& path) {
  if (!has(file, path)) return fail(ErrorCode::kNotFound, "there is no", path);
  const Handle set(H5Dopen2(file, path.c_str(), H5P_DEFAULT));
  const Handle type(H5Dget_type(set.get()));
  const Handle space(H5Dget_space(set.get()));
  if (!is_one(space.get())) return fail(ErrorCode::kCorrupt, "is not one text:", path);
  return read_string(set.get(), type.get(), path, [&](hid_t memory, void* into) {
    return H5Dread(set.get(), memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, into);
  });
}

Result<std::int64_t> read_integer(hid_t file, const std::string& path) {
  if (!has(file, path)) return fail(ErrorCode::kNotFound, "there is no", path);
  const Handle set(H5Dopen2(file, path.c_str(), H5P_DEFAULT));
  const Handle space(H5Dget_space(set.get()));
  std::int64_t value = 0;
  if (H5Sget_simple_extent_npoints(space.get()) != 1 ||
      H5Dread(set.get(), H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, &value) < 0) {
    return fail(ErrorCode::kCorrupt, "is no number:", path);
  }
  return value;
}

Result<std::string> read_text_attribute(hid_t file, const std::string& path,
                                        const std::string& name) {
  if (!has(file, path) && path != "/") return fail(ErrorCode::kNotFound, "there is no", path);
  const Handle attribute(
      H5Aopen_by_name(file, path.c_str(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT));
  if (!attribute.valid())
    return fail(ErrorCode::kNotFound, "there is no attribute", path + "@" + name);
  return read_attribute_text(attribute.get(), path + "@" + name);
}

Result<std::string> read_attribute_text(hid_t attribute, const std::string& path) {
  const Handle type(H5Aget_type(attribute));
  const Handle space(H5Aget_space(attribute));
  if (!is_one(space.get())) return fail(ErrorCode::kCorrupt, "is not one text:", path);
  return read_string(attribute, type.get(), path,
                     [&](hid_t memory, void* into) { return H5Aread(attribute, memory, into); });
}

Result<std::int64_t> read_integer_attribute(hid_t file, const std::string& path,
                                            const std::string& name) {
  if (!has(file, path)) return fail(ErrorCode::kNotFound, "there is no", path);
  const Handle attribute(
      H5Aopen_by_name(file, path.c_str(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT));
  const Handle space(attribute.valid() ? H5Aget_space(attribute.get()) : H5I_INVALID_HID);
  const Handle type(attribute.valid() ? H5Aget_type(attribute.get()) : H5I_INVALID_HID);
  std::int64_t value = 0;
  if (!attribute.valid() || H5Sget_simple_extent_npoints(space.get()) != 1 ||
      H5Tget_class(type.get()) != H5T_INTEGER ||
      H5Aread(attribute.get(), H5T_NATIVE_INT64, &value) < 0) {
    return fail(ErrorCode::kCorrupt, "no whole number in the attribute", path + "@" + name);
  }
  return value;
}

}  // namespace framelog::hdf5
