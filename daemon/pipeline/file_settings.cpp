#include "pipeline/file_settings.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/text.hpp"

namespace framelog {
namespace {

std::string text_of(const Settings& settings, const std::string& section, std::string_view key) {
  const auto* text = settings.get<std::string>(section, key);
  return text == nullptr ? "" : *text;
}

/// The codecs of a format as the configuration spells them, without their levels.
std::string codecs_of(const SegmentFormat* format) {
  std::string names = "none";
  if (format == nullptr) return names;
  for (const Codec codec : format->codecs) {
    const std::string name = to_string({codec, 1});
    names += ", " + (name.ends_with("-1") ? name.substr(0, name.size() - 1) + "N" : name);
  }
  return names;
}

void check_compression(const Settings& settings, const std::string& section,
                       std::vector<Complaint>& complaints) {
  const auto compression = parse_compression(text_of(settings, section, "compression"));
  if (!compression) {
    complaints.push_back({section, "compression", describe(compression.error())});
    return;
  }
  const std::string name = text_of(settings, section, "format");
  const SegmentFormat* format = find_format(name);
  const bool fits = format != nullptr &&
                    std::ranges::find(format->codecs, compression->codec) != format->codecs.end();
  if (compression->codec == Codec::kNone || fits) return;
  complaints.push_back(
      {section, "compression",
       fmt::format("{} is nothing that format = {} has (allowed: {})",
                   text_of(settings, section, "compression"), name, codecs_of(format))});
}

}  // namespace

void check_files(const Settings& settings, const std::string& section,
                 std::vector<Complaint>& complaints) {
  if (text_of(settings, section, "endian") == "big" &&
      text_of(settings, section, "format") != "raw") {
    complaints.push_back(
        {section, "endian", "only raw files can be big-endian (format = raw, or endian = little)"});
  }
  check_compression(settings, section, complaints);
}

Compression compression_of(const Settings& settings, const std::string& section) {
  const auto compression = parse_compression(text_of(settings, section, "compression"));
  return compression.value_or(Compression{});
}

}  // namespace framelog
