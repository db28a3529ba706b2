#include "command/configuration_json.hpp"

#include <nlohmann/json.hpp>

namespace framelog {

std::string configuration_json(const Configuration& configuration, int indent) {
  using Json = nlohmann::ordered_json;
  Json values = Json::array();
  for (const Setting& setting : configuration.settings.all()) {
    values.push_back({{"section", setting.section},
                      {"key", setting.key},
                      {"value", setting.text},
                      {"origin", to_string(setting.origin)}});
  }
  const Json json{{"instrument", configuration.instrument},
                  {"values", std::move(values)},
                  {"errors", configuration.errors}};
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace framelog
