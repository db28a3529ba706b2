#pragma once

#include <string>
#include <vector>

#include "drivers/aravis_glib.hpp"
#include "drivers/drivers.hpp"

namespace framelog {

/// A camera that answers.
struct AravisDevice {
  std::string id{};  ///< "Vendor-Model-serial", by which it is opened.
  std::string vendor{};
  std::string model{};
  std::string serial{};
  std::string address{};   ///< IP address, or USB's name of it.
  std::string protocol{};  ///< "GigEVision", "USB3Vision".
};

/// All that answer now; takes about a second, in which cameras on the network may answer.
/// Threads: any, one at a time.
[[nodiscard]] std::vector<AravisDevice> find_aravis_devices();

/// For `framelog devices`. Errors: none.
[[nodiscard]] Result<std::vector<FoundInstrument>> find_aravis_instruments(
    std::chrono::nanoseconds patience);

/// A camera that was opened, and what was found of it before.
struct OpenedCamera {
  ObjectPtr<ArvCamera> camera;
  AravisDevice found;
};

/// Opens by id, serial number or address, or the only one when `name` is empty; takes control of
/// it. Errors: kInvalid (several and none named, with a list of them), kNotFound (with what there
/// is), kDenied (another program controls it), kIo.
[[nodiscard]] Result<OpenedCamera> open_aravis_camera(const std::string& name);

}  // namespace framelog
