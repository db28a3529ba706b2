// Feeds any line to the parser of the control socket's requests.

#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/text.hpp"
#include "service/json_rpc.hpp"

namespace {

/// What is sent to a client is one line, whatever came in.
void expect_line(const std::string& message) {
  if (message.find('\n') != message.size() - 1 || !framelog::is_utf8(message)) std::abort();
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace framelog;
  const auto request = parse_request({reinterpret_cast<const char*>(data), size});
  if (!request) {
    expect_line(rpc_response(request.error().id, request.error().error));
    return 0;
  }
  expect_line(rpc_response(request->id.empty() ? "null" : request->id, std::string_view("{}")));
  for (const auto& [name, value] : request->params) {
    if (request->find(name) == nullptr) std::abort();
  }
  return 0;
}
