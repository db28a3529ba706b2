#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "drivers/merlin_protocol.hpp"
#include "formats/mib_header.hpp"

namespace framelog {

/// What a MerlinParser met that was not as it should be. Goes on over reset().
struct MerlinFaults {
  std::uint64_t skipped_bytes{};      ///< Between messages, or of damaged ones.
  std::uint64_t resynchronised{};     ///< Times a message was found again behind such bytes.
  std::uint64_t damaged_messages{};   ///< A frame's header that cannot be read or does not fit.
  std::uint64_t unknown_messages{};   ///< Neither HDR nor MQ1; passed over by their length.
  std::uint64_t incomplete_frames{};  ///< Half there when the stream ended.
};

/// The stream of a Merlin's data port, cut anywhere, as headers of acquisitions and frames. No
/// sockets: it says where the next bytes are wanted, so that pixels are received where they belong.
///
///   while (parser.next() == kMore)
///     parser.filled(receive into parser.space());
///
/// A message's length may count the comma before the body or not; of a frame its own header tells,
/// of an acquisition's header the beginning of the next message. Behind garbage the next "MPX,"
/// with ten digits and a known body is searched for. Allocates when constructed only. Threads: one.
class MerlinParser {
 public:
  enum class Event : std::uint8_t {
    kMore,         ///< Receive into space(), call filled().
    kAcquisition,  ///< header_text() has come; an acquisition begins.
    kFrame,        ///< frame() has come: take() or pass_over() its pixels; comes again until then.
    kPixels,       ///< All bytes are where take() said.
  };

  MerlinParser();

  /// Goes as far as the bytes reach.
  [[nodiscard]] Event next() noexcept;
  /// Where the next bytes go, one behind the other; the first may be empty, both are not.
  [[nodiscard]] std::array<std::span<std::byte>, 2> space() noexcept;
  /// So many were put there.
  void filled(std::size_t bytes) noexcept;
  /// The stream has ended; another one begins.
  void reset() noexcept;

  /// After kAcquisition, until filled(). Begins with "HDR,".
  [[nodiscard]] std::string_view header_text() const noexcept { return header_text_; }
  /// From kFrame to the next one.
  [[nodiscard]] const MibHeader& frame() const noexcept { return frame_; }
  [[nodiscard]] const MibPixels& pixels() const noexcept { return pixels_; }
  /// Whether frame() waits for take() or pass_over().
  [[nodiscard]] bool has_frame() const noexcept { return state_ == State::kFrame; }
  /// `target` has pixels().raw_bytes and stays until kPixels, or until resume().
  void take(std::span<std::byte> target) noexcept;
  void pass_over() noexcept;
  /// Whether a frame was taken and some of its bytes are still to come.
  [[nodiscard]] bool is_within_pixels() const noexcept { return state_ == State::kPixels; }
  /// Bytes that are in the target.
  [[nodiscard]] std::size_t received() const noexcept { return received_; }
  /// The bytes received lie in `target` now; the rest goes there.
  void resume(std::span<std::byte> target) noexcept { target_ = target; }

  [[nodiscard]] const MerlinFaults& faults() const noexcept { return faults_; }

 private:
  enum class State : std::uint8_t { kSearch, kBody, kHeader, kFrame, kPixels, kPassOver };

  [[nodiscard]] std::string_view rest() const noexcept {
    return {buffer_.data() + begin_, end_ - begin_};
  }
  /// Whether so many bytes are in the buffer; else they are asked for.
  [[nodiscard]] bool has(std::size_t bytes) noexcept;
  void drop(std::size_t bytes) noexcept { begin_ += bytes; }
  [[nodiscard]] bool find_message() noexcept;
  void skip_garbage() noexcept;
  [[nodiscard]] Event read_body() noexcept;
  [[nodiscard]] Event read_header() noexcept;
  [[nodiscard]] Event read_frame_header() noexcept;
  void search_on() noexcept;
  void end_message() noexcept;
  [[nodiscard]] bool skip_rest() noexcept;

  std::vector<char> buffer_;  // Everything but pixels.
  std::size_t begin_{};
  std::size_t end_{};
  std::size_t wanted_{};       // Bytes that the next step needs.
  std::size_t usual_bytes_{};  // A prefix and the last frame's header.
  State state_{State::kSearch};
  bool behind_message_{};          // Nothing but garbage_ lies between.
  std::uint64_t garbage_bytes_{};  // Since the last message.
  std::uint64_t length_{};         // As the prefix has it.
  std::uint64_t left_bytes_{};     // To pass over.
  std::string_view header_text_;
  MibHeader frame_;
  MibPixels pixels_;
  std::span<std::byte> target_;
  std::size_t received_{};
  MerlinFaults faults_;
};

}  // namespace framelog
