#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "drivers/merlin.hpp"

namespace framelog {
namespace {

constexpr std::string_view kSection = "source";
constexpr std::string_view kName = "merlin";
constexpr double kMostPort = 65535;
constexpr double kLeastBuffer = 65536;
constexpr double kMostBuffer = 1 << 30;

constexpr std::array<OptionSpec, 9> kOptions{{
    {.section = kSection,
     .key = "host",
     .type = OptionType::kText,
     .default_text = "127.0.0.1",
     .help = "Name or address of the computer on which the Merlin software runs.",
     .driver = kName},
    {.section = kSection,
     .key = "port",
     .type = OptionType::kInteger,
     .default_text = "6342",
     .allowed = "a port number",
     .help = "TCP port of the frames.",
     .least = 1,
     .most = kMostPort,
     .driver = kName},
    {.section = kSection,
     .key = "control_port",
     .type = OptionType::kInteger,
     .default_text = "6341",
     .allowed = "a port number",
     .help = "TCP port of the commands; off: only the frames are listened to.",
     .words = "off",
     .least = 1,
     .most = kMostPort,
     .driver = kName},
    {.section = kSection,
     .key = "set.*",
     .type = OptionType::kText,
     .help = "A parameter by Merlin's name, set before the first acquisition where it differs: "
             "set.ACQUISITIONTIME = 0.5.",
     .driver = kName},
    {.section = kSection,
     .key = "start",
     .type = OptionType::kBoolean,
     .default_text = "no",
     .help = "Start an acquisition when the recorder begins to read, and again at each start of a "
             "recording, and stop it at the end; no: whoever uses the Merlin does.",
     .driver = kName},
    {.section = kSection,
     .key = "wait_for_acquisition",
     .type = OptionType::kBoolean,
     .default_text = "no",
     .help = "The source is there when an acquisition has begun, so that its header is in the "
             "provenance.",
     .driver = kName},
    {.section = kSection,
     .key = "shape",
     .type = OptionType::kShape,
     .allowed = "height x width",
     .help = "Shape of a frame; by default as the control port or the first frame tells.",
     .driver = kName},
    {.section = kSection,
     .key = "pixel_type",
     .type = OptionType::kPixelType,
     .help =
         "Type of a pixel, with shape: uint8 (1 and 6 bit), uint16 (12 bit) or uint32 (24 bit).",
     .driver = kName},
    {.section = kSection,
     .key = "receive_buffer",
     .type = OptionType::kSize,
     .default_text = "64 MiB",
     .help = "Of the kernel for the frames' connection, as far as net.core.rmem_max allows; auto: "
             "as the kernel likes.",
     .words = "auto",
     .least = kLeastBuffer,
     .most = kMostBuffer,
     .driver = kName},
}};

void complain(std::vector<Complaint>& complaints, std::string_view key, std::string message) {
  complaints.push_back({std::string(kSection), std::string(key), std::move(message)});
}

template <class T, class Value>
void take(const Settings& settings, std::string_view key, Value& value) {
  if (const T* given = settings.get<T>(kSection, key)) value = static_cast<Value>(*given);
}

std::optional<FrameShape> shape_of(const Settings& settings, std::vector<Complaint>& complaints) {
  const auto* type = settings.get<PixelType>(kSection, "pixel_type");
  const auto* shape = settings.get<std::vector<std::uint32_t>>(kSection, "shape");
  if (type == nullptr && shape == nullptr) return std::nullopt;
  if (type == nullptr) complain(complaints, "shape", "goes with source.pixel_type only");
  if (shape == nullptr) complain(complaints, "pixel_type", "goes with source.shape only");
  if (type == nullptr || shape == nullptr) return std::nullopt;
  const bool fits = shape->size() == 2 && std::ranges::all_of(*shape, [](std::uint32_t side_px) {
                      return side_px >= 1 && side_px <= 16384;
                    });
  if (!fits) {
    complain(complaints, "shape", "is no frame of a Merlin (allowed: height x width, 1 to 16384)");
    return std::nullopt;
  }
  if (*type != PixelType::kUint8 && *type != PixelType::kUint16 && *type != PixelType::kUint32) {
    complain(complaints, "pixel_type", "is none of a Merlin's (allowed: uint8, uint16, uint32)");
  }
  return FrameShape{(*shape)[0], (*shape)[1], *type};
}

/// 0 where there is no scan. Whether it is a good one is looked at where it is used.
std::uint64_t frames_per_scan(const Settings& settings) {
  const auto* scan = settings.get<std::vector<std::uint32_t>>("instrument", "scan");
  if (scan == nullptr || scan->size() != 2) return 0;
  const auto* flyback = settings.get<std::int64_t>("instrument", "flyback");
  const auto more = flyback == nullptr ? 0 : static_cast<std::uint64_t>(*flyback);
  return std::uint64_t{(*scan)[0]} * ((*scan)[1] + more);
}

/// The protocol's separator and the end of a line cannot be in a name or a value.
bool can_be_sent(std::string_view text) {
  return !text.empty() && std::ranges::none_of(text, [](char character) {
    return character == ',' || static_cast<unsigned char>(character) < ' ';
  });
}

std::vector<std::pair<std::string, std::string>> parameters_of(const Settings& settings,
                                                               std::vector<Complaint>& complaints) {
  std::vector<std::pair<std::string, std::string>> parameters;
  for (const auto& [name, setting] : settings.family(kSection, "set")) {
    if (!can_be_sent(name) || !can_be_sent(setting->text)) {
      complain(complaints, setting->key, "cannot be sent (allowed: a name and a value, no commas)");
      continue;
    }
    std::string upper = name;
    std::ranges::transform(upper, upper.begin(), [](unsigned char character) {
      return static_cast<char>(std::toupper(character));
    });
    parameters.emplace_back(std::move(upper), setting->text);
  }
  return parameters;
}

std::unique_ptr<FrameSource> make(const Settings& settings, const Clock& /*clock*/,
                                  std::vector<Complaint>& complaints) {
  const std::size_t complaints_before = complaints.size();
  MerlinConfig config;
  take<std::string>(settings, "host", config.host);
  take<std::int64_t>(settings, "port", config.port);
  take<std::int64_t>(settings, "control_port", config.control_port);
  if (settings.is_word(kSection, "control_port", "off")) config.control_port.reset();
  take<bool>(settings, "start", config.start);
  take<bool>(settings, "wait_for_acquisition", config.wait_for_acquisition);
  take<std::int64_t>(settings, "receive_buffer", config.receive_buffer_bytes);
  config.shape = shape_of(settings, complaints);
  config.set = parameters_of(settings, complaints);
  config.frames_per_scan = frames_per_scan(settings);
  if (!config.control_port && config.start) {
    complain(complaints, "start", "goes not with source.control_port = off");
  }
  if (!config.control_port && !config.set.empty()) {
    complain(complaints, "set." + config.set.front().first,
             "goes not with source.control_port = off");
  }
  if (config.start && config.wait_for_acquisition) {
    complain(complaints, "wait_for_acquisition",
             "goes not with source.start: none begins before the source is there");
  }
  if (complaints.size() != complaints_before) return nullptr;
  return std::make_unique<Merlin>(std::move(config));
}

}  // namespace

const Driver& merlin_driver() noexcept {
  static constexpr Driver kDriver{
      .name = kName,
      .help = "A Medipix3 detector with Quantum Detectors' Merlin readout, over TCP.",
      .options = kOptions,
      .make = make,
      .hardware = true,
  };
  return kDriver;
}

}  // namespace framelog
