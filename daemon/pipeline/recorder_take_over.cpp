#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "core/event.hpp"
#include "core/time_format.hpp"
#include "pipeline/recorder_state.hpp"
#include "store/base.hpp"

namespace framelog {
namespace {

using std::filesystem::path;

constexpr auto kLongestBusy = std::chrono::seconds(30);
constexpr auto kBusyStep = std::chrono::milliseconds(100);

/// A copy that takes no room for what is zero.
Result<void> copy_memory(FileSystem& files, const UniqueFd& memory, const path& to) {
  auto file = files.open(to, O_WRONLY | O_CREAT | O_EXCL, 0640);
  if (!file) return std::unexpected(file.error());
  struct stat about {};
  if (::fstat(memory.get(), &about) != 0) return fail_errno(errno, "cannot read the ring");
  std::vector<std::byte> piece(1 << 20);
  for (std::int64_t at = 0; at < about.st_size;) {
    const auto got = files.read_at(memory.get(), piece, at);
    if (!got) return std::unexpected(got.error());
    if (*got == 0) break;
    const std::span<const std::byte> bytes(piece.data(), *got);
    const bool zero =
        std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{}; });
    if (!zero) {
      if (auto written = files.write_at(file->get(), bytes, at); !written) return written;
    }
    at += static_cast<std::int64_t>(*got);
  }
  if (auto sized = files.resize(file->get(), about.st_size); !sized) return sized;
  return files.sync(file->get());
}

}  // namespace

void Recorder::State::inherit() {
  for (UniqueFd& memory : keeper_.left_behind()) {
    auto inherited = understand(std::move(memory));
    if (!inherited) continue;
    end_inherited();  // Of two, one cannot go on.
    inherited_ = std::move(inherited);
  }
  if (inherited_ && !inherited_->same_configuration) end_inherited();
}

std::optional<Recorder::State::Inherited> Recorder::State::understand(UniqueFd memory) {
  if (Ring::is_blank(memory)) {  // Its process died before it had recorded anything.
    keeper_.forget(memory);
    return std::nullopt;
  }
  const auto text = Ring::recipe_of(memory);
  auto recipe = text ? read_recipe(*text) : std::unexpected(text.error());
  if (!recipe) {
    keep_aside(memory, describe(recipe.error()));
    return std::nullopt;
  }
  Inherited inherited;
  inherited.same_configuration = recipe->configuration == setup_.configuration;
  std::vector<std::string> errors;
  inherited.plan = inherited.same_configuration
                       ? setup_.plan(recipe->source, errors)
                       : setup_.replan(recipe->configuration, recipe->source, errors);
  if (!errors.empty() || recipe->instrument != setup_.instrument) {
    keep_aside(memory, errors.empty() ? "it is of the instrument " + recipe->instrument
                                      : "its configuration: " + errors.front());
    return std::nullopt;
  }
  inherited.plan.catalog = catalog_of(setup_);
  inherited.memory = std::move(memory);
  inherited.recipe = std::move(*recipe);
  return inherited;
}

void Recorder::State::keep_aside(const UniqueFd& memory, const std::string& why) {
  const path directory = setup_.base / "quarantine";
  const std::string stem = fmt::format("ring_{}", clock_.utc_ns());
  const path copy = directory / (stem + ".memory");
  Result<void> kept;
  if (setup_.require_mount && is_disk_missing(files_, setup_.base)) {
    kept = fail(ErrorCode::kNotFound, "no disk is mounted at", setup_.base.string());
  }
  if (kept) kept = files_.make_directories(directory);
  if (kept) kept = copy_memory(files_, memory, copy);
  const std::string note =
      fmt::format("{}: the ring of a process that died: {}\n", iso_time(clock_.utc_ns()), why);
  if (kept) {
    static_cast<void>(
        write_new_file(files_, copy.string() + ".why", std::as_bytes(std::span(note))));
    keeper_.forget(memory);
  } else {
    if (files_.exists(copy)) static_cast<void>(files_.remove(copy));
    is_left_behind_ = true;
  }
  const std::string where =
      kept ? "kept as " + copy.string()
           : fmt::format("it stays in {} ({})", keeper_.place(), describe(kept.error()));
  report(
      {.kind = EventKind::kRingAside,
       .level = LogLevel::kError,
       .text = fmt::format("a process that died left frames in a ring that cannot be taken over: "
                           "{}; {}",
                           why, where),
       .fields = {{"reason", why}, {"path", kept ? copy.string() : std::string()}}});
}

/// Who recovers files beside us lets go of them soon.
Result<std::unique_ptr<Session>> Recorder::State::take_over(FrameSource* source,
                                                            const RecordingPlan& plan) {
  const Deadline until = std::chrono::steady_clock::now() + kLongestBusy;
  for (;;) {
    auto session = Session::take_over(source, plan, inherited_->recipe.run, inherited_->memory,
                                      files_, clock_, keeper_);
    const bool busy = !session && session.error().code == ErrorCode::kBusy;
    if (!busy || std::chrono::steady_clock::now() >= until || is_ending()) return session;
    std::this_thread::sleep_for(kBusyStep);
  }
}

/// What is not understood goes aside; what the disk refuses today stays for the next process.
void Recorder::State::not_taken_over(const Error& error) {
  const Inherited inherited = *std::exchange(inherited_, std::nullopt);
  if (error.code == ErrorCode::kLayout || error.code == ErrorCode::kCorrupt) {
    keep_aside(inherited.memory, describe(error));
    return;
  }
  is_left_behind_ = true;
  report(
      {.kind = EventKind::kRingAside,
       .level = LogLevel::kError,
       .text = fmt::format("a process that died left frames that cannot be written now: {}; they "
                           "stay in {} for the next start",
                           describe(error), keeper_.place()),
       .fields = {{"reason", describe(error)}, {"path", std::string()}}});
}

void Recorder::State::end_inherited() {
  if (!inherited_) return;
  auto session = take_over(nullptr, inherited_->plan);
  if (!session) {
    not_taken_over(session.error());
    return;
  }
  report_taken_over(**session, *inherited_, false);
  inherited_.reset();
  static_cast<void>((*session)->drain());
  records_ = true;
  tell_end(**session, (*session)->status());
}

std::unique_ptr<Session> Recorder::State::go_on_with_inherited() {
  if (!is_same_instrument(inherited_->recipe.source, *info_)) {
    end_inherited();
    return nullptr;
  }
  RecordingPlan plan = inherited_->plan;
  plan.capture.most_frames = frames_left_;
  prepare_lines(plan);
  auto session = take_over(setup_.source.get(), plan);
  if (!session) {
    not_taken_over(session.error());
    return nullptr;
  }
  tell_gate(**session);
  report_taken_over(**session, *inherited_, true);
  inherited_.reset();
  for (const path& base : setup_.bases) recovered_.insert(base);
  return std::move(*session);
}

void Recorder::State::report_taken_over(const Session& session, const Inherited& inherited,
                                        bool goes_on) {
  {
    const std::scoped_lock lock(mutex_);
    took_over_ += session.took_over();
  }
  const RunIdentity& run = inherited.recipe.run;
  report({.kind = EventKind::kTookOver,
          .level = LogLevel::kWarning,
          .text = fmt::format("a process died while it recorded run {}: {} frames of its ring are "
                              "written{}",
                              run.number, session.took_over(),
                              goes_on ? ", and the run goes on" : ", and the run ends"),
          .fields = {{"run", run.uuid},
                     {"run_number", std::to_string(run.number)},
                     {"frames", std::to_string(session.took_over())}}});
}

}  // namespace framelog
