#pragma once

#include "arguments.hpp"
#include "command/instrument.hpp"
#include "pipeline/recorder.hpp"

namespace framelog {

/// What the configuration of an instrument, which is right, gives the recorder.
[[nodiscard]] RecorderSetup make_setup(Instrument instrument);

/// Reads the same files and overrides again. `arguments` are copied.
[[nodiscard]] Recorder::Loader make_loader(Arguments arguments);

}  // namespace framelog
