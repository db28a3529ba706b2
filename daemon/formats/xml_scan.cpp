#include "formats/xml_scan.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace framelog {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

std::string_view without_prefix(std::string_view name) noexcept {
  const std::size_t colon = name.rfind(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

/// Where a tag ends, which a '>' within quotes does not; npos: nowhere.
std::size_t end_of_tag(std::string_view text) noexcept {
  std::size_t at = text.find_first_of(">\"'");
  while (at != std::string_view::npos && text[at] != '>') {
    at = text.find(text[at], at + 1);
    if (at != std::string_view::npos) at = text.find_first_of(">\"'", at + 1);
  }
  return at;
}

void skip_blanks(std::string_view& text) noexcept {
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
}

}  // namespace

bool XmlScan::skip(std::string_view start, std::string_view end) noexcept {
  if (!rest_.starts_with(start)) return false;
  const std::size_t stop = rest_.find(end, start.size());
  rest_ = stop == std::string_view::npos ? std::string_view() : rest_.substr(stop + end.size());
  return true;
}

std::optional<XmlTag> XmlScan::next() noexcept {
  for (;;) {
    rest_.remove_prefix(std::min(rest_.find('<'), rest_.size()));
    if (rest_.empty()) return std::nullopt;
    if (skip("<!--", "-->") || skip("<![CDATA[", "]]>") || skip("<?", "?>") || skip("<!", ">") ||
        skip("</", ">")) {
      continue;
    }
    rest_.remove_prefix(1);
    const std::size_t end = end_of_tag(rest_);
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view tag = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    const std::size_t name_end = std::min(tag.find_first_of(" \t\r\n/"), tag.size());
    return XmlTag{without_prefix(tag.substr(0, name_end)), tag.substr(name_end),
                  rest_.substr(0, rest_.find('<'))};
  }
}

std::optional<std::string_view> xml_attribute(std::string_view attributes,
                                              std::string_view name) noexcept {
  for (;;) {
    skip_blanks(attributes);
    const std::size_t equals = attributes.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    std::string_view key = attributes.substr(0, equals);
    key = key.substr(0, std::min(key.find_first_of(kBlanks), key.size()));
    attributes.remove_prefix(equals + 1);
    skip_blanks(attributes);
    if (attributes.empty() || (attributes[0] != '"' && attributes[0] != '\'')) return std::nullopt;
    const std::size_t end = attributes.find(attributes[0], 1);
    if (end == std::string_view::npos) return std::nullopt;
    if (key == name) return attributes.substr(1, end - 1);
    attributes.remove_prefix(end + 1);
  }
}

std::string xml_text(std::string_view written) {
  constexpr std::array<std::pair<std::string_view, char>, 5> kEntities{
      {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}}};
  std::string text;
  while (!written.empty()) {
    const auto* entity = std::ranges::find_if(
        kEntities, [&](const auto& one) { return written.starts_with(one.first); });
    const bool found = entity != kEntities.end();
    text += found ? entity->second : written[0];
    written.remove_prefix(found ? entity->first.size() : 1);
  }
  return text;
}

}  // namespace framelog
