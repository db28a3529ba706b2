#include "drivers/merlin_parser.hpp"

#include <algorithm>
#include <cstring>

#include "formats/mib_settings.hpp"

namespace framelog {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 16U;
/// Of an acquisition's header; usual are 2048. Of a longer one the first part is taken.
constexpr std::size_t kMostTextBytes = std::size_t{48} << 10U;
/// Behind an acquisition's header: the byte that may belong to it, and how a message begins.
constexpr std::size_t kLookAheadBytes = 1 + kMerlinMagic.size();
/// Sequence and header_bytes of a frame's header are within so many bytes.
constexpr std::size_t kFirstFieldsBytes = 64;
constexpr std::size_t kUsualHeaderBytes = 384;

}  // namespace

MerlinParser::MerlinParser()
    : buffer_(kBufferBytes), usual_bytes_(kMerlinPrefixBytes + kUsualHeaderBytes) {}

MerlinParser::Event MerlinParser::next() noexcept {
  for (;;) {
    switch (state_) {
      case State::kSearch:
        if (!find_message()) return Event::kMore;
        state_ = State::kBody;
        break;
      case State::kBody:
        if (const Event event = read_body(); event != Event::kMore || wanted_ > 0) return event;
        break;
      case State::kHeader:
        if (const Event event = read_header(); event != Event::kMore || wanted_ > 0) return event;
        break;
      case State::kFrame:
        return Event::kFrame;
      case State::kPixels:
        if (received_ < target_.size()) return Event::kMore;
        state_ = State::kPassOver;
        return Event::kPixels;
      case State::kPassOver:
        if (!skip_rest()) return Event::kMore;
        end_message();
        break;
    }
  }
}

std::array<std::span<std::byte>, 2> MerlinParser::space() noexcept {
  if (begin_ == end_) begin_ = end_ = 0;
  const bool within_pixels = state_ == State::kPixels;
  const std::size_t have = end_ - begin_;
  std::size_t more = std::max({usual_bytes_, wanted_, have + 1}) - have;
  if (state_ == State::kPassOver || garbage_bytes_ > 1) more = kBufferBytes - have;
  if (kBufferBytes - end_ < more) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, have);
    begin_ = 0;
    end_ = have;
    more = std::min(more, kBufferBytes - end_);
  }
  const auto free = std::as_writable_bytes(std::span(buffer_)).subspan(end_, more);
  return {within_pixels ? target_.subspan(received_) : std::span<std::byte>(), free};
}

void MerlinParser::filled(std::size_t bytes) noexcept {
  if (state_ == State::kPixels) {
    const std::size_t pixels = std::min(bytes, target_.size() - received_);
    received_ += pixels;
    bytes -= pixels;
  }
  end_ += bytes;
}

void MerlinParser::reset() noexcept {
  if (state_ == State::kPixels || state_ == State::kFrame) ++faults_.incomplete_frames;
  begin_ = end_ = wanted_ = received_ = 0;
  garbage_bytes_ = left_bytes_ = 0;
  behind_message_ = false;
  header_text_ = {};
  state_ = State::kSearch;
}

bool MerlinParser::has(std::size_t bytes) noexcept {
  wanted_ = rest().size() < bytes ? bytes : 0;
  return wanted_ == 0;
}

/// True when a message's body is what begins.
bool MerlinParser::find_message() noexcept {
  for (;;) {
    const bool whole = has(kMerlinPrefixBytes);
    if (const auto length = parse_merlin_prefix(rest())) {
      length_ = *length;
      drop(kMerlinPrefixBytes);
      return true;
    }
    if (rest().empty() || (!whole && may_begin_merlin_message(rest()))) return false;
    skip_garbage();
  }
}

/// Up to where a message may begin, one byte at least.
void MerlinParser::skip_garbage() noexcept {
  const std::string_view bytes = rest();
  std::size_t at = bytes.find(kMerlinMagic.front(), 1);
  while (at != std::string_view::npos && !may_begin_merlin_message(bytes.substr(at))) {
    at = bytes.find(kMerlinMagic.front(), at + 1);
  }
  at = std::min(at, bytes.size());
  garbage_bytes_ += at;
  faults_.skipped_bytes += at;
  drop(at);
}

MerlinParser::Event MerlinParser::read_body() noexcept {
  const std::uint64_t body_bytes = length_ - 1;
  if (body_bytes >= kMibMagic.size() && !has(kMibMagic.size())) return Event::kMore;
  wanted_ = 0;
  const bool is_header = body_bytes >= kMibMagic.size() && rest().starts_with(kMibSettingsMagic);
  const bool is_frame = body_bytes >= kMibMagic.size() && rest().starts_with(kMibMagic);
  if (!is_header && !is_frame && garbage_bytes_ > 1) {  // No message, only what looks like one.
    faults_.skipped_bytes += kMerlinPrefixBytes;
    state_ = State::kSearch;
    return Event::kMore;
  }
  // A single byte belongs to the message before, whose length was without the comma.
  if (garbage_bytes_ == 1 && behind_message_) {
    --faults_.skipped_bytes;
  } else if (garbage_bytes_ > 0) {
    ++faults_.resynchronised;
  }
  garbage_bytes_ = 0;
  if (is_frame) return read_frame_header();
  if (is_header) {
    state_ = State::kHeader;
    return Event::kMore;
  }
  ++faults_.unknown_messages;
  left_bytes_ = body_bytes;
  state_ = State::kPassOver;
  return Event::kMore;
}

MerlinParser::Event MerlinParser::read_header() noexcept {
  const std::uint64_t body_bytes = length_ - 1;
  std::size_t text_bytes = std::min<std::uint64_t>(body_bytes, kMostTextBytes);
  if (text_bytes == body_bytes) {
    if (!has(text_bytes + kMerlinMagic.size())) return Event::kMore;
    if (!rest().substr(text_bytes).starts_with(kMerlinMagic)) {
      if (!has(text_bytes + kLookAheadBytes)) return Event::kMore;
      if (rest().substr(text_bytes + 1).starts_with(kMerlinMagic)) ++text_bytes;
    }
  } else if (!has(text_bytes)) {
    return Event::kMore;
  }
  header_text_ = rest().substr(0, text_bytes);
  left_bytes_ = body_bytes - std::min<std::uint64_t>(body_bytes, text_bytes);
  drop(text_bytes);
  state_ = State::kPassOver;
  return Event::kAcquisition;
}

MerlinParser::Event MerlinParser::read_frame_header() noexcept {
  const std::uint64_t body_bytes = length_ - 1;
  const auto header_bytes = merlin_header_bytes(rest().substr(0, kFirstFieldsBytes));
  if (!header_bytes && rest().size() < std::min<std::uint64_t>(body_bytes, kFirstFieldsBytes)) {
    wanted_ = std::min<std::uint64_t>(body_bytes, kFirstFieldsBytes);
    return Event::kMore;
  }
  if (!header_bytes || *header_bytes > kMostMibHeaderBytes || *header_bytes > length_) {
    search_on();
    return Event::kMore;
  }
  if (!has(*header_bytes)) return Event::kMore;
  const auto frame = parse_mib_header(rest().substr(0, *header_bytes));
  const auto pixels = frame ? mib_pixels(*frame) : Result<MibPixels>(MibPixels{});
  const std::uint64_t whole_bytes = pixels ? *header_bytes + pixels->raw_bytes : 0;
  if (!frame || !pixels || pixels->raw_bytes == 0 || whole_bytes > length_) {
    search_on();
    return Event::kMore;
  }
  frame_ = *frame;
  pixels_ = *pixels;
  left_bytes_ = body_bytes - std::min<std::uint64_t>(body_bytes, whole_bytes);
  usual_bytes_ = kMerlinPrefixBytes + *header_bytes;
  drop(*header_bytes);
  state_ = State::kFrame;
  return Event::kFrame;
}

/// A frame without a header that fits it: its length may be as wrong.
void MerlinParser::search_on() noexcept {
  ++faults_.damaged_messages;
  faults_.skipped_bytes += kMerlinPrefixBytes;
  garbage_bytes_ = kMerlinPrefixBytes;
  behind_message_ = false;
  wanted_ = 0;
  state_ = State::kSearch;
}

void MerlinParser::take(std::span<std::byte> target) noexcept {
  target_ = target;
  received_ = std::min(rest().size(), target.size());
  if (received_ > 0) std::memcpy(target.data(), rest().data(), received_);
  drop(received_);
  state_ = State::kPixels;
}

void MerlinParser::pass_over() noexcept {
  left_bytes_ += pixels_.raw_bytes;
  state_ = State::kPassOver;
}

bool MerlinParser::skip_rest() noexcept {
  const std::size_t bytes = std::min<std::uint64_t>(left_bytes_, rest().size());
  drop(bytes);
  left_bytes_ -= bytes;
  wanted_ = 0;
  return left_bytes_ == 0;
}

void MerlinParser::end_message() noexcept {
  behind_message_ = true;
  garbage_bytes_ = 0;
  state_ = State::kSearch;
}

}  // namespace framelog
