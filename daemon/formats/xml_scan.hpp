#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace framelog {

/// The start of an element. All views are into the scanned text.
struct XmlTag {
  std::string_view name;        ///< Without its prefix: "Pixels" of <OME:Pixels>.
  std::string_view attributes;  ///< Between the name and the end of the tag.
  std::string_view text;        ///< What follows up to the next tag.
};

/// Walks over the start tags of an XML text in their order: enough for a few attributes of known
/// elements, from text that nobody vouches for. Comments, instructions and CDATA are skipped; what
/// is malformed ends the walk.
class XmlScan {
 public:
  explicit XmlScan(std::string_view text) noexcept : rest_(text) {}
  [[nodiscard]] std::optional<XmlTag> next() noexcept;

 private:
  bool skip(std::string_view start, std::string_view end) noexcept;
  std::string_view rest_;
};

/// The value of an attribute as it is written; empty where there is none.
[[nodiscard]] std::optional<std::string_view> xml_attribute(std::string_view attributes,
                                                            std::string_view name) noexcept;

/// With the five named entities replaced.
[[nodiscard]] std::string xml_text(std::string_view written);

}  // namespace framelog
