#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "formats/bundle.hpp"
#include "formats/hdf5_candidates.hpp"
#include "formats/hdf5_frames.hpp"
#include "formats/hdf5_tree.hpp"

namespace framelog {
namespace {

using namespace hdf5;

/// A text of one element; empty where there is none.
std::string text_at(hid_t file, const std::string& path) {
  if (!has(file, path)) return {};
  const Handle set(H5Dopen2(file, path.c_str(), H5P_DEFAULT));
  const Handle space(set.valid() ? H5Dget_space(set.get()) : -1);
  if (!space.valid() || H5Sget_simple_extent_npoints(space.get()) != 1) return {};
  return read_text(file, path).value_or("");
}

std::vector<double> numbers_at(hid_t file, const std::string& path, std::uint64_t count) {
  if (!has(file, path)) return {};
  const Handle set(H5Dopen2(file, path.c_str(), H5P_DEFAULT));
  const Handle space(set.valid() ? H5Dget_space(set.get()) : -1);
  if (!space.valid() || std::cmp_not_equal(H5Sget_simple_extent_npoints(space.get()), count)) {
    return {};
  }
  // Packed they may be larger than in their file, but not a thousand times.
  constexpr std::uint64_t kMost = std::numeric_limits<std::ptrdiff_t>::max() / sizeof(double);
  if (count > kMost || count / 1024 > H5Dget_storage_size(set.get()) / sizeof(double)) return {};
  std::vector<double> numbers(count);
  if (H5Dread(set.get(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, numbers.data()) < 0) {
    return {};
  }
  return numbers;
}

double number_attribute(hid_t file, const char* name) {
  double value = 0;
  if (H5Aexists(file, name) <= 0) return 0;
  const Handle attribute(H5Aopen(file, name, H5P_DEFAULT));
  const Handle space(attribute.valid() ? H5Aget_space(attribute.get()) : -1);
  if (!space.valid() || H5Sget_simple_extent_npoints(space.get()) != 1 ||
      H5Aread(attribute.get(), H5T_NATIVE_DOUBLE, &value) < 0) {
    return 0;
  }
  return value;
}

bool is_bundle(hid_t file) {
  if (!has(file, "/data")) return false;
  const Handle object(H5Oopen(file, "/data", H5P_DEFAULT));
  if (!object.valid() || H5Iget_type(object.get()) != H5I_DATASET) return false;
  return has(file, "/frame_metadata_json") || has(file, "/provenance_json") ||
         H5Aexists(file, "pixel_size_nm") > 0;
}

herr_t add_name(hid_t /*group*/, const char* name, const H5L_info_t* /*info*/, void* context) {
  static_cast<std::vector<std::string>*>(context)->emplace_back(name);
  return 0;
}

std::vector<std::string> names_in(hid_t file, const std::string& group) {
  std::vector<std::string> names;
  if (!has(file, group)) return names;
  H5Literate_by_name(file, group.c_str(), H5_INDEX_NAME, H5_ITER_INC, nullptr, add_name, &names,
                     H5P_DEFAULT);
  return names;
}

}  // namespace

Result<std::optional<Bundle>> open_hdf5_bundle(FileSystem& files,
                                               const std::filesystem::path& path) {
  if (!is_hdf5(files, path)) return std::nullopt;
  const auto file = open_file(path.string(), H5F_ACC_RDONLY);
  if (!file) return std::unexpected(file.error());
  if (!is_bundle(file->get())) return std::nullopt;
  auto frames = open_hdf5_frames(files, path, "/data");
  if (!frames) return std::unexpected(frames.error());
  const std::uint64_t count = (*frames)->facts().frames;
  Bundle bundle;
  bundle.provenance_json = text_at(file->get(), "/provenance_json");
  bundle.frames = as_bundle(
      std::move(*frames), numbers_at(file->get(), "/timestamps", count),
      {number_attribute(file->get(), "pixel_size_nm"),
       read_text_attribute(file->get(), "/", "channel").value_or(""), bundle.provenance_json});
  bundle.frame_metadata = split_metadata(text_at(file->get(), "/frame_metadata_json"), count);
  for (const std::string group : {"/processed", "/masks"}) {
    for (const std::string& name : names_in(file->get(), group)) {
      auto layer = open_hdf5_frames(files, path, group + "/" + name);
      if (!layer) return std::unexpected(layer.error());
      if ((*layer)->facts().frames != count) continue;
      bundle.layers.push_back({name, group == "/masks", std::move(*layer)});
    }
  }
  return bundle;
}

}  // namespace framelog
