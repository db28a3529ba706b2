#pragma once

#include <string>
#include <vector>

namespace framelog {

/// What a user gave to `framelog`, beside the name of the subcommand.
struct CommandLine {
  std::string config;                  ///< File of --config or -i; empty: not given.
  std::vector<std::string> overrides;  ///< Of --set.
  std::vector<std::string> operands;   ///< Behind the subcommand.
  bool json{};
  bool tree{};
};

}  // namespace framelog
