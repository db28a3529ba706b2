#pragma once

#include <functional>
#include <memory>

#include "arguments.hpp"
#include "command/instrument.hpp"
#include "pipeline/recorder.hpp"

namespace framelog {

/// Called on the recorder's thread with the configuration that a reload has put in force.
using Adopted = std::function<void(const std::shared_ptr<const Configuration>&)>;

/// What the configuration of an instrument, which is right, gives the recorder.
[[nodiscard]] RecorderSetup make_setup(Instrument instrument, Adopted adopted = {});

/// The plan of a configuration that is in no file any more: its text, and what its source
/// announced. Adds to `errors`.
[[nodiscard]] RecordingPlan plan_of_text(const std::string& instrument, const std::string& text,
                                         const SourceInfo& source,
                                         std::vector<std::string>& errors);

/// Reads the same files and overrides again. `arguments` are copied.
[[nodiscard]] Recorder::Loader make_loader(Arguments arguments, Adopted adopted);

}  // namespace framelog
