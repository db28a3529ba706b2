#include "service/status_json.hpp"

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "core/version.hpp"

namespace framelog {
namespace {

using Json = nlohmann::ordered_json;

template <class Reason, std::size_t count>
Json by_reason(const std::array<std::uint64_t, count>& counts) {
  Json json = Json::object();
  for (std::size_t i = 0; i < count; ++i) {
    if (counts[i] > 0) json[std::string(name_of(static_cast<Reason>(i)))] = counts[i];
  }
  return json;
}

Json json_of(const Accounting& accounting) {
  return {{"received", accounting.received},
          {"recorded", accounting.recorded},
          {"merged", accounting.merged},
          {"skipped", accounting.skipped},
          {"not_recorded", accounting.not_recorded},
          {"dropped", by_reason<DropReason>(accounting.dropped)},
          {"lost_at_source", by_reason<LossReason>(accounting.lost_at_source)},
          {"in_flight", accounting.in_flight()}};
}

Json json_of(const SessionStatus::Product& product) {
  return {{"name", product.name},
          {"accounting", json_of(product.accounting)},
          {"bytes", product.bytes},
          {"segments", product.segments},
          {"clipped_pixels", product.clipped_pixels},
          {"path", product.path.empty() ? Json(nullptr) : Json(product.path)},
          {"blocked", product.blocked ? Json(name_of(*product.blocked)) : Json(nullptr)}};
}

Json run_json(const RecorderStatus& status) {
  if (status.run_uuid.empty()) return nullptr;
  return {{"uuid", status.run_uuid},
          {"number", status.run_number},
          {"start", iso_time(status.run_start_utc_ns)}};
}

constexpr double kSecondsPerNs = 1e-9;

Json source_json(const RecorderStatus& status) {
  Json json = Json::object();
  if (status.source) {
    const SourceInfo& source = *status.source;
    json = {{"driver", source.driver},
            {"model", source.model},
            {"serial", source.serial},
            {"shape", {source.shape.height_px, source.shape.width_px}},
            {"dtype", name_of(source.shape.type)},
            {"rate_hz", source.rate_hz ? Json(*source.rate_hz) : Json(nullptr)}};
  }
  json["connected"] = status.session && status.session->source_connected;
  std::string error = status.source_error;
  if (error.empty() && status.session) error = status.session->source_trouble;
  json["error"] = error.empty() ? Json(nullptr) : Json(error);
  if (status.session && !status.session->source_trouble.empty()) {
    json["away_s"] = static_cast<double>(status.session->source_away_ns) * kSecondsPerNs;
  }
  if (status.session && !status.session->source_counts.empty()) {
    Json counts = Json::object();
    for (const auto& count : status.session->source_counts) counts[count.name] = count.count;
    json["counts"] = std::move(counts);
  }
  return json;
}

/// Null where no lines are configured.
Json json_of(const LinesStatus& status) {
  if (status.lines.empty()) return nullptr;
  Json lines = Json::array();
  for (const LineStatus& line : status.lines) {
    lines.push_back({{"role", name_of(line.role)},
                     {"line", line.line},
                     {"offset", line.offset},
                     {"active", line.active}});
    Json& json = lines.back();
    if (is_input(line.role)) {
      json["edges"] = {{"rising", line.rising}, {"falling", line.falling}};
      json["bounces"] = line.bounces;
      json["lost"] = line.lost;
      json["overflows"] = line.overflows;
      json["forgotten"] = line.forgotten;
    } else if (line.role == LineRole::kStrobe) {
      json["pulses"] = line.pulses;
      json["missed"] = line.missed;
    }
  }
  return {{"chip", status.chip},
          {"trouble", status.trouble.empty() ? Json(nullptr) : Json(status.trouble)},
          {"lines", std::move(lines)}};
}

std::uint64_t since(std::uint64_t now, std::uint64_t before) noexcept {
  return now >= before ? now - before : now;  // A new session counts from zero.
}

}  // namespace

RateMeter::Counts RateMeter::counts_of(const RecorderStatus& status) {
  Counts counts{.run = status.run_uuid};
  if (!status.session) return counts;
  counts.received = status.session->received;
  counts.dropped = status.session->dropped;
  for (const SessionStatus::Product& product : status.session->products) {
    counts.bytes += product.bytes;
  }
  return counts;
}

void RateMeter::look(const RecorderStatus& status, std::int64_t monotonic_ns) {
  Counts now = counts_of(status);
  if (now.run != last_.run) last_ = Counts{.run = now.run};
  const std::uint64_t received = since(now.received, last_.received);
  const std::uint64_t dropped = since(now.dropped, last_.dropped);
  rates_ = {};
  if (looked_ns_ >= 0 && monotonic_ns > looked_ns_) {
    const double seconds = static_cast<double>(monotonic_ns - looked_ns_) * 1e-9;
    rates_.frames_per_second = static_cast<double>(received) / seconds;
    rates_.bytes_per_second = static_cast<double>(since(now.bytes, last_.bytes)) / seconds;
  }
  if (dropped > 0) {
    rates_.dropped_share =
        static_cast<double>(dropped) / static_cast<double>(std::max(received, dropped));
  }
  looked_ns_ = monotonic_ns;
  last_ = std::move(now);
}

std::string status_json(const RecorderStatus& status, const StatusSurroundings& surroundings) {
  Json products = Json::array();
  Json ring = nullptr;
  if (status.session) {
    for (const auto& product : status.session->products) products.push_back(json_of(product));
    ring = {{"slots", status.session->ring_slots}, {"used", status.session->ring_used_slots}};
  }
  const auto& free_bytes = surroundings.free_bytes;
  const Json json{{"instrument", status.instrument},
                  {"state", name_of(status.state)},
                  {"version", program_version()},
                  {"pid", ::getpid()},
                  {"base", status.base.string()},
                  {"run", run_json(status)},
                  {"source", source_json(status)},
                  {"products", std::move(products)},
                  {"ring", std::move(ring)},
                  {"clock_synchronised", status.session && status.session->clock_synchronised},
                  {"free_bytes", free_bytes ? Json(*free_bytes) : Json(nullptr)},
                  {"degraded", surroundings.degraded},
                  {"frames_per_second", surroundings.rates.frames_per_second},
                  {"bytes_per_second", surroundings.rates.bytes_per_second},
                  {"dropped_share", surroundings.rates.dropped_share},
                  {"uptime_s", surroundings.uptime_s},
                  {"took_over", status.took_over},
                  {"gpio", json_of(surroundings.lines)}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace framelog
