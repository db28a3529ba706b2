#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "drivers/aravis_glib.hpp"

namespace framelog {

/// Gives a GenICam feature a value written as text: an integer (0x for hexadecimal), a number, yes
/// or no, one of an enumeration's names, any text, or `execute` for a command. Errors: kInvalid
/// with what is allowed (the nearest names, the range, the names of the enumeration), else as
/// Failure. Threads: one at a time per device.
[[nodiscard]] Result<void> set_feature(ArvDevice* device, const std::string& name,
                                       const std::string& text);

/// As text; none where the camera has no such feature, or does not tell it now.
[[nodiscard]] std::optional<std::string> read_feature(ArvDevice* device, const std::string& name);

/// Names of all features that the camera describes, in its order.
[[nodiscard]] std::vector<std::string> feature_names(ArvDevice* device);

/// The names that an enumeration has now; empty where there is none.
[[nodiscard]] std::vector<std::string> choices_of(ArvDevice* device, const std::string& name);

}  // namespace framelog
