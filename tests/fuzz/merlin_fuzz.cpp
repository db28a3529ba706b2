// Feeds any bytes to the parser of a Merlin's data port, cut as the first byte says, and to those
// of its control port's answers and its headers.

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "drivers/merlin_numbers.hpp"
#include "drivers/merlin_parser.hpp"
#include "drivers/merlin_protocol.hpp"
#include "formats/mib_header.hpp"
#include "formats/mib_settings.hpp"
#include "fuzz_files.hpp"

namespace {

using namespace framelog;

constexpr std::size_t kMostPixelBytes = std::size_t{1} << 20U;

struct Outcome {
  std::uint64_t frames{}, headers{}, bytes{};
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

void put(MerlinParser& parser, const std::uint8_t*& data, std::size_t& size, std::size_t most) {
  std::size_t left = std::min(most, size);
  bool has_space = false;
  for (const auto& space : parser.space()) {
    has_space = has_space || !space.empty();
    const std::size_t piece = std::min(space.size(), left);
    if (piece > 0) std::memcpy(space.data(), data, piece);
    parser.filled(piece);
    data += piece;
    size -= piece;
    left -= piece;
  }
  if (!has_space) std::abort();
}

Outcome parse(const std::uint8_t* data, std::size_t size, std::size_t most) {
  MerlinParser parser;
  MerlinNumbers numbers(most % 3 * 7);
  Outcome outcome;
  std::vector<std::byte> raw;
  std::vector<std::byte> pixels;
  for (;;) {
    switch (parser.next()) {
      case MerlinParser::Event::kMore:
        if (size == 0) return outcome;
        put(parser, data, size, most);
        break;
      case MerlinParser::Event::kAcquisition: {
        ++outcome.headers;
        outcome.bytes += parser.header_text().size();
        const auto announced = merlin_frames_announced(parser.header_text());
        numbers.begin(parser.header_text(), announced);
        static_cast<void>(mib_scan_of(parse_mib_settings(parser.header_text()), announced));
        break;
      }
      case MerlinParser::Event::kFrame:
        static_cast<void>(numbers.number(parser.frame().sequence));
        if (size_bytes(parser.pixels().shape) > kMostPixelBytes) {
          parser.pass_over();
          break;
        }
        if (parser.pixels().raw_bytes > size_bytes(parser.pixels().shape)) std::abort();
        raw.resize(parser.pixels().raw_bytes);
        parser.take(raw);
        break;
      case MerlinParser::Event::kPixels:
        ++outcome.frames;
        pixels.resize(size_bytes(parser.pixels().shape));
        decode_mib(parser.frame(), raw, pixels);
        break;
    }
  }
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t most = std::size_t{1} + data[0];
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  // However it is cut, it says the same.
  if (parse(data + 1, size - 1, most) != parse(data + 1, size - 1, size)) std::abort();
  if (const auto answer = parse_merlin_answer(text); answer && answer->status != 0) {
    if (describe(merlin_refusal(answer->name, answer->status)).find('\n') != std::string::npos) {
      std::abort();
    }
  }
  return 0;
}
