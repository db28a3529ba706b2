#include "formats/tiff_description.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <span>

#include "core/iso_time.hpp"
#include "core/text.hpp"
#include "formats/length_unit.hpp"
#include "formats/xml_scan.hpp"

namespace framelog {
namespace {

constexpr std::size_t kMostSettings = 256;
constexpr std::size_t kMostSettingBytes = 1024;
constexpr std::uint64_t kNowhere = std::numeric_limits<std::uint64_t>::max();

template <class Number>
std::optional<Number> parse(std::string_view text) noexcept {
  Number value{};
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || stop != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> number_in(const XmlTag& tag, std::string_view name) noexcept {
  const auto text = xml_attribute(tag.attributes, name);
  return text ? parse<std::uint64_t>(*text) : std::nullopt;
}

void add_setting(TiffDescription& description, std::string_view name, std::string_view value) {
  if (value.empty() || description.settings.size() >= kMostSettings) return;
  description.settings.emplace_back(one_line(cut_utf8(name, kMostSettingBytes)),
                                    one_line(cut_utf8(value, kMostSettingBytes)));
}

/// Nanoseconds in a unit of time as OME spells it; 0: an unknown one.
double nanoseconds_in(std::string_view unit) noexcept {
  struct Unit {
    std::string_view name;
    double nanoseconds;
  };
  // The micro sign exists twice in Unicode.
  constexpr std::array<Unit, 8> kUnits{{{"s", 1e9},
                                        {"ms", 1e6},
                                        {"\xC2\xB5s", 1e3},
                                        {"\xCE\xBCs", 1e3},
                                        {"us", 1e3},
                                        {"ns", 1.0},
                                        {"min", 60e9},
                                        {"h", 3600e9}}};
  const auto* found = std::ranges::find(kUnits, unit, &Unit::name);
  return found == kUnits.end() ? 0.0 : found->nanoseconds;
}

/// A duration of an element; -1: it has none that makes sense.
std::int64_t duration_ns(const XmlTag& tag, std::string_view name) {
  const auto text = xml_attribute(tag.attributes, name);
  const auto unit = xml_attribute(tag.attributes, std::string(name) + "Unit");
  const auto amount = text ? parse<double>(*text) : std::nullopt;
  if (!amount) return -1;
  const double nanoseconds = *amount * nanoseconds_in(unit.value_or("s"));
  const bool known = nanoseconds_in(unit.value_or("s")) > 0.0;
  // Far below where it does not fit any more; false for NaN.
  const bool sensible = nanoseconds >= 0.0 && nanoseconds < 9e18;
  return known && sensible ? std::llround(nanoseconds) : -1;
}

std::optional<PixelType> ome_type(std::string_view name) noexcept {
  if (name == "float") return PixelType::kFloat32;
  if (name == "double") return PixelType::kFloat64;
  return pixel_type_of(name);
}

/// Reads OME-XML; of several images the first.
class OmeReader {
 public:
  OmeReader(TiffDescription& description, std::uint64_t pages) noexcept
      : out_(description), pages_(pages) {}

  void read(std::string_view text) {
    XmlScan scan(text);
    int images = 0;
    while (const auto tag = scan.next()) {
      if (tag->name == "Image" && ++images > 1) break;
      if (tag->name == "Pixels") read_pixels(*tag);
      if (tag->name == "TiffData") read_pages(*tag);
      if (tag->name == "Plane") read_plane(*tag);
      read_names(*tag);
      read_settings(*tag);
    }
    // Times of some frames only would be read as times of all.
    if (std::ranges::find(out_.delta_ns, -1) != out_.delta_ns.end()) out_.delta_ns.clear();
  }

 private:
  void read_pixels(const XmlTag& tag) {
    read_calibration(tag);
    out_.width_px = number_in(tag, "SizeX");
    out_.height_px = number_in(tag, "SizeY");
    out_.channels = number_in(tag, "SizeC").value_or(1);
    if (const auto type = xml_attribute(tag.attributes, "Type")) out_.type = ome_type(*type);
    if (const auto bits = number_in(tag, "SignificantBits"); bits && *bits > 0 && *bits <= 64) {
      out_.bit_depth = static_cast<int>(*bits);
    }
    const std::string_view order =
        xml_attribute(tag.attributes, "DimensionOrder").value_or("XYZCT");
    std::uint64_t planes = 1;
    has_planes_ = order.size() == 5 && order.starts_with("XY");
    for (std::size_t i = 0; has_planes_ && i < axes_.size(); ++i) {
      axes_[i] = {order[2 + i], number_in(tag, "Size" + std::string(1, order[2 + i])).value_or(0)};
      has_planes_ = !__builtin_mul_overflow(planes, axes_[i].size, &planes);
    }
    // With more planes than pages the rest is in other files, whose pages are numbered anew.
    has_planes_ = has_planes_ && planes == pages_;
  }

  void read_names(const XmlTag& tag) {
    const auto name = xml_attribute(tag.attributes, "Name");
    if (tag.name == "Image" && name) out_.title = one_line(xml_text(*name));
    if (tag.name == "Channel" && name && out_.channel.empty()) {
      out_.channel = one_line(xml_text(*name));
    }
    if (tag.name == "AcquisitionDate") {
      out_.start_utc_ns = utc_of_iso(xml_text(trim(tag.text))).value_or(-1);
    }
  }

  void read_calibration(const XmlTag& tag) {
    const auto size = [&](std::string_view name) {
      const auto text = xml_attribute(tag.attributes, name);
      const auto number = text ? parse<double>(*text) : std::nullopt;
      return known_length(number.value_or(0), unit_of(tag, name));
    };
    out_.pixel_size = {size("PhysicalSizeY"), size("PhysicalSizeX")};
    const std::int64_t interval_ns = duration_ns(tag, "TimeIncrement");
    if (interval_ns > 0) out_.interval_s = static_cast<double>(interval_ns) * 1e-9;
  }

  /// The place of a plane in the dimension order; kNowhere: it is outside.
  [[nodiscard]] std::uint64_t plane_of(const XmlTag& tag, std::string_view prefix) const {
    std::uint64_t index = 0;
    std::uint64_t stride = 1;
    for (const Axis& axis : axes_) {
      const auto at = number_in(tag, std::string(prefix) + axis.name).value_or(0);
      if (at >= axis.size) return kNowhere;
      index += at * stride;
      stride *= axis.size;
    }
    return index;
  }

  void read_pages(const XmlTag& tag) {
    if (!has_planes_) return;
    const auto page = number_in(tag, "IFD");
    const std::uint64_t plane = plane_of(tag, "First");
    const std::uint64_t first_page = page.value_or(0);
    const std::uint64_t count = number_in(tag, "PlaneCount").value_or(page ? 1 : pages_);
    if (plane == kNowhere || first_page >= pages_) return;
    if (page_of_plane_.empty()) page_of_plane_.assign(pages_, kNowhere);
    const std::uint64_t most = std::min({count, pages_ - plane, pages_ - first_page});
    for (std::uint64_t i = 0; i < most; ++i) page_of_plane_[plane + i] = first_page + i;
  }

  void read_plane(const XmlTag& tag) {
    if (!has_planes_) return;
    const std::uint64_t plane = plane_of(tag, "The");
    if (plane == kNowhere) return;
    const std::uint64_t page = page_of_plane_.empty() ? plane : page_of_plane_[plane];
    if (page == kNowhere) return;
    note(out_.delta_ns, page, duration_ns(tag, "DeltaT"));
    note(out_.exposure_ns, page, duration_ns(tag, "ExposureTime"));
  }

  void note(std::vector<std::int64_t>& list, std::uint64_t page, std::int64_t nanoseconds) const {
    if (nanoseconds < 0) return;
    if (list.empty()) list.assign(pages_, -1);
    list[page] = nanoseconds;
  }

  void read_settings(const XmlTag& tag) {
    struct Wanted {
      std::string_view element;
      std::string_view attribute;
    };
    constexpr std::array<Wanted, 17> kWanted{{{"OME", "Creator"},
                                              {"Image", "Name"},
                                              {"Pixels", "DimensionOrder"},
                                              {"Pixels", "Type"},
                                              {"Pixels", "SizeC"},
                                              {"Pixels", "SizeZ"},
                                              {"Pixels", "SizeT"},
                                              {"Pixels", "PhysicalSizeX"},
                                              {"Pixels", "PhysicalSizeY"},
                                              {"Pixels", "PhysicalSizeZ"},
                                              {"Pixels", "TimeIncrement"},
                                              {"Channel", "Name"},
                                              {"Detector", "Manufacturer"},
                                              {"Detector", "Model"},
                                              {"Microscope", "Manufacturer"},
                                              {"Microscope", "Model"},
                                              {"Objective", "NominalMagnification"}}};
    for (const auto& [element, attribute] : kWanted) {
      if (element != tag.name) continue;
      const auto value = xml_attribute(tag.attributes, attribute);
      if (!value) continue;
      std::string text = xml_text(*value);
      if (const std::string unit = unit_of(tag, attribute); !unit.empty()) text += ' ' + unit;
      add_setting(out_, fmt::format("{} {}", element, attribute), text);
    }
    if (tag.name == "AcquisitionDate") add_setting(out_, tag.name, xml_text(trim(tag.text)));
  }

  /// The unit as written beside, or what the schema takes where none is.
  static std::string unit_of(const XmlTag& tag, std::string_view attribute) {
    const bool length = attribute.starts_with("PhysicalSize");
    if (!length && attribute != "TimeIncrement") return {};
    const auto unit = xml_attribute(tag.attributes, std::string(attribute) + "Unit");
    return xml_text(unit.value_or(length ? "\xC2\xB5m" : "s"));
  }

  struct Axis {
    char name{};
    std::uint64_t size{};
  };

  TiffDescription& out_;
  std::uint64_t pages_;
  bool has_planes_{};
  std::array<Axis, 3> axes_{};
  std::vector<std::uint64_t> page_of_plane_;  ///< Empty: one behind the other.
};

/// "images=5" in each line.
void read_imagej(TiffDescription& description, std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view key = line.substr(0, equals);
    const std::string_view value = trim(line.substr(equals + 1));
    add_setting(description, key, value);
    if (key == "images") description.imagej_images = parse<std::uint64_t>(value).value_or(0);
    if (key == "unit") description.imagej_unit = std::string(value);
    if (key == "finterval") {
      description.interval_s = parse<double>(value);
      if (!(description.interval_s.value_or(0) > 0)) description.interval_s.reset();
    }
  }
}

}  // namespace

TiffDescription parse_tiff_description(std::string_view text, std::uint64_t pages) {
  TiffDescription description;
  if (text.starts_with("ImageJ=")) {
    description.writer = "ImageJ TIFF";
    read_imagej(description, text);
  } else if (text.substr(0, kMostSettingBytes).find("<OME") != std::string_view::npos ||
             text.substr(0, kMostSettingBytes).find(":OME") != std::string_view::npos) {
    description.writer = "OME-TIFF";
    OmeReader(description, pages).read(text);
  } else {
    description.writer = "TIFF";
    add_setting(description, "ImageDescription", text);
  }
  return description;
}

}  // namespace framelog
