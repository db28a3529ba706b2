#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace framelog {

// What a Merlin (Quantum Detectors' readout of Medipix3 detectors) says on its two TCP ports, as
// its user manual has it and as LiberTEM-live and areaDetector's ADMerlin speak it: each message is
// "MPX,", ten digits, a comma and a body. The number is the body's length, in most senders with the
// comma before it. Everything here is pure. Threads: any.

inline constexpr std::string_view kMerlinMagic = "MPX,";
inline constexpr std::size_t kMerlinPrefixBytes = 15;  ///< "MPX,0000000399,"
/// Of frames, whose sides are at most 16384 px, with their headers.
inline constexpr std::uint64_t kMostMerlinBytes =
    std::uint64_t{16384} * 16384 * 4 + std::uint64_t{32768};

/// Whether `bytes`, which may end early, can be how a message begins.
[[nodiscard]] bool may_begin_merlin_message(std::string_view bytes) noexcept;
/// The number in the prefix that `bytes` begins with; none where it is no prefix, or absurd.
[[nodiscard]] std::optional<std::uint64_t> parse_merlin_prefix(std::string_view bytes) noexcept;
/// With its prefix, the comma counted.
[[nodiscard]] std::string merlin_message(std::string_view body);

/// header_bytes of the MQ1 header that `body` begins with, which may end early; none where it is
/// not told (yet).
[[nodiscard]] std::optional<std::uint32_t> merlin_header_bytes(std::string_view body) noexcept;
/// "Frames in Acquisition" of an acquisition's header; 0: not told. Allocates nothing.
[[nodiscard]] std::uint64_t merlin_frames_announced(std::string_view header) noexcept;

/// An answer on the control port: "GET,NAME,VALUE,STATUS", "SET,NAME,STATUS", "CMD,NAME,STATUS".
struct MerlinAnswer {
  std::string_view verb;
  std::string_view name;
  std::string_view value;  ///< Of GET; may contain commas.
  int status{};            ///< 0 ok, 1 busy, 2 unknown, 3 out of range.
};
/// Borrows from `body`. None where it is no answer.
[[nodiscard]] std::optional<MerlinAnswer> parse_merlin_answer(std::string_view body) noexcept;
/// What a status other than 0 means for `command` ("SET,NAME,VALUE"): kBusy, kNotFound, kInvalid,
/// kIo for one that is not known.
[[nodiscard]] Error merlin_refusal(std::string_view command, int status);

}  // namespace framelog
