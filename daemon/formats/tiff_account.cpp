#include "formats/tiff_account.hpp"

#include <bit>
#include <cmath>
#include <nlohmann/json.hpp>

#include "formats/tiff_layout.hpp"

namespace framelog::tiff {
namespace {

using Json = nlohmann::ordered_json;

std::string dump(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

/// Bits that the values of a product can have; none where they are not known.
std::optional<int> significant_bits(const SegmentDescription& d) {
  if (!d.saturation || is_float(d.shape.type) || is_signed(d.shape.type)) return std::nullopt;
  const double most = largest_value(d.shape.type);
  if (!(*d.saturation >= 1 && *d.saturation <= most)) return std::nullopt;
  return std::bit_width(static_cast<std::uint64_t>(*d.saturation));
}

std::unexpected<Error> damaged(const std::exception& error) {
  return fail(ErrorCode::kCorrupt, "bad description of a TIFF:", error.what());
}

}  // namespace

std::string start_account(const SegmentDescription& d) {
  Json json = Json::parse(raw::describe(d));
  json["format"] = kFormatName;
  if (const auto size = pixel_size_um(d)) json["pixel_size_um"] = {size->first, size->second};
  if (const auto bits = significant_bits(d)) json["significant_bits"] = *bits;
  return dump(json);
}

Result<std::string> complete_account(std::string_view started, std::int64_t frames,
                                     const SegmentEnd& end) {
  const auto completed = raw::complete(started, frames, end);
  if (!completed) return std::unexpected(completed.error());
  Json json = Json::parse(*completed);
  // Of the files beside a RAW.
  for (const char* key : {"frames", "python", "provenance"}) json.erase(key);
  return dump(json);
}

Result<About> read_about(std::string_view started) {
  try {
    const Json json = Json::parse(started);
    About about;
    about.program_version = json.at("program_version");
    about.instrument = json.at("instrument");
    about.product = json.at("product");
    about.title = json.at("title");
    about.notes = json.at("notes");
    about.operator_name = json.at("operator");
    about.sample = json.at("sample");
    about.channel = json.at("channel");
    about.detector_model = json.at("detector").at("model");
    about.serial_number = json.at("detector").at("serial_number");
    if (json.contains("pixel_size_um")) {
      const Json& size = json.at("pixel_size_um");
      about.pixel_um.emplace(size.at(0).get<double>(), size.at(1).get<double>());
    }
    if (json.contains("significant_bits")) about.significant_bits = json.at("significant_bits");
    return about;
  } catch (const std::exception& error) {
    return damaged(error);
  }
}

Result<AccountFacts> read_account(std::string_view text) {
  auto facts = raw::read(text, kFormatName);
  if (!facts) return std::unexpected(facts.error());
  AccountFacts account{std::move(*facts), std::nullopt};
  account.scan = account.facts.about.scan;
  return account;
}

}  // namespace framelog::tiff
