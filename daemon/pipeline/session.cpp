#include "pipeline/session.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <pthread.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <system_error>
#include <utility>

#include "core/log.hpp"
#include "core/text.hpp"
#include "pipeline/capture_loop.hpp"
#include "pipeline/grab.hpp"
#include "pipeline/notes.hpp"
#include "pipeline/processing.hpp"
#include "pipeline/recipe.hpp"
#include "store/workshop.hpp"

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

/// Where a run only has to be brought to its end.
class NoSource final : public FrameSource {
 public:
  Result<SourceInfo> open() override { return fail(ErrorCode::kEnd, "there is no source"); }
  Result<void> start() override { return {}; }
  Result<FrameInfo> read(std::span<std::byte> /*pixels*/, Deadline /*deadline*/) noexcept override {
    return std::unexpected(Error{ErrorCode::kEnd, 0, nullptr, {}});
  }
  void stop() noexcept override {}
  void cancel() noexcept override {}
};

/// One lock per base that is not among those that are `there`; products may share one.
Result<std::vector<Workshop>> open_workshops(FileSystem& files, const RecordingPlan& plan,
                                             std::span<const Workshop> there) {
  std::vector<std::filesystem::path> bases;
  const auto is_open = [&](const std::filesystem::path& base) {
    const auto path = workshop_path(base, plan.instrument);
    return std::ranges::find(bases, base) != bases.end() ||
           std::ranges::any_of(there, [&](const Workshop& open) { return open.path() == path; });
  };
  for (const ProductPlan& product : plan.products) {
    if (product.store && !is_open(product.store->base)) {
      bases.push_back(product.store->base);
    }
  }
  std::vector<Workshop> workshops;
  for (const auto& base : bases) {
    auto workshop = Workshop::open(files, base, plan.instrument);
    if (!workshop) return std::unexpected(workshop.error());
    workshops.push_back(std::move(*workshop));
  }
  return workshops;
}

}  // namespace

/// What a session is made of.
struct Parts {
  FrameSource* source{};  ///< Null: only what is in the ring is written.
  RecordingPlan plan;
  RunIdentity run;
  Ring ring;
  std::vector<Workshop> workshops;
  RingKeeper* keeper{};
  bool took_over{};
};

/// What a session owns, in the order in which it may be destroyed.
struct Session::State {
  State(Parts parts, FileSystem& files, const Clock& clock)
      : source_(parts.source != nullptr ? *parts.source : no_source_),
        plan_(std::move(parts.plan)),
        run_(std::move(parts.run)),
        workshops_(std::move(parts.workshops)),
        files_(files),
        clock_(clock),
        keeper_(parts.keeper),
        ring_(std::move(parts.ring)),
        took_over_(parts.took_over ? ring_.captured() - ring_.written() : 0),
        capture_(source_, plan_.source, ring_, health_, clock, plan_.capture),
        processing_(std::make_unique<Processing>(
            ring_, plan_, files, health_, clock,
            Processing::Before{.took_over = parts.took_over, .numbered = {}, .generation = 0})) {
    if (parts.source == nullptr) stop_reason_ = "crash";
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    request_stop("stop");
    drain();
  }

  [[nodiscard]] Result<void> run() {
    look_at_clock();
    populate_thread_ = std::jthread([this](const std::stop_token& stop) {
      ::pthread_setname_np(::pthread_self(), "populate");
      ring_.populate(stop);
    });
    if (auto prepared = processing_->prepare(); !prepared) return prepared;
    processing_->make_stages();
    begin_processing();
    capture_thread_ = std::jthread([this](const std::stop_token& stop) {
      ::pthread_setname_np(::pthread_self(), "capture");
      capture_end_ = capture_.run(stop);
      capture_ended_.store(
          true, std::memory_order_release);  // Pairs with the acquire in capture_ended().
      const std::scoped_lock lock(end_mutex_);
      if (at_end_ != nullptr) at_end_->notify();
    });
    return {};
  }

  void begin_processing() {
    processing_->run([this] {
      // The ring is closed: capture has left its last words, which its closing has published.
      return Processing::LastWords{capture_.tail(), capture_.received(), end_reason()};
    });
  }

  void request_stop(const char* reason) {
    const char* none = nullptr;
    stop_reason_.compare_exchange_strong(none, reason, std::memory_order_relaxed);
    capture_thread_.request_stop();  // Its being seen makes the reason seen.
    source_.cancel();
  }

  [[nodiscard]] bool capture_ended() const {
    return capture_ended_.load(std::memory_order_acquire);
  }

  void notify_at_end(Wakeup& wakeup) {
    const std::scoped_lock lock(end_mutex_);
    at_end_ = &wakeup;
    if (capture_ended()) wakeup.notify();
  }

  CaptureEnd drain() {
    if (capture_thread_.joinable()) capture_thread_.join();
    ring_.close();  // Where starting failed half-way, nobody else does.
    processing_->drain();
    // Frames that could not be written are for the next process.
    const bool is_empty = ring_.written() == ring_.captured();
    if (keeper_ != nullptr && is_empty) keeper_->forget(ring_.memory());
    keeper_ = nullptr;
    return capture_end_;
  }

  [[nodiscard]] bool fits(const RecordingPlan& plan) const {
    const auto identity = [](const ProductPlan& product) {
      return std::pair(product.name, product.store.has_value());
    };
    return plan.ring.fingerprint() == ring_.layout().fingerprint() &&
           std::ranges::equal(plan.products, plan_.products, {}, identity, identity);
  }

  [[nodiscard]] Result<void> reload(RecordingPlan plan) {
    if (!fits(plan)) return fail(ErrorCode::kLayout, "the products need another ring");
    if (capture_ended()) return fail(ErrorCode::kEnd, "the source has ended");
    set_run(plan, run_);
    auto workshops = open_workshops(files_, plan, workshops_);
    if (!workshops) return std::unexpected(workshops.error());
    const std::string recipe =
        write_recipe({plan.instrument, plan.configuration, plan.source, run_});
    if (keeper_ != nullptr && !ring_.has_room_for(recipe)) {
      return fail(ErrorCode::kLayout, "the ring has no room for the configuration");
    }
    ++generation_;
    // What takes time is done before; a roll meanwhile takes the numbers that were prepared.
    const std::vector<std::int64_t> numbered = processing_->numbered();
    auto next = make_processing(plan, numbered);
    if (auto prepared = next->prepare(); !prepared) return prepared;
    processing_->hand_over("reload");
    if (processing_->numbered() != numbered) {
      next->discard_prepared();
      next = make_processing(plan, processing_->numbered());
      if (auto prepared = next->prepare(); !prepared) {
        log(LogLevel::kError, describe(prepared.error()) + "; trying again");
      }
    }
    for (Workshop& workshop : *workshops) workshops_.push_back(std::move(workshop));
    switch_to(std::move(next), std::move(plan), recipe);
    return {};
  }

  std::unique_ptr<Processing> make_processing(const RecordingPlan& plan,
                                              std::vector<std::int64_t> numbered) {
    return std::make_unique<Processing>(
        ring_, plan, files_, health_, clock_,
        Processing::Before{
            .took_over = false, .numbered = std::move(numbered), .generation = generation_});
  }

  /// All that was reduced is written: from here on the process after may go by the new plan.
  void switch_to(std::unique_ptr<Processing> next, RecordingPlan plan, const std::string& recipe) {
    // It has room, and lies in memory.
    if (keeper_ != nullptr) static_cast<void>(ring_.put_recipe(recipe));
    next->make_stages();
    processing_->give_wishes_to(*next);
    ring_.go_on();
    std::unique_ptr<Processing> before;
    {
      const std::scoped_lock lock(processing_mutex_);
      before = std::exchange(processing_, std::move(next));
      plan_ = std::move(plan);
      grab_from_ = ring_.reduced();
    }
    begin_processing();
    before->drain();
    unfinished_before_ += before->unfinished();
  }

  [[nodiscard]] SessionStatus status() const {
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
        status.unfinished_segments += lane->retired_count();
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
    return status;
  }

  [[nodiscard]] std::optional<SourceInfo> new_shape() const { return capture_.new_shape(); }

  void look_at_clock() {
    health_.clock_synchronised.store(clock_.synchronised(), std::memory_order_relaxed);
  }

  [[nodiscard]] std::string_view end_reason() const {
    const char* stopped = stop_reason_.load(std::memory_order_relaxed);
    const bool asked = capture_.end() == CaptureEnd::kStopped || &source_ == &no_source_;
    if (asked && stopped != nullptr) return stopped;
    return reason_of(capture_.end());
  }

  void note(const Note& note) {
    const std::scoped_lock lock(processing_mutex_);
    processing_->note(note);
  }

  void trigger() {
    const std::scoped_lock lock(processing_mutex_);
    processing_->trigger();
  }

  void roll() {
    const std::scoped_lock lock(processing_mutex_);
    processing_->roll();
  }

  [[nodiscard]] Result<void> mark(std::string text, std::string author) {
    if (auto good = check_mark(text, author); !good) return good;
    note(EventEntry{clock_.utc_ns(), std::move(text), std::move(author)});
    return {};
  }

  [[nodiscard]] Result<void> set(std::string key, double value, std::string unit) {
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

  [[nodiscard]] Result<GrabbedFrame> grab(const std::string& name) {
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

  [[nodiscard]] std::string product_names() const {
    std::string names;
    for (const ProductPlan& product : plan_.products) {
      names += (names.empty() ? "" : ", ") + product.name;
    }
    return names;
  }

  NoSource no_source_;
  FrameSource& source_;
  RecordingPlan plan_;
  RunIdentity run_;
  std::vector<Workshop> workshops_;
  FileSystem& files_;
  const Clock& clock_;
  RingKeeper* keeper_;
  Health health_;
  Ring ring_;
  std::uint64_t took_over_;
  CaptureLoop capture_;
  mutable std::mutex processing_mutex_;  ///< A reload replaces what it guards, and the plan.
  std::unique_ptr<Processing> processing_;
  std::uint32_t generation_{};
  std::uint64_t grab_from_{};                 ///< Frames below it were made by another plan.
  std::size_t unfinished_before_{};           ///< Segments of configurations before.
  std::map<std::string, std::string> units_;  ///< Of the quantities that were set.
  std::atomic<const char*> stop_reason_{nullptr};
  std::mutex end_mutex_;
  Wakeup* at_end_{};
  CaptureEnd capture_end_{CaptureEnd::kStopped};
  std::atomic<bool> capture_ended_{false};
  std::jthread capture_thread_;
  std::jthread populate_thread_;  ///< A quarter of a gigabyte takes a tenth of a second.
};

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
  auto workshops = open_workshops(files, plan, {});
  if (!workshops) return std::unexpected(workshops.error());
  RunIdentity run{make_uuid(), 0, clock.utc_ns(), clock.monotonic_ns()};
  if (!workshops->empty()) {
    const auto number = workshops->front().next_run_number(files);
    if (!number) return std::unexpected(number.error());
    run.number = *number;
  }
  set_run(plan, run);
  auto ring = make_ring(plan, run, keeper);
  if (!ring) return std::unexpected(ring.error());
  return begin(std::make_unique<State>(
      Parts{&source, std::move(plan), run, std::move(*ring), std::move(*workshops), keeper, false},
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
  auto state = std::make_unique<State>(
      Parts{source, std::move(plan), run, std::move(*ring), {}, &keeper, true}, files, clock);
  // Before the bases are locked: what the dead process had prepared goes.
  auto taken = state->processing_->take_over();
  if (taken) {
    auto workshops = open_workshops(files, state->plan_, {});
    if (workshops) {
      state->workshops_ = std::move(*workshops);
    } else {
      taken = std::unexpected(workshops.error());
    }
  }
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
void Session::trigger() { state_->trigger(); }
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
const RunIdentity& Session::run() const noexcept { return state_->run_; }
const Health& Session::health() const noexcept { return state_->health_; }
void Session::look_at_clock() { state_->look_at_clock(); }

}  // namespace framelog
