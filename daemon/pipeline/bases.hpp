#pragma once

#include <memory>
#include <vector>

#include "pipeline/recording_plan.hpp"
#include "store/base.hpp"

namespace framelog {

/// Shared, because the configuration before finishes its files there while the next one records.
using Bases = std::vector<std::shared_ptr<Base>>;

/// Those that a plan's products go to, each once; one of `there` is taken again.
[[nodiscard]] Bases bases_of(FileSystem& files, const RecordingPlan& plan, const Bases& there);

/// Opens them. A disk that is missing or full may be there later: the files thread goes on trying.
/// Errors: others than that, of Base::open().
[[nodiscard]] Result<void> open_bases(FileSystem& files, const Bases& bases);

/// Draws the run's number where the first open base is; 0 while none is. Errors: of the base.
[[nodiscard]] Result<std::int64_t> draw_run_number(const Bases& bases);

}  // namespace framelog
