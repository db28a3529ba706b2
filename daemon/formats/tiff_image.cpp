#include <fmt/format.h>
#include <tiffio.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>

#include "core/clock.hpp"
#include "core/version.hpp"
#include "formats/frame_image.hpp"
#include "formats/picture_file.hpp"

namespace framelog {
namespace {

// Offsets of a TIFF that is not a BigTIFF have 32 bits; some room for its directory.
constexpr std::size_t kMostPlainBytes = std::numeric_limits<std::uint32_t>::max() - 65536;
constexpr std::uint32_t kStripBytes = 1U << 20U;

/// A file in memory, as libtiff's callbacks see it.
struct Memory {
  std::vector<std::byte> bytes;
  std::size_t position{};

  static tmsize_t on_read(thandle_t handle, void* to, tmsize_t count) {
    auto& self = *static_cast<Memory*>(handle);
    const std::size_t left = self.bytes.size() - std::min(self.position, self.bytes.size());
    const std::size_t got = std::min(left, static_cast<std::size_t>(count));
    if (got > 0) std::memcpy(to, self.bytes.data() + self.position, got);
    self.position += got;
    return static_cast<tmsize_t>(got);
  }
  static tmsize_t on_write(thandle_t handle, void* from, tmsize_t count) {
    auto& self = *static_cast<Memory*>(handle);
    const auto size = static_cast<std::size_t>(count);
    try {
      self.bytes.resize(std::max(self.bytes.size(), self.position + size));
    } catch (const std::bad_alloc&) {
      return -1;
    }
    if (size > 0) std::memcpy(self.bytes.data() + self.position, from, size);
    self.position += size;
    return count;
  }
  static toff_t on_seek(thandle_t handle, toff_t offset, int whence) {
    auto& self = *static_cast<Memory*>(handle);
    std::size_t start = 0;
    if (whence == SEEK_CUR) start = self.position;
    if (whence == SEEK_END) start = self.bytes.size();
    self.position = start + offset;
    return self.position;
  }
  static int on_close(thandle_t /*handle*/) { return 0; }
  static toff_t on_size(thandle_t handle) { return static_cast<Memory*>(handle)->bytes.size(); }
  static int on_message(TIFF* /*tiff*/, void* /*self*/, const char* /*module*/,
                        const char* /*format*/, va_list /*arguments*/) {
    return 1;  // Nothing is printed; the result tells.
  }
};

TIFF* open_memory(Memory& memory, bool big) {
  TIFFOpenOptions* options = TIFFOpenOptionsAlloc();
  if (options == nullptr) return nullptr;
  TIFFOpenOptionsSetErrorHandlerExtR(options, &Memory::on_message, nullptr);
  TIFFOpenOptionsSetWarningHandlerExtR(options, &Memory::on_message, nullptr);
  TIFF* tiff = TIFFClientOpenExt("frame.tif", big ? "w8" : "w", &memory, &Memory::on_read,
                                 &Memory::on_write, &Memory::on_seek, &Memory::on_close,
                                 &Memory::on_size, nullptr, nullptr, options);
  TIFFOpenOptionsFree(options);
  return tiff;
}

bool describe_resolution(TIFF* tiff, double dpi) {
  return TIFFSetField(tiff, TIFFTAG_RESOLUTIONUNIT, RESUNIT_INCH) == 1 &&
         TIFFSetField(tiff, TIFFTAG_XRESOLUTION, dpi) == 1 &&
         TIFFSetField(tiff, TIFFTAG_YRESOLUTION, dpi) == 1;
}

/// `about` may be empty.
bool describe_page(TIFF* tiff, const FilePicture& picture, const std::string& about,
                   std::uint32_t rows_per_strip) {
  const FrameShape& shape = picture.shape;
  const int format = is_float(shape.type)    ? SAMPLEFORMAT_IEEEFP
                     : is_signed(shape.type) ? SAMPLEFORMAT_INT
                                             : SAMPLEFORMAT_UINT;
  const std::string software = fmt::format("framelog {}", program_version());
  return TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, shape.width_px) == 1 &&
         TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, shape.height_px) == 1 &&
         TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, static_cast<int>(8 * size_bytes(shape.type))) ==
             1 &&
         TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, static_cast<int>(picture.channels)) == 1 &&
         TIFFSetField(tiff, TIFFTAG_SAMPLEFORMAT, format) == 1 &&
         TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC,
                      picture.channels == 1 ? PHOTOMETRIC_MINISBLACK : PHOTOMETRIC_RGB) == 1 &&
         TIFFSetField(tiff, TIFFTAG_COMPRESSION, COMPRESSION_NONE) == 1 &&
         TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG) == 1 &&
         TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, rows_per_strip) == 1 &&
         (about.empty() || TIFFSetField(tiff, TIFFTAG_IMAGEDESCRIPTION, about.c_str()) == 1) &&
         (!picture.dpi || describe_resolution(tiff, *picture.dpi)) &&
         TIFFSetField(tiff, TIFFTAG_SOFTWARE, software.c_str()) == 1;
}

bool write_strips(TIFF* tiff, const FilePicture& image, std::uint32_t rows_per_strip) {
  const std::size_t strip_bytes =
      image.pixels.size() / image.shape.height_px * std::size_t{rows_per_strip};
  std::vector<std::byte> part;  // libtiff may change what it is given.
  std::uint32_t strip = 0;
  for (auto rest = image.pixels; !rest.empty(); ++strip) {
    const auto first = rest.first(std::min(rest.size(), strip_bytes));
    part.assign(first.begin(), first.end());
    const auto wanted = static_cast<tmsize_t>(part.size());
    if (TIFFWriteEncodedStrip(tiff, strip, part.data(), wanted) != wanted) return false;
    rest = rest.subspan(first.size());
  }
  return true;
}

Result<std::vector<std::byte>> encode(const FilePicture& picture, const std::string& about) {
  if (picture.channels != 1 && picture.shape.type != PixelType::kUint8) {
    return fail(ErrorCode::kUnsupported, "a TIFF with colours holds uint8 only, this is",
                std::string(name_of(picture.shape.type)));
  }
  Memory memory;
  memory.bytes.reserve(picture.pixels.size() + 4096);
  TIFF* tiff = open_memory(memory, picture.pixels.size() > kMostPlainBytes);
  if (tiff == nullptr) return fail(ErrorCode::kNoMemory, "cannot make a TIFF");
  const std::size_t row_bytes = picture.pixels.size() / picture.shape.height_px;
  const auto rows_per_strip = static_cast<std::uint32_t>(
      std::clamp<std::size_t>(kStripBytes / row_bytes, 1, picture.shape.height_px));
  const bool done = describe_page(tiff, picture, about, rows_per_strip) &&
                    write_strips(tiff, picture, rows_per_strip) && TIFFWriteDirectory(tiff) == 1;
  TIFFClose(tiff);
  if (!done) return fail(ErrorCode::kNoMemory, "cannot make a TIFF of", to_string(picture.shape));
  return std::move(memory.bytes);
}

}  // namespace

Result<std::vector<std::byte>> encode_tiff(const FrameImage& image) {
  const std::string about = fmt::format("{} {}, frame {}, {}", image.instrument, image.product,
                                        image.sequence, iso_time(image.utc_ns));
  return encode(FilePicture{.shape = image.shape, .pixels = image.pixels, .dpi = {}}, about);
}

Result<std::vector<std::byte>> encode_tiff(const FilePicture& picture) {
  return encode(picture, {});
}

}  // namespace framelog
