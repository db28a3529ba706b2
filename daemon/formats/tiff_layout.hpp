#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <type_traits>
#include <utility>

#include "core/file_system.hpp"
#include "formats/compression.hpp"
#include "formats/plain_segment.hpp"
#include "formats/segment.hpp"
#include "formats/tiff_directory.hpp"

/// Private to the tiff_*.cpp files of this folder: where everything lies in a TIFF that we record.
///
///   header, Block | description | first directory | directories | frame table | pixels | texts
///
/// All up to the pixels is there before the first frame. While recording, the header leads to the
/// first of the directories, one of a fixed size for each frame; no link leads to one whose frame
/// is not whole. Finishing puts the texts behind the pixels, a first directory with their tags into
/// its reserved place, and turns the header to it: one write makes the file a finished one, and
/// undoing is turning it back.
namespace framelog::tiff {

enum class Kind : std::uint32_t { kOme = 1, kImageJ = 2 };

/// Pixels per centimetre (OME) or micrometre (ImageJ); one where there is no such calibration.
struct Resolution {
  std::uint32_t numerator{1};
  std::uint32_t denominator{1};
};

/// Follows the header. A TIFF of another program has none.
struct Block {
  char magic[8]{'f', 'r', 'l', 'g', 't', 'i', 'f', 'f'};
  std::uint32_t version{1};
  std::uint32_t crc{};  ///< CRC-32C of what follows, up to `valid`.
  Kind kind{};
  std::uint32_t big{};  ///< BigTIFF.
  std::uint32_t height_px{};
  std::uint32_t width_px{};
  char type[8]{};                   ///< In NumPy's spelling: "<u2".
  std::uint32_t compression{};      ///< As TIFF numbers it.
  std::uint32_t resolution_unit{};  ///< As TIFF numbers it.
  Resolution x, y;
  std::int64_t capacity{};
  std::int64_t description{};
  std::int64_t description_bytes{};
  std::int64_t first_directory{};  ///< Of the finished file.
  std::int64_t directories{};      ///< One for each frame.
  std::int64_t records{};
  std::int64_t pixels{};
  std::int64_t file_bytes{};  ///< Reserved.
  // What changes.
  std::int64_t valid{};
  std::int64_t synced{};
  std::int64_t finished_frames{};
  std::int64_t finishing{};  ///< 1 when it has begun.
};
static_assert(sizeof(Block) == 160 && std::is_trivially_copyable_v<Block>);

inline constexpr std::int64_t kBlockAt = 16;
inline constexpr std::int64_t kSoftwareAt = 1024;
inline constexpr std::int64_t kResolutionAt = 2048;  ///< X, then Y.
inline constexpr std::int64_t kDateTimeAt = 2064;
inline constexpr std::int64_t kFirstPageBytes = 4096;
inline constexpr std::size_t kMostSoftwareBytes = 256;  ///< With the NUL.
inline constexpr std::size_t kDateTimeBytes = 20;
inline constexpr std::size_t kFrameTags = 13;              ///< In the directory of a frame.
inline constexpr std::size_t kFirstTags = kFrameTags + 6;  ///< In the first of a finished file.

/// A block that has been checked, with what follows from it.
struct Layout {
  Block block;
  FrameShape shape;
  Codec codec{};

  [[nodiscard]] bool big() const noexcept { return block.big != 0; }
  [[nodiscard]] std::int64_t frame_bytes() const noexcept {
    return static_cast<std::int64_t>(size_bytes(shape));
  }
  /// From one frame's directory to the next one's.
  [[nodiscard]] std::int64_t directory_stride() const noexcept;
  [[nodiscard]] std::int64_t directory_of(std::int64_t frame) const noexcept {
    return block.directories + frame * directory_stride();
  }
  /// Where the link in it is that leads to the next frame's.
  [[nodiscard]] std::int64_t link_of(std::int64_t frame) const noexcept {
    return directory_of(frame) + entries_bytes(big(), kFrameTags);
  }
};

/// `text_bytes`: of the description. Errors: kUnsupported, a pixel type or codec that TIFF has not,
/// or an ImageJ TIFF beyond 4 GiB.
[[nodiscard]] Result<Layout> make_layout(Kind kind, const SegmentDescription& description,
                                         std::int64_t text_bytes);
/// Reads it from a file, and checks it against the file's size. Errors: kCorrupt, kUnsupported with
/// another version, kIo.
[[nodiscard]] Result<Layout> read_layout(FileSystem& files, int fd,
                                         const std::filesystem::path& path);
[[nodiscard]] SegmentPlaces places_of(const Layout& layout) noexcept;
/// The place that a strip of so many bytes takes where frames are packed.
[[nodiscard]] std::int64_t strip_room(std::int64_t bytes) noexcept;
/// Height and width of a product's pixel; none where the unit is no length.
[[nodiscard]] std::optional<std::pair<double, double>> pixel_size_um(
    const SegmentDescription& description);

}  // namespace framelog::tiff
