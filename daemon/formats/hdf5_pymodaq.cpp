#include "formats/hdf5_pymodaq.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "formats/hdf5_candidates.hpp"
#include "formats/hdf5_heap.hpp"
#include "formats/hdf5_tree.hpp"
#include "formats/length_unit.hpp"

namespace framelog::hdf5 {
namespace {

constexpr std::string_view kGrowing = "/EnlData00";
constexpr hsize_t kMostFrames = hsize_t{1} << 27U;

/// The group above, "" for the root.
std::string above(const std::string& path) { return path.substr(0, path.rfind('/')); }

/// The Python literal of an attribute.
std::optional<std::string> literal(hid_t file, const std::string& path, const char* name) {
  const auto text = read_text_attribute(file, path, name);
  if (!text) return std::nullopt;
  const auto json = nlohmann::json::parse(*text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  const auto data = json.find("data");
  if (data == json.end() || !data->is_string()) return std::nullopt;
  return data->get<std::string>();
}

/// What a literal of Python's str says; an escape that is not known is what stands behind it.
std::string text_of(hid_t file, const std::string& path, const char* name) {
  const auto told = literal(file, path, name);
  std::string text;
  if (!told || told->size() < 2 || (told->front() != '\'' && told->front() != '"')) return text;
  const std::string_view inside = std::string_view(*told).substr(1, told->size() - 2);
  for (std::size_t i = 0; i < inside.size(); ++i) {
    const bool escaped = inside[i] == '\\' && i + 1 < inside.size();
    if (escaped) ++i;
    text += escaped && inside[i] == 'n' ? '\n' : inside[i];
  }
  return text;
}

/// A number, or NumPy's name for one around it: "np.float64(0.5)".
std::optional<double> number_of(hid_t file, const std::string& path, const char* name) {
  const auto told = literal(file, path, name);
  double value = 0;
  if (!told) return std::nullopt;
  std::string_view text = *told;
  const std::size_t open = text.find('(');
  if (open != std::string_view::npos && text.ends_with(')')) {
    text = text.substr(open + 1, text.size() - open - 2);
  }
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

bool is_channel(hid_t file, const std::string& dataset) {
  return dataset.ends_with(kGrowing) && text_of(file, dataset, "data_type") == "data_enlargeable";
}

/// The one row of bytes that an export keeps its provenance in: a text as pickle of protocol 2 has
/// it (https://docs.python.org/3/library/pickletools.html, BINUNICODE). Nothing is unpickled.
std::string provenance_of(hid_t file, const std::string& path) {
  if (!has(file, path)) return {};
  const Handle set(H5Dopen2(file, path.c_str(), H5P_DEFAULT));
  const Handle type(set.valid() ? H5Dget_type(set.get()) : -1);
  if (!type.valid() || H5Tget_class(type.get()) != H5T_VLEN ||
      dimensions_of(set.get()) != std::vector<hsize_t>{1}) {
    return {};
  }
  const auto rows = read_heap(set.get());
  if (!rows) return {};
  const std::string& bytes = rows->front();
  constexpr std::string_view kHead("\x80\x02X", 3);
  constexpr std::size_t kHeadBytes = kHead.size() + 4;
  std::uint32_t length = 0;
  if (!bytes.starts_with(kHead) || bytes.size() < kHeadBytes + 1) return {};
  std::memcpy(&length, &bytes[kHead.size()], sizeof length);
  if (bytes.size() != kHeadBytes + length + 1) return {};
  return bytes.substr(kHeadBytes, length);
}

/// Axis00 and Axis01 beside the array: which dimension each is of, and its scale.
void take_axes(hid_t file, const std::string& channel, StoredFacts& facts) {
  for (int i = 0; i < 2; ++i) {
    const std::string path = fmt::format("{}/Axis{:02}", channel, i);
    if (!has(file, path)) continue;
    const auto index = number_of(file, path, "index");
    const auto scaling = number_of(file, path, "scaling");
    if (!index || !scaling || (*index != 1 && *index != 2)) continue;
    const auto side = static_cast<std::size_t>(*index) - 1;
    const Length size = known_length(*scaling, text_of(file, path, "units"));
    if (size.unit.empty()) continue;
    facts.pixel_size[side] = size;
    facts.origin[side] = number_of(file, path, "offset").value_or(0) * (size.value / *scaling);
  }
}

}  // namespace

void take_pymodaq(hid_t file, const std::string& dataset, StoredFacts& facts) {
  if (!is_channel(file, dataset)) return;
  const std::string channel = above(dataset);
  facts.channel = text_of(file, dataset, "label");
  facts.value_unit = text_of(file, dataset, "units");
  take_axes(file, channel, facts);
  facts.provenance_json = provenance_of(file, above(above(channel)) + "/Provenance");
}

std::string pymodaq_provenance(hid_t file) {
  for (const char* detector : {"/RawData/Detector000", "/RawData/Scan000/Detector000"}) {
    auto text = provenance_of(file, std::string(detector) + "/Provenance");
    if (!text.empty()) return text;
  }
  return {};
}

std::vector<double> pymodaq_times(hid_t file, const std::string& dataset, StoredFacts& facts) {
  if (!is_channel(file, dataset)) return {};
  const std::string path = above(above(above(dataset))) + "/NavAxes/Axis00";
  if (!has(file, path) || facts.frames > kMostFrames || text_of(file, path, "units") != "s") {
    return {};
  }
  const Handle set(H5Dopen2(file, path.c_str(), H5P_DEFAULT));
  const Handle type(set.valid() ? H5Dget_type(set.get()) : -1);
  if (!type.valid() || H5Tget_class(type.get()) != H5T_FLOAT ||
      dimensions_of(set.get()) != std::vector<hsize_t>{facts.frames}) {
    return {};
  }
  std::vector<double> times(facts.frames);
  if (H5Dread(set.get(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, times.data()) < 0) {
    return {};
  }
  constexpr double kOneYear = 365.25 * 24 * 3600;  // Less is a number, no time since 1970.
  const double first = times.front();
  if (!(first > kOneYear && first < 9e9)) return {};
  facts.start_utc_ns = std::llround(first * 1e9);
  for (double& time : times) time -= first;
  return times;
}

}  // namespace framelog::hdf5
