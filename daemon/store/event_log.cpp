#include "store/event_log.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <span>

#include "formats/accounting_json.hpp"

namespace framelog {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMostClockEntries = 10'000;

/// One line, whatever the texts contain.
std::string line_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

void take(const Json& json, SegmentEvents& into) {
  const std::string kind = json.at("kind");
  if (kind == "begin") {
    into.accounted_from = json.at("accounted_from").get<std::int64_t>();
  } else if (kind == "gap") {
    into.gaps.push_back({json.at("after_sequence"), json.at("frames"), json.at("duration_ns"),
                         json.at("stage"), json.at("reason")});
  } else if (kind == "clock") {
    into.clock.push_back(
        {json.at("utc_ns"), json.at("utc_minus_monotonic_ns"), json.at("synchronised")});
  } else if (kind == "end") {
    const auto accounting = read_accounting(json.at("accounting").dump());
    if (accounting) into.end = LoggedEnd{json.at("stop_reason"), *accounting};
  } else if (kind == "event") {
    into.events.push_back({json.at("utc_ns"), json.at("text"), json.value("author", "")});
  } else if (kind == "set") {
    into.quantities.push_back(
        {json.at("utc_ns"), json.at("key"), json.at("value"), json.at("unit")});
  } else if (kind == "lines") {
    for (const Json& edge : json.at("edges")) {
      into.lines.edges.push_back({edge.at(0), edge.at(1), edge.at(2), edge.at(3)});
    }
    into.lines.left_out += json.at("left_out").get<std::uint64_t>();
  }
}

}  // namespace

Result<EventLog> EventLog::create(FileSystem& files, const std::filesystem::path& path) {
  auto fd = files.open(path, O_WRONLY | O_CREAT | O_EXCL);
  if (!fd) return std::unexpected(fd.error());
  EventLog log;
  log.fd_ = std::move(*fd);
  return log;
}

Result<EventLog> EventLog::resume(FileSystem& files, const std::filesystem::path& path) {
  if (!files.exists(path)) return create(files, path);
  auto fd = files.open(path, O_WRONLY);
  if (!fd) return std::unexpected(fd.error());
  const auto text = read_text(files, path);
  if (!text) return std::unexpected(text.error());
  EventLog log;
  log.fd_ = std::move(*fd);
  log.entries_ = read_events(files, path);
  // What is torn is written over.
  const std::size_t last = text->rfind('\n');
  log.size_ = last == std::string::npos ? 0 : static_cast<std::int64_t>(last + 1);
  return log;
}

void EventLog::append(FileSystem& files, std::string_view line) {
  if (!fd_.valid()) return;
  // A line that the disk does not take is still in memory, and in the frame table's
  // `dropped_before`.
  if (files.write_at(fd_.get(), std::as_bytes(std::span(line)), size_)) {
    size_ += static_cast<std::int64_t>(line.size());
  }
}

void EventLog::add(FileSystem& files, const GapEntry& gap, std::size_t most) {
  const std::scoped_lock lock(*mutex_);
  auto& gaps = entries_.gaps;
  // A gap at the end of a recording, whose duration nobody knows, and those before the segment's
  // first frame keep their places: verification counts them apart.
  if (gaps.size() >= most && gap.frames > 0 && gap.duration_ns >= 0) {
    const std::int64_t first = gaps.empty() ? -1 : gaps.front().after_sequence;
    const auto same = std::find_if(gaps.rbegin(), gaps.rend(), [&](const GapEntry& other) {
      return other.frames > 0 && other.after_sequence > first && other.stage == gap.stage &&
             other.reason == gap.reason;
    });
    if (same != gaps.rend()) {
      same->frames += gap.frames;
      same->duration_ns += std::max(std::int64_t{0}, gap.duration_ns);
      return;
    }
  }
  entries_.gaps.push_back(gap);
  append(files,
         fmt::format("{{\"kind\":\"gap\",\"after_sequence\":{},\"frames\":{},\"duration_ns\":{},"
                     "\"stage\":\"{}\",\"reason\":\"{}\"}}\n",
                     gap.after_sequence, gap.frames, gap.duration_ns, gap.stage, gap.reason));
}

void EventLog::add(FileSystem& files, const ClockEntry& clock) {
  const std::scoped_lock lock(*mutex_);
  if (entries_.clock.size() >= kMostClockEntries) return;  // A clock that never rests says enough.
  entries_.clock.push_back(clock);
  append(files, fmt::format("{{\"kind\":\"clock\",\"utc_ns\":{},\"utc_minus_monotonic_ns\":{},"
                            "\"synchronised\":{}}}\n",
                            clock.utc_ns, clock.utc_minus_monotonic_ns, clock.synchronised));
}

void EventLog::add(FileSystem& files, const EventEntry& event) {
  const std::scoped_lock lock(*mutex_);
  entries_.events.push_back(event);
  Json json{{"kind", "event"}, {"utc_ns", event.utc_ns}, {"text", event.text}};
  if (!event.author.empty()) json["author"] = event.author;
  append(files, line_of(json));
}

void EventLog::add(FileSystem& files, const QuantityEntry& quantity) {
  const std::scoped_lock lock(*mutex_);
  entries_.quantities.push_back(quantity);
  append(files, line_of({{"kind", "set"},
                         {"utc_ns", quantity.utc_ns},
                         {"key", quantity.key},
                         {"value", quantity.value},
                         {"unit", quantity.unit}}));
}

void EventLog::add(FileSystem& files, const LineEdges& lines) {
  const std::scoped_lock lock(*mutex_);
  LineEdges& all = entries_.lines;
  const std::size_t room = kMostEdges - std::min(kMostEdges, all.edges.size());
  const std::size_t taken = std::min(room, lines.edges.size());
  const std::uint64_t left_out = lines.left_out + (lines.edges.size() - taken);
  std::string line = R"({"kind":"lines","left_out":)" + std::to_string(left_out) + R"(,"edges":[)";
  for (std::size_t i = 0; i < taken; ++i) {
    const LineEdge& edge = lines.edges[i];
    all.edges.push_back(edge);
    fmt::format_to(std::back_inserter(line), "{}[{},{},{},{}]", i == 0 ? "" : ",",
                   edge.monotonic_ns, edge.utc_ns, edge.line, edge.active);
  }
  all.left_out += left_out;
  append(files, line + "]}\n");
}

void EventLog::begin(FileSystem& files, std::int64_t accounted_from) {
  const std::scoped_lock lock(*mutex_);
  entries_.accounted_from = accounted_from;
  append(files, fmt::format("{{\"kind\":\"begin\",\"accounted_from\":{}}}\n", accounted_from));
}

void EventLog::end(FileSystem& files, const LoggedEnd& end) {
  const std::scoped_lock lock(*mutex_);
  const Json json{{"kind", "end"},
                  {"stop_reason", end.stop_reason},
                  {"accounting", Json::parse(accounting_json(end.accounting))}};
  append(files, json.dump() + "\n");
}

SegmentEvents read_events(FileSystem& files, const std::filesystem::path& path) {
  SegmentEvents entries;
  const auto text = read_text(files, path);
  if (!text) return entries;
  for (std::size_t at = 0; at < text->size();) {
    const std::size_t end = text->find('\n', at);
    if (end == std::string::npos) break;
    try {
      take(Json::parse(text->substr(at, end - at)), entries);
    } catch (const Json::exception&) {
      // A line torn by a power cut: the others still count.
    }
    at = end + 1;
  }
  return entries;
}

std::filesystem::path events_path(const std::filesystem::path& part) {
  return part.parent_path() / (part.stem().string() + ".events");
}

}  // namespace framelog
