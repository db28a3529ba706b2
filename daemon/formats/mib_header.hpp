#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/frame.hpp"
#include "core/result.hpp"

namespace framelog {

/// The ASCII header in front of each frame of a Medipix3 detector with Merlin readout, in files and
/// on the wire: "MQ1,000001,00384,01,0256,0256,U16,   1x1,...". The format is described in Quantum
/// Detectors' Merlin manual; as LiberTEM reads it (libertem.io.dataset.mib) so do we.
struct MibHeader {
  std::uint64_t sequence{};      ///< Counted by the detector, from 1.
  std::uint32_t header_bytes{};  ///< From the header's first byte to the first pixel.
  std::uint32_t chips{};
  std::uint32_t width_px{};  ///< As written: of raw frames it tells the words in a row.
  std::uint32_t height_px{};
  bool raw{};                    ///< R64: the counters as they are read out.
  std::uint32_t word_bits{};     ///< 8, 16 or 32 of U08, U16, U32; 64 of R64.
  bool quad{};                   ///< Four chips, two by two.
  int bit_depth{};               ///< Of the counters: 1, 6, 12 or 24; 0: not told.
  std::int64_t utc_ns{-1};       ///< -1: not told.
  std::int64_t exposure_ns{-1};  ///< -1: not told.
};

/// "MQ1,": what a header begins with.
inline constexpr std::string_view kMibMagic = "MQ1,";
/// The fields of a header, up to its padding, lie within so many bytes.
inline constexpr std::size_t kMostMibHeaderBytes = 16384;

/// Parses the header that `bytes` begins with; behind it anything may follow. Allocates nothing.
/// Threads: any. Errors, without a context: kCorrupt, kUnsupported.
[[nodiscard]] Result<MibHeader> parse_mib_header(std::string_view bytes) noexcept;

/// What the bytes behind a header are.
struct MibPixels {
  FrameShape shape;         ///< Decoded.
  std::size_t raw_bytes{};  ///< Behind the header.
  friend bool operator==(const MibPixels&, const MibPixels&) = default;
};
/// Allocates nothing. Errors, without a context: kCorrupt, kUnsupported.
[[nodiscard]] Result<MibPixels> mib_pixels(const MibHeader& header) noexcept;

/// Decodes one frame into the machine's byte order, chips in their places. `raw` has raw_bytes,
/// `pixels` size_bytes(shape), as mib_pixels() says, which has taken this header. The two may be
/// the same memory where the frame is not raw. Threads: any.
void decode_mib(const MibHeader& header, std::span<const std::byte> raw,
                std::span<std::byte> pixels) noexcept;

}  // namespace framelog
