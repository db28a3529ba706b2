#include "drivers/aravis_setup.hpp"

#include <arv.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "drivers/aravis_features.hpp"

namespace framelog {
namespace {

constexpr double kNsPerUs = 1e3;

std::unexpected<Error> refuse(std::string_view key, std::string_view value,
                              std::string_view allowed) {
  return fail(ErrorCode::kInvalid, "the camera does not take",
              fmt::format("source.{} = {} (allowed: {})", key, value, allowed));
}

std::unexpected<Error> not_offered(std::string_view key) {
  return fail(ErrorCode::kInvalid, "the camera cannot be told",
              fmt::format("source.{} (leave it out)", key));
}

Result<void> done(const Failure& failure, std::string_view key) {
  if (failure) return failure.error("cannot set", fmt::format("source.{}", key));
  return {};
}

Result<void> set_binning(ArvCamera* camera, const Binning& binning) {
  Failure failure;
  if (arv_camera_is_binning_available(camera, failure.out()) == 0) return not_offered("binning");
  std::array<gint, 2> rows{1, 1};
  std::array<gint, 2> columns{1, 1};
  arv_camera_get_y_binning_bounds(camera, &rows[0], &rows[1], failure.out());
  arv_camera_get_x_binning_bounds(camera, &columns[0], &columns[1], failure.out());
  const auto y = static_cast<gint>(binning.rows);
  const auto x = static_cast<gint>(binning.columns);
  if (y < rows[0] || y > rows[1] || x < columns[0] || x > columns[1]) {
    return refuse(
        "binning", fmt::format("{}x{}", y, x),
        fmt::format("{} to {} rows x {} to {} columns", rows[0], rows[1], columns[0], columns[1]));
  }
  arv_camera_set_binning(camera, x, y, failure.out());
  return done(failure, "binning");
}

/// Along one side: where it begins, and how long it is.
struct Extent {
  gint start{};
  gint length{};
};

/// `least` and `most` are lengths at offset 0.
Result<Extent> extent_of(std::string_view side, std::optional<std::uint32_t> start,
                         std::optional<std::uint32_t> stop, gint least, gint most, gint step,
                         gint offset_step) {
  const auto from = static_cast<gint64>(start.value_or(0));
  const auto to = static_cast<gint64>(stop.value_or(static_cast<std::uint32_t>(most)));
  const gint64 length = to - from;
  step = std::max(step, 1);
  offset_step = std::max(offset_step, 1);
  if (length < least || to > most || (length - least) % step != 0 || from % offset_step != 0) {
    return refuse("region", fmt::format("{}={}:{}", side, from, to),
                  fmt::format("within 0:{}, beginning at multiples of {}, {} or more long in steps "
                              "of {}",
                              most, offset_step, least, step));
  }
  return Extent{static_cast<gint>(from), static_cast<gint>(length)};
}

Result<void> set_region(ArvCamera* camera, const RegionSpec& region) {
  Failure failure;
  // The largest sizes are those at offset 0, which must fit at any time.
  std::array<gint, 4> now{};
  arv_camera_get_region(camera, &now[0], &now[1], &now[2], &now[3], failure.out());
  arv_camera_set_region(camera, 0, 0, now[2], now[3], failure.out());
  if (failure) return failure.error("cannot set", "source.region");
  gint least = 1;
  gint most = 1;
  arv_camera_get_width_bounds(camera, &least, &most, failure.out());
  const auto x = extent_of("x", region.x_start, region.x_stop, least, most,
                           arv_camera_get_width_increment(camera, nullptr),
                           arv_camera_get_x_offset_increment(camera, nullptr));
  if (!x) return std::unexpected(x.error());
  arv_camera_get_height_bounds(camera, &least, &most, failure.out());
  const auto y = extent_of("y", region.y_start, region.y_stop, least, most,
                           arv_camera_get_height_increment(camera, nullptr),
                           arv_camera_get_y_offset_increment(camera, nullptr));
  if (!y) return std::unexpected(y.error());
  arv_camera_set_region(camera, x->start, y->start, x->length, y->length, failure.out());
  return done(failure, "region");
}

Result<void> set_pixel_format(ArvCamera* camera, const std::string& name) {
  const auto choices = choices_of(arv_camera_get_device(camera), "PixelFormat");
  std::vector<std::string> possible;
  std::ranges::copy_if(choices, std::back_inserter(possible), [](const std::string& choice) {
    return find_camera_format(choice) != nullptr;
  });
  if (std::ranges::find(possible, name) == possible.end()) {
    return refuse("pixel_format", name, fmt::format("{}", fmt::join(possible, ", ")));
  }
  Failure failure;
  arv_camera_set_pixel_format_from_string(camera, name.c_str(), failure.out());
  return done(failure, "pixel_format");
}

Result<void> set_trigger(ArvCamera* camera, const std::string& source) {
  Failure failure;
  if (source == "off") {
    arv_camera_clear_triggers(camera, failure.out());
    return done(failure, "trigger");
  }
  const auto choices = choices_of(arv_camera_get_device(camera), "TriggerSource");
  if (choices.empty()) return not_offered("trigger");
  if (std::ranges::find(choices, source) == choices.end()) {
    return refuse("trigger", source, fmt::format("off, {}", fmt::join(choices, ", ")));
  }
  arv_camera_set_trigger(camera, source.c_str(), failure.out());
  return done(failure, "trigger");
}

Result<void> set_rate(ArvCamera* camera, double rate_hz) {
  Failure failure;
  if (arv_camera_is_frame_rate_available(camera, failure.out()) == 0) return not_offered("rate");
  double least = 0;
  double most = 0;
  arv_camera_get_frame_rate_bounds(camera, &least, &most, failure.out());
  if (!failure && (rate_hz < least || rate_hz > most)) {
    return refuse("rate", fmt::format("{} Hz", rate_hz),
                  fmt::format("{} Hz to {} Hz", least, most));
  }
  arv_camera_set_frame_rate(camera, rate_hz, failure.out());
  return done(failure, "rate");
}

Result<void> set_exposure(ArvCamera* camera,
                          const ValueOrAuto<std::chrono::nanoseconds>& exposure) {
  Failure failure;
  const bool has_auto = arv_camera_is_exposure_auto_available(camera, failure.out()) != 0;
  if (!exposure.value) {
    if (!has_auto) return refuse("exposure", "auto", "a time; this camera has no automatic");
    arv_camera_set_exposure_time_auto(camera, ARV_AUTO_CONTINUOUS, failure.out());
    return done(failure, "exposure");
  }
  if (arv_camera_is_exposure_time_available(camera, failure.out()) == 0) {
    return not_offered("exposure");
  }
  if (has_auto) arv_camera_set_exposure_time_auto(camera, ARV_AUTO_OFF, failure.out());
  double least = 0;
  double most = 0;
  arv_camera_get_exposure_time_bounds(camera, &least, &most, failure.out());
  const double us = static_cast<double>(exposure.value->count()) / kNsPerUs;
  if (!failure && (us < least || us > most)) {
    return refuse("exposure", fmt::format("{} us", us), fmt::format("{} us to {} us", least, most));
  }
  arv_camera_set_exposure_time(camera, us, failure.out());
  return done(failure, "exposure");
}

Result<void> set_gain(ArvCamera* camera, const ValueOrAuto<double>& gain) {
  Failure failure;
  const bool has_auto = arv_camera_is_gain_auto_available(camera, failure.out()) != 0;
  if (!gain.value) {
    if (!has_auto) return refuse("gain", "auto", "a number; this camera has no automatic");
    arv_camera_set_gain_auto(camera, ARV_AUTO_CONTINUOUS, failure.out());
    return done(failure, "gain");
  }
  if (arv_camera_is_gain_available(camera, failure.out()) == 0) return not_offered("gain");
  if (has_auto) arv_camera_set_gain_auto(camera, ARV_AUTO_OFF, failure.out());
  double least = 0;
  double most = 0;
  arv_camera_get_gain_bounds(camera, &least, &most, failure.out());
  if (!failure && (*gain.value < least || *gain.value > most)) {
    return refuse("gain", fmt::format("{}", *gain.value), fmt::format("{} to {}", least, most));
  }
  arv_camera_set_gain(camera, *gain.value, failure.out());
  return done(failure, "gain");
}

/// How the stream comes over the network. A loopback interface carries no raw packets.
Result<void> set_network(ArvCamera* camera, const AravisConfig& config,
                         const std::string& address) {
  if (arv_camera_is_gv_device(camera) == 0) return {};
  Failure failure;
  const bool raw = config.packet_socket && !address.starts_with("127.");
  arv_camera_gv_set_stream_options(
      camera, raw ? ARV_GV_STREAM_OPTION_NONE : ARV_GV_STREAM_OPTION_PACKET_SOCKET_DISABLED);
  if (arv_camera_gv_is_multipart_supported(camera, nullptr) != 0) {
    arv_camera_gv_set_multipart(camera, 0, nullptr);
  }
  if (!config.packet_bytes) {
    arv_camera_gv_set_packet_size_adjustment(camera, ARV_GV_PACKET_SIZE_ADJUSTMENT_ALWAYS);
    return {};
  }
  arv_camera_gv_set_packet_size_adjustment(camera, ARV_GV_PACKET_SIZE_ADJUSTMENT_NEVER);
  arv_camera_gv_set_packet_size(camera, static_cast<gint>(*config.packet_bytes), failure.out());
  return done(failure, "packet_size");
}

/// The exposure is what may differ from frame to frame without a frame's header telling it.
bool enable_exposure_chunk(ArvCamera* camera) {
  Failure failure;
  if (arv_camera_are_chunks_available(camera, failure.out()) == 0) return false;
  const auto choices = choices_of(arv_camera_get_device(camera), "ChunkSelector");
  if (std::ranges::find(choices, "ExposureTime") == choices.end()) return false;
  arv_camera_set_chunks(camera, "ExposureTime", failure.out());
  return !failure;
}

std::int64_t exposure_of(ArvCamera* camera) {
  Failure failure;
  if (arv_camera_is_exposure_auto_available(camera, failure.out()) != 0 &&
      arv_camera_get_exposure_time_auto(camera, failure.out()) != ARV_AUTO_OFF) {
    return -1;
  }
  if (arv_camera_is_exposure_time_available(camera, failure.out()) == 0) return -1;
  const double us = arv_camera_get_exposure_time(camera, failure.out());
  return failure ? -1 : std::llround(us * kNsPerUs);
}

Result<CameraLayout> layout_of(ArvCamera* camera) {
  Failure failure;
  const auto code = static_cast<std::uint32_t>(arv_camera_get_pixel_format(camera, failure.out()));
  if (failure) return failure.error("cannot read the camera's pixel format");
  const CameraFormat* format = find_camera_format(code);
  if (format == nullptr) {
    const char* name = arv_camera_get_pixel_format_as_string(camera, failure.out());
    return fail(ErrorCode::kUnsupported, "the camera sends pixels that are not recorded:",
                fmt::format("{} (source.pixel_format: {})", name == nullptr ? "?" : name,
                            camera_formats_text()));
  }
  gint x = 0;
  gint y = 0;
  gint width = 0;
  gint height = 0;
  arv_camera_get_region(camera, &x, &y, &width, &height, failure.out());
  if (failure) return failure.error("cannot read the camera's region");
  if (width <= 0 || height <= 0) {
    return fail(ErrorCode::kCorrupt, "the camera says that its frames are",
                fmt::format("{} x {} pixels", height, width));
  }
  const FrameShape shape{static_cast<std::uint32_t>(height), static_cast<std::uint32_t>(width),
                         format->type};
  return CameraLayout{*format, shape, 0};
}

bool is_triggered(const AravisConfig& config) { return config.trigger && config.trigger != "off"; }

/// The order matters: binning changes the region's limits, the format and the region the rate's.
Result<void> apply(const OpenedCamera& opened, const AravisConfig& config) {
  ArvCamera* camera = opened.camera.get();
  ArvDevice* device = arv_camera_get_device(camera);
  Result<void> result;
  const auto then = [&](const auto& wanted, auto set) {
    if (result && wanted) result = set(camera, *wanted);
  };
  for (const auto& [name, text] : config.features) {
    if (result) result = set_feature(device, name, text);
  }
  then(config.binning, set_binning);
  then(config.region, set_region);
  then(config.pixel_format, set_pixel_format);
  // A rate switches all triggers off, and a trigger the camera's own rate.
  if (!is_triggered(config)) then(config.rate_hz, set_rate);
  then(config.trigger, set_trigger);
  then(config.exposure, set_exposure);
  then(config.gain, set_gain);
  if (result) result = set_network(camera, config, opened.found.address);
  return result;
}

void add_feature(SourceInfo& info, ArvDevice* device, const std::string& name) {
  const auto is_there = [&](const auto& setting) { return setting.first == name; };
  if (std::ranges::any_of(info.settings, is_there)) return;
  if (auto text = read_feature(device, name)) info.settings.emplace_back(name, std::move(*text));
}

}  // namespace

Result<CameraSetup> set_up_camera(const OpenedCamera& opened, const AravisConfig& config) {
  ArvCamera* camera = opened.camera.get();
  ArvDevice* device = arv_camera_get_device(camera);
  // One that was cut off while it was sending goes on, to where nobody listens any more, and lets
  // nothing be set.
  Failure not_sending;
  arv_camera_stop_acquisition(camera, not_sending.out());
  if (auto applied = apply(opened, config); !applied) {
    return std::unexpected(std::move(applied.error()));
  }
  Failure failure;
  arv_camera_set_acquisition_mode(camera, ARV_ACQUISITION_MODE_CONTINUOUS, failure.out());
  auto layout = layout_of(camera);
  if (!layout) return std::unexpected(std::move(layout.error()));
  CameraSetup setup{.layout = *layout};
  if (config.chunks) setup.has_exposure_chunk = enable_exposure_chunk(camera);
  setup.payload_bytes = arv_camera_get_payload(camera, failure.out());
  if (failure) return failure.error("cannot read the camera's payload size");
  if (setup.payload_bytes < camera_bytes(setup.layout)) {
    return fail(
        ErrorCode::kUnsupported, "the camera's payload is smaller than its frames:",
        fmt::format("{} bytes for {} as {} (compressed and partial payloads are not "
                    "recorded)",
                    setup.payload_bytes, to_string(setup.layout.shape), setup.layout.format.name));
  }
  const bool extended = read_feature(device, "GevGVSPExtendedIDMode") == "On";
  setup.ids =
      arv_camera_is_gv_device(camera) != 0 && !extended ? FrameIds::k16Bit : FrameIds::k64Bit;
  setup.exposure_ns = exposure_of(camera);
  return setup;
}

SourceInfo describe_camera(const OpenedCamera& opened, const AravisConfig& config,
                           const CameraSetup& setup) {
  ArvCamera* camera = opened.camera.get();
  ArvDevice* device = arv_camera_get_device(camera);
  Failure failure;
  const auto text = [](const char* name) { return std::string(name == nullptr ? "" : name); };
  SourceInfo info;
  info.shape = setup.layout.shape;
  info.driver = "aravis";
  info.vendor = text(arv_camera_get_vendor_name(camera, failure.out()));
  info.model = text(arv_camera_get_model_name(camera, failure.out()));
  info.serial = text(arv_camera_get_device_serial_number(camera, failure.out()));
  info.firmware = read_feature(device, "DeviceVersion").value_or("");
  info.bit_depth = setup.layout.format.bits;
  info.saturation = std::exp2(setup.layout.format.bits) - 1;
  info.numbered = true;
  info.renumbers = true;
  info.first_number = arv_camera_is_gv_device(camera) != 0 ? 1 : 0;
  const bool triggered = is_triggered(config) || read_feature(device, "TriggerMode") == "On";
  info.may_be_silent = triggered && config.trigger != "Software";
  if (config.trigger == "Software") {
    info.rate_hz = config.rate_hz;
  } else if (!triggered && arv_camera_is_frame_rate_available(camera, failure.out()) != 0) {
    const double rate_hz = arv_camera_get_frame_rate(camera, failure.out());
    if (!failure && rate_hz > 0) info.rate_hz = rate_hz;
  }
  info.description = fmt::format("{} {} {}, {}, {}", info.vendor, info.model, info.serial,
                                 setup.layout.format.name, to_string(info.shape));
  info.settings = {{"camera", opened.found.id}};
  if (!opened.found.address.empty()) info.settings.emplace_back("address", opened.found.address);
  static constexpr std::array kTelling{"PixelFormat",
                                       "Width",
                                       "Height",
                                       "OffsetX",
                                       "OffsetY",
                                       "BinningHorizontal",
                                       "BinningVertical",
                                       "AcquisitionFrameRate",
                                       "ExposureTime",
                                       "ExposureTimeAbs",
                                       "ExposureAuto",
                                       "Gain",
                                       "GainRaw",
                                       "GainAuto",
                                       "BlackLevel",
                                       "TriggerMode",
                                       "TriggerSource",
                                       "TriggerActivation",
                                       "DeviceTemperature",
                                       "DeviceFirmwareVersion",
                                       "GevSCPSPacketSize",
                                       "GevTimestampTickFrequency"};
  for (const char* name : kTelling) add_feature(info, device, name);
  for (const auto& feature : config.features) add_feature(info, device, feature.first);
  return info;
}

}  // namespace framelog
