#include <array>
#include <utility>

#include "drivers/replay.hpp"

namespace framelog {
namespace {

constexpr std::string_view kSection = "source";
constexpr std::string_view kName = "replay";

constexpr std::array<OptionSpec, 6> kOptions{{
    {.section = kSection,
     .key = "path",
     .type = OptionType::kPath,
     .help =
         "The recording to replay: an HDF5 or NPY file, NAME.raw with its NAME.json, a headerless "
         "file with its shape and pixel_type; or a directory or pattern (frames_*.npy) of several.",
     .driver = kName},
    {.section = kSection,
     .key = "dataset",
     .type = OptionType::kText,
     .help =
         "Path of the dataset in an HDF5 file; by default the one that NeXus calls the default, or "
         "else the largest.",
     .driver = kName},
    {.section = kSection,
     .key = "rate",
     .type = OptionType::kRate,
     .default_text = "recorded",
     .help = "Frames a second; recorded: as the recorded times say, max: as fast as they are read.",
     .words = "recorded max",
     .least = 1e-3,
     .most = 1e6,
     .driver = kName},
    {.section = kSection,
     .key = "loop",
     .type = OptionType::kBoolean,
     .default_text = "no",
     .help = "Begin again at the end.",
     .driver = kName},
    {.section = kSection,
     .key = "pixel_type",
     .type = OptionType::kPixelType,
     .help = "Type of a pixel in a headerless file, little-endian.",
     .driver = kName},
    {.section = kSection,
     .key = "shape",
     .type = OptionType::kShape,
     .allowed = "frames x height x width, or height x width",
     .help = "Shape of a headerless file; without frames it holds as many as fit.",
     .driver = kName},
}};

void complain(std::vector<Complaint>& complaints, std::string_view key, std::string message) {
  complaints.push_back({std::string(kSection), std::string(key), std::move(message)});
}

std::optional<RawGeometry> geometry_of(const Settings& settings,
                                       std::vector<Complaint>& complaints) {
  const auto* type = settings.get<PixelType>(kSection, "pixel_type");
  const auto* shape = settings.get<std::vector<std::uint32_t>>(kSection, "shape");
  if (type == nullptr && shape == nullptr) return std::nullopt;
  if (type == nullptr) complain(complaints, "shape", "goes with source.pixel_type only");
  if (shape == nullptr) {
    complain(complaints, "pixel_type", "goes with source.shape only");
    return std::nullopt;
  }
  if (shape->size() != 2 && shape->size() != 3) {
    complain(complaints, "shape",
             "wrong number of dimensions (allowed: frames x height x width, or height x width)");
  }
  return RawGeometry{type == nullptr ? PixelType{} : *type, {shape->begin(), shape->end()}};
}

std::unique_ptr<FrameSource> make(const Settings& settings, const Clock& clock,
                                  std::vector<Complaint>& complaints) {
  const std::size_t complaints_before = complaints.size();
  ReplayConfig config;
  const auto* path = settings.get<std::string>(kSection, "path");
  if (path == nullptr) {
    complain(complaints, "path",
             "is required (allowed: a file, a directory or a pattern; " +
                 frame_file_formats_text() + ")");
  } else {
    config.path = *path;
  }
  if (settings.is_word(kSection, "rate", "max")) config.pace = ReplayPace::kMax;
  if (const auto* rate = settings.get<double>(kSection, "rate")) {
    config.pace = ReplayPace::kFixed;
    config.rate_hz = *rate;
  }
  if (const auto* loop = settings.get<bool>(kSection, "loop")) config.loop = *loop;
  config.request.geometry = geometry_of(settings, complaints);
  if (const auto* dataset = settings.get<std::string>(kSection, "dataset")) {
    config.request.dataset = *dataset;
  }
  if (complaints.size() != complaints_before) return nullptr;
  return std::make_unique<Replay>(std::move(config), clock);
}

}  // namespace

const Driver& replay_driver() noexcept {
  static constexpr Driver kDriver{kName, "Plays a recording as if it came from an instrument.",
                                  kOptions, make};
  return kDriver;
}

}  // namespace framelog
