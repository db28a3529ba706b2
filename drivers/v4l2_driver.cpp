#include <array>
#include <cstdint>
#include <utility>

#include "drivers/v4l2.hpp"
#include "drivers/v4l2_source.hpp"

namespace framelog {
namespace {

constexpr std::string_view kSection = "source";
constexpr std::string_view kName = "v4l2";
constexpr double kMostSidePx = 32768;

constexpr std::array<OptionSpec, 9> kOptions{{
    {.section = kSection,
     .key = "device",
     .type = OptionType::kText,
     .default_text = "/dev/video0",
     .allowed = "a device node, or the name of a camera or its bus",
     .help =
         "The camera: /dev/video0; /dev/v4l/by-id/..., which stays the same when it is plugged in "
         "again; or the name of the card or of its bus, where only one has it.",
     .driver = kName},
    {.section = kSection,
     .key = "input",
     .type = OptionType::kInteger,
     .default_text = "auto",
     .help = "Which of several inputs; auto: the one that is chosen.",
     .words = "auto",
     .least = 0,
     .most = 255,
     .driver = kName},
    {.section = kSection,
     .key = "format",
     .type = OptionType::kText,
     .default_text = "auto",
     .allowed = "a pixel format of V4L2 such as GREY, Y10, Y12P, YUYV, MJPG or RGGB",
     .help = "Pixel format; auto: the mono one of most bits, or else a Bayer mosaic, or else luma. "
             "Mosaics are recorded as they are, of colours the luma.",
     .words = "auto",
     .driver = kName},
    {.section = kSection,
     .key = "width",
     .type = OptionType::kInteger,
     .default_text = "auto",
     .help = "Pixels in a row; auto: of the crop, or as the camera is set.",
     .words = "auto",
     .least = 1,
     .most = kMostSidePx,
     .driver = kName},
    {.section = kSection,
     .key = "height",
     .type = OptionType::kInteger,
     .default_text = "auto",
     .help = "Rows of a frame; auto: of the crop, or as the camera is set.",
     .words = "auto",
     .least = 1,
     .most = kMostSidePx,
     .driver = kName},
    {.section = kSection,
     .key = "rate",
     .type = OptionType::kRate,
     .default_text = "auto",
     .help =
         "Frames a second, of which the camera takes the nearest it has; auto: as it is set. What "
         "came out is recorded.",
     .words = "auto",
     .least = 1e-3,
     .most = 1e6,
     .driver = kName},
    {.section = kSection,
     .key = "crop",
     .type = OptionType::kRegion,
     .default_text = "off",
     .help = "The part of the sensor that is read out, where the camera can choose one.",
     .words = "off",
     .driver = kName},
    {.section = kSection,
     .key = "buffers",
     .type = OptionType::kInteger,
     .default_text = "8",
     .help = "Frames that the camera can deliver while the recorder is late.",
     .least = 2,
     .most = VideoStream::kMostBuffers,
     .driver = kName},
    {.section = kSection,
     .key = "control.*",
     .type = OptionType::kText,
     .allowed = "a number, yes or no, an item of a menu or a text",
     .help = "A control of the camera, as v4l2-ctl --list-ctrls-menus names it: "
             "control.exposure_time_absolute = 100.",
     .driver = kName},
}};

template <class T>
void take(const Settings& settings, std::string_view key, std::optional<T>& value) {
  if (const auto* given = settings.get<std::int64_t>(kSection, key)) {
    value = static_cast<T>(*given);
  }
}

void take_format(const Settings& settings, VideoWishes& wishes,
                 std::vector<Complaint>& complaints) {
  const auto* word = settings.get<std::string>(kSection, "format");
  if (word == nullptr) return;
  wishes.fourcc = fourcc_of(*word);
  if (wishes.fourcc && find_video_format(*wishes.fourcc) != nullptr) return;
  std::string known;
  for (const VideoFormat& format : video_formats()) known += " " + std::string(format.word);
  complaints.push_back({std::string(kSection), "format",
                        "\"" + *word + "\" cannot be recorded (auto" + known + ")"});
}

std::unique_ptr<FrameSource> make(const Settings& settings, const Clock&,
                                  std::vector<Complaint>& complaints) {
  V4l2Config config;
  const std::size_t before = complaints.size();
  if (const auto* device = settings.get<std::string>(kSection, "device")) config.device = *device;
  take(settings, "input", config.input);
  take_format(settings, config.wishes, complaints);
  take(settings, "width", config.wishes.width_px);
  take(settings, "height", config.wishes.height_px);
  if (const auto* rate = settings.get<double>(kSection, "rate")) config.wishes.rate_hz = *rate;
  if (const auto* crop = settings.get<RegionSpec>(kSection, "crop")) config.wishes.crop = *crop;
  if (const auto* buffers = settings.get<std::int64_t>(kSection, "buffers")) {
    config.buffers = static_cast<std::uint32_t>(*buffers);
  }
  for (const auto& [name, setting] : settings.family(kSection, "control")) {
    if (const auto* text = std::get_if<std::string>(&setting->value)) {
      config.controls.emplace_back(name, *text);
    }
  }
  if (complaints.size() != before) return nullptr;
  return std::make_unique<V4l2Source>(std::move(config), system_video_calls());
}

Result<std::vector<FoundInstrument>> find(std::chrono::nanoseconds) {
  return find_cameras(system_video_calls(), {});
}

}  // namespace

const Driver& v4l2_driver() noexcept {
  static constexpr Driver kDriver{
      kName,    "Cameras of the Linux kernel: USB, MIPI CSI-2, frame grabbers (Video4Linux).",
      kOptions, make,
      true,     find};
  return kDriver;
}

}  // namespace framelog
