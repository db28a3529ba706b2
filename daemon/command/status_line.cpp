#include "command/status_line.hpp"

#include <fmt/format.h>

#include "core/file_system.hpp"

namespace framelog {

std::string StatusLine::text(const SessionStatus& status, std::int64_t now_ns) {
  std::uint64_t bytes = 0;
  for (const auto& product : status.products) bytes += product.bytes;
  const double seconds = last_ns_ < 0 ? 0.0 : static_cast<double>(now_ns - last_ns_) * 1e-9;
  const double frames_s =
      seconds > 0 ? static_cast<double>(status.received - last_received_) / seconds : 0.0;
  const double bytes_s = seconds > 0 ? static_cast<double>(bytes - last_bytes_) / seconds : 0.0;
  last_ns_ = now_ns;
  last_received_ = status.received;
  last_bytes_ = bytes;
  std::string text = fmt::format("{} {:.2f} fps, {:.1f} MB/s, {} frames, {} dropped",
                                 status.source_connected ? "recording" : "waiting for the source,",
                                 frames_s, bytes_s / 1e6, status.received, status.dropped);
  if (status.lost_at_source > 0) text += fmt::format(", {} lost at source", status.lost_at_source);
  text += fmt::format(", ring {}/{}", status.ring_used_slots, status.ring_slots);
  if (const auto space = system_files().space(base_)) {
    text += fmt::format(", {:.0f} GB free", static_cast<double>(space->free_bytes) / 1e9);
  }
  return text;
}

std::string describe_accounting(const SessionStatus::Product& product) {
  const Accounting& a = product.accounting;
  std::string text =
      fmt::format("{}: {} received = {} recorded", product.name, a.received, a.recorded);
  if (a.merged > 0) text += fmt::format(" + {} merged", a.merged);
  if (a.skipped > 0) text += fmt::format(" + {} skipped", a.skipped);
  if (a.not_recorded > 0) text += fmt::format(" + {} not recorded", a.not_recorded);
  for (std::size_t i = 0; i < kDropReasons; ++i) {
    if (a.dropped[i] > 0) {
      text += fmt::format(" + {} dropped ({})", a.dropped[i], name_of(static_cast<DropReason>(i)));
    }
  }
  if (a.in_flight() > 0) text += fmt::format(" + {} in flight", a.in_flight());
  if (a.total_lost_at_source() > 0)
    text += fmt::format("; {} lost at source", a.total_lost_at_source());
  return text + fmt::format("; {} segments", product.segments);
}

}  // namespace framelog
