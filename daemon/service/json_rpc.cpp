#include "service/json_rpc.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/option.hpp"
#include "core/text.hpp"

namespace framelog {
namespace {

using Json = nlohmann::ordered_json;
constexpr int kDeepest = 32;
constexpr std::size_t kLongestId = 256;
constexpr std::array<std::string_view, 4> kMembers{"jsonrpc", "id", "method", "params"};

/// Whether brackets are nested no deeper than kDeepest. Strings are skipped as JSON has them; what
/// is no JSON is found by the parser.
bool is_flat(std::string_view text) noexcept {
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '\\') {
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && (c == '{' || c == '[')) {
      if (++depth > kDeepest) return false;
    } else if (!quoted && (c == '}' || c == ']')) {
      --depth;
    }
  }
  return true;
}

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::unexpected<RpcFailure> wrong(std::string id, RpcCode code, std::string message) {
  return std::unexpected(RpcFailure{std::move(id), {code, std::move(message), {}}});
}

std::optional<std::vector<std::string>> words_of(const Json& array) {
  std::vector<std::string> words;
  for (const Json& word : array) {
    if (!word.is_string()) return std::nullopt;
    words.push_back(word.get<std::string>());
  }
  return words;
}

RpcValue value_of(const Json& json) {
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_number()) return json.get<double>();
  if (json.is_string()) return json.get<std::string>();
  if (json.is_array()) {
    if (auto words = words_of(json)) return std::move(*words);
  }
  return std::monostate{};
}

/// Empty where there is none; an error where it is no id.
std::expected<std::string, std::string> id_of(const Json& request) {
  const auto id = request.find("id");
  if (id == request.end()) return "";
  if (!id->is_string() && !id->is_number() && !id->is_null()) {
    return std::unexpected("its id is neither a string nor a number");
  }
  std::string text = dump(*id);
  if (text.size() > kLongestId) {
    return std::unexpected(fmt::format("its id is longer than {} bytes", kLongestId));
  }
  return text;
}

std::string unknown_member(std::string_view name) {
  const std::string nearest = nearest_word(name, kMembers);
  return fmt::format("a request has no {}{}", in_quotes(name),
                     nearest.empty() ? "" : ", did you mean " + nearest + "?");
}

/// What is wrong with the form of a request whose id is fine; empty: nothing.
std::string complaint_about(const Json& request) {
  for (const auto& [name, value] : request.items()) {
    if (std::ranges::find(kMembers, name) == kMembers.end()) return unknown_member(name);
  }
  const auto version = request.find("jsonrpc");
  if (version == request.end() || *version != "2.0") return "\"jsonrpc\" has to be \"2.0\"";
  const auto method = request.find("method");
  if (method == request.end() || !method->is_string()) return "\"method\" has to be a string";
  return "";
}

}  // namespace

const RpcValue* RpcRequest::find(std::string_view name) const noexcept {
  const auto found = std::ranges::find(params, name, &std::pair<std::string, RpcValue>::first);
  return found == params.end() ? nullptr : &found->second;
}

std::expected<RpcRequest, RpcFailure> parse_request(std::string_view line) {
  if (!is_flat(line)) {
    return wrong("null", RpcCode::kParseError,
                 fmt::format("nested too deeply (allowed: {} levels)", kDeepest));
  }
  const Json json = Json::parse(line, nullptr, false);
  if (json.is_discarded()) return wrong("null", RpcCode::kParseError, "not JSON");
  if (json.is_array()) {
    return wrong("null", RpcCode::kInvalidRequest,
                 "batches are not supported (allowed: one request per line)");
  }
  if (!json.is_object()) return wrong("null", RpcCode::kInvalidRequest, "not an object");
  auto id = id_of(json);
  if (!id) return wrong("null", RpcCode::kInvalidRequest, id.error());
  const std::string shown = id->empty() ? "null" : *id;
  if (std::string complaint = complaint_about(json); !complaint.empty()) {
    return wrong(shown, RpcCode::kInvalidRequest, std::move(complaint));
  }
  RpcRequest request{std::move(*id), json["method"].get<std::string>(), {}};
  const auto params = json.find("params");
  if (params == json.end()) return request;
  if (!params->is_object() && !(params->is_array() && params->empty())) {
    return wrong(shown, RpcCode::kInvalidParams, "\"params\" has to be an object");
  }
  for (const auto& [name, value] : params->items()) {
    request.params.emplace_back(name, value_of(value));
  }
  return request;
}

std::string rpc_response(std::string_view id, std::string_view result) {
  return fmt::format("{{\"jsonrpc\":\"2.0\",\"id\":{},\"result\":{}}}\n", id, result);
}

std::string rpc_response(std::string_view id, const RpcError& error) {
  Json json{{"code", static_cast<int>(error.code)}, {"message", error.message}};
  if (!error.lines.empty()) json["data"] = error.lines;
  return fmt::format("{{\"jsonrpc\":\"2.0\",\"id\":{},\"error\":{}}}\n", id, dump(json));
}

std::string rpc_notification(std::string_view method, std::string_view params) {
  return fmt::format("{{\"jsonrpc\":\"2.0\",\"method\":\"{}\",\"params\":{}}}\n", method, params);
}

}  // namespace framelog
