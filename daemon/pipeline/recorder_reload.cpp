#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "core/event.hpp"
#include "pipeline/recorder_state.hpp"

namespace framelog {

/// What can be found out is found out before the session that runs is touched.
void Recorder::State::reload(Done done) {
  auto loaded = load(done);
  if (!loaded || reload_in_place(*loaded)) return;
  next_ = std::move(loaded);
  leave("reload");
}

std::optional<Recorder::State::Reload> Recorder::State::load(Done& done) {
  auto setup = loader_();
  if (!setup) {
    refuse_reload(done, setup.error());
    return std::nullopt;
  }
  Reload reload;
  reload.setup = std::move(*setup);
  reload.same_source = reload.setup.source_identity == setup_.source_identity;
  std::vector<std::string> errors;
  if (!check_source(reload, errors)) {
    refuse_reload(done, errors);
    return std::nullopt;
  }
  reload.done = std::move(done);
  return reload;
}

bool Recorder::State::reload_in_place(Reload& reload) {
  if (session_ == nullptr || !records_ || !reload.same_source || !info_) return false;
  std::vector<std::string> errors;
  RecordingPlan plan = reload.setup.plan(*info_, errors);
  plan.catalog = catalog_of(reload.setup);
  prepare_lines(plan);
  const CaptureOptions& capture = plan.capture;
  const bool same_capture = capture.wait_when_full == capture_.wait_when_full &&
                            capture.reconnect == capture_.reconnect &&
                            capture.drop_damaged == capture_.drop_damaged &&
                            capture.stall_timeout == capture_.stall_timeout;
  if (!errors.empty() || !same_capture || plan.lock_memory != lock_memory_) return false;
  const RecordStart start = plan.record.start;
  const bool gate_open = plan.record.gate_open;
  if (auto reloaded = session_->reload(std::move(plan)); !reloaded) {
    const ErrorCode code = reloaded.error().code;
    if (code == ErrorCode::kLayout || code == ErrorCode::kNoMemory || code == ErrorCode::kEnd) {
      return false;
    }
    refuse_reload(reload.done, {reload.setup.explain(reloaded.error(), false)});
    return true;
  }
  reload.setup.source = std::move(setup_.source);
  setup_ = std::move(reload.setup);
  put_identity(info_);
  {
    const std::scoped_lock lock(mutex_, lines_mutex_);
    record_start_ = start;
    told_gate_open_ = gate_open;
    tell_lines();  // The gate may have changed under the configuration before.
  }
  if (setup_.adopted) setup_.adopted();
  const std::string answer = "reloaded: new segments in the same run, no frame lost";
  report(
      {.kind = EventKind::kReloaded, .text = answer, .fields = {{"base", setup_.base.string()}}});
  reload.done(answer);
  return true;
}

/// Whether the new configuration can record what its source delivers, as far as that is known.
bool Recorder::State::check_source(Reload& reload, std::vector<std::string>& errors) {
  if (reload.same_source) {
    if (info_) static_cast<void>(reload.setup.plan(*info_, errors));
    return errors.empty();
  }
  auto info = reload.setup.source->open();
  if (info) {
    reload.opened = true;
    reload.info = std::move(*info);
    static_cast<void>(reload.setup.plan(reload.info, errors));
    return errors.empty();
  }
  // An instrument that this program holds itself cannot be opened a second time: it is waited for.
  reload.absent = describe(info.error());
  if (reload.setup.hardware && reload.setup.reconnect) return true;
  errors.push_back(reload.setup.explain(info.error(), true));
  return false;
}

void Recorder::State::adopt(Reload reload) {
  previous_ = Previous{std::move(setup_), info_, is_open_};
  setup_ = std::move(reload.setup);
  std::string answer = "reloaded";
  std::optional<SourceInfo> info;
  if (reload.same_source) {
    setup_.source = std::move(previous_->setup.source);
    info = info_;
    if (is_open_) answer += wants_recording_ ? ": a new run begins" : "; idle";
  } else {
    is_open_ = was_open_ = reload.opened;
    if (reload.opened) info = std::move(reload.info);
    answer += reload.opened
                  ? fmt::format(", with another source: {}", info->description)
                  : fmt::format(", with another source, which is absent: {}", reload.absent);
  }
  back_off_ = {};
  put_identity(std::move(info));
  pending_ = {std::move(reload.done), std::move(answer)};
  // Without a source nothing more can be tried: it is in force.
  if (!is_open_) accept_reload();
}

void Recorder::State::accept_reload() {
  if (!previous_) return;
  previous_.reset();
  if (setup_.adopted) setup_.adopted();
  report({.kind = EventKind::kReloaded,
          .text = pending_ ? pending_->answer : std::string("reloaded"),
          .fields = {{"base", setup_.base.string()}}});
}

void Recorder::State::go_back(const Error& error) {
  const std::string line = setup_.explain(error, false);
  Previous previous = *std::exchange(previous_, std::nullopt);
  if (previous.setup.source == nullptr) previous.setup.source = std::move(setup_.source);
  setup_ = std::move(previous.setup);
  is_open_ = previous.opened;
  was_open_ = true;
  put_identity(std::move(previous.info));
  if (!pending_) return;
  const Pending pending = *std::exchange(pending_, std::nullopt);
  refuse_reload(pending.done, {line});
}

/// What status shows of the configuration in force.
void Recorder::State::put_identity(std::optional<SourceInfo> info) {
  const std::scoped_lock lock(mutex_);
  instrument_ = setup_.instrument;
  base_ = setup_.base;
  info_ = std::move(info);
}

void Recorder::State::refuse_reload(const Done& done, const std::vector<std::string>& lines) {
  const std::string all = fmt::format("{}", fmt::join(lines, "\n"));
  const std::string more =
      lines.size() > 1 ? fmt::format(" (and {} more)", lines.size() - 1) : std::string();
  report({.kind = EventKind::kReloadRefused,
          .level = LogLevel::kError,
          .text = fmt::format("reload refused: {}{}", lines.empty() ? "" : lines.front(), more),
          .fields = {{"errors", all}}});
  done(fail(ErrorCode::kInvalid, "the new configuration is wrong:", all));
}

}  // namespace framelog
