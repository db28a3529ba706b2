#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/program_options.hpp>
#include <exception>
#include <expected>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "command/catalog_commands.hpp"
#include "command/command_line.hpp"
#include "command/config_command.hpp"
#include "command/control_commands.hpp"
#include "command/devices_command.hpp"
#include "command/export_command.hpp"
#include "command/grab_command.hpp"
#include "command/info_command.hpp"
#include "command/instrument.hpp"
#include "command/list_command.hpp"
#include "command/option_table.hpp"
#include "command/recover_command.hpp"
#include "command/snapshot_command.hpp"
#include "command/status_command.hpp"
#include "command/verify_command.hpp"
#include "core/option.hpp"
#include "core/text.hpp"
#include "core/version.hpp"

namespace framelog {
namespace {

namespace po = boost::program_options;

/// What the commands take that talk to a running instrument.
struct Running {
  std::size_t least{1};  ///< Operands.
  std::size_t most{1};
  bool talks{};
  bool watches{};
  bool grabs{};
  bool lists{};  ///< Over a catalog, where no directory is given.
  bool marks{};  ///< In a catalog, through the instrument where it runs.
  bool verifies{};
};

int help_command(const std::vector<std::string>& words);

constexpr Running kAsks{.least = 0, .most = 0, .talks = true};

struct Command {
  std::string_view name;
  std::string_view arguments;
  std::string_view help;
  bool has_tree{};
  bool several{};  ///< Operands: one, or one and more.
  int (*run)(const CommandLine& line){};
  Running running{};
  /// In place of run(): it has a table of options of its own, and reads its words itself.
  int (*run_words)(const std::vector<std::string>& words){};
};

constexpr std::array kCommands{
    Command{
        "list", "[DIR]",
        "what has been recorded, one segment a line: below a directory, or as the catalog of an "
        "instrument says",
        false, false, list_command, Running{.least = 0, .most = 1, .lists = true}},
    Command{"info", "FILE", "what a segment is, at a glance; also while it is being recorded", true,
            false, info_command},
    Command{"verify", "PATH...", "checks that every frame is there as it was recorded", false, true,
            verify_command, Running{.verifies = true}},
    Command{"recover", "PATH...", "finishes what a killed process or a power cut has left", false,
            true, recover_command},
    Command{"pin", "FILE...", "keeps finished segments from being deleted", false, true,
            pin_command, Running{.marks = true}},
    Command{"unpin", "FILE...", "lets pinned segments be deleted again", false, true, unpin_command,
            Running{.marks = true}},
    Command{"ack", "FILE...", "says that segments have been copied, and may be deleted", false,
            true, ack_command, Running{.marks = true}},
    Command{"catalog", "rebuild|check", "makes the catalog from the files, or compares the two",
            false, false, catalog_command, Running{.marks = true}},
    Command{.name = "export",
            .arguments = "INPUT... --to FORMAT[,FORMAT...] [options]",
            .help = "writes recordings as files that other programs open",
            .run_words = export_command},
    Command{.name = "snapshot",
            .arguments = "add|list|show|edit|delete|export INPUT [NAME...] [options]",
            .help = "bookmarks places in recordings, and exports them as pictures",
            .run_words = snapshot_command},
    Command{"config", "check|show|names|drivers|reference|reload",
            "what a configuration means, without recording", false, false, config_command},
    Command{"devices", "[DRIVER|gpio]",
            "the instruments that are connected, each with the configuration that opens it", false,
            false, devices_command, Running{.least = 0}},
    Command{"status", "", "how a running instrument is doing", false, false, status_command,
            Running{.least = 0, .most = 0, .talks = true, .watches = true}},
    Command{"start", "", "begins a run, where recording starts by command", false, false,
            start_command, kAsks},
    Command{"stop", "", "ends the run, and waits until its files are finished", false, false,
            stop_command, kAsks},
    Command{"trigger", "", "the next frame is a trigger", false, false, trigger_command, kAsks},
    Command{"roll", "", "the next frame begins new files", false, false, roll_command, kAsks},
    Command{"mark", "TEXT", "writes a remark into the files that are being recorded", false, false,
            mark_command, Running{.talks = true}},
    Command{"set", "KEY VALUE [UNIT]", "notes the value of something that changes slowly", false,
            false, set_command, Running{.least = 2, .most = 3, .talks = true}},
    Command{"grab", "FILE.h5|tif|png", "writes the latest frame to a file of its own", false, false,
            grab_command, Running{.talks = true, .grabs = true}},
    Command{"metrics", "", "what monitoring counts, as Prometheus reads it", false, false,
            metrics_command, kAsks},
    Command{"events", "", "what happens, a line each, until it is interrupted", false, false,
            events_command, kAsks},
    Command{.name = "help",
            .arguments = "[COMMAND | export FORMAT]",
            .help = "explains a command, or a format of export",
            .run_words = help_command},
};

constexpr std::string_view kExplained =
    "\nExit status: 0 done, 1 found something wrong, 2 usage or configuration, 3 not running, 4 "
    "not "
    "allowed.\n";

int usage_error(const std::string& text) {
  std::cerr << "framelog: " << text << " (see framelog --help)\n";
  return kExitUsage;
}

po::options_description options() {
  po::options_description all("Options");
  all.add_options()("instrument,i", po::value<std::string>()->value_name("NAME"),
                    "the instrument of /etc/framelogd/NAME.conf")(
      "config", po::value<std::string>()->value_name("FILE"), "the instrument of another file")(
      "set", po::value<std::vector<std::string>>()->composing()->value_name("SECTION.KEY=VALUE"),
      "overrides one value; may be repeated")("json", "prints JSON")(
      "tree", "info: prints the structure of the file")("watch",
                                                        "status: a live table, until Ctrl-C")(
      "check", "status: one line for monitoring; exit 0 recording, 1 degraded, 2 not recording")(
      "product", po::value<std::string>()->value_name("NAME"), "grab, list: of which product")(
      "since", po::value<std::string>()->value_name("TIME"),
      "list: what ends later: 2026-11-21, \"2026-11-21 16:00\", 2026-11-21T16:00:30Z, today, "
      "yesterday, \"2 h ago\"")("until", po::value<std::string>()->value_name("TIME"),
                                "list: what begins earlier")(
      "run", po::value<std::string>()->value_name("RUN"),
      "list: of which run, by its number or the beginning of its UUID")(
      "gaps", "list: only where frames are missing")(
      "deep", "verify: also compares SHA256SUMS and, with -i or --config, the catalog's digests")(
      "version", "prints the version")("help",
                                       "prints "
                                       "this");
  return all;
}

void print_help() {
  std::cout << "framelog [-i NAME | --config FILE] COMMAND\n\n";
  for (const Command& command : kCommands) {
    std::cout << fmt::format("  {:<10} {}\n", command.name, command.help);
  }
  std::cout << '\n' << options() << kExplained;
}

bool takes_instrument(const Command& command) {
  const Running& running = command.running;
  return running.talks || running.lists || running.marks || running.verifies ||
         command.run == config_command;
}

std::string_view own_options(const Command& command) {
  if (command.running.watches) return " [--watch | --check]";
  if (command.running.grabs) return " [--product NAME]";
  if (command.running.lists) {
    return " [--since TIME] [--until TIME] [--product NAME] [--run RUN] [--gaps]";
  }
  if (command.running.verifies) return " [--deep]";
  return command.has_tree ? " [--tree]" : "";
}

void print_help(const Command& command) {
  std::cout << fmt::format("framelog {}{} {} [--json]{}\n\n{}\n", command.name,
                           takes_instrument(command) ? " [-i NAME | --config FILE]" : "",
                           command.arguments, own_options(command), command.help);
  if (command.run == config_command) {
    std::cout << "\n"
                 "  check      all that is wrong with it, or what it means in numbers\n"
                 "  show       every value that holds, with the place where it was written\n"
                 "  names      the names that the first segments would get\n"
                 "  drivers    every driver and its keys\n"
                 "  reference  every key that there is, as Markdown\n"
                 "  reload     the running instrument reads its configuration again\n";
  }
  if (command.run == catalog_command) {
    std::cout << "\n"
                 "  rebuild    makes it say what the files say; pins and acknowledgements stay\n"
                 "  check      prints where the two differ, and exits 1 if they do\n";
  }
  std::cout << kExplained;
}

/// Null where there is none of that name.
const Command* find_command(std::string_view name) {
  const auto found = std::ranges::find(kCommands, name, &Command::name);
  return found == kCommands.end() ? nullptr : &*found;
}

std::string unknown_command(const std::string& name) {
  std::vector<std::string_view> known;
  for (const Command& command : kCommands) known.push_back(command.name);
  const std::string nearest = nearest_word(name, known);
  return fmt::format("unknown command {}{}", in_quotes(name),
                     nearest.empty() ? "" : ", did you mean " + nearest + "?");
}

int help_command(const std::vector<std::string>& words) {
  if (!words.empty() && words.front() == "export" && words.size() <= 2) {
    return help_export({words.begin() + 1, words.end()});
  }
  if (words.empty()) {
    print_help();
    return kExitDone;
  }
  if (words.front() == "--help") {
    print_help(*find_command("help"));
    return kExitDone;
  }
  const Command* command = find_command(words.front());
  if (command == nullptr) return usage_error(unknown_command(words.front()));
  if (words.size() > 1) return usage_error("framelog help takes [COMMAND | export FORMAT]");
  if (command->run_words != nullptr && command->run_words != help_command) {
    return command->run_words({"--help"});
  }
  print_help(*command);
  return kExitDone;
}

/// Null where the words do not name a command with options of its own; else takes the name out.
const Command* take_command_with_words(std::vector<std::string>& words) {
  constexpr std::array<std::string_view, 7> kWithValue{
      "-i", "--instrument", "--config", "--set", "--product", "--since", "--until"};
  const std::size_t at = first_operand(words, kWithValue);
  if (at == words.size()) return nullptr;
  const Command* command = find_command(words[at]);
  if (command == nullptr || command->run_words == nullptr) return nullptr;
  words.erase(words.begin() + static_cast<std::ptrdiff_t>(at));
  return command;
}

/// The options of `list`, which are asked of a catalog.
std::expected<void, std::string> fit_list(const Command& command, const po::variables_map& given,
                                          CommandLine& line) {
  line.gaps = given.contains("gaps");
  bool is_filtered = line.gaps || (command.running.lists && given.contains("product"));
  for (const auto& [name, value] :
       {std::pair{"since", &line.since}, {"until", &line.until}, {"run", &line.run}}) {
    if (!given.contains(name)) continue;
    *value = given[name].as<std::string>();
    is_filtered = true;
    if (!command.running.lists) {
      return std::unexpected(fmt::format("framelog {} has no --{}", command.name, name));
    }
    if (value->empty()) return std::unexpected(fmt::format("framelog list: --{} is empty", name));
  }
  if (line.gaps && !command.running.lists) {
    return std::unexpected(fmt::format("framelog {} has no --gaps", command.name));
  }
  if (!command.running.lists) return {};
  const bool has_instrument = given.contains("instrument") || given.contains("config");
  if (!line.operands.empty() && (is_filtered || has_instrument)) {
    return std::unexpected(
        std::string("framelog list takes a directory, or an instrument (-i NAME, --config FILE) "
                    "and what to find"));
  }
  if (line.operands.empty() && !has_instrument) {
    return std::unexpected(
        std::string("framelog list takes a directory, or an instrument (-i NAME, --config FILE)"));
  }
  return {};
}

/// The options of commands that talk to a running instrument.
std::expected<void, std::string> fit_running(const Command& command, const po::variables_map& given,
                                             CommandLine& line) {
  line.watch = given.contains("watch");
  line.check = given.contains("check");
  if (given.contains("product")) line.product = given["product"].as<std::string>();
  const auto has_no = [&](const char* option) {
    return std::unexpected(fmt::format("framelog {} has no --{}", command.name, option));
  };
  if (line.watch && !command.running.watches) return has_no("watch");
  if (line.check && !command.running.watches) return has_no("check");
  if (given.contains("product") && !command.running.grabs && !command.running.lists) {
    return has_no("product");
  }
  if (auto fitted = fit_list(command, given, line); !fitted) return fitted;
  line.deep = given.contains("deep");
  if (line.deep && !command.running.verifies) return has_no("deep");
  if (line.check && (line.watch || line.json)) {
    return std::unexpected(std::string("--check goes with neither --watch nor --json"));
  }
  if (given.contains("product") && line.product.empty()) {
    return std::unexpected(fmt::format("framelog {}: the product's name is empty", command.name));
  }
  return {};
}

/// What does not fit the subcommand is an error: nothing that was asked for is left out silently.
std::expected<CommandLine, std::string> fit(const Command& command, const po::variables_map& given,
                                            std::vector<std::string> operands) {
  CommandLine line;
  line.operands = std::move(operands);
  const std::size_t count = line.operands.size();
  if (count < command.running.least || (count > command.running.most && !command.several)) {
    return std::unexpected(
        fmt::format("framelog {} takes {}", command.name,
                    command.arguments.empty() ? "no operand" : command.arguments));
  }
  if (std::ranges::any_of(line.operands, &std::string::empty)) {
    return std::unexpected(fmt::format("framelog {}: a name is empty", command.name));
  }
  line.json = given.contains("json");
  line.tree = given.contains("tree");
  if (line.tree && !command.has_tree) {
    return std::unexpected(fmt::format("framelog {} has no --tree", command.name));
  }
  if (auto fitted = fit_running(command, given, line); !fitted) {
    return std::unexpected(fitted.error());
  }
  if (given.contains("instrument") && given.contains("config")) {
    return std::unexpected(std::string("-i and --config exclude each other"));
  }
  if (given.contains("config")) line.config = given["config"].as<std::string>();
  if (given.contains("instrument")) {
    const std::string name = given["instrument"].as<std::string>();
    if (name.empty() || name.find('/') != std::string::npos) {
      return std::unexpected(fmt::format("{} is no instrument's name", in_quotes(name)));
    }
    line.instrument = name;
    line.config = "/etc/framelogd/" + name + ".conf";
  }
  if (given.contains("set")) line.overrides = given["set"].as<std::vector<std::string>>();
  return line;
}

/// "-5" is an operand: no option is a digit.
std::vector<po::option> negative_number(std::vector<std::string>& rest) {
  const std::string& first = rest.front();
  if (first.size() < 2 || first[0] != '-' || (!is_digit(first[1]) && first[1] != '.')) return {};
  po::option operand;
  operand.value.push_back(first);
  operand.original_tokens.push_back(first);
  rest.erase(rest.begin());
  return {operand};
}

/// What was printed has to have arrived.
int flushed(int status) {
  std::cout.flush();
  if (std::cout || status != kExitDone) return status;
  std::cerr << "framelog: cannot write the output\n";
  return kExitFoundWrong;
}

int run(const std::vector<std::string>& arguments) {
  std::vector<std::string> own_words = arguments;
  if (const Command* command = take_command_with_words(own_words)) {
    return flushed(command->run_words(own_words));
  }
  po::options_description all = options();
  all.add_options()("words", po::value<std::vector<std::string>>());
  po::positional_options_description words;
  words.add("words", -1);
  po::variables_map given;
  try {
    using Style = po::command_line_style::style_t;
    const int style = Style::unix_style & ~Style::allow_guessing;
    po::store(po::command_line_parser(arguments)
                  .options(all)
                  .positional(words)
                  .style(style)
                  .extra_style_parser(negative_number)
                  .run(),
              given);
  } catch (const po::error& error) {
    return usage_error(one_line(error.what()));
  }
  if (given.contains("version")) {
    std::cout << fmt::format("framelog {} ({}, {})\n", program_version(), git_commit(),
                             build_kind());
    return kExitDone;
  }
  std::vector<std::string> operands;
  if (given.contains("words")) operands = given["words"].as<std::vector<std::string>>();
  if (operands.empty()) {
    if (!given.contains("help")) return usage_error("no command given");
    print_help();
    return kExitDone;
  }
  const Command* command = find_command(operands.front());
  if (command == nullptr) return usage_error(unknown_command(operands.front()));
  if (given.contains("help")) {
    print_help(*command);
    return kExitDone;
  }
  operands.erase(operands.begin());
  const auto line = fit(*command, given, std::move(operands));
  if (!line) return usage_error(line.error());
  return flushed(command->run(*line));
}

}  // namespace
}  // namespace framelog

int main(int argc, char** argv) {
  try {
    return framelog::run(std::vector<std::string>(argv + 1, argv + argc));
  } catch (const std::exception& error) {
    std::cerr << "framelog: " << framelog::one_line(error.what()) << '\n';
    return framelog::kExitFoundWrong;
  }
}
