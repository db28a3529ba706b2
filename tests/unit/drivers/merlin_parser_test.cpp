#include "drivers/merlin_parser.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "allocations.hpp"
#include "merlin_stream.hpp"

namespace framelog {
namespace {

using merlin::frame;
using merlin::header;
using merlin::message;
using Event = MerlinParser::Event;

/// What came out of a stream.
struct Found {
  std::vector<std::uint64_t> numbers;
  std::vector<std::string> pixels;
  std::vector<std::string> headers;
  friend bool operator==(const Found&, const Found&) = default;
};

/// Feeds `stream` in pieces of at most `most` bytes, of random length.
Found parse(MerlinParser& parser, std::string_view stream, std::size_t most, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::uniform_int_distribution<std::size_t> length(1, most);
  Found found;
  std::vector<std::byte> target(1 << 16);
  for (;;) {
    switch (parser.next()) {
      case Event::kAcquisition:
        found.headers.emplace_back(parser.header_text());
        break;
      case Event::kFrame:
        found.numbers.push_back(parser.frame().sequence);
        parser.take(std::span(target).first(parser.pixels().raw_bytes));
        break;
      case Event::kPixels:
        found.pixels.emplace_back(reinterpret_cast<const char*>(target.data()),
                                  parser.pixels().raw_bytes);
        break;
      case Event::kMore: {
        if (stream.empty()) return found;
        const auto spaces = parser.space();
        EXPECT_GT(spaces[0].size() + spaces[1].size(), 0U);
        const std::size_t piece = std::min(length(random), stream.size());
        const std::size_t first = std::min(piece, spaces[0].size());
        const std::size_t second = std::min(piece - first, spaces[1].size());
        if (first > 0) std::memcpy(spaces[0].data(), stream.data(), first);
        if (second > 0) std::memcpy(spaces[1].data(), stream.data() + first, second);
        parser.filled(first + second);
        stream.remove_prefix(first + second);
      }
    }
  }
}

std::string pixels_of(const std::string& body) { return body.substr(256); }

class BothLengths : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(MerlinParser, BothLengths, testing::Bool());

TEST_P(BothLengths, AStreamIsTheSameHoweverItIsCut) {
  const bool comma = GetParam();
  Found wanted;
  std::string stream;
  for (std::uint64_t acquisition = 0; acquisition < 2; ++acquisition) {
    const std::string text = header(3, fmt::format("Odd Field:\t{}\r\n", acquisition));
    stream += message(text, comma);
    wanted.headers.push_back(text);
    for (std::uint64_t number = 1; number <= 3; ++number) {
      const std::string body = frame(number, 4 + static_cast<std::uint32_t>(number) * 16);
      stream += message(body, comma);
      wanted.numbers.push_back(number);
      wanted.pixels.push_back(pixels_of(body));
    }
  }
  for (const std::size_t most : {1U, 2U, 7U, 50U, 300U, 4000U}) {
    for (unsigned seed = 0; seed < 40; ++seed) {
      MerlinParser parser;
      ASSERT_EQ(parse(parser, stream, most, seed), wanted) << most << ' ' << seed;
      EXPECT_EQ(parser.faults().skipped_bytes, 0U);
      EXPECT_EQ(parser.faults().resynchronised, 0U);
    }
  }
}

TEST_P(BothLengths, GarbageBetweenMessagesIsSkippedAndCounted) {
  const bool comma = GetParam();
  std::mt19937 random(3);
  for (unsigned seed = 0; seed < 200; ++seed) {
    Found wanted;
    std::string stream;
    std::uint64_t garbage_bytes = 0;
    for (std::uint64_t number = 1; number <= 5; ++number) {
      std::string garbage(2 + random() % 400, 'x');
      for (char& character : garbage) character = static_cast<char>(random());
      if (number == 3) garbage += "MPX,00MPX,0000000009,NO MERL";
      garbage_bytes += garbage.size();
      stream += garbage + message(frame(number), comma);
      wanted.numbers.push_back(number);
      wanted.pixels.push_back(pixels_of(frame(number)));
    }
    MerlinParser parser;
    ASSERT_EQ(parse(parser, stream, 1 + seed * 5, seed), wanted) << seed;
    EXPECT_EQ(parser.faults().skipped_bytes, garbage_bytes);
    EXPECT_EQ(parser.faults().resynchronised, 5U);
  }
}

TEST_P(BothLengths, AHeaderWithoutPaddingKeepsItsLastCharacter) {
  const std::string text = "HDR,\nFrame Time (s):\t0.00125";
  MerlinParser parser;
  const auto found = parse(parser, message(text, GetParam()) + message(frame(1), GetParam()), 100);
  ASSERT_EQ(found.headers.size(), 1U);
  EXPECT_EQ(found.headers[0], text);
  EXPECT_EQ(found.numbers.size(), 1U);
}

TEST(MerlinParser, AFrameWithADamagedHeaderIsCountedAndTheNextOneFound) {
  std::string damaged = frame(2);
  damaged.replace(20, 4, "x!x!");
  std::string too_large = frame(3);
  too_large.replace(20, 4, "9999");
  std::string no_length = frame(4);
  no_length.replace(11, 5, "-0256");
  MerlinParser parser;
  const auto found = parse(parser,
                           message(frame(1)) + message(damaged) + message(too_large) +
                               message(no_length) + message(frame(5)),
                           77);
  EXPECT_EQ(found.numbers, (std::vector<std::uint64_t>{1, 5}));
  EXPECT_EQ(parser.faults().damaged_messages, 3U);
  EXPECT_EQ(parser.faults().skipped_bytes, 3 * message(damaged).size());
}

TEST(MerlinParser, MessagesOfAnotherKindArePassedOverByTheirLength) {
  MerlinParser parser;
  const auto found =
      parse(parser, message(frame(1)) + message("PRF,MPX,0000000300,MQ1,") + message(frame(2)), 33);
  EXPECT_EQ(found.numbers, (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(parser.faults().unknown_messages, 1U);
  EXPECT_EQ(parser.faults().skipped_bytes, 0U);
}

TEST(MerlinParser, BytesBehindTheFramesPixelsBelongToItsMessage) {
  MerlinParser parser;
  const auto found = parse(parser, message(frame(1) + "padding") + message(frame(2)), 33);
  EXPECT_EQ(found.pixels, (std::vector<std::string>{pixels_of(frame(1)), pixels_of(frame(2))}));
  EXPECT_EQ(parser.faults().skipped_bytes, 0U);
}

TEST(MerlinParser, AFrameMayBePassedOver) {
  MerlinParser parser;
  const std::string stream = message(frame(1, 300, 90)) + message(frame(2));
  std::size_t at = 0;
  std::vector<std::uint64_t> numbers;
  for (bool more = true; more;) {
    switch (parser.next()) {
      case Event::kFrame:
        numbers.push_back(parser.frame().sequence);
        parser.pass_over();
        break;
      case Event::kMore: {
        const auto space = parser.space()[1];
        const std::size_t piece = std::min(space.size(), stream.size() - at);
        more = piece > 0;
        if (piece > 0) std::memcpy(space.data(), stream.data() + at, piece);
        parser.filled(piece);
        at += piece;
        break;
      }
      default:
        FAIL();
    }
  }
  EXPECT_EQ(numbers, (std::vector<std::uint64_t>{1, 2}));
}

TEST(MerlinParser, AHalfFrameAtTheEndIsCountedAndForgotten) {
  MerlinParser parser;
  const std::string whole = message(frame(1));
  EXPECT_TRUE(parse(parser, whole.substr(0, whole.size() - 3), 100).pixels.empty());
  parser.reset();
  EXPECT_EQ(parser.faults().incomplete_frames, 1U);
  EXPECT_EQ(parse(parser, message(frame(2)), 100).pixels.size(), 1U);
}

TEST(MerlinParser, PixelsAreReceivedWhereTheyBelong) {
  MerlinParser parser;
  const std::string stream = message(frame(1, 128, 128)) + message(frame(2, 128, 128));
  std::vector<std::byte> target(std::size_t{128} * 128 * 2);
  std::size_t at = 0;
  std::size_t directly = 0;
  for (int frames = 0; frames < 2;) {
    const Event event = parser.next();
    if (event == Event::kFrame) parser.take(target);
    if (event == Event::kPixels) ++frames;
    if (event != Event::kMore) continue;
    for (const auto& space : parser.space()) {
      const std::size_t piece = std::min(space.size(), stream.size() - at);
      if (space.data() >= target.data() && space.data() < target.data() + target.size()) {
        directly += piece;
      }
      if (piece > 0) std::memcpy(space.data(), stream.data() + at, piece);
      parser.filled(piece);
      at += piece;
    }
  }
  EXPECT_GT(directly, 2 * target.size() * 99 / 100);
}

TEST(MerlinParser, AllocatesNothingButItsBuffer) {
  std::string stream = message(header(9));
  for (std::uint64_t number = 1; number <= 9; ++number)
    stream += message(frame(number)) + "garbage";
  MerlinParser parser;
  std::vector<std::byte> target(24);
  std::size_t at = 0;
  int frames = 0;
  const std::size_t before = allocations();
  for (bool more = true; more;) {
    const Event event = parser.next();
    if (event == Event::kFrame) parser.take(target);
    if (event == Event::kPixels) ++frames;
    if (event != Event::kMore) continue;
    const auto spaces = parser.space();
    const auto& space = spaces[0].empty() ? spaces[1] : spaces[0];
    const std::size_t piece = std::min(space.size(), stream.size() - at);
    more = piece > 0;
    std::memcpy(space.data(), stream.data() + at, piece);
    parser.filled(piece);
    at += piece;
  }
  EXPECT_EQ(allocations(), before);
  EXPECT_EQ(frames, 9);
}

}  // namespace
}  // namespace framelog
