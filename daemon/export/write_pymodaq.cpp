#include "export/write_pymodaq.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>
#include <variant>

#include "core/clock.hpp"
#include "core/version.hpp"

namespace framelog {
namespace {

std::string python(std::string_view type, std::string data) {
  return nlohmann::ordered_json{{"module", "builtins"}, {"type", type}, {"data", std::move(data)}}
      .dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace);
}

std::string escaped_xml(std::string_view text) {
  std::string result;
  for (const char character : text) {
    switch (character) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        // Of control characters XML has these two alone that are not folded.
        result +=
            static_cast<unsigned char>(character) >= 0x20 || character == '\n' || character == '\t'
                ? character
                : ' ';
    }
  }
  return result;
}

/// A line of PyMoDAQ's Parameter trees (parameter/ioxml.py): the value is the element's text.
std::string setting(std::string_view name, std::string_view value) {
  return fmt::format(
      R"(<{0} title="{0}" type="str" visible="1" removable="0" readonly="1">{1}</{0}>)", name,
      escaped_xml(value));
}

std::string group(std::string_view name, std::string_view title, std::string_view content) {
  return fmt::format(
      R"(<{0} title="{1}" type="group" visible="1" removable="0" readonly="1">{2}</{0}>)", name,
      escaped_xml(title), content);
}

/// The area of a virtual detector, in pixels of the recording.
std::string area_text(const Disc& disc) {
  return setting("shape", "disc") + setting("center_y", fmt::format("{} px", disc.center_y)) +
         setting("center_x", fmt::format("{} px", disc.center_x)) +
         setting("outer", fmt::format("{} px", disc.outer));
}
std::string area_text(const Annulus& annulus) {
  return setting("shape", "annulus") + setting("center_y", fmt::format("{} px", annulus.center_y)) +
         setting("center_x", fmt::format("{} px", annulus.center_x)) +
         setting("inner", fmt::format("{} px", annulus.inner)) +
         setting("outer", fmt::format("{} px", annulus.outer));
}
std::string area_text(const Rectangle& rectangle) {
  const Region& region = rectangle.region;
  return setting("shape", "rectangle") +
         setting("y", fmt::format("{}:{}", region.y_start, region.y_stop)) +
         setting("x", fmt::format("{}:{}", region.x_start, region.x_stop));
}
std::string area_text(const Mask& mask) {
  return setting("shape", "mask") +
         setting("size", fmt::format("{} x {}", mask.height_px, mask.width_px));
}

/// What is left of the recording's frames, and its virtual detectors: ROI_00, ROI_01, ... as
/// PyMoDAQ counts its regions.
std::string regions_of(const WritePlan& plan) {
  const auto& region = plan.result->region;
  std::string text = group("frame", "frame",
                           setting("y", fmt::format("{}:{}", region[0].start, region[0].stop)) +
                               setting("x", fmt::format("{}:{}", region[1].start, region[1].stop)));
  std::size_t index = 0;
  for (const DetectorSpec& detector : plan.recording->detectors) {
    const std::string area =
        std::visit([](const auto& known) { return area_text(known); }, detector.area);
    text += group(fmt::format("ROI_{:02}", index++), detector.name,
                  setting("name", detector.name) + area);
  }
  return group("ROIs", "ROIs", text);
}

/// The string of a pickle of protocol 2, as PyMoDAQ's logger has its lines.
std::string pickled(std::string_view text) {
  std::string bytes("\x80\x02X", 3);
  const auto size = static_cast<std::uint32_t>(text.size());
  for (unsigned shift = 0; shift < 32; shift += 8) {
    bytes += static_cast<char>((size >> shift) & 0xFFU);
  }
  bytes += text;
  return bytes + '.';
}

}  // namespace

std::string python_text(std::string_view text) {
  std::string literal = "'";
  for (const char character : text) {
    if (character == '\'' || character == '\\') literal += '\\';
    if (character == '\n') {
      literal += "\\n";
    } else if (character == '\t') {
      literal += "\\t";
    } else if (static_cast<unsigned char>(character) < 0x20) {
      literal += ' ';
    } else {
      literal += character;
    }
  }
  return python("str", literal + "'");
}

std::string python_integer(std::int64_t value) { return python("int", fmt::format("{}", value)); }

std::string python_number(double value) {
  if (!std::isfinite(value)) return python("float", "0.0");
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return python("float", text);
}

std::string python_tuple(std::span<const std::uint64_t> values) {
  return python("tuple", values.size() == 1 ? fmt::format("({},)", values[0])
                                            : fmt::format("({})", fmt::join(values, ", ")));
}

std::string pymodaq_detector(const WriteRequest& request) {
  if (request.runs < 2) return "/RawData/Detector000";
  return fmt::format("/RawData/Scan{:03}/Detector000", request.run);
}

std::string pymodaq_settings(const WritePlan& plan) {
  const RecordingFacts& recording = *plan.recording;
  std::string xml = "<All_settings type=\"group\" title=\"All Settings\">";
  const std::array<std::pair<std::string_view, std::string_view>, 8> values{
      {{"instrument", recording.instrument},
       {"product", recording.product},
       {"detector", recording.detector_description},
       {"serial_number", recording.serial_number},
       {"operator", recording.operator_name},
       {"sample", recording.sample},
       {"notes", recording.notes},
       {"configuration", recording.configuration}}};
  for (const auto& [name, value] : values) xml += setting(name, value);
  const auto& size = plan.result->pixel_size;
  xml += setting("pixel_size_y", fmt::format("{} {}", size[0].value, size[0].unit));
  xml += setting("pixel_size_x", fmt::format("{} {}", size[1].value, size[1].unit));
  return xml + regions_of(plan) + "</All_settings>";
}

void PymodaqNodes::attribute(const std::string& path, const std::string& name,
                             const std::string& json) {
  file_.attribute(path, name, json);
}

void PymodaqNodes::describe_node(const std::string& path, const std::string& title,
                                 std::string_view kind, std::string_view version) {
  file_.attribute(path, "TITLE", title);
  file_.attribute(path, "CLASS", Hdf5FixedText{std::string(kind)});
  file_.attribute(path, "VERSION", Hdf5FixedText{std::string(version)});
}

void PymodaqNodes::describe_array(const std::string& path, std::span<const std::uint64_t> shape,
                                  std::string_view type, std::string_view subtype) {
  attribute(path, "shape", python_tuple(shape));
  attribute(path, "dtype", python_text(type));
  attribute(path, "subdtype", python_text(subtype));
  attribute(path, "backend", python_text("tables"));
}

void PymodaqNodes::describe_root(const std::string& file_name, std::int64_t utc_ns) {
  const std::string time = iso_time(utc_ns);
  describe_node("/", "PyMoDAQ file", "GROUP", "1.0");
  file_.attribute("/", "PYTABLES_FORMAT_VERSION", Hdf5FixedText{"2.1"});
  attribute("/", "pymodaq_version", python_text("4.4.0"));
  attribute("/", "file", python_text(file_name));
  attribute("/", "date", python_text(time.substr(0, 10)));
  attribute("/", "time", python_text(time.substr(11, 15)));
  attribute("/", "creator", python_text("framelog " + std::string(program_version())));
}

void PymodaqNodes::group(const std::string& path, const std::string& title) {
  file_.group(path);
  describe_node(path, title, "GROUP", "1.0");
}

void PymodaqNodes::typed_group(const std::string& path, const std::string& title,
                               std::string_view type, const std::string& settings) {
  group(path, title);
  attribute(path, "type", python_text(type));
  attribute(path, "settings", python_text(settings));
}

std::size_t PymodaqNodes::growing(const std::string& path, const std::string& title, PixelType type,
                                  const std::vector<std::uint64_t>& shape,
                                  const WriteRequest& request) {
  Hdf5ArraySpec spec;
  spec.path = path;
  spec.type = type;
  spec.shape = shape;
  spec.inner = shape.size() - 1;
  spec.extensible = true;
  spec.compression = request.compression;
  spec.big_endian = request.big_endian;
  std::uint64_t row_bytes = size_bytes(type);
  for (const std::uint64_t side : std::span(shape).subspan(1)) row_bytes *= side;
  // A column of numbers needs no more in a chunk than it has.
  spec.chunk_rows = std::min(slices_per_chunk(row_bytes), std::max<std::uint64_t>(1, shape[0]));
  const std::size_t made = file_.array(spec);
  describe_node(path, title, "EARRAY", "1.1");
  file_.attribute(path, "EXTDIM", std::int64_t{0});
  describe_array(path, shape, name_of(type), "");
  return made;
}

void PymodaqNodes::fixed(const std::string& path, const std::string& title,
                         const std::vector<double>& values) {
  file_.chunked_dataset(path, values);
  describe_node(path, title, "CARRAY", "1.1");
  const std::array<std::uint64_t, 1> shape{values.size()};
  describe_array(path, shape, "float64", "");
}

void PymodaqNodes::text(const std::string& path, const std::string& value) {
  const std::array<std::string, 1> rows{pickled(value)};
  log_rows(path, "Provenance", rows);
}

void PymodaqNodes::log(const std::string& path, std::span<const std::string> lines) {
  std::vector<std::string> rows;
  for (const std::string& one : lines) rows.push_back(pickled(one));
  log_rows(path, "", rows);
  attribute(path, "type", python_text("log"));
}

void PymodaqNodes::log_rows(const std::string& path, const std::string& title,
                            std::span<const std::string> rows) {
  file_.byte_rows(path, rows);
  describe_node(path, title, "VLARRAY", "1.4");
  file_.attribute(path, "EXTDIM", std::int64_t{0});
  const std::array<std::uint64_t, 1> shape{rows.size()};
  describe_array(path, shape, "uint8", "string");
}

void PymodaqNodes::describe_axis(const std::string& path, const PymodaqAxis& axis) {
  attribute(path, "data_type", python_text("axis"));
  attribute(path, "data_dimension", python_text("Data1D"));
  attribute(path, "scan_type", python_text("NoScan"));
  attribute(path, "scan_subtype", python_text(""));
  attribute(path, "size", python_integer(static_cast<std::int64_t>(axis.size)));
  attribute(path, "label", python_text(axis.label));
  attribute(path, "units", python_text(axis.units));
  attribute(path, "index", python_integer(static_cast<std::int64_t>(axis.index)));
  attribute(path, "offset", python_number(axis.offset));
  attribute(path, "scaling", python_number(axis.scaling));
  attribute(path, "distribution", python_text(axis.uniform ? "uniform" : "spread"));
  attribute(path, "spread_order", python_integer(0));
}

void PymodaqNodes::describe_data(const std::string& path, const PymodaqData& data) {
  const std::array<std::uint64_t, 1> navigation{0};
  attribute(path, "data_type", python_text("data_enlargeable"));
  attribute(path, "data_dimension", python_text(data.dimension));
  attribute(path, "scan_type", python_text("NoScan"));
  attribute(path, "scan_subtype", python_text(""));
  attribute(path, "timestamp", python_number(data.timestamp));
  attribute(path, "label", python_text(data.label));
  attribute(path, "units", python_text(data.units));
  attribute(path, "source", python_text("raw"));
  attribute(path, "distribution", python_text("uniform"));
  attribute(path, "origin", python_text("framelog"));
  attribute(path, "nav_indexes", python_tuple(navigation));
}

}  // namespace framelog
