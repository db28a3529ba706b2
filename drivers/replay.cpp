#include "drivers/replay.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace framelog {
namespace {

constexpr double kNsPerSecond = 1e9;
constexpr std::uint32_t kFlagsPassedOn = kFlagCorrupt | kFlagIncomplete;

/// The last part of a path, also of one that ends in a slash.
std::string recording_name(const std::filesystem::path& path) {
  const auto plain = path.has_filename() ? path : path.parent_path();
  return plain.filename().string();
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
  auto frames = open_frame_file(system_files(), config_.path, config_.request);
  if (!frames) return std::unexpected(frames.error());
  const auto first = (*frames)->info(0);
  if (!first) return std::unexpected(first.error());
  frames_ = std::move(*frames);
  const StoredFacts& facts = frames_->facts();
  pace_ = config_.pace;
  if (pace_ == ReplayPace::kRecorded && !facts.has_times) pace_ = ReplayPace::kMax;
  SourceInfo info = describe_source();
  info.first_number = first->info.source_sequence;
  // Of a recording that tells of losses, how many there are says nothing of how many there were.
  if (!config_.loop && !first->crc32c) info.frames = frames_->facts().frames;
  if (pace_ == ReplayPace::kFixed) info.rate_hz = config_.rate_hz;
  if (pace_ == ReplayPace::kRecorded) info.rate_hz = recorded_rate_hz(*frames_);
  return info;
}

SourceInfo Replay::describe_source() const {
  const StoredFacts& facts = frames_->facts();
  const std::string name = recording_name(config_.path);
  const std::string pace(pace_text(config_, pace_));
  SourceInfo info;
  info.shape = facts.shape;
  info.driver = "replay";
  info.vendor = "framelog";
  info.model = "replay of " + name;
  info.description =
      fmt::format("replay of {} ({}), {} frames of {}, {}{}", name, facts.description, facts.frames,
                  to_string(info.shape), pace, config_.loop ? ", again and again" : "");
  info.saturation = facts.saturation;
  info.bit_depth = facts.bit_depth;
  info.can_wait = true;
  info.numbered = true;
  info.settings = {{"path", config_.path.string()},
                   {"format", facts.description},
                   {"frames", std::to_string(facts.frames)},
                   {"pace", pace},
                   {"loop", config_.loop ? "yes" : "no"}};
  info.settings.insert(info.settings.end(), facts.settings.begin(), facts.settings.end());
  info.inputs = facts.inputs;
  info.scan = facts.scan;
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
  if (!intact) return give_up(intact.error());

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
    last_recorded_.reset();
    recorded_ns_ = -1;
  }
  auto stored = frames_->info(index_);
  if (!stored) return give_up(std::move(stored.error()));
  schedule(*stored);
  next_ = *stored;
  return {};
}

// A file that is replaced or plugged in again gives the frame after the next open(). One that still
// does not is damaged there: the frame is lost, which the jump of the numbers tells.
std::unexpected<Error> Replay::give_up(Error error) noexcept {
  if (failed_index_ == index_) {
    passed_over_ += 1 + (next_ ? next_->lost_before : 0);
    next_.reset();
    ++index_;
  } else {
    failed_index_ = index_;
  }
  return std::unexpected(std::move(error));
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

// Records tell how many frames were lost before each; the numbers alone would tell too many where
// not every frame of the instrument was recorded. Without records they are all there is.
std::uint64_t Replay::number(const StoredInfo& stored) noexcept {
  const std::uint64_t recorded = stored.info.source_sequence;
  const bool torn = (stored.info.flags & kFlagCorrupt) != 0 && !stored.crc32c;
  const std::uint64_t passed = std::exchange(passed_over_, 0);
  std::uint64_t number = last_number_ ? *last_number_ + 1 + passed : recorded;
  const bool follows = last_number_.has_value() && !std::exchange(round_begins_, false) && !torn;
  const std::uint64_t jump = follows && last_recorded_ && recorded > last_recorded_->recorded
                                 ? recorded - last_recorded_->recorded
                                 : 1;
  if (follows && stored.crc32c) {
    const std::uint64_t missing = jump - 1 - std::min(jump - 1, passed);
    number +=
        last_recorded_ ? std::min<std::uint64_t>(missing, stored.lost_before) : stored.lost_before;
  } else if (follows && last_recorded_) {
    number = std::max(number, last_recorded_->given + jump);
  }
  if (!torn) last_recorded_ = {recorded, number};
  last_number_ = number;
  return number;
}

}  // namespace framelog
