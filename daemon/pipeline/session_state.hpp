#pragma once

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <string_view>
#include <utility>

#include "core/log.hpp"
#include "pipeline/bases.hpp"
#include "pipeline/capture_loop.hpp"
#include "pipeline/notes.hpp"
#include "pipeline/processing.hpp"
#include "pipeline/ring_keeper.hpp"
#include "pipeline/session.hpp"

/// Private to the session*.cpp files of this folder.
namespace framelog {

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

/// What a session is made of.
struct SessionParts {
  FrameSource* source{};  ///< Null: only what is in the ring is written.
  RecordingPlan plan;
  RunIdentity run;
  Ring ring;
  Bases bases;
  RingKeeper* keeper{};
  bool took_over{};
};

/// What a session owns, in the order in which it may be destroyed.
struct Session::State {
  State(SessionParts parts, FileSystem& files, const Clock& clock)
      : source_(parts.source != nullptr ? *parts.source : no_source_),
        plan_(std::move(parts.plan)),
        run_(std::move(parts.run)),
        bases_(std::move(parts.bases)),
        files_(files),
        clock_(clock),
        keeper_(parts.keeper),
        ring_(std::move(parts.ring)),
        took_over_(parts.took_over ? ring_.captured() - ring_.written() : 0),
        capture_(source_, plan_.source, ring_, health_, clock, plan_.capture),
        processing_(std::make_unique<Processing>(
            ring_, plan_, files, disks(bases_), health_, clock,
            Processing::Before{.took_over = parts.took_over, .numbered = {}, .generation = 0})) {
    if (parts.source == nullptr) stop_reason_ = "crash";
    for (const SourceCounter& counter : source_.counters()) {
      const std::uint64_t count = counter.count.load(std::memory_order_relaxed);
      source_counts_.push_back({count, count});
    }
    health_.lines = plan_.lines;
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
      return Processing::LastWords{capture_.tail(), capture_.received(), end_reason(),
                                   new_source_counts()};
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

  [[nodiscard]] Processing::Disks disks(Bases bases) {
    return {std::move(bases), [this](Base& base) { return number_run(base); }};
  }

  [[nodiscard]] Result<std::int64_t> number_run(Base& base);

  [[nodiscard]] RunIdentity run_identity() const {
    const std::scoped_lock lock(processing_mutex_);
    return run_;
  }

  [[nodiscard]] bool fits(const RecordingPlan& plan) const;

  [[nodiscard]] Result<void> reload(RecordingPlan plan);

  std::unique_ptr<Processing> make_processing(const RecordingPlan& plan, const Bases& bases,
                                              std::vector<std::int64_t> numbered,
                                              std::uint32_t generation);

  void put_recipe(const RecordingPlan& plan);

  /// All that was reduced is written: from here on the process after may go by the new plan.
  void switch_to(std::unique_ptr<Processing> next, RecordingPlan plan);

  [[nodiscard]] SessionStatus status() const;

  [[nodiscard]] std::optional<SourceInfo> new_shape() const { return capture_.new_shape(); }

  void look_at_clock() {
    health_.clock_synchronised.store(clock_.synchronised(), std::memory_order_relaxed);
  }

  [[nodiscard]] std::string_view end_reason() const;

  void note(const Note& note) {
    const std::scoped_lock lock(processing_mutex_);
    processing_->note(note);
  }

  [[nodiscard]] bool signal(RecordSignal signal) {
    const std::scoped_lock lock(processing_mutex_);
    return processing_->signal(signal);
  }

  [[nodiscard]] bool in_event() const {
    const std::scoped_lock lock(processing_mutex_);
    return processing_->in_event();
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

  [[nodiscard]] Result<void> set(std::string key, double value, std::string unit);
  [[nodiscard]] std::vector<Note> new_source_counts();
  void look_at_source() {
    for (const Note& each : new_source_counts()) note(each);
  }

  [[nodiscard]] Result<GrabbedFrame> grab(const std::string& name);

  [[nodiscard]] std::string product_names() const;

  NoSource no_source_;
  FrameSource& source_;
  RecordingPlan plan_;
  RunIdentity run_;
  Bases bases_;
  FileSystem& files_;
  const Clock& clock_;
  RingKeeper* keeper_;
  Health health_;
  Ring ring_;
  std::uint64_t took_over_;
  CaptureLoop capture_;
  mutable std::mutex processing_mutex_;  ///< Guards what a reload replaces, and the run.
  std::unique_ptr<Processing> processing_;
  std::uint32_t generation_{};
  std::uint64_t grab_from_{};                 ///< Frames below it were made by another plan.
  std::size_t unfinished_before_{};           ///< Segments of configurations before.
  std::map<std::string, std::string> units_;  ///< Of the quantities that were set.
  struct SourceCountSeen {
    std::uint64_t before{};  ///< When the session began.
    std::uint64_t noted{};   ///< In the files.
  };
  std::mutex source_counts_mutex_;              ///< Guards what is noted.
  std::vector<SourceCountSeen> source_counts_;  ///< In the source's order.
  std::atomic<const char*> stop_reason_{nullptr};
  std::mutex end_mutex_;
  Wakeup* at_end_{};
  CaptureEnd capture_end_{CaptureEnd::kStopped};
  std::atomic<bool> capture_ended_{false};
  std::jthread capture_thread_;
  std::jthread populate_thread_;  ///< A quarter of a gigabyte takes a tenth of a second.
};

}  // namespace framelog
