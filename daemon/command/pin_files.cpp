#include "command/pin_files.hpp"

#include <unistd.h>

#include <iostream>

#include "command/catalog_commands.hpp"
#include "command/instrument.hpp"
#include "core/text.hpp"

namespace framelog {

int pin_segments(const std::string& instrument, const std::string& config,
                 const std::string& recorded_by,
                 const std::vector<std::filesystem::path>& segments) {
  const auto configured = [](const std::string& name) {
    return "/etc/framelogd/" + name + ".conf";
  };
  CommandLine line;
  if (!config.empty()) {
    line.config = config;
  } else if (!instrument.empty()) {
    line.instrument = instrument;
    line.config = configured(instrument);
  } else if (!recorded_by.empty() && recorded_by.find('/') == std::string::npos &&
             ::access(configured(recorded_by).c_str(), R_OK) == 0) {
    line.instrument = recorded_by;
    line.config = configured(recorded_by);
  } else {
    std::cerr << "framelog: note: no segment was pinned: no instrument of this machine recorded "
                 "them (-i NAME or --config FILE)\n";
    return kExitDone;
  }
  for (const auto& segment : segments) line.operands.push_back(segment.string());
  return pin_command(line);
}

}  // namespace framelog
