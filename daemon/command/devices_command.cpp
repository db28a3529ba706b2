#include "command/devices_command.hpp"

#include <fmt/format.h>

#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "command/instrument.hpp"
#include "command/output.hpp"
#include "core/text.hpp"
#include "drivers/drivers.hpp"

namespace framelog {
namespace {

using Json = nlohmann::ordered_json;
/// Cameras on a network have to answer.
constexpr auto kPatience = std::chrono::seconds(3);

/// What one driver has found, or why it could not look.
struct Finding {
  const Driver* driver{};
  Result<std::vector<FoundInstrument>> instruments;
};

std::string lines_of(const Driver& driver, const FoundInstrument& found) {
  std::string text = fmt::format("    [source]\n    driver = {}\n", driver.name);
  for (const auto& [key, value] : found.settings) {
    text += fmt::format("    {} = {}\n", key, one_line(value));
  }
  return text;
}

std::string text_of(const Finding& finding) {
  const Driver& driver = *finding.driver;
  if (!finding.instruments) {
    return fmt::format("{}: cannot look: {}\n", driver.name,
                       one_line(describe(finding.instruments.error())));
  }
  if (finding.instruments->empty()) return fmt::format("{}: none found\n", driver.name);
  std::string text = fmt::format("{}:\n", driver.name);
  for (const FoundInstrument& found : *finding.instruments) {
    text += fmt::format("  {}{}\n{}", one_line(found.description),
                        found.note.empty() ? "" : fmt::format(" ({})", one_line(found.note)),
                        lines_of(driver, found));
  }
  return text;
}

Json json_of(const Finding& finding) {
  Json json{{"driver", finding.driver->name}, {"error", nullptr}, {"instruments", Json::array()}};
  if (!finding.instruments) {
    json["error"] = describe(finding.instruments.error());
    return json;
  }
  for (const FoundInstrument& found : *finding.instruments) {
    Json settings{{"driver", finding.driver->name}};
    for (const auto& [key, value] : found.settings) settings[key] = value;
    json["instruments"].push_back({{"description", found.description},
                                   {"note", found.note.empty() ? Json(nullptr) : Json(found.note)},
                                   {"source", std::move(settings)}});
  }
  return json;
}

/// Of the driver that was named, or of all that can look.
std::vector<Finding> look(const std::string& name) {
  std::vector<Finding> findings;
  for (const Driver& driver : drivers()) {
    if (driver.find == nullptr || (!name.empty() && driver.name != name)) continue;
    findings.push_back({&driver, driver.find(kPatience)});
  }
  return findings;
}

/// Why the operand is wrong; empty: it is not.
std::string fault_of(const std::string& name) {
  if (name.empty()) return "";
  const Driver* driver = find_driver(name);
  std::string known;
  for (const Driver& each : drivers()) {
    if (each.find != nullptr) known += (known.empty() ? "" : " ") + std::string(each.name);
  }
  if (driver == nullptr) return fmt::format("unknown driver {} ({})", in_quotes(name), known);
  if (driver->find != nullptr) return "";
  return fmt::format("driver {} cannot look for instruments (only {} can)", name, known);
}

}  // namespace

int devices_command(const CommandLine& line) {
  const std::string name = line.operands.empty() ? "" : line.operands.front();
  if (const std::string fault = fault_of(name); !fault.empty()) {
    std::cerr << "framelog: " << fault << '\n';
    return kExitUsage;
  }
  const std::vector<Finding> findings = look(name);
  Json json = Json::array();
  int status = kExitDone;
  for (const Finding& finding : findings) {
    if (!finding.instruments) status = exit_status_of(finding.instruments.error());
    if (line.json) {
      json.push_back(json_of(finding));
    } else {
      std::cout << text_of(finding);
    }
  }
  if (line.json) std::cout << json.dump(1, ' ', false, Json::error_handler_t::replace) << '\n';
  return status;
}

}  // namespace framelog
