#include "pipeline/processing.hpp"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <functional>
#include <latch>
#include <set>
#include <utility>

#include "core/log.hpp"
#include "pipeline/recovery_report.hpp"
#include "store/leftovers.hpp"

namespace framelog {
namespace {

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

}  // namespace

Processing::Processing(Ring& ring, const RecordingPlan& plan, FileSystem& files, Disks disks,
                       Health& health, const Clock& clock, Before before)
    : ring_(ring),
      file_system_(files),
      before_(std::move(before)),
      health_(health),
      clock_(clock),
      record_(plan.record) {
  std::vector<SegmentLane*> with_files;
  for (const ProductPlan& product : plan.products) {
    std::unique_ptr<SegmentLane> lane;
    if (product.store) {
      SegmentStoreConfig config = *product.store;
      config.generation = before_.generation;
      lane = std::make_unique<SegmentLane>(SegmentStore(files, std::move(config)), files_wakeup_);
      with_files.push_back(lane.get());
      if (!before_.numbered.empty()) lane->take_over(0, before_.numbered[lanes_.size()]);
    }
    reductions_.push_back(product.reduction);
    if (lane) reductions_.back().segment_capacity = lane->store().capacity_frames();
    lanes_.push_back(std::move(lane));
  }
  Housekeeping& housekeeping = health.housekeeping[before_.generation % 2];
  files_.emplace(with_files,
                 DiskKeeper(files, with_files, disks.bases, plan.retention,
                            std::move(disks.run_number), clock),
                 InputDigests(files, inputs_of(plan)), files_wakeup_, housekeeping, clock);
  catalog_ = plan.catalog;
  if (catalog_) files_->keep_catalog(*catalog_);
  sync_.emplace(with_files, plan.sync_interval, housekeeping, clock);
}

Processing::~Processing() { drain(); }

Result<void> Processing::take_over() {
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    if (!lanes_[i]) continue;
    if (auto taken = take_over(i); !taken) return taken;
  }
  recover_others();
  return {};
}

Result<void> Processing::take_over(std::size_t product) {
  const WriterState* left = ProductWriter::left_behind(ring_, product);
  if (left == nullptr) return {};
  SegmentLane& lane = *lanes_[product];
  std::int64_t in_file_to = 0;
  std::int64_t numbered = left->numbered;
  if (left->segment >= 0) {
    const std::filesystem::path part(left->part.data());
    auto resumed = lane.store().resume(left->segment, part);
    if (resumed) {
      in_file_to = static_cast<std::int64_t>(resumed->last_sequence) + 1;
      lane.open(std::move(resumed->segment));
    } else if (resumed.error().code == ErrorCode::kBusy) {
      return std::unexpected(resumed.error());
    } else if (resumed.error().code == ErrorCode::kEnd &&
               recover_now(part) == RecoveryOutcome::kEmpty) {
      numbered = left->segment - 1;  // It is gone, and its name is free.
    } else {
      in_file_to = last_sequence(file_system_, part) + 1;
      log(LogLevel::kInfo, fmt::format("not continued: {}", describe(resumed.error())));
    }
  }
  lane.take_over(in_file_to, numbered);
  return {};
}

RecoveryOutcome Processing::recover_now(const std::filesystem::path& part) {
  const auto recovered = recover_part(file_system_, part);
  report_recovery(recovered);
  return recovered.outcome;
}

/// The segments that had been ended and not finished, and prepared ones.
void Processing::recover_others() {
  std::set<std::filesystem::path> bases;
  for (const auto& lane : lanes_) {
    if (lane) bases.insert(lane->store().config().base);
  }
  for (const auto& base : bases) {
    std::error_code error;
    if (!std::filesystem::is_directory(base, error)) continue;
    Unfinished unfinished = clear_leftovers(file_system_, base);
    std::erase_if(unfinished.parts, [this](const std::filesystem::path& part) {
      if (is_being_recorded(file_system_, part)) return true;
      if (last_sequence(file_system_, part) >= 0) return false;
      // One that was opened a moment before the end: the next one wants its name.
      return recover_now(part) != RecoveryOutcome::kFailed;
    });
    files_->recover_later(std::move(unfinished.parts));
    files_->recover_later(std::move(unfinished.prepared));
  }
}

Result<void> Processing::prepare() {
  auto prepared = files_->prepare_first();
  // What is in the ring waits for the disk, as while recording.
  return before_.took_over ? Result<void>{} : prepared;
}

void Processing::make_stages() {
  std::vector<SegmentLane*> lanes;
  for (const auto& lane : lanes_) lanes.push_back(lane.get());
  write_.emplace(ring_, lanes, record_, before_.took_over, health_, clock_);
  for (std::uint32_t k = 0; k < ring_.layout().reducers; ++k) {
    reducers_.emplace_back(ring_, reductions_, k, health_, clock_);
  }
}

/// Starts the stages from the last to the first, so that each finds its successor waiting.
void Processing::run(std::function<LastWords()> last_words) {
  files_thread_ = std::jthread([this] {
    name_thread("files");
    files_->run();
  });
  sync_thread_ = std::jthread([this](const std::stop_token& stop) {
    name_thread("sync");
    sync_->run(stop);
  });
  std::latch settled(1);
  write_thread_ = std::jthread([this, &settled, last_words = std::move(last_words)] {
    name_thread("write");
    if (before_.took_over) write_->settle();
    settled.count_down();
    write_->run();
    if (ring_.paused()) return;
    ring_.wait_reducers_done();
    const LastWords words = last_words();
    for (const Note& each : words.notes) note(each);
    write_->finish(words.tail, words.received, words.reason);
  });
  // The reducers may put new groups where the dead process has left some.
  settled.wait();
  for (ReduceLoop& reducer : reducers_) {
    reduce_threads_.emplace_back([&reducer] {
      name_thread("reduce");
      reducer.run();
    });
  }
}

void Processing::hand_over(std::string_view reason) {
  ring_.pause();
  for (std::jthread& thread : reduce_threads_) thread.join();
  write_thread_.join();
  // A reducer may be ahead of the others: what it has made belongs to this configuration.
  std::uint64_t to = 0;
  for (std::uint32_t k = 0; k < ring_.layout().reducers; ++k) {
    to = std::max(to, ring_.reduced_by(k));
  }
  to = std::min(to, ring_.captured());
  for (ReduceLoop& reducer : reducers_) {
    reducer.run_to(to);
    reducer.finish();
  }
  write_->run_to(to);
  write_->finish({}, std::nullopt, reason);
}

void Processing::drain() {
  for (std::jthread& thread : reduce_threads_) {
    if (thread.joinable()) thread.join();
  }
  if (write_thread_.joinable()) {
    // Where starting failed half-way, the writer must not wait for those that never were.
    if (reduce_threads_.size() < reducers_.size()) {
      ring_.pause();
      for (std::size_t k = reduce_threads_.size(); k < reducers_.size(); ++k) ring_.reducer_done();
    }
    write_thread_.join();
  }
  files_->drain();
  if (files_thread_.joinable()) files_thread_.join();
  files_->discard_unused();
  sync_thread_.request_stop();
  if (sync_thread_.joinable()) sync_thread_.join();
}

void Processing::give_wishes_to(Processing& next) {
  write_->give_signals_to(*next.write_);
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    if (!lanes_[i] || !next.lanes_[i]) continue;
    for (Note& note : lanes_[i]->take_unplaced()) next.lanes_[i]->note(std::move(note));
  }
}

std::size_t Processing::unfinished() const {
  std::size_t count = 0;
  for (const auto& lane : lanes_) count += lane ? lane->retired_count() + lane->abandoned() : 0;
  return count;
}

void Processing::note(const Note& note) {
  for (const auto& lane : lanes_) {
    if (lane) lane->note(note);
  }
}

std::vector<std::int64_t> Processing::numbered() const {
  std::vector<std::int64_t> numbered;
  for (const auto& lane : lanes_) numbered.push_back(lane ? lane->opened() : 0);
  return numbered;
}

}  // namespace framelog
