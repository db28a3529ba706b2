#include "formats/accounting_json.hpp"

#include <nlohmann/json.hpp>

namespace framelog {
namespace {

using Json = nlohmann::json;

}  // namespace

std::string accounting_json(const Accounting& accounting) {
  Json json{{"received", accounting.received},
            {"recorded", accounting.recorded},
            {"merged", accounting.merged},
            {"skipped", accounting.skipped},
            {"not_recorded", accounting.not_recorded}};
  for (std::size_t i = 0; i < kDropReasons; ++i) {
    json["dropped"][std::string(name_of(static_cast<DropReason>(i)))] = accounting.dropped[i];
  }
  for (std::size_t i = 0; i < kLossReasons; ++i) {
    json["lost_at_source"][std::string(name_of(static_cast<LossReason>(i)))] =
        accounting.lost_at_source[i];
  }
  return json.dump();
}

Result<Accounting> read_accounting(std::string_view text) {
  constexpr std::uint64_t kNone = 0;
  try {
    const Json json = Json::parse(text);
    Accounting accounting;
    accounting.received = json.value("received", kNone);
    accounting.recorded = json.value("recorded", kNone);
    accounting.merged = json.value("merged", kNone);
    accounting.skipped = json.value("skipped", kNone);
    accounting.not_recorded = json.value("not_recorded", kNone);
    const Json dropped = json.value("dropped", Json::object());
    const Json lost = json.value("lost_at_source", Json::object());
    for (std::size_t i = 0; i < kDropReasons; ++i) {
      accounting.dropped[i] =
          dropped.value(std::string(name_of(static_cast<DropReason>(i))), kNone);
    }
    for (std::size_t i = 0; i < kLossReasons; ++i) {
      accounting.lost_at_source[i] =
          lost.value(std::string(name_of(static_cast<LossReason>(i))), kNone);
    }
    return accounting;
  } catch (const Json::exception& error) {
    return fail(ErrorCode::kCorrupt, "no accounting:", error.what());
  }
}

}  // namespace framelog
