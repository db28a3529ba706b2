#include <fmt/format.h>

#include <algorithm>

#include "formats/hdf5_layout.hpp"
#include "formats/hdf5_walk.hpp"

namespace framelog::hdf5 {
namespace {

constexpr std::size_t kLongestValue = 72;

std::string shorten(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  if (text.size() > kLongestValue) {
    text.resize(kLongestValue);
    text += "...";
  }
  return text;
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
      return fmt::format("compound of {}", H5Tget_nmembers(type));
    default:
      return "other";
  }
}

std::string shape_text(hid_t space) {
  const int rank = H5Sget_simple_extent_ndims(space);
  if (rank <= 0) return "";
  std::vector<hsize_t> sizes(static_cast<std::size_t>(rank));
  H5Sget_simple_extent_dims(space, sizes.data(), nullptr);
  return fmt::format("[{}]", fmt::join(sizes, ","));
}

/// The value of a scalar dataset: a text or a number.
std::string scalar_value(hid_t file, const std::string& path, hid_t set) {
  const Handle type(H5Dget_type(set));
  if (H5Tget_class(type.get()) == H5T_STRING) {
    const auto text = read_text(file, path);
    return text ? "\"" + shorten(*text) + "\"" : "";
  }
  double value = 0;
  const auto kind = H5Tget_class(type.get());
  if ((kind != H5T_INTEGER && kind != H5T_FLOAT) ||
      H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, &value) < 0) {
    return "";
  }
  return fmt::format("{}", value);
}

/// A text or a number; the shape of others.
std::string attribute_value(hid_t object, const char* name) {
  const Handle attribute(H5Aopen(object, name, H5P_DEFAULT));
  const Handle type(H5Aget_type(attribute.get()));
  const Handle space(H5Aget_space(attribute.get()));
  const auto kind = H5Tget_class(type.get());
  if (H5Sget_simple_extent_npoints(space.get()) == 1) {
    double value = 0;
    if ((kind == H5T_INTEGER || kind == H5T_FLOAT) &&
        H5Aread(attribute.get(), H5T_NATIVE_DOUBLE, &value) >= 0) {
      return fmt::format("= {}", value);
    }
    if (kind == H5T_STRING) {
      const auto text = read_attribute_text(attribute.get(), name);
      if (text) return "= \"" + shorten(*text) + "\"";
    }
  }
  return type_name(type.get()) + shape_text(space.get());
}

struct AttributeWalk {
  std::string* text;
  std::size_t indent;
};

herr_t visit_attribute(hid_t object, const char* name, const H5A_info_t* /*info*/, void* context) {
  const auto& walk = *static_cast<AttributeWalk*>(context);
  const std::string_view word(name);
  if (word == "NX_class" || word == "units") return 0;  // Those stand behind the name.
  *walk.text += std::string(walk.indent, ' ') + "@" + name + " " + attribute_value(object, name);
  *walk.text += '\n';
  return 0;
}

/// A line of an object, and one of each attribute.
void add_object(hid_t file, const std::string& path, H5O_type_t kind, std::string& text) {
  const auto depth =
      static_cast<std::size_t>(std::ranges::count(path, '/')) - (path == "/" ? 1 : 0);
  const std::string leaf = path == "/" ? path : path.substr(path.rfind('/') + 1);
  text += std::string(depth * 2, ' ') + leaf;
  if (kind == H5O_TYPE_GROUP) {
    const auto nexus_class = read_text_attribute(file, path, "NX_class");
    if (nexus_class) text += "  " + *nexus_class;
  } else if (kind == H5O_TYPE_DATASET) {
    const Handle set(H5Dopen2(file, path.c_str(), H5P_DEFAULT));
    const Handle space(H5Dget_space(set.get()));
    const Handle type(H5Dget_type(set.get()));
    text += fmt::format("  {}{}", type_name(type.get()), shape_text(space.get()));
    if (H5Sget_simple_extent_npoints(space.get()) == 1) {
      if (const std::string value = scalar_value(file, path, set.get()); !value.empty()) {
        text += " = " + value;
      }
    }
    if (const auto units = read_text_attribute(file, path, "units")) text += " " + *units;
  }
  text += '\n';
  const Handle object(H5Oopen(file, path.c_str(), H5P_DEFAULT));
  AttributeWalk attributes{&text, depth * 2 + 2};
  H5Aiterate2(object.get(), H5_INDEX_NAME, H5_ITER_INC, nullptr, visit_attribute, &attributes);
}

}  // namespace

Result<std::string> describe_tree(hid_t file) {
  std::string text;
  const auto walked = walk_through(
      file, [&](const std::string& path, H5O_type_t type) { add_object(file, path, type, text); });
  if (!walked) return std::unexpected(walked.error());
  return text;
}

}  // namespace framelog::hdf5
