#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace framelog {

/// Of one message, with its newline.
inline constexpr std::size_t kMostRpcBytes = std::size_t{64} << 10U;

enum class RpcCode : int {
  kParseError = -32700,
  kInvalidRequest = -32600,
  kUnknownMethod = -32601,
  kInvalidParams = -32602,
  kInternal = -32603,
  kNotAllowed = -32001,
  kWrongState = -32002,
  kNotFound = -32003,
  kRefused = -32004,  ///< A wrong configuration: `lines` are its errors.
};

struct RpcError {
  RpcCode code{RpcCode::kInternal};
  std::string message;             ///< One line for people.
  std::vector<std::string> lines;  ///< `data` of the response, where there are any.
};

/// Null, an object or anything else that no method takes is std::monostate.
using RpcValue = std::variant<std::monostate, bool, double, std::string, std::vector<std::string>>;

struct RpcRequest {
  std::string id;  ///< As JSON, to be echoed; empty: a notification, which gets no answer.
  std::string method;
  std::vector<std::pair<std::string, RpcValue>> params;

  /// Null where it was not given.
  [[nodiscard]] const RpcValue* find(std::string_view name) const noexcept;
};

/// A request that cannot be understood. `id` is "null" where it is not known.
struct RpcFailure {
  std::string id;
  RpcError error;
};

/// Reads one message of JSON-RPC 2.0 (jsonrpc.org/specification), without its newline. Parameters
/// have names; batches are refused, and what is nested deeper than 32 is not even looked at.
/// Threads: any.
[[nodiscard]] std::expected<RpcRequest, RpcFailure> parse_request(std::string_view line);

/// Messages to a client, each one line with its newline. `result` and `params` are JSON.
[[nodiscard]] std::string rpc_response(std::string_view id, std::string_view result);
[[nodiscard]] std::string rpc_response(std::string_view id, const RpcError& error);
[[nodiscard]] std::string rpc_notification(std::string_view method, std::string_view params);

}  // namespace framelog
