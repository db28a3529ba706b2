#include "pipeline/session.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <map>
#include <mutex>
#include <system_error>
#include <utility>

#include "core/log.hpp"
#include "core/text.hpp"
#include "pipeline/capture_loop.hpp"
#include "pipeline/files_loop.hpp"
#include "pipeline/grab.hpp"
#include "pipeline/notes.hpp"
#include "pipeline/reduce_loop.hpp"
#include "pipeline/segment_lane.hpp"
#include "pipeline/sync_loop.hpp"
#include "pipeline/write_loop.hpp"
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

void name_thread(const char* name) { ::pthread_setname_np(::pthread_self(), name); }

/// All files that go into the frames; their digests go into provenance.
std::vector<std::filesystem::path> inputs_of(const RecordingPlan& plan) {
  std::vector<std::filesystem::path> inputs = plan.source.inputs;
  for (const ProductPlan& product : plan.products) {
    for (const auto& input : product.inputs) {
      if (std::ranges::find(inputs, input) == inputs.end()) inputs.push_back(input);
    }
  }
  return inputs;
}

/// One lock per base; products may share one.
Result<std::vector<Workshop>> open_workshops(FileSystem& files, const RecordingPlan& plan) {
  std::vector<std::filesystem::path> bases;
  for (const ProductPlan& product : plan.products) {
    if (product.store && std::ranges::find(bases, product.store->base) == bases.end()) {
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

/// What a session owns, in the order in which it may be destroyed.
struct Session::State {
  State(FrameSource& source, RecordingPlan plan, Ring ring, std::vector<Workshop> workshops,
        FileSystem& files, const Clock& clock)
      : source_(source),
        plan_(std::move(plan)),
        workshops_(std::move(workshops)),
        clock_(clock),
        ring_(std::move(ring)),
        capture_(source, plan_.source, ring_, health_, clock, plan_.capture) {
    std::vector<SegmentLane*> with_files;
    for (ProductPlan& product : plan_.products) {
      lanes_.push_back(product.store ? std::make_unique<SegmentLane>(
                                           SegmentStore(files, *product.store), files_wakeup_)
                                     : nullptr);
      lane_of_product_.push_back(lanes_.back().get());
      if (lanes_.back()) with_files.push_back(lanes_.back().get());
      reductions_.push_back(product.reduction);
      if (lanes_.back()) {
        reductions_.back().segment_capacity = lanes_.back()->store().capacity_frames();
      }
    }
    for (std::uint32_t k = 0; k < ring_.layout().reducers; ++k) {
      reducers_.emplace_back(ring_, reductions_, k, health_, clock);
    }
    write_.emplace(ring_, lane_of_product_, plan_.record, health_, clock);
    files_.emplace(with_files, InputDigests(files, inputs_of(plan_)), files_wakeup_, health_,
                   clock);
    sync_.emplace(with_files, plan_.sync_interval, health_, clock);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    request_stop("stop");
    drain();
  }

  /// Starts the stages from the last to the first, so that each finds its successor waiting.
  [[nodiscard]] Result<void> run() {
    look_at_clock();
    if (auto prepared = files_->prepare_first(); !prepared) return prepared;
    files_thread_ = std::jthread([this] {
      name_thread("files");
      files_->run();
    });
    sync_thread_ = std::jthread([this](const std::stop_token& stop) {
      name_thread("sync");
      sync_->run(stop);
    });
    write_thread_ = std::jthread([this] { write(); });
    for (ReduceLoop& reducer : reducers_) {
      reduce_threads_.emplace_back([&reducer] {
        name_thread("reduce");
        reducer.run();
      });
    }
    capture_thread_ = std::jthread([this](const std::stop_token& stop) {
      name_thread("capture");
      capture_end_ = capture_.run(stop);
      capture_ended_.store(
          true, std::memory_order_release);  // Pairs with the acquire in capture_ended().
      const std::scoped_lock lock(end_mutex_);
      if (at_end_ != nullptr) at_end_->notify();
    });
    return {};
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
    if (capture_thread_.joinable()) {
      capture_thread_.join();
    } else {
      ring_.close();  // Where starting failed half-way, nobody else does.
    }
    for (std::jthread& thread : reduce_threads_) thread.join();
    // Where starting failed half-way, the writer must not wait for those that never were.
    for (std::size_t k = reduce_threads_.size(); k < reducers_.size(); ++k) ring_.reducer_done();
    reduce_threads_.clear();
    if (write_thread_.joinable()) write_thread_.join();
    files_->drain();
    if (files_thread_.joinable()) files_thread_.join();
    sync_thread_.request_stop();
    if (sync_thread_.joinable()) sync_thread_.join();
    return capture_end_;
  }

  [[nodiscard]] SessionStatus status() const {
    SessionStatus status;
    for (std::size_t i = 0; i < plan_.products.size(); ++i) {
      const ProductCounters& counters = ring_.product_counters(i);
      const Accounting accounting = snapshot(ring_.capture_counters(), counters);
      SessionStatus::Product product;
      product.name = plan_.products[i].name;
      product.accounting = accounting;
      product.bytes = counters.bytes.load(std::memory_order_relaxed);
      product.segments = counters.segments.load(std::memory_order_relaxed);
      product.clipped_pixels = counters.clipped_pixels.load(std::memory_order_relaxed);
      if (lanes_[i]) {
        product.path = lanes_[i]->active_path();
        product.blocked = lanes_[i]->blocked();
      }
      status.products.push_back(std::move(product));
      if (lanes_[i]) status.unfinished_segments += lanes_[i]->retired_count();
      status.received = std::max(status.received, accounting.received);
      status.dropped = std::max(status.dropped, accounting.total_dropped());
      status.lost_at_source = accounting.total_lost_at_source();
    }
    status.in_event = write_->in_event();
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

  void write() {
    name_thread("write");
    write_->run();
    ring_.wait_reducers_done();
    // The ring is closed: capture has left its last words, which its closing has published.
    write_->finish(capture_.tail(), capture_.received(), end_reason());
  }

  [[nodiscard]] std::string_view end_reason() const {
    const char* stopped = stop_reason_.load(std::memory_order_relaxed);
    if (capture_.end() == CaptureEnd::kStopped && stopped != nullptr) return stopped;
    return reason_of(capture_.end());
  }

  void note(const Note& note) {
    for (const auto& lane : lanes_) {
      if (lane) lane->note(note);
    }
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
    const auto found = name.empty() ? plan_.products.begin()
                                    : std::ranges::find(plan_.products, name, &ProductPlan::name);
    if (found == plan_.products.end()) {
      return fail(ErrorCode::kNotFound, "there is no such product:",
                  fmt::format("{} (there are: {})", in_quotes(name), product_names()));
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

  FrameSource& source_;
  RecordingPlan plan_;
  std::vector<Workshop> workshops_;
  const Clock& clock_;
  Health health_;
  Ring ring_;
  Wakeup files_wakeup_;
  std::vector<std::unique_ptr<SegmentLane>> lanes_;
  std::vector<SegmentLane*> lane_of_product_;
  CaptureLoop capture_;
  std::vector<ProductReduction> reductions_;
  std::deque<ReduceLoop> reducers_;
  std::optional<WriteLoop> write_;
  std::optional<FilesLoop> files_;
  std::optional<SyncLoop> sync_;
  RunIdentity run_;
  std::map<std::string, std::string> units_;  ///< Of the quantities that were set.
  std::atomic<const char*> stop_reason_{nullptr};
  std::mutex end_mutex_;
  Wakeup* at_end_{};
  CaptureEnd capture_end_{CaptureEnd::kStopped};
  std::atomic<bool> capture_ended_{false};
  std::jthread capture_thread_;
  std::vector<std::jthread> reduce_threads_;
  std::jthread write_thread_;
  std::jthread sync_thread_;
  std::jthread files_thread_;
};

Result<std::unique_ptr<Session>> Session::start(FrameSource& source, RecordingPlan plan,
                                                FileSystem& files, const Clock& clock) {
  auto workshops = open_workshops(files, plan);
  if (!workshops) return std::unexpected(workshops.error());
  RunIdentity run{make_uuid(), 0, clock.utc_ns(), clock.monotonic_ns()};
  if (!workshops->empty()) {
    const auto number = workshops->front().next_run_number(files);
    if (!number) return std::unexpected(number.error());
    run.number = *number;
  }
  set_run(plan, run);
  auto memory = Ring::create_memory(plan.ring);
  if (!memory) return std::unexpected(memory.error());
  auto ring = Ring::attach(std::move(*memory), plan.ring);
  if (!ring) return std::unexpected(ring.error());
  if (plan.lock_memory) {
    if (auto locked = ring->lock(); !locked) return std::unexpected(locked.error());
  }
  auto state = std::make_unique<State>(source, std::move(plan), std::move(*ring),
                                       std::move(*workshops), files, clock);
  state->run_ = run;
  try {
    if (auto running = state->run(); !running) return std::unexpected(running.error());
  } catch (const std::system_error& error) {
    return fail_errno(error.code().value(), "cannot start a thread");
  }
  return std::unique_ptr<Session>(new Session(std::move(state)));
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
void Session::trigger() { state_->write_->trigger(); }
void Session::roll() { state_->write_->roll(); }
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
