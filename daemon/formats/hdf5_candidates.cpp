#include "formats/hdf5_candidates.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "core/text.hpp"
#include "formats/hdf5_walk.hpp"
#include "formats/stored_frames.hpp"

namespace framelog::hdf5 {
namespace {

constexpr int kDeepestDefault = 8;
constexpr std::size_t kMostListed = 8;

struct Candidate {
  std::string path;
  std::string text;  // "/entry/data/data 100 x 16 x 16 uint16"
  double bytes{};    // Compared only; as a double it cannot wrap.
};

std::optional<Candidate> candidate_of(hid_t file, const std::string& path) {
  const Handle set(H5Dopen2(file, path.c_str(), H5P_DEFAULT));
  if (!set.valid()) return std::nullopt;
  const auto sizes = dimensions_of(set.get());
  const Handle type(H5Dget_type(set.get()));
  const auto stored = stored_type_of(type.get());
  if (!stored || sizes.size() < 2 || sizes.size() > kMostDimensions) return std::nullopt;
  Candidate candidate{
      path, fmt::format("{} {} {}", one_line(path), fmt::join(sizes, " x "), name_of(stored->type)),
      static_cast<double>(size_bytes(stored->type))};
  for (const hsize_t size : sizes) candidate.bytes *= static_cast<double>(size);
  return candidate;
}

Result<std::vector<Candidate>> candidates(hid_t file) {
  std::vector<Candidate> found;
  const auto walked = walk_through(file, [&](const std::string& path, H5O_type_t type) {
    if (type != H5O_TYPE_DATASET) return;
    if (auto candidate = candidate_of(file, path)) found.push_back(std::move(*candidate));
  });
  if (!walked) return std::unexpected(walked.error());
  std::ranges::stable_sort(found, std::greater(), &Candidate::bytes);
  return found;
}

std::string list_of(const std::vector<Candidate>& found) {
  if (found.empty()) return "it has no numeric dataset of two to five dimensions";
  std::vector<std::string> texts;
  for (const Candidate& candidate : found) {
    if (texts.size() == kMostListed) break;
    texts.push_back(candidate.text);
  }
  return fmt::format("candidates: {}{}", fmt::join(texts, ", "),
                     found.size() > kMostListed ? ", ..." : "");
}

/// What @default leads to from the root on, and there @signal; empty where they lead nowhere.
std::string nexus_default(hid_t file) {
  std::string group = "/";
  for (int depth = 0; depth < kDeepestDefault; ++depth) {
    const std::string prefix = group == "/" ? group : group + "/";
    if (const auto signal = read_text_attribute(file, group, "signal"); signal) {
      return candidate_of(file, prefix + *signal) ? prefix + *signal : "";
    }
    const auto next = read_text_attribute(file, group, "default");
    if (!next || next->empty() || !has(file, prefix + *next)) return "";
    group = prefix + *next;
  }
  return "";
}

std::string largest(const std::vector<Candidate>& found) {
  const bool only = found.size() == 1 || (found.size() > 1 && found[0].bytes > found[1].bytes);
  return only ? found[0].path : "";
}

std::string type_name(hid_t type) {
  const std::size_t bits = H5Tget_size(type) * 8;
  switch (H5Tget_class(type)) {
    case H5T_INTEGER:
      return fmt::format("{}int{}", H5Tget_sign(type) == H5T_SGN_NONE ? "u" : "", bits);
    case H5T_FLOAT:
      return fmt::format("float{}", bits);
    case H5T_STRING:
      return "text";
    case H5T_COMPOUND:
      return "compound";
    default:
      return "another kind";
  }
}

}  // namespace

std::expected<StoredType, std::string> stored_type_of(hid_t type) {
  for (int i = 0; i <= static_cast<int>(PixelType::kFloat64); ++i) {
    const auto candidate = static_cast<PixelType>(i);
    if (H5Tequal(type, type_of(candidate)) > 0) return StoredType{candidate, false};
    const Handle swapped(H5Tcopy(type_of(candidate)));
    H5Tset_order(swapped.get(), H5T_ORDER_BE);
    if (H5Tequal(type, swapped.get()) > 0) return StoredType{candidate, true};
  }
  if (H5Tget_class(type) == H5T_ENUM && H5Tget_size(type) == 1) {
    return StoredType{PixelType::kUint8, false};
  }
  return std::unexpected(
      fmt::format("values of type {} (allowed: uint8, int8, uint16, int16, uint32, int32, uint64, "
                  "float32, float64)",
                  type_name(type)));
}

std::vector<hsize_t> dimensions_of(hid_t dataset) {
  const Handle space(H5Dget_space(dataset));
  const int rank = space.valid() ? H5Sget_simple_extent_ndims(space.get()) : 0;
  if (rank <= 0) return {};
  std::vector<hsize_t> sizes(static_cast<std::size_t>(rank));
  H5Sget_simple_extent_dims(space.get(), sizes.data(), nullptr);
  return sizes;
}

Result<std::string> find_frames(hid_t file, const std::string& wanted) {
  std::string path = wanted.starts_with('/') ? wanted : "/" + wanted;
  if (!wanted.empty() && has(file, path)) {
    const Handle object(H5Oopen(file, path.c_str(), H5P_DEFAULT));
    if (object.valid() && H5Iget_type(object.get()) == H5I_DATASET) return path;
  }
  if (wanted.empty()) {
    if (std::string found = nexus_default(file); !found.empty()) return found;
  }
  const auto found = candidates(file);
  if (!found) return std::unexpected(found.error());
  if (!wanted.empty()) {
    return fail(ErrorCode::kNotFound, "no such dataset",
                fmt::format("{} ({})", in_quotes(wanted), list_of(*found)));
  }
  if (found->empty()) return fail(ErrorCode::kNotFound, "no frames:", list_of(*found));
  if (std::string path_of_largest = largest(*found); !path_of_largest.empty()) {
    return path_of_largest;
  }
  return fail(ErrorCode::kInvalid, "several datasets are equally large",
              fmt::format("(say which by dataset; {})", list_of(*found)));
}

}  // namespace framelog::hdf5
