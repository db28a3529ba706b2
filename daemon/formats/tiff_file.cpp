#include "formats/tiff_file.hpp"

#include <fmt/format.h>
#include <tiffio.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "core/text.hpp"

namespace framelog {
namespace {

constexpr tmsize_t kMostLibraryBytes = tmsize_t{256} << 20U;
// What is read beside the frames; tiles of writers that mean well are far smaller.
constexpr std::uint64_t kMostTileBytes = std::uint64_t{64} << 20U;
constexpr std::uint32_t kLongestSidePx = 1U << 20U;
constexpr std::uint64_t kMostFrameBytes = std::uint64_t{1} << 30U;
// A frame in more pieces than that is a mistake or malice.
constexpr std::uint32_t kMostPieces = 1U << 20U;
constexpr std::size_t kMostTextBytes = 1024;
constexpr std::uint32_t kProvenanceTag = 65000;

std::optional<PixelType> pixel_type(unsigned format, unsigned bits) noexcept {
  if (format == SAMPLEFORMAT_IEEEFP) {
    if (bits == 32) return PixelType::kFloat32;
    return bits == 64 ? std::optional(PixelType::kFloat64) : std::nullopt;
  }
  const bool with_sign = format == SAMPLEFORMAT_INT;
  if (!with_sign && format != SAMPLEFORMAT_UINT && format != SAMPLEFORMAT_VOID) return std::nullopt;
  switch (bits) {
    case 8:
      return with_sign ? PixelType::kInt8 : PixelType::kUint8;
    case 16:
      return with_sign ? PixelType::kInt16 : PixelType::kUint16;
    case 32:
      return with_sign ? PixelType::kInt32 : PixelType::kUint32;
    case 64:
      return with_sign ? std::nullopt : std::optional(PixelType::kUint64);
    default:
      return std::nullopt;
  }
}

template <class Number>
Number number(TIFF* tiff, std::uint32_t tag) {
  Number value{};
  return TIFFGetFieldDefaulted(tiff, tag, &value) == 1 ? value : Number{};
}

}  // namespace

/// The library's handle and what its callbacks need; it stays where it is.
struct TiffFile::Library {
  Library(FileSystem& our_files, UniqueFd our_fd, std::filesystem::path our_path) noexcept
      : files(our_files), fd(std::move(our_fd)), path(std::move(our_path)) {}
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
  ~Library() {
    if (tiff != nullptr) TIFFClose(tiff);
  }

  [[nodiscard]] std::unexpected<Error> wrong(ErrorCode code, std::string_view reason) const {
    return fail(code, "cannot read", fmt::format("{}: {}", path.string(), reason));
  }
  /// With what libtiff has said last.
  [[nodiscard]] std::unexpected<Error> refused(std::string_view reason) const {
    const std::string_view said(message.data());
    return wrong(ErrorCode::kCorrupt, said.empty() ? std::string(reason)
                                                   : fmt::format("{}: {}", reason, one_line(said)));
  }

  [[nodiscard]] bool open_library();
  [[nodiscard]] bool has_link();
  [[nodiscard]] Result<TiffPage> look() const;
  [[nodiscard]] Result<void> find_pixels(TiffPage& page);
  [[nodiscard]] bool read_strips(const FrameShape& shape,
                                 std::span<std::byte> pixels) const noexcept;
  [[nodiscard]] bool read_tiles(const FrameShape& shape, std::span<std::byte> pixels) noexcept;

  static tmsize_t on_read(thandle_t handle, void* to, tmsize_t bytes) {
    auto& self = *static_cast<Library*>(handle);
    if (bytes <= 0 || self.position >= self.size) return 0;
    const auto got = self.files.read_at(
        self.fd.get(), {static_cast<std::byte*>(to), static_cast<std::size_t>(bytes)},
        self.position);
    if (!got) return -1;
    self.position += static_cast<std::int64_t>(*got);
    return static_cast<tmsize_t>(*got);
  }
  static tmsize_t on_write(thandle_t /*handle*/, void* /*from*/, tmsize_t /*bytes*/) { return -1; }
  static toff_t on_seek(thandle_t handle, toff_t offset, int whence) {
    auto& self = *static_cast<Library*>(handle);
    // Beyond the end there is nothing to read; without this an offset of 2^63 became negative.
    const auto end = static_cast<toff_t>(self.size);
    toff_t start = 0;
    if (whence == SEEK_CUR) start = static_cast<toff_t>(self.position);
    if (whence == SEEK_END) start = end;
    self.position = static_cast<std::int64_t>(offset > end - start ? end : start + offset);
    return whence == SEEK_SET ? offset : static_cast<toff_t>(self.position);
  }
  static int on_close(thandle_t /*handle*/) { return 0; }
  static toff_t on_size(thandle_t handle) {
    return static_cast<toff_t>(static_cast<Library*>(handle)->size);
  }
  static int on_error(TIFF* /*tiff*/, void* self, const char* /*module*/, const char* format,
                      va_list arguments) {
    auto& message = static_cast<Library*>(self)->message;
    static_cast<void>(std::vsnprintf(message.data(), message.size(), format, arguments));
    return 1;
  }
  static int on_warning(TIFF* /*tiff*/, void* /*self*/, const char* /*module*/,
                        const char* /*format*/, va_list /*arguments*/) {
    return 1;  // What matters is an error, too.
  }

  FileSystem& files;
  UniqueFd fd;
  std::filesystem::path path;
  std::int64_t size{};
  std::int64_t position{};
  TIFF* tiff{};
  std::array<char, 256> message{};
  std::vector<std::byte> tile;
};

bool TiffFile::Library::open_library() {
  TIFFOpenOptions* options = TIFFOpenOptionsAlloc();
  if (options == nullptr) return false;
  TIFFOpenOptionsSetMaxSingleMemAlloc(options, kMostLibraryBytes);
  TIFFOpenOptionsSetErrorHandlerExtR(options, &on_error, this);
  TIFFOpenOptionsSetWarningHandlerExtR(options, &on_warning, this);
  // O: the places of strips are read when they are asked for; m: never mapped.
  tiff = TIFFClientOpenExt(path.c_str(), "rOm", this, &on_read, &on_write, &on_seek, &on_close,
                           &on_size, nullptr, nullptr, options);
  TIFFOpenOptionsFree(options);
  return tiff != nullptr;
}

/// Whether the link to the next directory is in the file: libtiff takes a missing one for the end.
bool TiffFile::Library::has_link() {
  const bool big = TIFFIsBigTIFF(tiff) != 0;
  const std::uint64_t start = TIFFCurrentDirOffset(tiff);
  std::array<std::byte, 8> bytes{};
  const std::span<std::byte> count_bytes = std::span(bytes).first(big ? 8 : 2);
  const auto got = files.read_at(fd.get(), count_bytes, static_cast<std::int64_t>(start));
  if (!got || *got < count_bytes.size()) return false;
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < count_bytes.size(); ++i) {
    const std::size_t at = TIFFIsBigEndian(tiff) != 0 ? i : count_bytes.size() - 1 - i;
    count = count << 8U | std::to_integer<std::uint64_t>(count_bytes[at]);
  }
  const std::uint64_t entry_bytes = big ? 20 : 12;
  const std::uint64_t link_bytes = big ? 8 : 4;
  const auto end = static_cast<std::uint64_t>(size);
  const std::uint64_t used = start + count_bytes.size() + link_bytes;
  return used <= end && count <= (end - used) / entry_bytes;
}

/// Shape and kind of the page. It must be a frame of ours.
Result<TiffPage> TiffFile::Library::look() const {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &width);
  TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &height);
  const auto bits = number<std::uint16_t>(tiff, TIFFTAG_BITSPERSAMPLE);
  const auto samples = number<std::uint16_t>(tiff, TIFFTAG_SAMPLESPERPIXEL);
  std::uint16_t format = SAMPLEFORMAT_UINT;
  TiffPage page;
  page.says_sign = TIFFGetField(tiff, TIFFTAG_SAMPLEFORMAT, &format) == 1;
  constexpr std::uint32_t kOfAnotherPage = FILETYPE_REDUCEDIMAGE | FILETYPE_MASK;
  page.reduced = (number<std::uint32_t>(tiff, TIFFTAG_SUBFILETYPE) & kOfAnotherPage) != 0;
  page.directory_offset_bytes = TIFFCurrentDirOffset(tiff);
  if (samples != 1) {
    return wrong(ErrorCode::kUnsupported,
                 fmt::format("pixels of {} samples, colours for instance (allowed: 1)", samples));
  }
  const auto compression = number<std::uint16_t>(tiff, TIFFTAG_COMPRESSION);
  if (TIFFIsCODECConfigured(compression) == 0) {
    return wrong(ErrorCode::kUnsupported,
                 fmt::format("pixels of compression {}, which libtiff cannot decode here (allowed: "
                             "none, deflate, lzw and what else it was built with)",
                             compression));
  }
  const auto type = pixel_type(format, bits);
  if (!type) {
    return wrong(ErrorCode::kUnsupported,
                 fmt::format("pixels of {} bit, sample format {} (allowed: integers of 8, 16 and "
                             "32 bit, unsigned ones of 64, floats of 32 and 64)",
                             bits, format));
  }
  page.shape = {height, width, *type};
  if (width == 0 || height == 0 || width > kLongestSidePx || height > kLongestSidePx ||
      framelog::size_bytes(page.shape) > kMostFrameBytes) {
    return wrong(ErrorCode::kCorrupt,
                 fmt::format("an absurd page of {} (allowed: sides of 1 to {} px, {} bytes)",
                             to_string(page.shape), kLongestSidePx, kMostFrameBytes));
  }
  return page;
}

/// Looks where the pieces of the page lie, which must be within the file.
Result<void> TiffFile::Library::find_pixels(TiffPage& page) {
  const bool tiled = TIFFIsTiled(tiff) != 0;
  const std::uint32_t pieces = tiled ? TIFFNumberOfTiles(tiff) : TIFFNumberOfStrips(tiff);
  if (pieces == 0 || pieces > kMostPieces) {
    return wrong(ErrorCode::kCorrupt, fmt::format("a page of {} strips or tiles (allowed: 1 to {})",
                                                  pieces, kMostPieces));
  }
  if (tiled) {
    const std::uint64_t tile_bytes = TIFFTileSize64(tiff);
    if (tile_bytes == 0 || tile_bytes > kMostTileBytes) {
      return wrong(ErrorCode::kCorrupt,
                   fmt::format("tiles of {} bytes (allowed: 1 to {})", tile_bytes, kMostTileBytes));
    }
    tile.resize(std::max<std::size_t>(tile.size(), tile_bytes));
  }
  const bool plain = number<std::uint16_t>(tiff, TIFFTAG_COMPRESSION) == COMPRESSION_NONE;
  const std::uint64_t row_bytes = framelog::size_bytes(page.shape) / page.shape.height_px;
  const std::uint64_t piece_bytes =
      row_bytes * std::min(number<std::uint32_t>(tiff, TIFFTAG_ROWSPERSTRIP), page.shape.height_px);
  bool in_line =
      plain && !tiled && number<std::uint16_t>(tiff, TIFFTAG_FILLORDER) == FILLORDER_MSB2LSB;
  const std::uint64_t first = TIFFGetStrileOffset(tiff, 0);
  for (std::uint32_t i = 0; i < pieces; ++i) {
    const std::uint64_t offset = TIFFGetStrileOffset(tiff, i);
    const std::uint64_t bytes = TIFFGetStrileByteCount(tiff, i);
    const auto end = static_cast<std::uint64_t>(size);
    if (offset == 0 || bytes == 0 || offset >= end || (!plain && bytes > end - offset)) {
      return refused(fmt::format("strip or tile {} of a page is not in the file ({} bytes at {})",
                                 i, bytes, offset));
    }
    in_line = in_line && offset == first + piece_bytes * i;
  }
  if (in_line) page.pixels_offset_bytes = first;
  return {};
}

bool TiffFile::Library::read_strips(const FrameShape& shape,
                                    std::span<std::byte> pixels) const noexcept {
  const std::size_t row_bytes = framelog::size_bytes(shape) / shape.height_px;
  const std::uint32_t rows =
      std::min(number<std::uint32_t>(tiff, TIFFTAG_ROWSPERSTRIP), shape.height_px);
  if (rows == 0) return false;
  for (std::uint32_t strip = 0; !pixels.empty(); ++strip) {
    const auto part = pixels.first(std::min(pixels.size(), rows * row_bytes));
    const auto wanted = static_cast<tmsize_t>(part.size());
    if (TIFFReadEncodedStrip(tiff, strip, part.data(), wanted) != wanted) return false;
    pixels = pixels.subspan(part.size());
  }
  return true;
}

bool TiffFile::Library::read_tiles(const FrameShape& shape, std::span<std::byte> pixels) noexcept {
  const std::size_t pixel_bytes = framelog::size_bytes(shape.type);
  const auto tile_width = number<std::uint32_t>(tiff, TIFFTAG_TILEWIDTH);
  const auto tile_height = number<std::uint32_t>(tiff, TIFFTAG_TILELENGTH);
  const auto tile_bytes = std::uint64_t{tile_width} * tile_height * pixel_bytes;
  if (tile_bytes == 0 || tile_bytes > tile.size()) return false;
  std::uint32_t index = 0;
  for (std::uint64_t top = 0; top < shape.height_px; top += tile_height) {
    const std::uint64_t rows = std::min<std::uint64_t>(tile_height, shape.height_px - top);
    for (std::uint64_t left = 0; left < shape.width_px; left += tile_width) {
      const auto wanted = static_cast<tmsize_t>(tile_bytes);
      if (TIFFReadEncodedTile(tiff, index++, tile.data(), wanted) != wanted) return false;
      const std::uint64_t columns = std::min<std::uint64_t>(tile_width, shape.width_px - left);
      for (std::uint64_t y = 0; y < rows; ++y) {
        std::memcpy(pixels.data() + ((top + y) * shape.width_px + left) * pixel_bytes,
                    tile.data() + y * tile_width * pixel_bytes, columns * pixel_bytes);
      }
    }
  }
  return true;
}

TiffFile::TiffFile(std::unique_ptr<Library> library) noexcept : library_(std::move(library)) {}
TiffFile::~TiffFile() = default;

Result<std::unique_ptr<TiffFile>> TiffFile::open(FileSystem& files, UniqueFd fd,
                                                 std::filesystem::path path) {
  auto library = std::make_unique<Library>(files, std::move(fd), std::move(path));
  const auto size = files.size_bytes(library->fd.get());
  if (!size) return fail_errno(size.error().system_errno, "cannot read", library->path.string());
  library->size = *size;
  if (!library->open_library()) return library->refused("not a TIFF");
  return std::unique_ptr<TiffFile>(new TiffFile(std::move(library)));
}

Result<TiffPage> TiffFile::page() {
  auto page = library_->look();
  if (!page || page->reduced) return page;
  if (auto found = library_->find_pixels(*page); !found) return std::unexpected(found.error());
  return page;
}

Result<bool> TiffFile::next() {
  if (TIFFLastDirectory(library_->tiff) != 0) {
    if (library_->has_link()) return false;
    return library_->wrong(ErrorCode::kCorrupt, "cut off within a directory");
  }
  library_->message[0] = '\0';
  if (TIFFReadDirectory(library_->tiff) != 1) {
    return library_->refused("its pages have no end: the next one cannot be read");
  }
  return true;
}

std::string TiffFile::description() const {
  const char* text = nullptr;
  return TIFFGetField(library_->tiff, TIFFTAG_IMAGEDESCRIPTION, &text) == 1 ? text : "";
}

std::vector<std::pair<std::string, std::string>> TiffFile::settings() const {
  struct Named {
    const char* name;
    std::uint32_t tag;
  };
  constexpr std::array<Named, 6> kTexts{{{"Software", TIFFTAG_SOFTWARE},
                                         {"DateTime", TIFFTAG_DATETIME},
                                         {"Make", TIFFTAG_MAKE},
                                         {"Model", TIFFTAG_MODEL},
                                         {"Artist", TIFFTAG_ARTIST},
                                         {"HostComputer", TIFFTAG_HOSTCOMPUTER}}};
  std::vector<std::pair<std::string, std::string>> settings;
  for (const auto& [name, tag] : kTexts) {
    const char* text = nullptr;
    if (TIFFGetField(library_->tiff, tag, &text) != 1 || text == nullptr) continue;
    settings.emplace_back(name, one_line(cut_utf8(text, kMostTextBytes)));
  }
  const auto photometric = number<std::uint16_t>(library_->tiff, TIFFTAG_PHOTOMETRIC);
  // The values are given as they are, whatever they are to look like.
  if (photometric == PHOTOMETRIC_MINISWHITE) settings.emplace_back("Photometric", "min is white");
  if (photometric == PHOTOMETRIC_PALETTE) settings.emplace_back("Photometric", "palette");
  return settings;
}

std::array<double, 2> TiffFile::resolution() const {
  std::array<double, 2> resolution{};
  float value = 0;
  if (TIFFGetField(library_->tiff, TIFFTAG_YRESOLUTION, &value) == 1) resolution[0] = value;
  if (TIFFGetField(library_->tiff, TIFFTAG_XRESOLUTION, &value) == 1) resolution[1] = value;
  return resolution;
}

std::string TiffFile::provenance() const {
  const TIFFField* field = TIFFFindField(library_->tiff, kProvenanceTag, TIFF_ASCII);
  if (field == nullptr || TIFFFieldPassCount(field) == 0) return {};
  std::uint32_t count = 0;
  const char* text = nullptr;
  const bool found = TIFFFieldReadCount(field) == TIFF_VARIABLE2 &&
                     TIFFGetField(library_->tiff, kProvenanceTag, &count, &text) == 1 &&
                     text != nullptr;
  if (!found) return {};
  return {text, ::strnlen(text, count)};
}

Result<void> TiffFile::read(const TiffPage& page, std::span<std::byte> pixels) noexcept {
  Library& library = *library_;
  library.message[0] = '\0';
  if (TIFFCurrentDirOffset(library.tiff) != page.directory_offset_bytes &&
      TIFFSetSubDirectory(library.tiff, page.directory_offset_bytes) != 1) {
    return library.refused("a page cannot be read any more");
  }
  // The file may have been exchanged since: the shape is what the memory behind `pixels` fits.
  const auto now = library.look();
  if (!now) return std::unexpected(now.error());
  if (now->shape.height_px != page.shape.height_px || now->shape.width_px != page.shape.width_px ||
      framelog::size_bytes(now->shape) != pixels.size()) {
    return library.wrong(ErrorCode::kCorrupt, "a page has another shape than when it was opened");
  }
  const bool done = TIFFIsTiled(library.tiff) != 0 ? library.read_tiles(page.shape, pixels)
                                                   : library.read_strips(page.shape, pixels);
  if (!done) return library.refused("the pixels of a page cannot be decoded");
  return {};
}

bool TiffFile::swapped() const noexcept { return TIFFIsByteSwapped(library_->tiff) != 0; }
std::uint64_t TiffFile::size_bytes() const noexcept {
  return static_cast<std::uint64_t>(library_->size);
}
int TiffFile::fd() const noexcept { return library_->fd.get(); }

}  // namespace framelog
