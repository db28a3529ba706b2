#include "drivers/replay.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "formats/npy.hpp"

namespace framelog {
namespace {

constexpr double kNsPerSecond = 1e9;
constexpr std::uint32_t kFlagsPassedOn = kFlagCorrupt | kFlagIncomplete;

Result<std::unique_ptr<StoredFrames>> open_recording(const ReplayConfig& config) {
  FileSystem& files = system_files();
  if (auto readable = open_regular_file(files, config.path); !readable) {
    return std::unexpected(readable.error());
  }
  const auto extension = config.path.extension();
  if (extension == ".npy" || looks_like_npy(files, config.path)) {
    auto frames = open_npy(files, config.path);
    if (!frames || !config.geometry) return frames;
    if (auto checked = check_agreement((*frames)->facts(), *config.geometry); !checked) {
      return std::unexpected(checked.error());
    }
    return frames;
  }
  if (extension == ".raw" || config.geometry) {
    return open_raw(files, config.path, config.geometry);
  }
  return fail(ErrorCode::kUnsupported, "cannot replay",
              config.path.string() +
                  ": unknown format (allowed: .npy, .raw; others with their shape and pixel_type)");
}

std::optional<double> recorded_rate_hz(StoredFrames& frames) {
  const std::uint64_t count = frames.facts().frames;
  if (!frames.facts().has_times || count < 2) return std::nullopt;
  const auto first = frames.info(0);
  const auto last = frames.info(count - 1);
  if (!first || !last || first->info.monotonic_ns < 0) return std::nullopt;
  if (last->info.monotonic_ns <= first->info.monotonic_ns) return std::nullopt;
  return static_cast<double>(count - 1) * kNsPerSecond /
         static_cast<double>(last->info.monotonic_ns - first->info.monotonic_ns);
}

std::string_view pace_text(const ReplayConfig& config, ReplayPace possible) noexcept {
  if (possible == ReplayPace::kRecorded) return "at the recorded pace";
  if (possible == ReplayPace::kFixed) return "at a fixed rate";
  return config.pace == ReplayPace::kMax ? "as fast as it is read"
                                         : "as fast as it is read, for it has no times";
}

}  // namespace

Replay::Replay(ReplayConfig config, const Clock& clock)
    : config_(std::move(config)), clock_(clock), sleeper_(clock) {}

Result<SourceInfo> Replay::open() {
  started_ = false;
  next_.reset();
  frames_.reset();
  auto frames = open_recording(config_);
  if (!frames) return std::unexpected(frames.error());
  frames_ = std::move(*frames);
  const StoredFacts& facts = frames_->facts();
  pace_ = config_.pace;
  if (pace_ == ReplayPace::kRecorded && !facts.has_times) pace_ = ReplayPace::kMax;

  const std::string name = config_.path.filename().string();
  SourceInfo info;
  info.shape = facts.shape;
  info.driver = "replay";
  info.vendor = "framelog";
  info.model = "replay of " + name;
  info.description =
      fmt::format("replay of {}, {} frames of {}, {}{}", name, facts.frames, to_string(info.shape),
                  pace_text(config_, pace_), config_.loop ? ", again and again" : "");
  if (pace_ == ReplayPace::kFixed) info.rate_hz = config_.rate_hz;
  if (pace_ == ReplayPace::kRecorded) info.rate_hz = recorded_rate_hz(*frames_);
  info.can_wait = true;
  info.numbered = true;
  info.settings = {{"path", config_.path.string()},
                   {"frames", std::to_string(facts.frames)},
                   {"pace", std::string(pace_text(config_, pace_))},
                   {"loop", config_.loop ? "yes" : "no"}};
  info.inputs = facts.inputs;
  return info;
}

Result<void> Replay::start() {
  if (!frames_ || started_) {
    return fail(ErrorCode::kInvalid, "the replay cannot start (it must be open, and stopped)");
  }
  started_ = true;
  next_.reset();
  start_ns_ = clock_.monotonic_ns();
  since_start_ = 0;
  due_ns_ = start_ns_;
  recorded_ns_ = -1;
  step_ns_ = 0;
  return {};
}

Result<FrameInfo> Replay::read(std::span<std::byte> pixels, Deadline deadline) noexcept {
  if (!started_) return fail(ErrorCode::kDisconnected, "the replay is not started");
  if (pixels.size() != size_bytes(frames_->facts().shape)) {
    return fail(ErrorCode::kInvalid, "the buffer is not of the frame's size");
  }
  if (auto fetched = fetch(); !fetched) return std::unexpected(std::move(fetched.error()));
  if (!sleeper_.wait_until(due_ns_, deadline)) return fail(ErrorCode::kTimeout, "no frame yet");
  const auto intact = frames_->read(index_, pixels, next_->crc32c);
  if (!intact) return std::unexpected(intact.error());

  FrameInfo info;
  info.source_sequence = number(*next_);
  set_times(info, clock_, due_ns_);
  const FrameInfo& recorded = next_->info;
  info.device_ns = recorded.device_ns >= 0 ? recorded.device_ns : recorded.monotonic_ns;
  info.exposure_ns = recorded.exposure_ns;
  info.gpio = recorded.gpio;
  info.flags = recorded.flags & kFlagsPassedOn;
  if (!*intact) info.flags |= kFlagCorrupt;
  next_.reset();
  ++index_;
  ++since_start_;
  return info;
}

void Replay::stop() noexcept { started_ = false; }

void Replay::cancel() noexcept { sleeper_.cancel(); }

// Learns of the next frame what the file tells, and when it is due.
Result<void> Replay::fetch() noexcept {
  if (next_) return {};
  if (index_ >= frames_->facts().frames) {
    if (!config_.loop) return fail(ErrorCode::kEnd, "the recording is at its end");
    index_ = 0;
    round_begins_ = true;
    recorded_ns_ = -1;
  }
  auto stored = frames_->info(index_);
  if (!stored) return std::unexpected(std::move(stored.error()));
  schedule(*stored);
  next_ = *stored;
  return {};
}

void Replay::schedule(const StoredInfo& stored) noexcept {
  if (pace_ == ReplayPace::kMax) {
    due_ns_ = clock_.monotonic_ns();
    return;
  }
  if (pace_ == ReplayPace::kFixed) {
    due_ns_ = start_ns_ +
              std::llround(static_cast<double>(since_start_) * kNsPerSecond / config_.rate_hz);
    return;
  }
  // A frame without a time of its own comes with the one before it; the first of a round after the
  // step that was between the last two.
  std::int64_t step_ns = recorded_ns_ < 0 ? step_ns_ : 0;
  if (stored.info.monotonic_ns >= 0) {
    if (recorded_ns_ >= 0) {
      step_ns = std::max<std::int64_t>(0, stored.info.monotonic_ns - recorded_ns_);
      step_ns_ = step_ns;
    }
    recorded_ns_ = stored.info.monotonic_ns;
  }
  if (__builtin_add_overflow(due_ns_, step_ns, &due_ns_)) due_ns_ = Sleeper::kNever;
}

std::uint64_t Replay::number(const StoredInfo& stored) noexcept {
  const bool torn = frames_->facts().has_times && !stored.crc32c;
  std::uint64_t number = stored.info.source_sequence + round_offset_;
  if (torn && last_number_) {
    number = *last_number_ + 1;
  } else if (std::exchange(round_begins_, false)) {
    number = *last_number_ + 1;
    round_offset_ = number - stored.info.source_sequence;
  }
  last_number_ = number;
  return number;
}

}  // namespace framelog
