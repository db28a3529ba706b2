#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "config/configuration.hpp"
#include "core/clock.hpp"
#include "drivers/drivers.hpp"
#include "pipeline/recording_plan.hpp"

namespace framelog {

/// The option tables of all rooms: what a configuration may say.
[[nodiscard]] std::vector<std::span<const OptionSpec>> all_options();

/// A configuration with what it means, as far as that can be known without touching the instrument.
struct Instrument {
  Configuration configuration;
  std::unique_ptr<FrameSource> source;  ///< Null where the configuration is wrong.
};

/// Reads and checks a configuration; every error of every room is in `configuration.errors`.
[[nodiscard]] Instrument load_instrument(const std::filesystem::path& file,
                                         std::span<const std::string> overrides,
                                         const Clock& clock);

/// The plan for what the source announced; adds to `errors`.
[[nodiscard]] RecordingPlan plan_recording(const Configuration& configuration,
                                           const SourceInfo& source,
                                           std::vector<std::string>& errors);

/// What the plan means in numbers, a line each: frame size, scan (or that the source knows of one),
/// MB/s per product and how its frames are chosen and summed, [record], seconds the ring rides out,
/// time until the disk is full.
[[nodiscard]] std::string explain(const RecordingPlan& plan);

/// Exit statuses of both programs.
enum ExitStatus : int {
  kExitDone = 0,
  kExitFoundWrong = 1,
  kExitUsage = 2,
  kExitNotRunning = 3,
  kExitDenied = 4
};

}  // namespace framelog
