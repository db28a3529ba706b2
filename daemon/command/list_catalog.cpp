#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

#include "command/catalog_settings.hpp"
#include "command/instrument.hpp"
#include "command/list_command.hpp"
#include "command/output.hpp"
#include "command/time_text.hpp"
#include "core/clock.hpp"
#include "core/text.hpp"
#include "store/catalog.hpp"

namespace framelog {
namespace {

using Json = nlohmann::ordered_json;

std::expected<std::optional<std::int64_t>, std::string> time_of(const char* option,
                                                                const std::string& text) {
  if (text.empty()) return std::nullopt;
  const auto time = parse_time(text, system_clock().utc_ns());
  if (!time) return std::unexpected(fmt::format("--{}: {}", option, time.error()));
  return *time;
}

std::expected<CatalogQuery, std::string> query_of(const CommandLine& line) {
  CatalogQuery query;
  auto since = time_of("since", line.since);
  if (!since) return std::unexpected(since.error());
  auto until = time_of("until", line.until);
  if (!until) return std::unexpected(until.error());
  query.since_utc_ns = *since;
  query.until_utc_ns = *until;
  if (!line.product.empty()) query.product = line.product;
  if (!line.run.empty()) query.run = line.run;
  query.only_gaps = line.gaps;
  return query;
}

Json json_of(const CatalogEntry& entry) {
  return {{"path", entry.path.string()},
          {"state", "finished"},
          {"bytes", entry.bytes},
          {"product", entry.product},
          {"run", entry.run_number},
          {"run_uuid", entry.run_uuid},
          {"segment", entry.segment_number},
          {"frames", entry.frames},
          {"first_sequence", entry.first_sequence},
          {"last_sequence", entry.last_sequence},
          {"first_frame", iso_time(entry.first_utc_ns)},
          {"last_frame", iso_time(entry.last_utc_ns)},
          {"lost", entry.dropped},
          {"gaps", entry.gaps},
          {"sha256", entry.sha256.empty() ? Json(nullptr) : Json(entry.sha256)},
          {"pinned", entry.pinned},
          {"acknowledged", entry.acknowledged}};
}

std::string marks_of(const CatalogEntry& entry) {
  if (entry.pinned && entry.acknowledged) return "pinned, ack";
  if (entry.pinned) return "pinned";
  return entry.acknowledged ? "ack" : "";
}

void print_table(const std::vector<CatalogEntry>& entries) {
  using enum TextTable::Align;
  TextTable table({kLeft, kLeft, kRight, kRight, kRight, kLeft, kRight, kRight, kLeft, kLeft});
  table.add({"segment", "product", "run", "no", "frames", "first frame", "duration", "size",
             "losses", "marks"});
  std::int64_t frames = 0;
  std::int64_t bytes = 0;
  std::int64_t lost = 0;
  for (const CatalogEntry& entry : entries) {
    frames += entry.frames;
    bytes += entry.bytes;
    lost += entry.dropped;
    table.add({entry.path.string(), entry.product, std::to_string(entry.run_number),
               std::to_string(entry.segment_number), std::to_string(entry.frames),
               iso_time(entry.first_utc_ns),
               duration_text(std::max(std::int64_t{0}, entry.last_utc_ns - entry.first_utc_ns)),
               size_text(entry.bytes),
               entry.dropped > 0 ? fmt::format("{} lost", entry.dropped)
               : entry.gaps > 0  ? std::string("gaps")
                                 : std::string("none lost"),
               marks_of(entry)});
  }
  if (!entries.empty()) std::cout << table.text();
  std::cout << fmt::format("{}, {}, {}, {} lost\n", counted(std::ssize(entries), "segment"),
                           counted(frames, "frame"), size_text(bytes), lost);
}

int fail_with(const Error& error) {
  std::string text = "framelog: " + describe(error);
  if (error.code == ErrorCode::kNotFound || error.code == ErrorCode::kCorrupt) {
    text += " (framelog catalog rebuild makes it from the files)";
  }
  return print_failure(ControlFailure{exit_status_of(error), {std::move(text)}});
}

}  // namespace

int list_catalog(const CommandLine& line) {
  const auto query = query_of(line);
  if (!query) {
    return print_failure(ControlFailure{kExitUsage, {"framelog: list " + query.error()}});
  }
  const auto settings = find_catalog(line);
  if (!settings) return print_failure(settings.error());
  const auto catalog = Catalog::open(system_files(), settings->file, Catalog::Mode::kRead);
  if (!catalog) return fail_with(catalog.error());
  const auto entries = catalog->find(*query);
  if (!entries) return fail_with(entries.error());
  if (line.json) {
    Json json = Json::array();
    for (const CatalogEntry& entry : *entries) json.push_back(json_of(entry));
    std::cout << json.dump(1, ' ', false, Json::error_handler_t::replace) << '\n';
  } else {
    print_table(*entries);
  }
  return kExitDone;
}

}  // namespace framelog
