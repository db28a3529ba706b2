#include "pipeline/session.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "core/text.hpp"
#include "pipeline/bases.hpp"
#include "pipeline/grab.hpp"
#include "pipeline/recipe.hpp"
#include "pipeline/session_state.hpp"

namespace framelog {
namespace {

std::string_view reason_of(CaptureEnd end) {
  switch (end) {
    case CaptureEnd::kStopped:
      return "stop";
    case CaptureEnd::kEndOfSource:
      return "end of source";
    case CaptureEnd::kEnoughFrames:
      return "frames asked for";
    case CaptureEnd::kDisconnected:
      return "source lost";
    case CaptureEnd::kGeometry:
      return "change of geometry";
  }
  std::unreachable();
}

}  // namespace

SessionStatus Session::State::status() const {
  SessionStatus status;
  const std::scoped_lock lock(processing_mutex_);
  for (std::size_t i = 0; i < plan_.products.size(); ++i) {
    const ProductCounters& counters = ring_.product_counters(i);
    const Accounting accounting = snapshot(ring_.capture_counters(), counters);
    SessionStatus::Product product;
    product.name = plan_.products[i].name;
    product.accounting = accounting;
    product.bytes = counters.bytes.load(std::memory_order_relaxed);
    product.segments = counters.segments.load(std::memory_order_relaxed);
    product.clipped_pixels = counters.clipped_pixels.load(std::memory_order_relaxed);
    if (SegmentLane* lane = processing_->lane(i)) {
      product.path = lane->active_path();
      product.blocked = lane->blocked();
      status.unfinished_segments += lane->retired_count() + lane->abandoned();
    }
    status.products.push_back(std::move(product));
    status.received = std::max(status.received, accounting.received);
    status.dropped = std::max(status.dropped, accounting.total_dropped());
    status.lost_at_source = accounting.total_lost_at_source();
  }
  status.unfinished_segments += unfinished_before_;
  status.in_event = processing_->in_event();
  status.ring_slots = ring_.slots();
  const std::uint64_t written = ring_.written();  // First: captured can only be ahead of it.
  status.ring_used_slots = ring_.captured() - written;
  status.reconnects = ring_.capture_counters().reconnects.load(std::memory_order_relaxed);
  status.clock_synchronised = health_.clock_synchronised.load(std::memory_order_relaxed);
  status.source_connected = health_.source_connected.load(std::memory_order_relaxed);
  if (const auto trouble = capture_.trouble()) {
    status.source_trouble = trouble->why;
    status.source_away_ns = clock_.monotonic_ns() - trouble->since_monotonic_ns;
  }
  const auto counters = source_.counters();
  for (std::size_t i = 0; i < counters.size(); ++i) {
    const std::uint64_t count = counters[i].count.load(std::memory_order_relaxed);
    status.source_counts.push_back(
        {counters[i].name, counters[i].help, count - source_counts_[i].before});
  }
  return status;
}

std::string_view Session::State::end_reason() const {
  const char* stopped = stop_reason_.load(std::memory_order_relaxed);
  const bool asked = capture_.end() == CaptureEnd::kStopped || &source_ == &no_source_;
  if (asked && stopped != nullptr) return stopped;
  return reason_of(capture_.end());
}

/// On the files thread, with the first disk that is there. The recipe has it from then on, too.
Result<std::int64_t> Session::State::number_run(Base& base) {
  if (const RunIdentity run = run_identity(); run.number > 0) return run.number;
  // Status and grab do not wait for the disk.
  auto number = base.next_run_number();
  if (!number) return number;
  const std::scoped_lock lock(processing_mutex_);
  if (run_.number > 0) return run_.number;  // The other files thread, across a reload.
  run_.number = *number;
  if (keeper_ == nullptr) return number;
  const std::string recipe =
      write_recipe({plan_.instrument, plan_.configuration, plan_.source, run_});
  if (auto kept = ring_.put_recipe(recipe); !kept) return std::unexpected(kept.error());
  return number;
}

/// What the driver has counted goes into the files as a quantity, when it has changed. Threads:
/// control, and write at the end.
std::vector<Note> Session::State::new_source_counts() {
  const std::scoped_lock lock(source_counts_mutex_);
  std::vector<Note> notes;
  const auto counters = source_.counters();
  for (std::size_t i = 0; i < counters.size(); ++i) {
    const std::uint64_t count = counters[i].count.load(std::memory_order_relaxed);
    SourceCountSeen& seen = source_counts_[i];
    if (count == seen.noted) continue;
    seen.noted = count;
    std::string key = fmt::format("source.{}", counters[i].name);
    std::ranges::replace(key, '-', '_');  // NeXus allows no hyphens in names.
    notes.emplace_back(QuantityEntry{clock_.utc_ns(), std::move(key),
                                     static_cast<double>(count - seen.before), ""});
  }
  return notes;
}

Result<void> Session::State::set(std::string key, double value, std::string unit) {
  if (auto good = check_quantity(key, value, unit); !good) return good;
  const auto [known, is_new] = units_.emplace(key, unit);
  if (!is_new && known->second != unit) {
    return fail(ErrorCode::kInvalid, "another unit than before:",
                fmt::format("{} in {} (in this run it is in {})", key, in_quotes(unit),
                            in_quotes(known->second)));
  }
  note(QuantityEntry{clock_.utc_ns(), std::move(key), value, std::move(unit)});
  return {};
}

Result<GrabbedFrame> Session::State::grab(const std::string& name) {
  const std::scoped_lock lock(processing_mutex_);
  const auto found = name.empty() ? plan_.products.begin()
                                  : std::ranges::find(plan_.products, name, &ProductPlan::name);
  if (found == plan_.products.end()) {
    return fail(ErrorCode::kNotFound, "there is no such product:",
                fmt::format("{} (there are: {})", in_quotes(name), product_names()));
  }
  if (ring_.reduced() <= grab_from_ && grab_from_ > 0) {
    return fail(ErrorCode::kNotFound, "there is no frame of this configuration yet; try again");
  }
  const auto index = static_cast<std::size_t>(found - plan_.products.begin());
  auto frame = grab_frame(ring_, index, found->reduction);
  if (frame) frame->product = found->name;
  return frame;
}

std::string Session::State::product_names() const {
  std::string names;
  for (const ProductPlan& product : plan_.products) {
    names += (names.empty() ? "" : ", ") + product.name;
  }
  return names;
}

namespace {

/// Processes that died before they had written what was left to them.
constexpr std::uint32_t kMostAttempts = 10;

/// Memory for the ring of a new run; with a keeper it outlives the process, and says how to go on.
Result<Ring> make_ring(const RecordingPlan& plan, const RunIdentity& run, RingKeeper* keeper) {
  const std::string recipe = write_recipe({plan.instrument, plan.configuration, plan.source, run});
  auto memory = keeper != nullptr ? keeper->make(Ring::kept_bytes(plan.ring, recipe.size()))
                                  : Ring::create_memory(plan.ring);
  if (!memory) return std::unexpected(memory.error());
  const UniqueFd kept(::fcntl(memory->get(), F_DUPFD_CLOEXEC, 0));
  auto ring = Ring::attach(std::move(*memory), plan.ring);
  Result<void> good;
  if (ring && keeper != nullptr) good = ring->put_recipe(recipe);
  if (ring && good && plan.lock_memory) good = ring->lock();
  if (ring && good) return ring;
  if (keeper != nullptr) keeper->forget(kept);
  if (!ring) return ring;
  return std::unexpected(good.error());
}

}  // namespace

Result<std::unique_ptr<Session>> Session::begin(std::unique_ptr<State> state) {
  try {
    if (auto running = state->run(); !running) return std::unexpected(running.error());
  } catch (const std::system_error& error) {
    return fail_errno(error.code().value(), "cannot start a thread");
  }
  return std::unique_ptr<Session>(new Session(std::move(state)));
}

Result<std::unique_ptr<Session>> Session::start(FrameSource& source, RecordingPlan plan,
                                                FileSystem& files, const Clock& clock,
                                                RingKeeper* keeper) {
  Bases bases = bases_of(files, plan, {});
  if (auto opened = open_bases(files, bases); !opened) return std::unexpected(opened.error());
  const auto number = draw_run_number(bases);
  if (!number) return std::unexpected(number.error());
  const RunIdentity run{make_uuid(), *number, clock.utc_ns(), clock.monotonic_ns()};
  set_run(plan, run);
  auto ring = make_ring(plan, run, keeper);
  if (!ring) return std::unexpected(ring.error());
  return begin(std::make_unique<State>(SessionParts{&source, std::move(plan), run, std::move(*ring),
                                                    std::move(bases), keeper, false},
                                       files, clock));
}

Result<std::unique_ptr<Session>> Session::take_over(FrameSource* source, RecordingPlan plan,
                                                    const RunIdentity& run, const UniqueFd& memory,
                                                    FileSystem& files, const Clock& clock,
                                                    RingKeeper& keeper) {
  UniqueFd own(::fcntl(memory.get(), F_DUPFD_CLOEXEC, 0));
  if (!own.valid()) return fail_errno(errno, "cannot take the ring over");
  set_run(plan, run);
  auto ring = Ring::attach(std::move(own), plan.ring);
  if (!ring) return std::unexpected(ring.error());
  if (ring->attempts() > kMostAttempts) {
    return fail(ErrorCode::kLayout, "taking it over has failed again and again");
  }
  if (plan.lock_memory) {
    if (auto locked = ring->lock(); !locked) return std::unexpected(locked.error());
  }
  Bases bases = bases_of(files, plan, {});
  auto state = std::make_unique<State>(
      SessionParts{source, std::move(plan), run, std::move(*ring), std::move(bases), &keeper, true},
      files, clock);
  // Before the bases are locked: what the dead process had prepared goes.
  auto taken = state->processing_->take_over();
  if (taken) taken = open_bases(files, state->bases_);
  if (!taken) {
    state->keeper_ = nullptr;  // It stays for the next process.
    return std::unexpected(taken.error());
  }
  return begin(std::move(state));
}

Session::Session(std::unique_ptr<State> state) : state_(std::move(state)) {}
Session::~Session() = default;
void Session::request_stop(const char* reason) { state_->request_stop(reason); }
void Session::notify_at_end(Wakeup& wakeup) { state_->notify_at_end(wakeup); }
bool Session::capture_ended() const { return state_->capture_ended(); }
CaptureEnd Session::drain() { return state_->drain(); }
SessionStatus Session::status() const { return state_->status(); }
std::string_view Session::end_reason() const { return state_->end_reason(); }
std::optional<SourceInfo> Session::new_shape() const { return state_->capture_.new_shape(); }
bool Session::signal(RecordSignal signal) { return state_->signal(signal); }
void Session::note(const LineEdges& edges) { state_->note(edges); }
bool Session::in_event() const { return state_->in_event(); }
void Session::roll() { state_->roll(); }
Result<void> Session::reload(RecordingPlan plan) { return state_->reload(std::move(plan)); }
Interruption Session::interrupted(DropReason reason) const {
  return state_->capture_.interrupted(reason);
}
std::uint64_t Session::took_over() const noexcept { return state_->took_over_; }
Result<void> Session::mark(std::string text, std::string author) {
  return state_->mark(std::move(text), std::move(author));
}
Result<void> Session::set(std::string key, double value, std::string unit) {
  return state_->set(std::move(key), value, std::move(unit));
}
Result<GrabbedFrame> Session::grab(const std::string& product) const {
  return state_->grab(product);
}
RunIdentity Session::run() const { return state_->run_identity(); }
const Health& Session::health() const noexcept { return state_->health_; }
void Session::look_around() {
  state_->look_at_clock();
  state_->look_at_source();
}

}  // namespace framelog
