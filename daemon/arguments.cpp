#include "arguments.hpp"

#include <fmt/format.h>

#include <boost/program_options.hpp>
#include <iostream>

#include "command/instrument.hpp"
#include "core/version.hpp"

namespace framelog {
namespace {

namespace po = boost::program_options;
using std::chrono::nanoseconds;

int usage_error(const std::string& text) {
  std::cerr << "framelogd: " << text << " (see framelogd --help)\n";
  return kExitUsage;
}

po::options_description options() {
  po::options_description all("framelogd --config FILE [options]");
  all.add_options()("config", po::value<std::string>()->value_name("FILE"),
                    "configuration; its stem is the instrument's name")(
      "set", po::value<std::vector<std::string>>()->composing()->value_name("SECTION.KEY=VALUE"),
      "overrides one value; may be repeated")(
      "check", "says what the configuration means, or all that is wrong with it")(
      "frames", po::value<std::string>()->value_name("N"), "stops after N frames")(
      "duration", po::value<std::string>()->value_name("T"),
      "stops after a time such as 10 s or 1 h 30 min")("version", "prints the version")(
      "help", "prints this");
  return all;
}

/// Reads --frames and --duration as the configuration would, units and all.
std::expected<void, std::string> read_limits(const po::variables_map& given, Arguments& arguments) {
  if (given.contains("frames")) {
    const OptionSpec spec{.key = "frames", .type = OptionType::kInteger, .least = 1, .most = 1e15};
    const auto value = parse_value(spec, given["frames"].as<std::string>());
    if (!value) return std::unexpected("--frames: " + value.error());
    arguments.frames = static_cast<std::uint64_t>(std::get<std::int64_t>(*value));
  }
  if (given.contains("duration")) {
    const OptionSpec spec{
        .key = "duration", .type = OptionType::kDuration, .least = 1e-3, .most = 1e9};
    const auto value = parse_value(spec, given["duration"].as<std::string>());
    if (!value) return std::unexpected("--duration: " + value.error());
    arguments.duration = std::get<nanoseconds>(*value);
  }
  return {};
}

}  // namespace

std::expected<Arguments, int> read_arguments(int argc, char** argv) {
  Arguments arguments;
  po::variables_map given;
  try {
    po::positional_options_description none;
    po::store(po::command_line_parser(argc, argv).options(options()).positional(none).run(), given);
  } catch (const po::error& error) {
    return std::unexpected(usage_error(error.what()));
  }
  if (given.contains("help")) {
    std::cout << options();
    return std::unexpected(kExitDone);
  }
  if (given.contains("version")) {
    std::cout << fmt::format("framelogd {} ({}, {})\n", program_version(), git_commit(),
                             build_kind());
    return std::unexpected(kExitDone);
  }
  if (!given.contains("config")) return std::unexpected(usage_error("--config FILE is required"));
  arguments.config = given["config"].as<std::string>();
  if (given.contains("set")) arguments.overrides = given["set"].as<std::vector<std::string>>();
  arguments.check = given.contains("check");
  if (auto limits = read_limits(given, arguments); !limits)
    return std::unexpected(usage_error(limits.error()));
  return arguments;
}

}  // namespace framelog
