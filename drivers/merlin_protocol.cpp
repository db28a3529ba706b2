#include "drivers/merlin_protocol.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/text.hpp"

namespace framelog {
namespace {

constexpr std::size_t kDigitsEnd = kMerlinPrefixBytes - 1;

bool fits_at(std::size_t at, char character) noexcept {
  if (at < kMerlinMagic.size()) return character == kMerlinMagic[at];
  return at < kDigitsEnd ? is_digit(character) : character == ',';
}

template <class Number>
std::optional<Number> number_in(std::string_view text) noexcept {
  Number number{};
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || stop != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

bool may_begin_merlin_message(std::string_view bytes) noexcept {
  const std::size_t known = std::min(bytes.size(), kMerlinPrefixBytes);
  for (std::size_t i = 0; i < known; ++i) {
    if (!fits_at(i, bytes[i])) return false;
  }
  return true;
}

std::optional<std::uint64_t> parse_merlin_prefix(std::string_view bytes) noexcept {
  if (bytes.size() < kMerlinPrefixBytes || !may_begin_merlin_message(bytes)) return std::nullopt;
  const auto length =
      number_in<std::uint64_t>(bytes.substr(kMerlinMagic.size(), kDigitsEnd - kMerlinMagic.size()));
  if (!length || *length == 0 || *length > kMostMerlinBytes) return std::nullopt;
  return length;
}

std::string merlin_message(std::string_view body) {
  return fmt::format("{}{:010},{}", kMerlinMagic, body.size() + 1, body);
}

std::optional<std::uint32_t> merlin_header_bytes(std::string_view body) noexcept {
  for (int field = 0; field < 2; ++field) {
    const std::size_t comma = body.find(',');
    if (comma == std::string_view::npos) return std::nullopt;
    body.remove_prefix(comma + 1);
  }
  const std::size_t comma = body.find(',');
  if (comma == std::string_view::npos) return std::nullopt;
  return number_in<std::uint32_t>(trim(body.substr(0, comma)));
}

std::uint64_t merlin_frames_announced(std::string_view header) noexcept {
  const std::size_t at = header.find("Frames in Acquisition");
  if (at == std::string_view::npos) return 0;
  std::string_view line = header.substr(at);
  line = line.substr(0, line.find('\n'));
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return 0;
  line = trim(line.substr(colon + 1));
  if (line.ends_with('\r')) line = trim(line.substr(0, line.size() - 1));
  return number_in<std::uint64_t>(line).value_or(0);
}

std::optional<MerlinAnswer> parse_merlin_answer(std::string_view body) noexcept {
  MerlinAnswer answer;
  while (body.ends_with('\n') || body.ends_with('\r')) body.remove_suffix(1);
  std::size_t comma = body.find(',');
  const std::size_t last = body.rfind(',');
  if (comma == std::string_view::npos || last == comma) return std::nullopt;
  const auto status = number_in<int>(trim(body.substr(last + 1)));
  if (!status) return std::nullopt;
  answer.status = *status;
  answer.verb = trim(body.substr(0, comma));
  body = body.substr(comma + 1, last - comma - 1);
  comma = std::min(body.find(','), body.size());
  answer.name = trim(body.substr(0, comma));
  answer.value = trim(body.substr(std::min(comma + 1, body.size())));
  return answer;
}

Error merlin_refusal(std::string_view command, int status) {
  const std::string asked = one_line(command);
  switch (status) {
    case 1:
      return {ErrorCode::kBusy, 0, "the Merlin is busy:",
              fmt::format("{} (an acquisition may be running; tried again later)", asked)};
    case 2:
      return {ErrorCode::kNotFound, 0, "the Merlin does not know the command:",
              fmt::format("{} (names are those of its manual, such as ACQUISITIONTIME)", asked)};
    case 3:
      return {ErrorCode::kInvalid, 0,
              "out of range for the Merlin:", fmt::format("{} (its manual has the range)", asked)};
    default:
      return {ErrorCode::kIo, 0, "the Merlin answers with an unknown status:",
              fmt::format("{}, {} (known: 0 to 3)", asked, status)};
  }
}

}  // namespace framelog
