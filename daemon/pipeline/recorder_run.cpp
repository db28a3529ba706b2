#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "core/event.hpp"
#include "core/log.hpp"
#include "pipeline/recorder_state.hpp"
#include "pipeline/run_report.hpp"
#include "store/base.hpp"

namespace framelog {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr auto kFirstBackOff = milliseconds(500);
constexpr auto kLongestBackOff = seconds(30);

/// The same products without files: frames come, are reduced, and are not recorded.
RecordingPlan idle_plan(RecordingPlan plan) {
  for (ProductPlan& product : plan.products) product.store.reset();
  plan.record = {};
  return plan;
}

}  // namespace

void Recorder::State::run() {
  ::pthread_setname_np(::pthread_self(), "recorder");
  int status = kRecorderFoundWrong;
  try {
    status = work();
    end_inherited();
    // What says "do not try again" would lose the ring.
    if (is_left_behind_ && status == kRecorderRefused) status = kRecorderFoundWrong;
  } catch (const std::exception& error) {
    log(LogLevel::kError, fmt::format("the recorder has failed: {}", error.what()));
  }
  std::deque<Command> unanswered;
  {
    const std::scoped_lock lock(mutex_, lines_mutex_);
    state_ = RecorderState::kEnded;
    unanswered = std::exchange(commands_, {});
  }
  if (next_) unanswered.push_back({Command::Kind::kReload, std::move(next_->done)});
  if (pending_) unanswered.push_back({Command::Kind::kStart, std::move(pending_->done)});
  for (const Command& command : unanswered) {
    command.done(fail(ErrorCode::kInvalid, "the recorder has ended"));
  }
  ended_(status);
}

int Recorder::State::work() {
  inherit();
  if (setup_.adopted) setup_.adopted();
  while (!is_ending()) {
    if (!is_open_) {
      if (const auto status = open_source()) return *status;
      continue;
    }
    std::vector<std::string> errors;
    RecordingPlan plan = setup_.plan(*info_, errors);
    if (!errors.empty()) return refuse(errors);
    plan.catalog = catalog_of(setup_);
    if (const auto status = run_session(std::move(plan))) return *status;
  }
  return exit_status_;
}

std::optional<int> Recorder::State::open_source() {
  auto info = setup_.source->open();
  if (!info) return source_failed(info.error());
  if (back_off_.count() > 0) {
    report({.kind = EventKind::kSourceBack, .text = "source there: " + info->description});
  }
  back_off_ = {};
  is_open_ = was_open_ = true;
  if (duration_ && !end_at_) end_at_ = steady_clock::now() + *duration_;
  const std::scoped_lock lock(mutex_);
  info_ = std::move(*info);
  source_error_.clear();
  return std::nullopt;
}

std::optional<int> Recorder::State::source_failed(const Error& error) {
  end_inherited();
  // An instrument that has no such setting will not get it by being waited for.
  const bool wrong = error.code == ErrorCode::kInvalid && !was_open_;
  if (wrong || !setup_.reconnect || !(setup_.hardware || was_open_)) {
    const int status = refuse({setup_.explain(error, true)});
    return was_open_ ? kRecorderFoundWrong : status;
  }
  wait_for_source(error);
  return std::nullopt;
}

void Recorder::State::wait_for_source(const Error& error) {
  const bool first = back_off_.count() == 0;
  back_off_ = std::clamp<std::chrono::nanoseconds>(back_off_ * 2, kFirstBackOff, kLongestBackOff);
  {
    const std::scoped_lock lock(mutex_, lines_mutex_);
    source_error_ = describe(error);
    state_ = RecorderState::kWaitingForSource;
  }
  if (first) {
    report({.kind = EventKind::kSourceLost,
            .level = LogLevel::kWarning,
            .text = "source: " + describe(error) + "; trying again",
            .fields = {{"reason", describe(error)}}});
    recover(setup_.bases);
    tell_ready();
  }
  answer_pending();
  wait_before_trying_again();
}

/// Whatever a command changes is tried at once.
void Recorder::State::wait_before_trying_again() {
  const Deadline until = steady_clock::now() + back_off_;
  for (;;) {
    const Wakeup::Ticket ticket = wakeup_.ticket();
    if (is_ending()) return;
    if (auto command = next_command()) {
      handle(std::move(*command));
      if (next_) return adopt(*std::exchange(next_, std::nullopt));
      continue;
    }
    if (!wakeup_.wait(ticket, std::min(until, end_at_.value_or(kNoDeadline))) &&
        steady_clock::now() >= until) {
      return;
    }
  }
}

std::optional<int> Recorder::State::run_session(RecordingPlan plan) {
  const bool records = wants_recording_ || inherited_;
  set_state(RecorderState::kStarting);
  {
    const std::scoped_lock lock(mutex_);
    record_start_ = plan.record.start;
  }
  if (records) {
    plan.capture.most_frames = frames_left_;
  } else {
    plan = idle_plan(std::move(plan));
  }
  capture_ = plan.capture;
  lock_memory_ = plan.lock_memory;
  if (records) plan.capture.interruption = std::exchange(interruption_, std::nullopt);
  prepare_lines(plan);
  if (auto inherited = inherited_ ? go_on_with_inherited() : nullptr) {
    wants_recording_ = true;
    session_begun(std::move(inherited), true);
  } else {
    recover(setup_.bases);
    auto session = Session::start(*setup_.source, std::move(plan), files_, clock_,
                                  records ? &keeper_ : nullptr);
    if (!session) return session_refused(session.error());
    session_begun(std::move(*session), records);
  }
  wait_for_end(*session_);
  return finish_session();
}

/// A command that cannot be done changes nothing; without one there is nothing to go back to.
std::optional<int> Recorder::State::session_refused(const Error& error) {
  if (previous_) {
    go_back(error);
    return std::nullopt;
  }
  if (pending_ && wants_recording_) {
    wants_recording_ = false;
    const Pending pending = *std::exchange(pending_, std::nullopt);
    pending.done(fail(error.code, "cannot record:", setup_.explain(error, false)));
    return std::nullopt;
  }
  const int status = refuse({setup_.explain(error, false)});
  // A disk may have room, or be back, when the program is tried again.
  const bool may_pass = error.code == ErrorCode::kNoSpace || error.code == ErrorCode::kIo;
  return may_pass ? kRecorderFoundWrong : status;
}

void Recorder::State::session_begun(std::unique_ptr<Session> session, bool records) {
  const RunIdentity run = session->run();
  records_ = records;
  is_left_ = false;
  session->notify_at_end(wakeup_);
  {
    const std::scoped_lock lock(mutex_, lines_mutex_);
    session_ = std::move(session);
    ++session_number_;
    state_ = records ? RecorderState::kRecording : RecorderState::kIdle;
    tell_lines();
  }
  accept_reload();
  if (records) report_started(setup_.instrument, setup_.base, run);
  tell_ready();
  answer_pending();
}

void Recorder::State::wait_for_end(Session& session) {
  for (;;) {
    const Wakeup::Ticket ticket = wakeup_.ticket();
    if (is_ending()) leave("stop");
    if (is_left_ || session.capture_ended()) return;
    if (auto command = next_command()) {
      handle(std::move(*command));
      continue;
    }
    wakeup_.wait(ticket, end_at_.value_or(kNoDeadline));
  }
}

void Recorder::State::leave(const char* reason) {
  is_left_ = true;
  if (session_ != nullptr) session_->request_stop(reason);
}

/// What follows the session's end; the exit status where nothing does.
std::optional<int> Recorder::State::finish_session() {
  set_state(RecorderState::kDraining);
  const CaptureEnd end = session_->drain();
  const SessionStatus status = session_->status();
  tell_end(*session_, status);
  if (next_ && next_->same_source && records_) {
    interruption_ = session_->interrupted(DropReason::kReload);
  }
  if (session_ended_) session_ended_(this->status(), session_->health());
  std::optional<SourceInfo> shape = session_->new_shape();
  is_open_ = end == CaptureEnd::kGeometry || status.source_connected;
  if (records_ && frames_left_) *frames_left_ -= std::min(*frames_left_, status.received);
  std::unique_ptr<Session> done;
  {
    const std::scoped_lock lock(mutex_, lines_mutex_);
    done = std::move(session_);
    state_ = RecorderState::kStarting;
    if (end == CaptureEnd::kGeometry) info_ = std::move(shape);
  }
  done.reset();  // Its ring goes before that of the next one comes.
  if (!wants_recording_) answer_pending();
  if (is_ending() || (frames_left_ && *frames_left_ == 0)) return exit_status_;
  if (end == CaptureEnd::kDisconnected) return kRecorderFoundWrong;
  if (end == CaptureEnd::kEndOfSource || end == CaptureEnd::kEnoughFrames) return exit_status_;
  if (end == CaptureEnd::kGeometry && exit_status_ != kRecorderDone) return exit_status_;
  if (next_) adopt(*std::exchange(next_, std::nullopt));
  return std::nullopt;
}

void Recorder::State::tell_end(Session& session, const SessionStatus& status) {
  for (const auto& product : status.products) log(LogLevel::kInfo, describe_accounting(product));
  if (records_) report_stopped(session.run(), status, session.end_reason());
  if (records_ && (frames_left_ || duration_)) tell_nothing_recorded(status);
  if (status.unfinished_segments == 0) return;
  exit_status_ = kRecorderFoundWrong;
  log(LogLevel::kError, fmt::format("{} segments could not be finished: framelog recover {}",
                                    status.unfinished_segments, setup_.base.string()));
  if (!pending_ || wants_recording_) return;
  const Pending pending = *std::exchange(pending_, std::nullopt);
  pending.done(fail(ErrorCode::kIo, "stopped, but not every segment could be finished;",
                    "the next start of the program does it"));
}

/// Who asked for so many frames, or so long a time, and got no file is told by the exit status,
/// too.
void Recorder::State::tell_nothing_recorded(const SessionStatus& status) {
  for (const auto& product : status.products) {
    const Accounting& accounting = product.accounting;
    if (accounting.recorded > 0) continue;
    for (const auto reason :
         {DropReason::kDiskFull, DropReason::kNoDisk, DropReason::kWriteError}) {
      const std::uint64_t dropped = accounting.dropped[static_cast<std::size_t>(reason)];
      if (dropped == 0) continue;
      exit_status_ = kRecorderFoundWrong;
      log(LogLevel::kError, fmt::format("{}: nothing was recorded, {} frames were dropped ({})",
                                        product.name, dropped, name_of(reason)));
    }
  }
}

void Recorder::State::handle(Command command) {
  switch (command.kind) {
    case Command::Kind::kStart:
      return start(std::move(command.done));
    case Command::Kind::kStop:
      return stop(std::move(command.done));
    case Command::Kind::kReload:
      return reload(std::move(command.done));
    case Command::Kind::kMarkSegment:
      return mark_segment(command);
  }
}

void Recorder::State::start(Done done) {
  if (wants_recording_) {
    done(fail(ErrorCode::kInvalid, "there is nothing to start:",
              session_ != nullptr ? "it records (allowed: stop, roll)"
                                  : "it records as soon as the source is there (allowed: stop)"));
    return;
  }
  wants_recording_ = true;
  if (session_ == nullptr) {
    done("recording begins when the source is there");
    return;
  }
  pending_ = {std::move(done), "recording"};
  leave("start");
}

void Recorder::State::stop(Done done) {
  if (!wants_recording_) {
    done(fail(ErrorCode::kInvalid,
              "there is nothing to stop:", "it does not record (allowed: start)"));
    return;
  }
  wants_recording_ = false;
  if (session_ == nullptr) {
    done("it stays idle when the source is there");
    return;
  }
  pending_ = {std::move(done), "stopped"};
  leave("stop");
}

void Recorder::State::mark_segment(const Command& command) {
  command.done(catalog_of(setup_)->mark(command.segment, command.mark));
}

std::shared_ptr<CatalogKeeper> Recorder::State::catalog_of(const RecorderSetup& setup) {
  if (!catalog_ || catalog_->settings() != setup.catalog) {
    auto keeper = std::make_shared<CatalogKeeper>(files_, setup.catalog);
    const std::scoped_lock lock(mutex_);
    catalog_ = std::move(keeper);
  }
  return catalog_;
}

void Recorder::State::recover(const std::vector<std::filesystem::path>& bases) {
  std::set<std::filesystem::path> fresh;
  for (const auto& base : bases) {
    // Looked through when its disk is there.
    if (setup_.require_mount && is_disk_missing(files_, base)) continue;
    if (recovered_.insert(base).second) fresh.insert(base);
  }
  recover_bases(files_, fresh);
}

int Recorder::State::refuse(const std::vector<std::string>& lines) {
  for (const std::string& line : lines) {
    report({.kind = EventKind::kRefused, .level = LogLevel::kError, .text = line});
  }
  return kRecorderRefused;
}

void Recorder::State::tell_ready() {
  if (!std::exchange(told_ready_, true)) ready_();
}

void Recorder::State::answer_pending() {
  if (!pending_) return;
  const Pending pending = *std::exchange(pending_, std::nullopt);
  pending.done(pending.answer);
}

bool Recorder::State::is_ending() const {
  return end_requests_.load(std::memory_order_relaxed) > 0 || is_late();
}

bool Recorder::State::is_late() const { return end_at_ && steady_clock::now() >= *end_at_; }

std::optional<Recorder::State::Command> Recorder::State::next_command() {
  const std::scoped_lock lock(mutex_);
  if (commands_.empty()) return std::nullopt;
  Command command = std::move(commands_.front());
  commands_.pop_front();
  return command;
}

void Recorder::State::set_state(RecorderState state) {
  const std::scoped_lock lock(mutex_, lines_mutex_);
  state_ = state;
}

}  // namespace framelog
