#pragma once

#include "arguments.hpp"
#include "command/instrument.hpp"
#include "pipeline/recorder.hpp"

namespace framelog {

/// Called when a configuration is in force, on the recorder's thread.
using SettingsListener = std::function<void(const Settings&)>;

/// What the configuration of an instrument, which is right, gives the recorder.
[[nodiscard]] RecorderSetup make_setup(Instrument instrument, SettingsListener adopted = {});

/// Reads the same files and overrides again. `arguments` are copied.
[[nodiscard]] Recorder::Loader make_loader(Arguments arguments, SettingsListener adopted = {});

}  // namespace framelog
