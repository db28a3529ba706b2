#include "core/accounting.hpp"

namespace framelog {

Accounting& Accounting::operator+=(const Accounting& more) noexcept {
  received += more.received;
  recorded += more.recorded;
  merged += more.merged;
  skipped += more.skipped;
  not_recorded += more.not_recorded;
  for (std::size_t i = 0; i < kDropReasons; ++i) dropped[i] += more.dropped[i];
  for (std::size_t i = 0; i < kLossReasons; ++i) lost_at_source[i] += more.lost_at_source[i];
  return *this;
}
namespace {

std::uint64_t value(const std::atomic<std::uint64_t>& counter) noexcept {
  return counter.load(std::memory_order_acquire);
}

}  // namespace

// `received` is read last: a frame counted as recorded meanwhile has then been counted as received
// as well, and in_flight() never goes below zero.
Accounting snapshot(const CaptureCounters& capture, const ProductCounters& product) noexcept {
  Accounting result;
  result.recorded = value(product.recorded);
  result.merged = value(product.merged);
  result.skipped = value(product.skipped);
  result.not_recorded = value(product.not_recorded);
  for (std::size_t i = 0; i < kDropReasons; ++i) {
    result.dropped[i] = value(capture.dropped[i]) + value(product.dropped[i]);
  }
  for (std::size_t i = 0; i < kLossReasons; ++i) {
    result.lost_at_source[i] = value(capture.lost_at_source[i]);
  }
  result.received = value(capture.received);
  return result;
}

}  // namespace framelog
