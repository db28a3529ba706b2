#include "command/status_line.hpp"

#include <fmt/format.h>

#include "core/file_system.hpp"
#include "core/text.hpp"

namespace framelog {

std::string StatusLine::text(const SessionStatus& status, std::string_view doing,
                             std::int64_t now_ns) {
  std::uint64_t bytes = 0;
  for (const auto& product : status.products) bytes += product.bytes;
  // A new run counts from 0.
  if (status.received < last_received_) last_received_ = last_bytes_ = 0;
  const double seconds = last_ns_ < 0 ? 0.0 : static_cast<double>(now_ns - last_ns_) * 1e-9;
  const double frames_s =
      seconds > 0 ? static_cast<double>(status.received - last_received_) / seconds : 0.0;
  const double bytes_s = seconds > 0 ? static_cast<double>(bytes - last_bytes_) / seconds : 0.0;
  last_ns_ = now_ns;
  last_received_ = status.received;
  last_bytes_ = bytes;
  const std::string away = fmt::format("waiting for the source for {:.0f} s ({}),",
                                       static_cast<double>(status.source_away_ns) * 1e-9,
                                       one_line(status.source_trouble));
  const bool is_away = !status.source_trouble.empty();
  std::string text = fmt::format("{} {:.2f} fps, {:.1f} MB/s, {} frames, {} dropped",
                                 status.source_connected ? doing
                                 : is_away               ? std::string_view(away)
                                                         : "waiting for the source,",
                                 frames_s, bytes_s / 1e6, status.received, status.dropped);
  if (status.lost_at_source > 0) text += fmt::format(", {} lost at source", status.lost_at_source);
  for (const auto& product : status.products) {
    if (product.blocked) text += fmt::format(", {}: {}", product.name, name_of(*product.blocked));
  }
  text += fmt::format(", ring {}/{}", status.ring_used_slots, status.ring_slots);
  if (const auto space = system_files().space(base_)) {
    text += fmt::format(", {:.0f} GB free", static_cast<double>(space->free_bytes) / 1e9);
  }
  return text;
}

}  // namespace framelog
