#include "drivers/aravis_find.hpp"

#include <arv.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <mutex>

namespace framelog {
namespace {

std::string text_of(const char* text) { return text == nullptr ? "" : text; }

std::string list_of(const std::vector<AravisDevice>& devices) {
  if (devices.empty()) return "there is none";
  std::vector<std::string> ids;
  ids.reserve(devices.size());
  for (const AravisDevice& device : devices) ids.push_back(device.id);
  return fmt::format("there are: {}", fmt::join(ids, ", "));
}

bool is_named(const AravisDevice& device, std::string_view name) {
  return device.id == name || device.serial == name || device.address == name ||
         device.vendor + "-" + device.serial == name;
}

/// Cameras behind a router answer no broadcast, but may be asked by their address.
bool is_address(const std::string& name) { return g_hostname_is_ip_address(name.c_str()) != 0; }

Result<AravisDevice> choose(const std::string& name) {
  const std::vector<AravisDevice> devices = find_aravis_devices();
  if (name.empty() && devices.size() == 1) return devices.front();
  if (name.empty() && devices.empty()) {
    return fail(ErrorCode::kNotFound, "no GigE Vision or USB3 Vision camera answers");
  }
  if (name.empty()) {
    return fail(ErrorCode::kInvalid, "source.camera has to say which one is meant",
                "(" + list_of(devices) + ")");
  }
  const auto matches = [&](const AravisDevice& device) { return is_named(device, name); };
  if (std::ranges::count_if(devices, matches) > 1) {
    return fail(ErrorCode::kInvalid, "several cameras are called",
                fmt::format("{} ({})", name, list_of(devices)));
  }
  const auto found = std::ranges::find_if(devices, matches);
  if (found != devices.end()) return *found;
  if (is_address(name)) return AravisDevice{.id = name, .address = name};
  return fail(ErrorCode::kNotFound, "no camera is called",
              fmt::format("{} ({})", name, list_of(devices)));
}

bool is_controlled(ArvCamera* camera) {
  if (arv_camera_is_gv_device(camera) == 0) return true;
  return arv_gv_device_is_controller(ARV_GV_DEVICE(arv_camera_get_device(camera))) != 0;
}

}  // namespace

std::vector<AravisDevice> find_aravis_devices() {
  static std::mutex mutex;  // Aravis' list is one for the whole process.
  const std::scoped_lock lock(mutex);
  quiet_aravis();
  arv_update_device_list();
  std::vector<AravisDevice> devices(arv_get_n_devices());
  for (unsigned int i = 0; i < devices.size(); ++i) {
    devices[i] = {.id = text_of(arv_get_device_id(i)),
                  .vendor = text_of(arv_get_device_vendor(i)),
                  .model = text_of(arv_get_device_model(i)),
                  .serial = text_of(arv_get_device_serial_nbr(i)),
                  .address = text_of(arv_get_device_address(i)),
                  .protocol = text_of(arv_get_device_protocol(i))};
  }
  return devices;
}

Result<std::vector<FoundInstrument>> find_aravis_instruments(
    std::chrono::nanoseconds /*patience*/) {
  std::vector<FoundInstrument> instruments;
  for (const AravisDevice& device : find_aravis_devices()) {
    const std::string description = fmt::format("{} {} {} ({} {})", device.vendor, device.model,
                                                device.serial, device.protocol, device.address);
    instruments.push_back({description, {{"camera", device.id}}, ""});
  }
  return instruments;
}

Result<OpenedCamera> open_aravis_camera(const std::string& name) {
  auto chosen = choose(name);
  if (!chosen) return std::unexpected(std::move(chosen.error()));
  Failure failure;
  ObjectPtr<ArvCamera> camera(arv_camera_new(chosen->id.c_str(), failure.out()));
  if (!camera) return failure.error("cannot open camera", chosen->id);
  if (!is_controlled(camera.get())) {
    return fail(ErrorCode::kDenied, "another program controls camera",
                chosen->id + " (it has to let go of it first)");
  }
  return OpenedCamera{std::move(camera), std::move(*chosen)};
}

}  // namespace framelog
