#include "command/config_command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "command/configuration_json.hpp"
#include "command/control_commands.hpp"
#include "command/instrument.hpp"
#include "command/output.hpp"
#include "config/report.hpp"
#include "core/text.hpp"
#include "drivers/drivers.hpp"

namespace framelog {
namespace {

using Json = nlohmann::ordered_json;
constexpr int kNamesPerProduct = 3;

int print_errors(const std::vector<std::string>& errors) {
  for (const std::string& error : errors) std::cerr << error << '\n';
  return kExitUsage;
}

void print_json(const Json& json) {
  std::cout << json.dump(1, ' ', false, Json::error_handler_t::replace) << '\n';
}

/// The instrument with what its source announced.
struct OpenInstrument {
  Instrument instrument;
  RecordingPlan plan;
};

/// Errors: those of the configuration, as lines.
std::expected<OpenInstrument, std::vector<std::string>> open(const CommandLine& line) {
  Instrument instrument = load_instrument(line.config, line.overrides, system_clock());
  std::vector<std::string> errors = instrument.configuration.errors;
  if (!errors.empty()) return std::unexpected(std::move(errors));
  const auto info = instrument.source->open();
  if (!info) {
    return std::unexpected(
        std::vector{one_line(line.config + ": source: " + describe(info.error()))});
  }
  RecordingPlan plan = plan_recording(instrument.configuration, *info, errors);
  if (!errors.empty()) return std::unexpected(std::move(errors));
  return OpenInstrument{std::move(instrument), std::move(plan)};
}

int check(const CommandLine& line) {
  const auto opened = open(line);
  if (line.json) {
    Json json{{"ok", opened.has_value()}, {"errors", Json::array()}};
    if (!opened) json["errors"] = opened.error();
    print_json(json);
    return opened ? kExitDone : kExitUsage;
  }
  if (!opened) return print_errors(opened.error());
  std::cout << explain(opened->plan);
  return kExitDone;
}

int show_values(const CommandLine& line) {
  const Instrument instrument = load_instrument(line.config, line.overrides, system_clock());
  const Configuration& configuration = instrument.configuration;
  if (line.json) {
    std::cout << configuration_json(configuration, 1) << '\n';
  } else {
    std::cout << show(configuration.settings) << std::flush;
    print_errors(configuration.errors);
  }
  return configuration.errors.empty() ? kExitDone : kExitUsage;
}

int names(const CommandLine& line) {
  auto opened = open(line);
  if (!opened) return print_errors(opened.error());
  const std::int64_t now = system_clock().utc_ns();
  set_run(opened->plan, {"", 1, now, system_clock().monotonic_ns()});
  Json json = Json::array();
  for (const ProductPlan& product : opened->plan.products) {
    if (!product.store) {
      if (!line.json) std::cout << product.name << ": not recorded (format = none)\n";
      continue;
    }
    const SegmentStore store(system_files(), *product.store);
    for (int number = 1; number <= kNamesPerProduct; ++number) {
      const auto path =
          product.store->base /
          store.name(number, now,
                     static_cast<std::uint64_t>((number - 1) * store.capacity_frames()));
      json.push_back({{"product", product.name}, {"segment", number}, {"path", path.string()}});
      if (!line.json) std::cout << one_line(path.string()) << '\n';
    }
  }
  if (line.json) print_json(json);
  return kExitDone;
}

Json driver_json(const Driver& driver) {
  Json keys = Json::array();
  for (const OptionSpec& option : driver.options) {
    keys.push_back({{"key", key_text(option.key)},
                    {"default", option.default_text},
                    {"allowed", allowed_text(option)},
                    {"help", option.help}});
  }
  return {{"driver", driver.name}, {"help", driver.help}, {"keys", keys}};
}

int list_drivers(const CommandLine& line) {
  Json json = Json::array();
  for (const Driver& driver : drivers()) {
    json.push_back(driver_json(driver));
    if (line.json) continue;
    std::cout << fmt::format("{}: {}\n", driver.name, driver.help);
    using enum TextTable::Align;
    TextTable table({kLeft, kLeft, kLeft, kLeft});
    for (const OptionSpec& option : driver.options) {
      table.add({"  " + key_text(option.key),
                 option.default_text.empty() ? "" : fmt::format("= {}", option.default_text),
                 allowed_text(option), std::string(option.help)});
    }
    std::cout << table.text() << '\n';
  }
  if (line.json) print_json(json);
  return kExitDone;
}

int print_reference(const CommandLine& /*line*/) {
  const auto tables = all_options();
  std::cout << reference(tables);
  return kExitDone;
}

struct Topic {
  std::string_view name;
  bool needs_configuration{};
  bool has_json{};
  int (*run)(const CommandLine& line);
};

constexpr std::array kTopics{
    Topic{"check", true, true, check},
    Topic{"show", true, true, show_values},
    Topic{"names", true, true, names},
    Topic{"drivers", false, true, list_drivers},
    Topic{"reference", false, false, print_reference},
    Topic{"reload", false, true, reload_command},
};

int usage_error(const std::string& text) {
  std::cerr << "framelog: " << text << " (see framelog config --help)\n";
  return kExitUsage;
}

}  // namespace

int config_command(const CommandLine& line) {
  const std::string& word = line.operands.front();
  const auto topic = std::ranges::find(kTopics, word, &Topic::name);
  if (topic == kTopics.end()) {
    std::vector<std::string_view> known;
    for (const Topic& each : kTopics) known.push_back(each.name);
    const std::string nearest = nearest_word(word, known);
    return usage_error(fmt::format("unknown: config {}{}", in_quotes(word),
                                   nearest.empty() ? "" : ", did you mean " + nearest + "?"));
  }
  if (topic->needs_configuration && line.config.empty()) {
    return usage_error(fmt::format("config {} needs -i NAME or --config FILE", word));
  }
  if (line.json && !topic->has_json) {
    return usage_error(fmt::format("config {} has no --json", word));
  }
  return topic->run(line);
}

}  // namespace framelog
