#include "command/status_text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ctime>
#include <nlohmann/json.hpp>
#include <vector>

#include "command/output.hpp"
#include "core/text.hpp"
#include "core/time_format.hpp"

namespace framelog {
namespace {

using Json = nlohmann::ordered_json;
constexpr std::int64_t kNsPerSecond = 1'000'000'000;

/// "14:03:21", with the date where it was another day.
std::string local_time(const std::string& iso) {
  std::tm utc{};
  if (::strptime(iso.c_str(), "%Y-%m-%dT%H:%M:%S", &utc) == nullptr) return one_line(iso);
  const std::int64_t start_ns = std::int64_t{::timegm(&utc)} * kNsPerSecond;
  const std::int64_t now_ns = std::int64_t{::time(nullptr)} * kNsPerSecond;
  const std::string day = format_time("%F", start_ns, true);
  const std::string time = format_time("%T", start_ns, true);
  return day == format_time("%F", now_ns, true) ? time : day + " " + time;
}

std::string word(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? one_line(found->get<std::string>()) : "";
}

std::string rates_of(const Json& status) {
  return fmt::format("{:.1f} fps, {:.1f} MB/s", status.at("frames_per_second").get<double>(),
                     status.at("bytes_per_second").get<double>() / 1e6);
}

/// "microscope: recording 25.0 fps, 16.4 MB/s, run 12 since 14:03:21"
std::string headline(const Json& status) {
  std::string text = fmt::format("{}: {}", word(status, "instrument"), word(status, "state"));
  if (!status.at("products").empty()) text += " " + rates_of(status);
  if (status.at("run").is_object()) {
    text += fmt::format(", run {} since {}", status["run"].at("number").get<std::int64_t>(),
                        local_time(word(status["run"], "start")));
  }
  return text;
}

/// "3 (ring-full 2, disk-full 1)"
std::string counts_text(const Json& by_reason) {
  std::uint64_t total = 0;
  std::vector<std::string> parts;
  for (const auto& [reason, count] : by_reason.items()) {
    total += count.get<std::uint64_t>();
    parts.push_back(fmt::format("{} {}", reason, count.get<std::uint64_t>()));
  }
  return parts.empty() ? "0" : fmt::format("{} ({})", total, fmt::join(parts, ", "));
}

std::uint64_t total_of(const Json& by_reason) {
  std::uint64_t total = 0;
  for (const auto& [reason, count] : by_reason.items()) total += count.get<std::uint64_t>();
  return total;
}

std::string product_table(const Json& products) {
  using enum TextTable::Align;
  TextTable table({kLeft, kRight, kRight, kRight, kRight, kRight, kLeft});
  table.add({"product", "received", "recorded", "dropped", "lost", "segments", "path"});
  for (const Json& product : products) {
    const Json& accounting = product.at("accounting");
    std::string path = word(product, "path");
    if (const std::string blocked = word(product, "blocked"); !blocked.empty()) {
      path = fmt::format("NOT RECORDED: {}", blocked);
    }
    table.add(
        {word(product, "name"), fmt::to_string(accounting.at("received").get<std::uint64_t>()),
         fmt::to_string(accounting.at("recorded").get<std::uint64_t>()),
         counts_text(accounting.at("dropped")), counts_text(accounting.at("lost_at_source")),
         fmt::to_string(product.at("segments").get<std::uint64_t>()), path.empty() ? "-" : path});
  }
  return table.text();
}

std::string source_line(const Json& source) {
  if (!source.contains("driver")) {
    const std::string error = word(source, "error");
    return error.empty() ? "" : fmt::format("source absent: {}\n", error);
  }
  const Json& shape = source.at("shape");
  std::string text = fmt::format("source {}", word(source, "driver"));
  for (const char* name : {"model", "serial"}) {
    if (const std::string value = word(source, name); !value.empty()) text += " " + value;
  }
  text += fmt::format(", {} x {} {}", shape.at(0).get<std::uint32_t>(),
                      shape.at(1).get<std::uint32_t>(), word(source, "dtype"));
  const bool connected = source.at("connected").get<bool>();
  const std::string error = word(source, "error");
  const std::string since =
      source.contains("away_s") ? fmt::format(" for {:.0f} s", source["away_s"].get<double>()) : "";
  if (!error.empty()) return fmt::format("{}, absent{}: {}\n", text, since, error);
  text += connected ? ", connected" : ", not connected";
  const Json counts = source.value("counts", Json::object());
  for (const auto& [name, count] : counts.items()) {
    if (count.get<std::uint64_t>() > 0) text += fmt::format(", {} {}", count.dump(), name);
  }
  return text + "\n";
}

/// "gpio gpiochip0: trigger active, 12 edges; ready active"
std::string lines_line(const Json& status) {
  const auto found = status.find("gpio");
  if (found == status.end() || !found->is_object()) return "";
  std::vector<std::string> parts;
  for (const Json& line : found->at("lines")) {
    std::string text = fmt::format("{} {}", word(line, "role"),
                                   line.at("active").get<bool>() ? "active" : "inactive");
    if (line.contains("edges")) {
      text +=
          fmt::format(", {}", counted(static_cast<std::int64_t>(total_of(line["edges"])), "edge"));
    }
    const auto lost = line.value("lost", std::uint64_t{0});
    if (lost > 0) text += fmt::format(", {} LOST", lost);
    if (line.contains("pulses")) {
      text += fmt::format(", {} pulses", line["pulses"].get<std::uint64_t>());
    }
    parts.push_back(std::move(text));
  }
  const std::string trouble = word(*found, "trouble");
  if (!trouble.empty()) return fmt::format("gpio NOT THERE: {}\n", trouble);
  return fmt::format("gpio {}: {}\n", word(*found, "chip"), fmt::join(parts, "; "));
}

std::string surroundings_line(const Json& status) {
  std::vector<std::string> parts;
  if (status.at("ring").is_object()) {
    parts.push_back(fmt::format("ring {} of {} frames",
                                status["ring"].at("used").get<std::uint64_t>(),
                                status["ring"].at("slots").get<std::uint64_t>()));
  }
  if (status.at("free_bytes").is_number()) {
    parts.push_back(fmt::format("{} free in {}",
                                size_text(status["free_bytes"].get<std::int64_t>()),
                                word(status, "base")));
  }
  if (status.at("ring").is_object()) {
    parts.emplace_back(status.at("clock_synchronised").get<bool>() ? "clock synchronised"
                                                                   : "clock NOT synchronised");
  }
  const auto took_over = status.value("took_over", std::uint64_t{0});
  if (took_over > 0) {
    parts.push_back(fmt::format("{} taken over from a process that died",
                                counted(static_cast<std::int64_t>(took_over), "frame")));
  }
  return parts.empty() ? "" : fmt::format("{}\n", fmt::join(parts, ", "));
}

std::string degraded_of(const Json& status) {
  std::vector<std::string> reasons;
  for (const Json& reason : status.at("degraded")) {
    reasons.push_back(one_line(reason.get<std::string>()));
  }
  return fmt::format("{}", fmt::join(reasons, ", "));
}

}  // namespace

std::string status_text(std::string_view json) {
  const Json status = Json::parse(json);
  std::string text = headline(status) + "\n" + source_line(status.at("source"));
  if (!status.at("products").empty()) text += product_table(status["products"]);
  text += surroundings_line(status) + lines_line(status);
  if (!status.at("degraded").empty()) text += "DEGRADED: " + degraded_of(status) + "\n";
  return text;
}

StatusCheck status_check(std::string_view json) {
  const Json status = Json::parse(json);
  const std::string state = word(status, "state");
  const bool records = state == "recording" || state == "armed";
  const std::string degraded = degraded_of(status);
  std::uint64_t dropped = 0;
  std::uint64_t lost = 0;
  for (const Json& product : status.at("products")) {
    dropped = std::max(dropped, total_of(product.at("accounting").at("dropped")));
    lost = std::max(lost, total_of(product.at("accounting").at("lost_at_source")));
  }
  StatusCheck check;
  check.exit_status = !records ? 2 : degraded.empty() ? 0 : 1;
  const char* verdict = !records ? "CRITICAL" : degraded.empty() ? "OK" : "WARNING";
  check.line = fmt::format("FRAMELOG {} - {}{}", verdict, headline(status),
                           degraded.empty() ? "" : ", degraded: " + degraded);
  check.line += fmt::format(" | fps={:.2f} bytes_per_second={:.0f} dropped={}c lost={}c",
                            status.at("frames_per_second").get<double>(),
                            status.at("bytes_per_second").get<double>(), dropped, lost);
  if (status.at("free_bytes").is_number()) {
    check.line += fmt::format(" free={}B", status["free_bytes"].get<std::int64_t>());
  }
  return check;
}

}  // namespace framelog
