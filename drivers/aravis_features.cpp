#include "drivers/aravis_features.hpp"

#include <arv.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "core/option.hpp"

namespace framelog {
namespace {

std::unexpected<Error> refuse(const std::string& name, const std::string& text,
                              std::string_view allowed) {
  return fail(ErrorCode::kInvalid, "the camera does not take",
              fmt::format("feature.{} = {} (allowed: {})", name, text, allowed));
}

/// The whole of `text`, or nothing.
template <class T>
std::optional<T> number_of(std::string_view text) {
  T value{};
  std::from_chars_result read{};
  if constexpr (std::is_integral_v<T>) {
    const bool hexadecimal = text.starts_with("0x") || text.starts_with("0X");
    const std::string_view digits = hexadecimal ? text.substr(2) : text;
    read =
        std::from_chars(digits.data(), digits.data() + digits.size(), value, hexadecimal ? 16 : 10);
  } else {
    read = std::from_chars(text.data(), text.data() + text.size(), value);
    if (!std::isfinite(value)) return std::nullopt;
  }
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

void add_names(ArvGc* genicam, const char* name, std::set<std::string>& visited,
               std::vector<std::string>& names) {
  ArvGcNode* node = arv_gc_get_node(genicam, name);
  if (!ARV_IS_GC_CATEGORY(node)) {
    if (ARV_IS_GC_FEATURE_NODE(node)) names.emplace_back(name);
    return;
  }
  if (!visited.insert(name).second) return;
  for (const GSList* each = arv_gc_category_get_features(ARV_GC_CATEGORY(node)); each != nullptr;
       each = each->next) {
    add_names(genicam, static_cast<const char*>(each->data), visited, names);
  }
}

Result<void> set_integer(ArvDevice* device, const std::string& name, const std::string& text) {
  Failure failure;
  gint64 least = std::numeric_limits<gint64>::min();
  gint64 most = std::numeric_limits<gint64>::max();
  arv_device_get_integer_feature_bounds(device, name.c_str(), &least, &most, failure.out());
  const gint64 step =
      std::max<gint64>(1, arv_device_get_integer_feature_increment(device, name.c_str(), nullptr));
  const auto value = number_of<gint64>(text);
  // Steps count from the smallest value; unsigned, so that no distance overflows.
  const bool fits =
      value && *value >= least && *value <= most &&
      (static_cast<guint64>(*value) - static_cast<guint64>(least)) % static_cast<guint64>(step) ==
          0;
  if (!fits) {
    return refuse(name, text,
                  fmt::format("an integer from {} to {}{}", least, most,
                              step == 1 ? "" : fmt::format(" in steps of {}", step)));
  }
  arv_device_set_integer_feature_value(device, name.c_str(), *value, failure.out());
  if (failure) return failure.error("cannot set", "feature." + name);
  return {};
}

Result<void> set_number(ArvDevice* device, const std::string& name, const std::string& text) {
  Failure failure;
  double least = -std::numeric_limits<double>::infinity();
  double most = std::numeric_limits<double>::infinity();
  arv_device_get_float_feature_bounds(device, name.c_str(), &least, &most, failure.out());
  const auto value = number_of<double>(text);
  if (!value || *value < least || *value > most) {
    return refuse(name, text, fmt::format("a number from {} to {}", least, most));
  }
  arv_device_set_float_feature_value(device, name.c_str(), *value, failure.out());
  if (failure) return failure.error("cannot set", "feature." + name);
  return {};
}

Result<void> set_boolean(ArvDevice* device, const std::string& name, const std::string& text) {
  const bool is_true = text == "yes" || text == "true" || text == "1";
  if (!is_true && text != "no" && text != "false" && text != "0") {
    return refuse(name, text, "yes, no");
  }
  Failure failure;
  arv_device_set_boolean_feature_value(device, name.c_str(), is_true ? 1 : 0, failure.out());
  if (failure) return failure.error("cannot set", "feature." + name);
  return {};
}

Result<void> set_choice(ArvDevice* device, const std::string& name, const std::string& text) {
  const std::vector<std::string> choices = choices_of(device, name);
  if (std::ranges::find(choices, text) == choices.end()) {
    return refuse(name, text, fmt::format("{}", fmt::join(choices, ", ")));
  }
  Failure failure;
  arv_device_set_string_feature_value(device, name.c_str(), text.c_str(), failure.out());
  if (failure) return failure.error("cannot set", "feature." + name);
  return {};
}

Result<void> execute(ArvDevice* device, const std::string& name, const std::string& text) {
  if (text != "execute") return refuse(name, text, "execute, for it is a command");
  Failure failure;
  arv_device_execute_command(device, name.c_str(), failure.out());
  if (failure) return failure.error("cannot execute", "feature." + name);
  return {};
}

Result<void> set_text(ArvDevice* device, const std::string& name, const std::string& text) {
  Failure failure;
  arv_device_set_string_feature_value(device, name.c_str(), text.c_str(), failure.out());
  if (failure) return failure.error("cannot set", "feature." + name);
  return {};
}

std::unexpected<Error> unknown_feature(ArvDevice* device, const std::string& name) {
  const std::vector<std::string> names = feature_names(device);
  const std::vector<std::string_view> known(names.begin(), names.end());
  const std::string near = nearest_word(name, known);
  const std::string hint =
      near.empty() ? "arv-tool-0.8 features lists those it has" : "nearest: " + near;
  return fail(ErrorCode::kInvalid, "the camera has no", fmt::format("feature.{} ({})", name, hint));
}

}  // namespace

Result<void> set_feature(ArvDevice* device, const std::string& name, const std::string& text) {
  ArvGcNode* node = arv_device_get_feature(device, name.c_str());
  if (!ARV_IS_GC_FEATURE_NODE(node) || ARV_IS_GC_CATEGORY(node)) {
    return unknown_feature(device, name);
  }
  Failure failure;
  if (arv_device_is_feature_available(device, name.c_str(), failure.out()) == 0) {
    return fail(ErrorCode::kInvalid, "the camera does not offer",
                fmt::format("feature.{} with the settings before it", name));
  }
  auto* feature = ARV_GC_FEATURE_NODE(node);
  const bool is_command = ARV_IS_GC_COMMAND(node) != 0;
  const bool is_locked = arv_gc_feature_node_is_locked(feature, failure.out()) != 0;
  const bool is_read_only =
      arv_gc_feature_node_get_actual_access_mode(feature) == ARV_GC_ACCESS_MODE_RO;
  if (is_locked || (is_read_only && !is_command)) {
    return fail(ErrorCode::kInvalid, "the camera does not let write",
                fmt::format("feature.{}{}", name, is_locked ? " now (it is locked)" : ""));
  }
  // Enumerations and booleans are integers as well.
  if (is_command) return execute(device, name, text);
  if (ARV_IS_GC_BOOLEAN(node)) return set_boolean(device, name, text);
  if (ARV_IS_GC_ENUMERATION(node)) return set_choice(device, name, text);
  if (ARV_IS_GC_INTEGER(node)) return set_integer(device, name, text);
  if (ARV_IS_GC_FLOAT(node)) return set_number(device, name, text);
  if (ARV_IS_GC_STRING(node)) return set_text(device, name, text);
  return fail(ErrorCode::kUnsupported, "not a feature with a value:", "feature." + name);
}

std::optional<std::string> read_feature(ArvDevice* device, const std::string& name) {
  ArvGcNode* node = arv_device_get_feature(device, name.c_str());
  if (!ARV_IS_GC_FEATURE_NODE(node) || ARV_IS_GC_CATEGORY(node) || ARV_IS_GC_COMMAND(node)) {
    return std::nullopt;
  }
  Failure failure;
  if (arv_device_is_feature_available(device, name.c_str(), failure.out()) == 0) {
    return std::nullopt;
  }
  std::string text;
  if (ARV_IS_GC_BOOLEAN(node)) {
    const bool value = arv_device_get_boolean_feature_value(device, name.c_str(), failure.out());
    text = value ? "yes" : "no";
  } else if (ARV_IS_GC_ENUMERATION(node) || ARV_IS_GC_STRING(node)) {
    const char* value = arv_device_get_string_feature_value(device, name.c_str(), failure.out());
    text = value == nullptr ? "" : value;
  } else if (ARV_IS_GC_INTEGER(node)) {
    text =
        std::to_string(arv_device_get_integer_feature_value(device, name.c_str(), failure.out()));
  } else if (ARV_IS_GC_FLOAT(node)) {
    text =
        fmt::format("{}", arv_device_get_float_feature_value(device, name.c_str(), failure.out()));
  } else {
    return std::nullopt;
  }
  if (failure) return std::nullopt;
  return text;
}

std::vector<std::string> feature_names(ArvDevice* device) {
  std::vector<std::string> names;
  std::set<std::string> visited;  // Nothing forbids a description that goes in circles.
  add_names(arv_device_get_genicam(device), "Root", visited, names);
  return names;
}

std::vector<std::string> choices_of(ArvDevice* device, const std::string& name) {
  guint count = 0;
  Failure failure;
  const char** values = arv_device_dup_available_enumeration_feature_values_as_strings(
      device, name.c_str(), &count, failure.out());
  if (values == nullptr) return {};
  std::vector<std::string> choices(values, values + count);
  g_free(values);
  return choices;
}

}  // namespace framelog
