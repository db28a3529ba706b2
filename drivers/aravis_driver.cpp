#include <array>
#include <utility>

#include "drivers/aravis.hpp"
#include "drivers/aravis_find.hpp"

namespace framelog {
namespace {

constexpr std::string_view kSection = "source";
constexpr std::string_view kName = "aravis";

constexpr std::array<OptionSpec, 13> kOptions{{
    {.section = kSection,
     .key = "camera",
     .type = OptionType::kText,
     .default_text = "only",
     .allowed = "a name, a serial number or an IP address, as framelog devices lists them",
     .help = "Which camera; only: there is but one.",
     .words = "only",
     .driver = kName},
    {.section = kSection,
     .key = "feature.*",
     .type = OptionType::kText,
     .allowed = "an integer, a number, yes, no, a name of an enumeration, a text, or execute",
     .help =
         "A GenICam feature by its name: feature.BlackLevel = 12; set in this order, before all "
         "other keys.",
     .driver = kName},
    {.section = kSection,
     .key = "binning",
     .type = OptionType::kBinning,
     .default_text = "camera",
     .help = "Binning in the sensor; camera: as it is.",
     .words = "camera",
     .driver = kName},
    {.section = kSection,
     .key = "region",
     .type = OptionType::kRegion,
     .default_text = "camera",
     .help = "Region that the sensor reads out, in its pixels after binning; full: all of it.",
     .words = "camera full",
     .driver = kName},
    {.section = kSection,
     .key = "pixel_format",
     .type = OptionType::kText,
     .default_text = "camera",
     .allowed = "a GenICam name such as Mono8, Mono12p, BayerRG12Packed, Mono16",
     .help = "How pixels are sent; packed ones are unpacked, mosaics stay mosaics.",
     .words = "camera",
     .driver = kName},
    {.section = kSection,
     .key = "trigger",
     .type = OptionType::kText,
     .default_text = "camera",
     .allowed = "a GenICam trigger source such as Line1 or Software",
     .help =
         "What starts each frame: a line of the camera, or Software: this program, at source.rate.",
     .words = "camera off",
     .driver = kName},
    {.section = kSection,
     .key = "rate",
     .type = OptionType::kRate,
     .default_text = "camera",
     .help = "Frames a second, without a trigger or with Software; camera: as it is set.",
     .words = "camera",
     .least = 1e-3,
     .most = 1e6,
     .driver = kName},
    {.section = kSection,
     .key = "exposure",
     .type = OptionType::kDuration,
     .default_text = "camera",
     .help = "Exposure time; auto: the camera finds it.",
     .words = "camera auto",
     .least = 1e-9,
     .driver = kName},
    {.section = kSection,
     .key = "gain",
     .type = OptionType::kNumber,
     .default_text = "camera",
     .help = "Gain in the camera's unit, mostly dB; auto: the camera finds it.",
     .words = "camera auto",
     .driver = kName},
    {.section = kSection,
     .key = "packet_size",
     .type = OptionType::kInteger,
     .default_text = "auto",
     .help = "Bytes of a packet on the network, headers and all; auto: the largest that arrives.",
     .words = "auto",
     .least = 220,
     .most = 16404,
     .driver = kName},
    {.section = kSection,
     .key = "packet_socket",
     .type = OptionType::kBoolean,
     .default_text = "yes",
     .help = "Take packets of the network from the kernel at once, where the process may "
             "(CAP_NET_RAW).",
     .driver = kName},
    {.section = kSection,
     .key = "chunks",
     .type = OptionType::kBoolean,
     .default_text = "yes",
     .help = "Have the camera send its exposure time with each frame, where it can.",
     .driver = kName},
    {.section = kSection,
     .key = "buffers",
     .type = OptionType::kInteger,
     .default_text = "auto",
     .help = "Frames that may arrive before the first of them is read; auto: those of 32 MiB.",
     .words = "auto",
     .least = 2,
     .most = 4096,
     .driver = kName},
}};

template <class T>
void take(const Settings& settings, std::string_view key, std::optional<T>& value) {
  if (const T* given = settings.get<T>(kSection, key)) value = *given;
}

template <class T>
void take(const Settings& settings, std::string_view key, std::optional<ValueOrAuto<T>>& value) {
  if (const T* given = settings.get<T>(kSection, key)) value = ValueOrAuto<T>{*given};
  if (settings.is_word(kSection, key, "auto")) value = ValueOrAuto<T>{};
}

void take_trigger(const Settings& settings, AravisConfig& config,
                  std::vector<Complaint>& complaints) {
  take(settings, "trigger", config.trigger);
  if (settings.is_word(kSection, "trigger", "off")) config.trigger = "off";
  if (config.trigger == "software") config.trigger = "Software";
  if (!config.trigger || config.trigger == "off") return;
  const bool is_software = config.trigger == "Software";
  if (is_software && !config.rate_hz) {
    complaints.push_back({std::string(kSection), "trigger",
                          "Software goes with source.rate only (how often it is fired)"});
  } else if (!is_software && config.rate_hz) {
    complaints.push_back({std::string(kSection), "rate",
                          "does not go with source.trigger (whose line gives the rate)"});
  }
}

std::unique_ptr<FrameSource> make(const Settings& settings, const Clock& clock,
                                  std::vector<Complaint>& complaints) {
  const std::size_t complaints_before = complaints.size();
  AravisConfig config;
  if (const auto* camera = settings.get<std::string>(kSection, "camera")) config.camera = *camera;
  for (const auto& [name, setting] : settings.family(kSection, "feature")) {
    config.features.emplace_back(name, setting->text);
  }
  take(settings, "binning", config.binning);
  take(settings, "region", config.region);
  if (settings.is_word(kSection, "region", "full")) config.region = RegionSpec{};
  take(settings, "pixel_format", config.pixel_format);
  take(settings, "rate", config.rate_hz);
  take_trigger(settings, config, complaints);
  take(settings, "exposure", config.exposure);
  take(settings, "gain", config.gain);
  take(settings, "packet_size", config.packet_bytes);
  take(settings, "buffers", config.buffers);
  if (const auto* raw = settings.get<bool>(kSection, "packet_socket")) config.packet_socket = *raw;
  if (const auto* chunks = settings.get<bool>(kSection, "chunks")) config.chunks = *chunks;
  if (complaints.size() != complaints_before) return nullptr;
  return std::make_unique<AravisSource>(std::move(config), clock);
}

}  // namespace

const Driver& aravis_driver() noexcept {
  static constexpr Driver kDriver{kName,    "GigE Vision and USB3 Vision cameras, by Aravis.",
                                  kOptions, make,
                                  true,     find_aravis_instruments};
  return kDriver;
}

}  // namespace framelog
