#include "formats/tiff_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <optional>
#include <string_view>

#include "core/clock.hpp"
#include "core/text.hpp"

namespace framelog::tiff {
namespace {

constexpr std::string_view kNamespace = "http://www.openmicroscopy.org/Schemas/OME/2016-06";
constexpr std::string_view kMicrometre = "\u00b5m";

/// Of a frame on one of the clocks, the same for all frames of a file; -1: none.
std::int64_t time_of(const FrameRecord& record) noexcept {
  return record.monotonic_ns >= 0 ? record.monotonic_ns : record.utc_ns;
}

bool has_time(const FrameRecord& record) noexcept {
  return is_intact(record) && time_of(record) >= 0;
}

double seconds(std::int64_t ns) noexcept { return static_cast<double>(ns) * 1e-9; }

/// As XML takes it: what it has no characters for becomes a blank.
std::string escaped(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const std::size_t length = std::max(std::size_t{1}, utf8_length(text));
    const std::string_view character = text.substr(0, length);
    text.remove_prefix(length);
    if (character == "&") {
      result += "&amp;";
    } else if (character == "<") {
      result += "&lt;";
    } else if (character == ">") {
      result += "&gt;";
    } else if (character == "\"") {
      result += "&quot;";
    } else if (character == "\n") {
      result += "&#10;";
    } else if (is_control(character[0]) || utf8_length(character) == 0) {
      result += ' ';
    } else {
      result += character;
    }
  }
  return result;
}

/// ` Name="value"`; nothing where the value is empty.
std::string attribute(std::string_view name, std::string_view value) {
  return value.empty() ? std::string() : fmt::format(" {}=\"{}\"", name, escaped(value));
}

std::string_view ome_type(PixelType type) noexcept {
  if (type == PixelType::kFloat32) return "float";
  return type == PixelType::kFloat64 ? "double" : name_of(type);
}

/// From frame to frame where that is always about the same; none behind a loss, for instance.
std::optional<double> regular_interval_s(std::span<const FrameRecord> records) {
  if (records.size() < 2) return std::nullopt;
  const auto intervals = static_cast<double>(records.size() - 1);
  const double mean =
      static_cast<double>(time_of(records.back()) - time_of(records.front())) / intervals;
  if (!(mean > 0)) return std::nullopt;
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (!has_time(records[i])) return std::nullopt;
    if (i == 0) continue;
    const auto interval = static_cast<double>(time_of(records[i]) - time_of(records[i - 1]));
    if (std::abs(interval - mean) > mean / 2) return std::nullopt;
  }
  return mean * 1e-9;
}

void add_planes(std::string& xml, std::span<const FrameRecord> records) {
  const auto first = std::ranges::find_if(records, has_time);
  if (first == records.end()) return;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const FrameRecord& record = records[i];
    if (!has_time(record)) continue;
    fmt::format_to(std::back_inserter(xml), R"(<Plane TheZ="0" TheT="{}" TheC="0" DeltaT="{:.9f}")",
                   i, seconds(time_of(record) - time_of(*first)));
    if (record.exposure_ns >= 0) {
      fmt::format_to(std::back_inserter(xml), R"( ExposureTime="{:.9f}")",
                     seconds(record.exposure_ns));
    }
    xml += "/>\n";
  }
}

bool has_detector(const About& about) {
  return !about.detector_model.empty() || !about.serial_number.empty();
}

/// Who recorded it and with what; the image refers to them.
void add_instrument(std::string& xml, const About& about) {
  if (!about.operator_name.empty()) {
    xml +=
        "<Experimenter ID=\"Experimenter:0\"" + attribute("UserName", about.operator_name) + "/>\n";
  }
  if (!has_detector(about)) return;
  xml += "<Instrument ID=\"Instrument:0\"><Detector" + attribute("Model", about.detector_model) +
         attribute("SerialNumber", about.serial_number) + " ID=\"Detector:0\"/></Instrument>\n";
}

void add_image(std::string& xml, const About& about, std::span<const FrameRecord> records,
               const std::string& name) {
  xml += "<Image ID=\"Image:0\"" + attribute("Name", name) + ">\n";
  const auto first = std::ranges::find_if(
      records, [](const FrameRecord& record) { return is_intact(record) && record.utc_ns >= 0; });
  if (first != records.end()) {
    xml += "<AcquisitionDate>" + iso_time(first->utc_ns) + "</AcquisitionDate>\n";
  }
  if (!about.operator_name.empty()) xml += "<ExperimenterRef ID=\"Experimenter:0\"/>\n";
  std::string description;
  for (const std::string& part : {about.title, about.sample, about.notes}) {
    if (!part.empty()) description += (description.empty() ? "" : "\n") + part;
  }
  if (!description.empty()) xml += "<Description>" + escaped(description) + "</Description>\n";
  if (has_detector(about)) xml += "<InstrumentRef ID=\"Instrument:0\"/>\n";
}

void add_pixels(std::string& xml, const About& about, const FrameShape& shape,
                std::span<const FrameRecord> records) {
  xml += fmt::format(
      R"(<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="{}" BigEndian="false" SizeX="{}")"
      R"( SizeY="{}" SizeZ="1" SizeC="1" SizeT="{}")",
      ome_type(shape.type), shape.width_px, shape.height_px, records.size());
  if (about.significant_bits) {
    xml += fmt::format(R"( SignificantBits="{}")", *about.significant_bits);
  }
  if (about.pixel_um) {
    xml += fmt::format(R"( PhysicalSizeX="{:.9g}" PhysicalSizeXUnit="{}" PhysicalSizeY="{:.9g}")"
                       R"( PhysicalSizeYUnit="{}")",
                       about.pixel_um->second, kMicrometre, about.pixel_um->first, kMicrometre);
  }
  if (const auto interval = regular_interval_s(records)) {
    xml += fmt::format(R"( TimeIncrement="{:.9f}" TimeIncrementUnit="s")", *interval);
  }
  xml += ">\n<Channel ID=\"Channel:0:0\"" +
         attribute("Name", about.channel.empty() ? about.product : about.channel) +
         " SamplesPerPixel=\"1\">";
  if (has_detector(about)) xml += "<DetectorSettings ID=\"Detector:0\"/>";
  xml += fmt::format("</Channel>\n<TiffData IFD=\"0\" PlaneCount=\"{}\"/>\n", records.size());
  add_planes(xml, records);
  xml += "</Pixels>\n";
}

}  // namespace

std::string ome_xml(const About& about, const FrameShape& shape,
                    std::span<const FrameRecord> records, const std::string& name) {
  std::string xml = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<OME xmlns=\"{0}\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\""
      " xsi:schemaLocation=\"{0} {0}/ome.xsd\" Creator=\"framelog {1}\">\n",
      kNamespace, escaped(about.program_version));
  add_instrument(xml, about);
  add_image(xml, about, records, name);
  add_pixels(xml, about, shape, records);
  xml += "</Image>\n</OME>\n";
  return xml;
}

std::string imagej_text(const About& about, std::span<const FrameRecord> records) {
  // The version says how the rest is to be understood; what follows is known since long before it.
  std::string text =
      fmt::format("ImageJ=1.54f\nimages={0}\nframes={0}\nhyperstack=true\n", records.size());
  if (about.pixel_um) text += "unit=um\n";
  if (const auto interval = regular_interval_s(records)) {
    text += fmt::format("finterval={:.9g}\n", *interval);
  }
  text += "loop=false\n";
  double least = std::numeric_limits<double>::infinity();
  double most = -least;
  for (const FrameRecord& record : records) {
    if (!is_intact(record)) continue;
    least = std::min(least, record.min);
    most = std::max(most, record.max);
  }
  if (least < most) text += fmt::format("min={}\nmax={}\n", least, most);
  return text;
}

std::string tiff_time(std::int64_t utc_ns) {
  // "2026-11-21T18:00:05.123456Z"
  std::string text = iso_time(utc_ns).substr(0, 19);
  for (const std::size_t place : {std::size_t{4}, std::size_t{7}}) text[place] = ':';
  text[10] = ' ';
  return text;
}

}  // namespace framelog::tiff
