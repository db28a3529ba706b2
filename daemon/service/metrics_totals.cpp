#include "service/metrics_totals.hpp"

#include <utility>

namespace framelog {
namespace {

constexpr std::array<std::string_view, kMetricsStages> kStages{"capture", "reduce", "write", "sync",
                                                               "files"};

void add_counts(Histogram::Counts& to, const Histogram::Counts& more) {
  for (std::size_t i = 0; i < to.buckets.size(); ++i) to.buckets[i] += more.buckets[i];
  to.sum_ns += more.sum_ns;
}

void take_health(SessionTotals& totals, const Health& health) {
  totals.stages[0] = health.capture.seconds.counts();
  for (const StageHealth& reducer : health.reduce) {
    add_counts(totals.stages[1], reducer.seconds.counts());
  }
  totals.stages[2] = health.write.seconds.counts();
  for (const Housekeeping& of : health.housekeeping) {
    add_counts(totals.stages[3], of.sync.seconds.counts());
    add_counts(totals.stages[4], of.files.seconds.counts());
    add_counts(totals.capture_to_disk, of.capture_to_disk.counts());
    add_counts(totals.capture_to_disk, of.capture_to_finished.counts());
    totals.deleted_segments += of.deleted_segments.load(std::memory_order_relaxed);
  }
}

SessionTotals totals_of(const SessionStatus& session, const Health* health) {
  SessionTotals totals;
  for (const auto& product : session.products) {
    totals.products[product.name] = {product.accounting, product.bytes, product.segments,
                                     product.clipped_pixels};
    // All products have the same source.
    totals.lost_at_source = product.accounting.lost_at_source;
  }
  totals.reconnects = session.reconnects;
  for (const auto& count : session.source_counts) {
    totals.source_counts[std::string(count.name)] = count.count;
  }
  if (health != nullptr) take_health(totals, *health);
  return totals;
}

}  // namespace

std::string_view metrics_stage(std::size_t stage) noexcept { return kStages.at(stage); }

void SessionTotals::add(const SessionTotals& other) {
  for (const auto& [name, more] : other.products) {
    Product& product = products[name];
    product.accounting += more.accounting;
    product.bytes += more.bytes;
    product.segments += more.segments;
    product.clipped_pixels += more.clipped_pixels;
  }
  for (std::size_t i = 0; i < kLossReasons; ++i) lost_at_source[i] += other.lost_at_source[i];
  reconnects += other.reconnects;
  for (const auto& [name, count] : other.source_counts) source_counts[name] += count;
  for (std::size_t i = 0; i < kMetricsStages; ++i) add_counts(stages[i], other.stages[i]);
  add_counts(capture_to_disk, other.capture_to_disk);
  deleted_segments += other.deleted_segments;
}

void MetricsTotals::look(std::uint64_t number, const SessionStatus& session, const Health* health) {
  if (number <= ended_number_ || number < number_) return;
  SessionTotals now = totals_of(session, health);
  // A look at a session that is ending may find its counters and no longer its health.
  if (health == nullptr && number == number_) {
    now.stages = current_.stages;
    now.capture_to_disk = current_.capture_to_disk;
    now.deleted_segments = current_.deleted_segments;
  }
  if (number != number_) fold();
  number_ = number;
  current_ = std::move(now);
}

void MetricsTotals::ended(std::uint64_t number, const SessionStatus& session,
                          const Health* health) {
  look(number, session, health);
  if (number != number_) return;
  fold();
  ended_number_ = number;
}

void MetricsTotals::fold() { ended_.add(std::exchange(current_, {})); }

SessionTotals MetricsTotals::totals() const {
  SessionTotals all = ended_;
  all.add(current_);
  return all;
}

}  // namespace framelog
