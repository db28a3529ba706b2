#include "pipeline/recorder.hpp"

#include <fmt/format.h>

#include <utility>

#include "core/event.hpp"
#include "pipeline/recorder_state.hpp"

namespace framelog {

std::string_view name_of(RecorderState state) noexcept {
  switch (state) {
    case RecorderState::kStarting:
      return "starting";
    case RecorderState::kWaitingForSource:
      return "waiting for the source";
    case RecorderState::kIdle:
      return "idle";
    case RecorderState::kArmed:
      return "armed";
    case RecorderState::kRecording:
      return "recording";
    case RecorderState::kDraining:
      return "draining";
    case RecorderState::kEnded:
      return "ended";
  }
  std::unreachable();
}

Recorder::State::State(RecorderSetup setup, Loader loader, RecorderLimits limits,
                       RingKeeper& keeper, FileSystem& files, const Clock& clock)
    : loader_(std::move(loader)),
      keeper_(keeper),
      files_(files),
      clock_(clock),
      instrument_(setup.instrument),
      base_(setup.base),
      setup_(std::move(setup)),
      frames_left_(limits.frames),
      duration_(limits.duration),
      wants_recording_(!setup_.start_by_command) {}

void Recorder::State::push(Command command) {
  Done done = command.done;
  {
    const std::scoped_lock lock(mutex_);
    if (state_ != RecorderState::kEnded) {
      commands_.push_back(std::move(command));
      done = nullptr;
    }
  }
  if (done) done(fail(ErrorCode::kInvalid, "the recorder has ended"));
  wakeup_.notify();
}

void Recorder::State::with_recording(const Done& done, const Use& use) {
  const Result<std::string> answer = [&]() -> Result<std::string> {
    const std::scoped_lock lock(mutex_);
    if (session_ == nullptr || state_ != RecorderState::kRecording) {
      return fail(ErrorCode::kInvalid, "nothing is being recorded:",
                  fmt::format("{} (allowed while recording or armed)", name_of(state_)));
    }
    return use(*session_);
  }();
  done(answer);
}

RecorderStatus Recorder::State::status() const {
  const std::scoped_lock lock(mutex_);
  RecorderStatus status;
  status.state = state_;
  status.instrument = instrument_;
  status.base = base_;
  status.source = info_;
  status.source_error = source_error_;
  status.took_over = took_over_;
  if (catalog_) status.catalog_trouble = catalog_->trouble();
  if (session_ == nullptr) return status;
  status.session = session_->status();
  status.session_number = session_number_;
  if (state_ == RecorderState::kIdle) return status;
  status.run_uuid = session_->run().uuid;
  status.run_number = session_->run().number;
  status.run_start_utc_ns = session_->run().start_utc_ns;
  const bool armed = record_start_ != RecordStart::kAlways && !status.session->in_event;
  if (armed && state_ == RecorderState::kRecording) status.state = RecorderState::kArmed;
  return status;
}

Recorder::Recorder(RecorderSetup setup, Loader loader, RecorderLimits limits, RingKeeper& keeper,
                   FileSystem& files, const Clock& clock)
    : state_(std::make_unique<State>(std::move(setup), std::move(loader), limits, keeper, files,
                                     clock)) {}

Recorder::~Recorder() { request_end(); }

void Recorder::begin(std::function<void()> ready, std::function<void(int)> ended) {
  state_->ready_ = std::move(ready);
  state_->ended_ = std::move(ended);
  state_->thread_ = std::jthread([state = state_.get()] { state->run(); });
}

void Recorder::on_session_end(std::function<void(const RecorderStatus&, const Health&)> call) {
  state_->session_ended_ = std::move(call);
}

void Recorder::request_end() {
  const bool again = state_->end_requests_.fetch_add(1, std::memory_order_relaxed) > 0;
  state_->wakeup_.notify();
  if (!again) return;
  // A source that did not hear the first time is told once more.
  const std::scoped_lock lock(state_->mutex_);
  if (state_->session_ != nullptr) state_->session_->request_stop();
}

void Recorder::start(Done done) { state_->push({State::Command::Kind::kStart, std::move(done)}); }
void Recorder::stop(Done done) { state_->push({State::Command::Kind::kStop, std::move(done)}); }
void Recorder::reload(Done done) { state_->push({State::Command::Kind::kReload, std::move(done)}); }
void Recorder::mark_segment(std::filesystem::path segment, CatalogKeeper::Mark mark, Done done) {
  state_->push({State::Command::Kind::kMarkSegment, std::move(done), std::move(segment), mark});
}

void Recorder::roll(Done done) {
  state_->with_recording(done, [](Session& session) -> Result<std::string> {
    session.roll();
    return "the open segments end with the next frame";
  });
}

void Recorder::trigger(Done done) {
  state_->with_recording(done, [this](Session& session) -> Result<std::string> {
    if (state_->record_start_ != RecordStart::kTrigger) {
      return fail(ErrorCode::kInvalid, "no trigger is waited for",
                  "(allowed with record.start = trigger)");
    }
    if (!session.signal({RecordSignal::Kind::kTrigger, state_->clock_.monotonic_ns()})) {
      return fail(ErrorCode::kInvalid, "too many triggers wait for their frame; try again later");
    }
    return "the next frame is a trigger";
  });
}

void Recorder::mark(std::string text, std::string author, Done done) {
  bool marked = false;
  state_->with_recording(done, [&](Session& session) -> Result<std::string> {
    if (auto good = session.mark(text, author); !good) return std::unexpected(good.error());
    marked = true;
    return "marked";
  });
  if (!marked) return;
  report({.kind = EventKind::kMark,
          .text = author.empty() ? fmt::format("mark: {}", text)
                                 : fmt::format("mark by {}: {}", author, text),
          .fields = {{"text", text}, {"author", author}}});
}

void Recorder::set(std::string key, double value, std::string unit, Done done) {
  state_->with_recording(done, [&](Session& session) -> Result<std::string> {
    const std::string text = fmt::format("{} = {}{}{}", key, value, unit.empty() ? "" : " ", unit);
    if (auto good = session.set(key, value, unit); !good) return std::unexpected(good.error());
    return text;
  });
}

Result<GrabbedFrame> Recorder::grab(const std::string& product) {
  const std::scoped_lock lock(state_->mutex_);
  if (state_->session_ == nullptr) {
    return fail(ErrorCode::kNotFound,
                "there is no frame:", fmt::format("the recorder is {}", name_of(state_->state_)));
  }
  return state_->session_->grab(product);
}

RecorderStatus Recorder::status() const { return state_->status(); }

void Recorder::with_health(const std::function<void(const Health*)>& use) const {
  const std::scoped_lock lock(state_->mutex_);
  use(state_->session_ == nullptr ? nullptr : &state_->session_->health());
}

void Recorder::look_around() {
  const std::scoped_lock lock(state_->mutex_);
  if (state_->session_ != nullptr) state_->session_->look_around();
}

}  // namespace framelog
