#include "pipeline/recipe.hpp"

#include <nlohmann/json.hpp>

namespace framelog {
namespace {

using Json = nlohmann::json;

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

template <class T>
std::optional<T> optional_at(const Json& json, const char* key) {
  const Json& value = json.at(key);
  return value.is_null() ? std::nullopt : std::optional<T>(value.get<T>());
}

Json json_of(const SourceInfo& source) {
  Json inputs = Json::array();
  for (const auto& input : source.inputs) inputs.push_back(input.string());
  return {{"height_px", source.shape.height_px},
          {"width_px", source.shape.width_px},
          {"pixel_type", name_of(source.shape.type)},
          {"driver", source.driver},
          {"vendor", source.vendor},
          {"model", source.model},
          {"serial", source.serial},
          {"firmware", source.firmware},
          {"description", source.description},
          {"rate_hz", or_null(source.rate_hz)},
          {"saturation", or_null(source.saturation)},
          {"bit_depth", or_null(source.bit_depth)},
          {"simulated", source.simulated},
          {"can_wait", source.can_wait},
          {"may_be_silent", source.may_be_silent},
          {"numbered", source.numbered},
          {"renumbers", source.renumbers},
          {"frames", or_null(source.frames)},
          {"scan", or_null(source.scan)},
          {"first_number", source.first_number},
          {"settings", source.settings},
          {"inputs", inputs}};
}

SourceInfo source_of(const Json& json) {
  SourceInfo source;
  source.shape.height_px = json.at("height_px");
  source.shape.width_px = json.at("width_px");
  const auto type = pixel_type_of(json.at("pixel_type").get<std::string>());
  if (!type) throw Json::other_error::create(501, "unknown pixel type", &json);
  source.shape.type = *type;
  source.driver = json.at("driver");
  source.vendor = json.at("vendor");
  source.model = json.at("model");
  source.serial = json.at("serial");
  source.firmware = json.at("firmware");
  source.description = json.at("description");
  source.rate_hz = optional_at<double>(json, "rate_hz");
  source.saturation = optional_at<double>(json, "saturation");
  source.bit_depth = optional_at<int>(json, "bit_depth");
  source.simulated = json.at("simulated");
  source.can_wait = json.at("can_wait");
  // A ring of a version before knows neither of these.
  source.may_be_silent = json.value("may_be_silent", false);
  source.renumbers = json.value("renumbers", false);
  source.numbered = json.at("numbered");
  source.frames = optional_at<std::uint64_t>(json, "frames");
  source.scan = optional_at<std::pair<std::uint32_t, std::uint32_t>>(json, "scan");
  source.first_number = json.at("first_number");
  source.settings = json.at("settings").get<decltype(source.settings)>();
  for (const Json& input : json.at("inputs")) source.inputs.emplace_back(input.get<std::string>());
  return source;
}

}  // namespace

std::string write_recipe(const Recipe& recipe) {
  const Json json{{"instrument", recipe.instrument},
                  {"configuration", recipe.configuration},
                  {"source", json_of(recipe.source)},
                  {"run",
                   {{"uuid", recipe.run.uuid},
                    {"number", recipe.run.number},
                    {"start_utc_ns", recipe.run.start_utc_ns},
                    {"start_monotonic_ns", recipe.run.start_monotonic_ns}}}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<Recipe> read_recipe(std::string_view text) {
  try {
    const Json json = Json::parse(text);
    const Json& run = json.at("run");
    return Recipe{
        json.at("instrument"),
        json.at("configuration"),
        source_of(json.at("source")),
        {run.at("uuid"), run.at("number"), run.at("start_utc_ns"), run.at("start_monotonic_ns")}};
  } catch (const Json::exception& error) {
    return fail(ErrorCode::kLayout, "not a ring that this version can take over:", error.what());
  }
}

bool is_same_instrument(const SourceInfo& a, const SourceInfo& b) {
  // Some tell more of themselves when they are met in the middle of an acquisition, or less.
  const auto agree = [](const auto& x, const auto& y) { return !x || !y || *x == *y; };
  const bool serials = a.serial.empty() || b.serial.empty() || a.serial == b.serial;
  return a.shape == b.shape && a.vendor == b.vendor && a.model == b.model && serials &&
         agree(a.saturation, b.saturation) && agree(a.bit_depth, b.bit_depth);
}

}  // namespace framelog
