#include "command/devices_command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "command/instrument.hpp"
#include "command/output.hpp"
#include "core/text.hpp"
#include "drivers/drivers.hpp"
#include "service/gpio_chips.hpp"

namespace framelog {
namespace {

using Json = nlohmann::ordered_json;
/// Cameras on a network have to answer.
constexpr auto kPatience = std::chrono::seconds(3);
/// The operand that asks for the board's lines, as the section is called.
constexpr std::string_view kGpio = "gpio";

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

std::string line_text(const ChipFacts::Line& line, std::size_t offset) {
  std::string text = std::to_string(offset);
  if (!line.name.empty()) text += " " + one_line(line.name);
  if (line.used) {
    text += line.consumer.empty() ? " (in use)"
                                  : fmt::format(" (in use by {})", one_line(line.consumer));
  }
  return text;
}

/// The chips with their lines, and the section that makes the first free line a trigger.
std::string text_of(const std::vector<ChipFacts>& chips) {
  if (chips.empty()) return fmt::format("{}: none found\n", kGpio);
  std::string text = fmt::format("{}:\n", kGpio);
  for (const ChipFacts& chip : chips) {
    if (chip.failed_errno != 0) {
      text += "  " +
              one_line(describe(fail_errno(chip.failed_errno, "cannot open", chip.path).error())) +
              "\n";
      continue;
    }
    text += fmt::format("  {} ({}), {}\n", chip.path, one_line(chip.label),
                        counted(static_cast<std::int64_t>(chip.lines.size()), "line"));
    for (std::size_t i = 0; i < chip.lines.size(); ++i) {
      text += fmt::format("    {}\n", line_text(chip.lines[i], i));
    }
    const auto free = std::ranges::find(chip.lines, false, &ChipFacts::Line::used);
    if (free == chip.lines.end()) continue;
    const std::string line =
        free->name.empty() ? std::to_string(free - chip.lines.begin()) : one_line(free->name);
    text += fmt::format("    [gpio]\n    chip = {}\n    trigger = {}\n", chip.name, line);
  }
  return text;
}

Json json_of(const std::vector<ChipFacts>& chips) {
  Json json = Json::array();
  for (const ChipFacts& chip : chips) {
    Json lines = Json::array();
    for (const ChipFacts::Line& line : chip.lines) {
      lines.push_back({{"name", line.name},
                       {"in_use", line.used},
                       {"consumer", line.consumer.empty() ? Json(nullptr) : Json(line.consumer)}});
    }
    const auto error = fail_errno(chip.failed_errno, "cannot open", chip.path).error();
    json.push_back({{"chip", chip.name},
                    {"path", chip.path},
                    {"label", chip.label},
                    {"lines", std::move(lines)},
                    {"error", chip.failed_errno == 0 ? Json(nullptr) : Json(describe(error))}});
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
  if (name.empty() || name == kGpio) return "";
  const Driver* driver = find_driver(name);
  std::string known;
  for (const Driver& each : drivers()) {
    if (each.find != nullptr) known += std::string(each.name) + " ";
  }
  known += kGpio;
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
  if (name.empty() || name == kGpio) {
    const std::vector<ChipFacts> chips = list_chips();
    if (line.json) {
      json.push_back({{"driver", nullptr}, {"chips", json_of(chips)}});
    } else {
      std::cout << text_of(chips);
    }
  }
  if (line.json) std::cout << json.dump(1, ' ', false, Json::error_handler_t::replace) << '\n';
  return status;
}

}  // namespace framelog
