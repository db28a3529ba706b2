#pragma once

#include <string>
#include <vector>

namespace framelog {

/// What a user gave to `framelog`, beside the name of the subcommand.
struct CommandLine {
  std::string config;                  ///< File of --config or -i; empty: not given.
  std::string instrument;              ///< Name of -i; empty: not given.
  std::vector<std::string> overrides;  ///< Of --set.
  std::vector<std::string> operands;   ///< Behind the subcommand.
  bool json{};
  bool tree{};
  bool watch{};
  bool check{};
  std::string product;  ///< Of --product; empty: the first, or all.
  std::string since;    ///< Of --since, as it was written; empty: not given.
  std::string until;    ///< Of --until, likewise.
  std::string run;      ///< Of --run.
  bool gaps{};
  bool deep{};
};

}  // namespace framelog
