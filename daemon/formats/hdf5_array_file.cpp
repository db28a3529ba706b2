#include "formats/hdf5_array_file.hpp"

#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "formats/hdf5_array_stream.hpp"
#include "formats/hdf5_layout.hpp"

namespace framelog {

using namespace hdf5;

struct Hdf5ArrayFile::State {
  FileSystem& files;
  std::filesystem::path path;
  Tree tree;
  UniqueFd fd;
  std::vector<std::unique_ptr<ArrayStream>> arrays;
};

namespace {

constexpr hsize_t kAlignedBytes = 64 << 10U;
constexpr hsize_t kAlignment = 4096;

Handle no_times(hid_t kind) {
  Handle properties(H5Pcreate(kind));
  H5Pset_obj_track_times(properties.get(), false);
  return properties;
}

Handle scalar() { return Handle(H5Screate(H5S_SCALAR)); }

Handle line(hsize_t length) { return Handle(H5Screate_simple(1, &length, nullptr)); }

/// A value as HDF5 takes it.
struct Plain {
  Handle type;
  Handle space;
  std::vector<const char*> pointers;
  std::vector<std::byte> bytes;
  std::string text;
  const void* data{};
};

Handle text_type() {
  Handle type(H5Tcopy(H5T_C_S1));
  H5Tset_size(type.get(), H5T_VARIABLE);
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  return type;
}

Handle boolean_type() {
  Handle type(H5Tenum_create(H5T_STD_I8LE));
  std::int8_t member = 0;
  H5Tenum_insert(type.get(), "FALSE", &member);
  member = 1;
  H5Tenum_insert(type.get(), "TRUE", &member);
  return type;
}

template <class T>
void keep(Plain& plain, std::span<const T> values) {
  const auto bytes = std::as_bytes(values);
  plain.bytes.assign(bytes.begin(), bytes.end());
  plain.data = plain.bytes.data();
}

/// Fills a Plain; one overload for each kind of value.
struct Plainer {
  Plain& plain;

  void operator()(const std::string& value) const {
    plain.text = value;
    plain.type = text_type();
    plain.space = scalar();
    plain.pointers = {plain.text.c_str()};
    plain.data = static_cast<const void*>(plain.pointers.data());
  }
  void operator()(const Hdf5FixedText& value) const {
    plain.text = value.text;
    plain.type = Handle(H5Tcopy(H5T_C_S1));
    H5Tset_size(plain.type.get(), std::max<std::size_t>(1, plain.text.size()));
    H5Tset_strpad(plain.type.get(), H5T_STR_NULLPAD);
    plain.space = scalar();
    plain.data = plain.text.c_str();
  }
  void operator()(const std::vector<std::string>& values) const {
    plain.type = text_type();
    plain.space = line(values.size());
    for (const std::string& value : values) plain.pointers.push_back(value.c_str());
    plain.data = static_cast<const void*>(plain.pointers.data());
  }
  void operator()(bool value) const {
    plain.type = boolean_type();
    plain.space = scalar();
    plain.bytes = {static_cast<std::byte>(value ? 1 : 0)};
    plain.data = plain.bytes.data();
  }
  void operator()(double value) const { one(value, H5T_IEEE_F64LE); }
  void operator()(std::int64_t value) const { one(value, H5T_STD_I64LE); }
  void operator()(const std::vector<double>& values) const { many(values, H5T_IEEE_F64LE); }
  void operator()(const std::vector<std::int64_t>& values) const { many(values, H5T_STD_I64LE); }
  void operator()(const std::vector<std::uint32_t>& values) const { many(values, H5T_STD_U32LE); }

 private:
  template <class T>
  void one(T value, hid_t type) const {
    plain.type = Handle(H5Tcopy(type));
    plain.space = scalar();
    keep(plain, std::span<const T>(&value, 1));
  }
  template <class T>
  void many(const std::vector<T>& values, hid_t type) const {
    plain.type = Handle(H5Tcopy(type));
    plain.space = line(values.size());
    keep(plain, std::span<const T>(values));
  }
};

Result<void> state_of(const Tree& tree) {
  if (tree.good()) return {};
  return hdf5::failure(tree.error());
}

/// Of a file that is there and empty.
Handle create_file(const std::filesystem::path& path) {
  set_up_library();
  const Handle creation = no_times(H5P_FILE_CREATE);
  const Handle access(H5Pcreate(H5P_FILE_ACCESS));
  H5Pset_libver_bounds(access.get(), H5F_LIBVER_V110, H5F_LIBVER_V110);
  H5Pset_alignment(access.get(), kAlignedBytes, kAlignment);
  H5Pset_fclose_degree(access.get(), H5F_CLOSE_STRONG);
  return Handle(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.get(), access.get()));
}

/// The rows of an array lie in one piece: where, if so.
std::optional<std::int64_t> place_of(hid_t set, const Hdf5ArraySpec& spec) {
  const auto chunk = chunk_of(spec);
  if (chunk.empty()) {
    const haddr_t address = H5Dget_offset(set);
    if (address == HADDR_UNDEF) return std::nullopt;
    return static_cast<std::int64_t>(address);
  }
  // Chunks of an array that cannot grow, allocated when it is created, lie one behind the other;
  // that it is so is seen from the first and the last (File Format Specification 3.0, VII.A).
  const std::size_t outer = spec.shape.size() - spec.inner;
  std::vector<hsize_t> at(spec.shape.size());
  std::uint64_t bytes = size_bytes(spec.type);
  std::uint64_t chunks = 1;
  for (std::size_t i = 0; i < at.size(); ++i) {
    bytes *= chunk[i];
    if (i >= outer) continue;
    if (spec.shape[i] % chunk[i] != 0) return std::nullopt;
    chunks *= spec.shape[i] / chunk[i];
    at[i] = spec.shape[i] - chunk[i];
  }
  const std::vector<hsize_t> start(spec.shape.size());
  unsigned filters = 0;
  haddr_t first = HADDR_UNDEF;
  haddr_t last = HADDR_UNDEF;
  hsize_t size = 0;
  if (H5Dget_chunk_info_by_coord(set, start.data(), &filters, &first, &size) < 0 ||
      H5Dget_chunk_info_by_coord(set, at.data(), &filters, &last, &size) < 0 ||
      first == HADDR_UNDEF || last != first + (chunks - 1) * bytes) {
    return std::nullopt;
  }
  return static_cast<std::int64_t>(first);
}

std::uint64_t bytes_of(const Hdf5ArraySpec& spec) {
  std::uint64_t bytes = size_bytes(spec.type);
  for (const std::uint64_t side : spec.shape) bytes *= side;
  return bytes;
}

Handle properties_of(const Hdf5ArraySpec& spec, bool plain) {
  Handle properties = no_times(H5P_DATASET_CREATE);
  const auto chunk = chunk_of(spec);
  if (!chunk.empty()) {
    H5Pset_chunk(properties.get(), static_cast<int>(chunk.size()), chunk.data());
  }
  set_filters(properties.get(), spec.compression, size_bytes(spec.type));
  if (plain) H5Pset_alloc_time(properties.get(), H5D_ALLOC_TIME_EARLY);
  H5Pset_fill_time(properties.get(), H5D_FILL_TIME_NEVER);
  return properties;
}

}  // namespace

Hdf5ArrayFile::Hdf5ArrayFile(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
Hdf5ArrayFile::~Hdf5ArrayFile() = default;

Result<std::unique_ptr<Hdf5ArrayFile>> Hdf5ArrayFile::create(FileSystem& files,
                                                             const std::filesystem::path& path) {
  // The library's own message of a file that is there does not say so. From here on the name is
  // ours: were it given up for the library to create, another process could take it.
  auto fd = files.open(path, O_RDWR | O_CREAT | O_EXCL);
  if (!fd) return std::unexpected(fd.error());
  Handle file = create_file(path);
  if (!file.valid()) return hdf5::failure(last_error());
  auto state =
      std::unique_ptr<State>(new State{files, path, Tree(std::move(file)), std::move(*fd), {}});
  return std::unique_ptr<Hdf5ArrayFile>(new Hdf5ArrayFile(std::move(state)));
}

void Hdf5ArrayFile::group(const std::string& path) {
  Tree& tree = state_->tree;
  if (!tree.good()) return;
  const Handle properties = no_times(H5P_GROUP_CREATE);
  const Handle group(
      H5Gcreate2(tree.file(), path.c_str(), H5P_DEFAULT, properties.get(), H5P_DEFAULT));
  tree.check(group.valid(), "cannot create group", path);
}

void Hdf5ArrayFile::group(const std::string& path, std::string_view nexus_class) {
  group(path);
  attribute(path, "NX_class", std::string(nexus_class));
}

void Hdf5ArrayFile::dataset(const std::string& path, const Hdf5Value& value) {
  Plain plain;
  std::visit(Plainer{plain}, value);
  const Handle properties = no_times(H5P_DATASET_CREATE);
  state_->tree.dataset(path, plain.type.get(), plain.space.get(), properties.get(), plain.data);
}

void Hdf5ArrayFile::dataset(const std::string& path, const Hdf5Value& value,
                            std::string_view units) {
  dataset(path, value);
  attribute(path, "units", std::string(units));
}

void Hdf5ArrayFile::chunked_dataset(const std::string& path, const std::vector<double>& values) {
  const hsize_t count = values.size();
  const Handle properties = no_times(H5P_DATASET_CREATE);
  H5Pset_chunk(properties.get(), 1, &count);
  state_->tree.dataset(path, H5T_IEEE_F64LE, line(count).get(), properties.get(), values.data());
}

void Hdf5ArrayFile::byte_rows(const std::string& path, std::span<const std::string> rows) {
  const Handle type(H5Tvlen_create(H5T_STD_U8LE));
  const hsize_t count = rows.size();
  const hsize_t most = H5S_UNLIMITED;
  const hsize_t chunk = std::max<hsize_t>(1, std::min<hsize_t>(count, 1024));
  const Handle space(H5Screate_simple(1, &count, &most));
  const Handle properties = no_times(H5P_DATASET_CREATE);
  H5Pset_chunk(properties.get(), 1, &chunk);
  std::vector<hvl_t> values;
  for (const std::string& row : rows) {
    // The library takes no pointer to what it only reads.
    values.push_back({row.size(), const_cast<char*>(row.data())});  // NOLINT
  }
  state_->tree.dataset(path, type.get(), space.get(), properties.get(),
                       values.empty() ? nullptr : values.data());
}

void Hdf5ArrayFile::attribute(const std::string& path, const std::string& name,
                              const Hdf5Value& value) {
  Plain plain;
  std::visit(Plainer{plain}, value);
  state_->tree.attribute(path, name, plain.type.get(), plain.space.get(), plain.data);
}

void Hdf5ArrayFile::hard_link(const std::string& from, const std::string& to) {
  state_->tree.hard_link(from, to);
}

void Hdf5ArrayFile::gaps(const std::string& path, std::span<const GapEntry> gaps) {
  std::vector<GapRow> rows;
  for (const GapEntry& gap : gaps) {
    GapRow row{gap.after_sequence, gap.frames, gap.duration_ns, {}, {}};
    gap.stage.copy(row.stage, sizeof row.stage);
    gap.reason.copy(row.reason, sizeof row.reason);
    rows.push_back(row);
  }
  const Handle properties = no_times(H5P_DATASET_CREATE);
  state_->tree.dataset(path, gap_type().get(), line(rows.size()).get(), properties.get(),
                       rows.empty() ? nullptr : rows.data());
}

void Hdf5ArrayFile::accounting(const std::string& path, const Accounting& accounting) {
  const auto values = accounting_values(accounting);
  const Handle properties = no_times(H5P_DATASET_CREATE);
  state_->tree.dataset(path, accounting_type().get(), scalar().get(), properties.get(),
                       values.data());
}

std::size_t Hdf5ArrayFile::array(const Hdf5ArraySpec& spec) {
  State& state = *state_;
  state.arrays.emplace_back();
  const bool plain = spec.compression.codec == Codec::kNone && !spec.extensible;
  std::vector<hsize_t> size(spec.shape.begin(), spec.shape.end());
  std::vector<hsize_t> most = size;
  if (spec.extensible) most[0] = H5S_UNLIMITED;
  const Handle space(H5Screate_simple(static_cast<int>(size.size()), size.data(), most.data()));
  const Handle type = file_type_of(spec.type, spec.big_endian);
  state.tree.dataset(spec.path, type.get(), space.get(), properties_of(spec, plain).get(), nullptr);
  if (!state.tree.good()) return state.arrays.size() - 1;
  Handle set(H5Dopen2(state.tree.file(), spec.path.c_str(), H5P_DEFAULT));
  const auto place = plain ? place_of(set.get(), spec) : std::nullopt;
  const std::size_t swapped = spec.big_endian ? size_bytes(spec.type) : 1;
  state.arrays.back() =
      place ? make_plain_stream(state.files, state.fd.get(), *place, bytes_of(spec), swapped)
            : make_chunk_stream(std::move(set), spec);
  return state.arrays.size() - 1;
}

std::size_t Hdf5ArrayFile::column(const std::string& path, PixelType type, std::uint64_t rows) {
  Hdf5ArraySpec spec;
  spec.path = path;
  spec.type = type;
  spec.shape = {rows};
  spec.inner = 0;
  return array(spec);
}

std::size_t Hdf5ArrayFile::frame_table(const std::string& path, std::uint64_t rows) {
  State& state = *state_;
  state.arrays.emplace_back();
  const Handle properties = no_times(H5P_DATASET_CREATE);
  H5Pset_alloc_time(properties.get(), H5D_ALLOC_TIME_EARLY);
  H5Pset_fill_time(properties.get(), H5D_FILL_TIME_NEVER);
  state.tree.dataset(path, frame_record_type().get(), line(rows).get(), properties.get(), nullptr);
  if (!state.tree.good()) return state.arrays.size() - 1;
  const Handle set(H5Dopen2(state.tree.file(), path.c_str(), H5P_DEFAULT));
  const haddr_t address = H5Dget_offset(set.get());
  state.tree.check(address != HADDR_UNDEF, "no place for", path);
  state.arrays.back() = make_plain_stream(
      state.files, state.fd.get(), static_cast<std::int64_t>(address), rows * kFrameRecordBytes, 1);
  return state.arrays.size() - 1;
}

Result<void> Hdf5ArrayFile::append(std::size_t array, std::span<const std::byte> bytes) {
  if (auto fine = good(); !fine) return fine;
  return state_->arrays.at(array)->append(bytes);
}

Result<void> Hdf5ArrayFile::good() const { return state_of(state_->tree); }

Result<void> Hdf5ArrayFile::finish() {
  if (auto fine = good(); !fine) return fine;
  for (const auto& array : state_->arrays) {
    if (auto done = array->finish(); !done) return done;
  }
  state_->tree.close();
  if (auto fine = good(); !fine) return fine;
  return state_->files.sync(state_->fd.get());
}

}  // namespace framelog
