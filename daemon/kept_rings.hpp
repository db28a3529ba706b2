#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "pipeline/ring_keeper.hpp"

namespace framelog {

/// Where the rings of this instrument outlive the process. Once in a program.
[[nodiscard]] std::unique_ptr<RingKeeper> make_keeper(const std::string& instrument,
                                                      const std::filesystem::path& configuration);

/// Where this daemon cannot record: writes what processes of the instrument left in their rings
/// when they died, each by its own configuration, and ends their runs. False where a ring with
/// frames stays, so that the program has to be tried again. Threads: main.
[[nodiscard]] bool end_left_runs(RingKeeper& keeper);

}  // namespace framelog
