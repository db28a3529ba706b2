#include <array>
#include <chrono>
#include <utility>

#include "drivers/simulator.hpp"

namespace framelog {
namespace {

constexpr std::string_view kSection = "source";
constexpr std::string_view kName = "simulator";

constexpr std::array<OptionSpec, 8> kOptions{{
    {.section = kSection,
     .key = "width",
     .type = OptionType::kInteger,
     .default_text = "640",
     .help = "Pixels in a row.",
     .least = 1,
     .most = kMaxSidePx,
     .driver = kName},
    {.section = kSection,
     .key = "height",
     .type = OptionType::kInteger,
     .default_text = "480",
     .help = "Rows of a frame.",
     .least = 1,
     .most = kMaxSidePx,
     .driver = kName},
    {.section = kSection,
     .key = "pixel_type",
     .type = OptionType::kPixelType,
     .default_text = "uint16",
     .help = "Type of a pixel.",
     .driver = kName},
    {.section = kSection,
     .key = "rate",
     .type = OptionType::kRate,
     .default_text = "25 Hz",
     .help =
         "Frames a second; a late reader loses frames, except at max: as fast as they are read.",
     .words = "max",
     .least = 1e-3,
     .most = 1e6,
     .driver = kName},
    {.section = kSection,
     .key = "pattern",
     .type = OptionType::kChoice,
     .default_text = "spot",
     .allowed = "ramp counts spot",
     .help = "What is seen: a ramp that can be checked, photon counts, or a moving spot.",
     .driver = kName},
    {.section = kSection,
     .key = "seed",
     .type = OptionType::kInteger,
     .default_text = "1",
     .help = "Same seed, same frames.",
     .least = 0,
     .driver = kName},
    {.section = kSection,
     .key = "frames",
     .type = OptionType::kInteger,
     .default_text = "unlimited",
     .help = "The source ends after so many frames, lost ones included.",
     .words = "unlimited",
     .least = 1,
     .driver = kName},
    {.section = kSection,
     .key = "faults",
     .type = OptionType::kText,
     .default_text = "none",
     .allowed = "faults separated by ';'",
     .help = "What goes wrong when: lose 3 at 100; stall 2 s at 500; disconnect 1 s at 600.",
     .words = "none",
     .driver = kName},
}};

template <class T, class Value>
void take(const Settings& settings, std::string_view key, Value& value) {
  if (const T* given = settings.get<T>(kSection, key)) value = static_cast<Value>(*given);
}

std::unique_ptr<FrameSource> make(const Settings& settings, const Clock& clock,
                                  std::vector<Complaint>& complaints) {
  SimulatorConfig config;
  take<std::int64_t>(settings, "width", config.pattern.shape.width_px);
  take<std::int64_t>(settings, "height", config.pattern.shape.height_px);
  take<PixelType>(settings, "pixel_type", config.pattern.shape.type);
  take<std::int64_t>(settings, "seed", config.pattern.seed);
  if (const auto* rate = settings.get<double>(kSection, "rate")) config.rate_hz = *rate;
  if (settings.is_word(kSection, "rate", "max")) config.rate_hz.reset();
  if (const auto* name = settings.get<std::string>(kSection, "pattern")) {
    config.pattern.kind = pattern_kind_of(*name).value_or(config.pattern.kind);
  }
  if (const auto* frames = settings.get<std::int64_t>(kSection, "frames")) {
    config.frames = static_cast<std::uint64_t>(*frames);
  }
  if (const auto* text = settings.get<std::string>(kSection, "faults")) {
    auto faults = parse_faults(*text);
    if (!faults) {
      complaints.push_back({std::string(kSection), "faults", faults.error()});
      return nullptr;
    }
    config.faults = std::move(*faults);
    config.faults_text = *text;
  }
  return std::make_unique<Simulator>(std::move(config), clock);
}

}  // namespace

const Driver& simulator_driver() noexcept {
  static constexpr Driver kDriver{
      kName, "A camera made of arithmetic, with faults by script; for trying things out.", kOptions,
      make};
  return kDriver;
}

}  // namespace framelog
