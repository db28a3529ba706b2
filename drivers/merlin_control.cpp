#include "drivers/merlin_control.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "core/text.hpp"
#include "drivers/merlin_protocol.hpp"

namespace framelog {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::seconds kLongestConnect{3};
/// Settings that make the detector configure its chips take seconds.
constexpr std::chrono::seconds kLongestAnswer{8};
/// Of all commands together: whoever opens the source is not to seem dead.
constexpr std::chrono::seconds kLongestVisit{16};
/// Far more than any answer; what is longer comes from no Merlin.
constexpr std::size_t kMostAnswerBytes = std::size_t{1} << 16U;

}  // namespace

Result<MerlinControl> MerlinControl::visit(const std::string& host, std::uint16_t port) {
  TcpStream stream;
  if (auto connected = stream.connect(host, port, steady_clock::now() + kLongestConnect);
      !connected) {
    return std::unexpected(std::move(connected.error()));
  }
  return MerlinControl(std::move(stream), steady_clock::now() + kLongestVisit);
}

Result<std::string> MerlinControl::get(std::string_view name) {
  return ask("GET", name, fmt::format("GET,{},0", name));
}

Result<void> MerlinControl::set(std::string_view name, std::string_view value) {
  if (auto done = ask("SET", name, fmt::format("SET,{},{}", name, value)); !done) {
    return std::unexpected(std::move(done.error()));
  }
  return {};
}

Result<void> MerlinControl::command(std::string_view name) {
  if (auto done = ask("CMD", name, fmt::format("CMD,{}", name)); !done) {
    return std::unexpected(std::move(done.error()));
  }
  return {};
}

Result<std::string> MerlinControl::ask(std::string_view verb, std::string_view name,
                                       const std::string& body) {
  const Deadline deadline = std::min<Deadline>(steady_clock::now() + kLongestAnswer, end_);
  if (auto sent = stream_.send(merlin_message(body), deadline); !sent) {
    return fail(ErrorCode::kIo, "cannot send to the Merlin's control port:", one_line(body));
  }
  for (;;) {
    for (std::string text; !(text = take_answer()).empty();) {
      const auto answer = parse_merlin_answer(text);
      if (!answer || lower_case(answer->verb) != lower_case(verb) ||
          lower_case(answer->name) != lower_case(name)) {
        continue;
      }
      if (answer->status != 0) return std::unexpected(merlin_refusal(body, answer->status));
      return std::string(answer->value);
    }
    std::array<std::byte, 4096> bytes{};
    const auto got = stream_.receive({std::span(bytes), {}}, deadline);
    if (!got || received_.size() > kMostAnswerBytes) {
      return fail(ErrorCode::kIo, "no answer of a Merlin on its control port to", one_line(body));
    }
    received_.append(reinterpret_cast<const char*>(bytes.data()), *got);
  }
}

std::string MerlinControl::take_answer() {
  for (;;) {
    const std::size_t start = received_.find(kMerlinMagic);
    if (start == std::string::npos) return {};
    received_.erase(0, start);
    if (may_begin_merlin_message(received_)) break;
    received_.erase(0, 1);
  }
  const auto length = parse_merlin_prefix(received_);
  if (!length) return {};
  std::uint64_t bytes = *length - 1;
  if (received_.size() < kMerlinPrefixBytes + bytes) return {};
  // Where the length is without the comma, what is missing is the status, always one digit.
  if (bytes > 0 && received_[kMerlinPrefixBytes + bytes - 1] == ',') ++bytes;
  if (received_.size() < kMerlinPrefixBytes + bytes) return {};
  std::string answer = received_.substr(kMerlinPrefixBytes, bytes);
  received_.erase(0, kMerlinPrefixBytes + bytes);
  return answer;
}

}  // namespace framelog
