#include "formats/tiff_frames.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <utility>

#include "core/crc32c.hpp"
#include "formats/byte_order.hpp"
#include "formats/length_unit.hpp"
#include "formats/tiff_description.hpp"
#include "formats/tiff_file.hpp"

namespace framelog {
namespace {

std::unexpected<Error> wrong(ErrorCode code, const std::filesystem::path& path,
                             std::string_view reason) {
  return fail(code, "cannot read", fmt::format("{}: {}", path.string(), reason));
}

/// Where a frame is: its pixels, or else the page that libtiff decodes.
struct Place {
  std::uint64_t directory_offset_bytes{};
  std::uint64_t pixels_offset_bytes{};  ///< 0: not one behind the other.
};

class TiffFrames final : public StoredFrames {
 public:
  TiffFrames(FileSystem& files, std::unique_ptr<TiffFile> file, std::vector<Place> places,
             StoredFacts facts)
      : files_(files),
        file_(std::move(file)),
        places_(std::move(places)),
        facts_(std::move(facts)) {}

  void add_times(TiffDescription& description) {
    delta_ns_ = std::move(description.delta_ns);
    exposure_ns_ = std::move(description.exposure_ns);
    if (delta_ns_.empty()) interval_s_ = description.interval_s.value_or(0);
    facts_.has_times = !delta_ns_.empty() || interval_s_ > 0;
    facts_.start_utc_ns = description.start_utc_ns;
  }

  [[nodiscard]] const StoredFacts& facts() const noexcept override { return facts_; }

  Result<StoredInfo> info(std::uint64_t index) noexcept override {
    if (index >= facts_.frames) return fail(ErrorCode::kInvalid, "a frame that is not in the file");
    StoredInfo stored;
    stored.info.sequence = index;
    stored.info.source_sequence = index;
    if (!delta_ns_.empty()) stored.info.monotonic_ns = delta_ns_[index];
    const double elapsed_ns = interval_s_ * static_cast<double>(index) * 1e9;
    if (interval_s_ > 0 && elapsed_ns < 9e18) stored.info.monotonic_ns = std::llround(elapsed_ns);
    if (!exposure_ns_.empty()) stored.info.exposure_ns = exposure_ns_[index];
    return stored;
  }

  Result<bool> read(std::uint64_t index, std::span<std::byte> pixels,
                    std::optional<std::uint32_t> crc32c) noexcept override {
    if (index >= facts_.frames) return fail(ErrorCode::kInvalid, "a frame that is not in the file");
    // Behind the one directory of an ImageJ stack the frames follow each other.
    const bool has_page = index < places_.size();
    const Place& place = places_[has_page ? index : 0];
    if (place.pixels_offset_bytes == 0) return decode(place, pixels, crc32c);
    const std::uint64_t offset =
        place.pixels_offset_bytes + (has_page ? 0 : index * size_bytes(facts_.shape));
    const auto got = files_.read_at(file_->fd(), pixels, static_cast<std::int64_t>(offset));
    if (!got) return fail_errno(got.error().system_errno, "cannot read a TIFF");
    if (*got < pixels.size()) return fail(ErrorCode::kCorrupt, "the TIFF has become shorter");
    const bool intact = !crc32c || framelog::crc32c(pixels) == *crc32c;
    if (file_->swapped()) swap_bytes(pixels, size_bytes(facts_.shape.type));
    return intact;
  }

 private:
  Result<bool> decode(const Place& place, std::span<std::byte> pixels,
                      std::optional<std::uint32_t> crc32c) noexcept {
    TiffPage page;
    page.shape = facts_.shape;
    page.directory_offset_bytes = place.directory_offset_bytes;
    if (auto read = file_->read(page, pixels); !read) return std::unexpected(read.error());
    return !crc32c || framelog::crc32c(pixels) == *crc32c;
  }

  FileSystem& files_;
  std::unique_ptr<TiffFile> file_;
  std::vector<Place> places_;
  StoredFacts facts_;
  std::vector<std::int64_t> delta_ns_;
  std::vector<std::int64_t> exposure_ns_;
  double interval_s_{};  ///< From frame to frame, where nothing else is told; 0: not known.
};

struct Pages {
  TiffPage first;
  std::vector<Place> places;
  bool left_out{};  ///< Thumbnails or masks.
};

/// Adds the page where the file stands. Errors: kCorrupt, kUnsupported.
Result<void> add_page(TiffFile& file, const std::filesystem::path& path, std::uint64_t number,
                      Pages& pages) {
  const auto page = file.page();
  if (!page) return std::unexpected(page.error());
  pages.left_out = pages.left_out || page->reduced;
  if (page->reduced) return {};
  if (pages.places.empty()) pages.first = *page;
  if (page->shape != pages.first.shape) {
    return wrong(ErrorCode::kUnsupported, path,
                 fmt::format("ragged pages: page {} is {}, the first is {} (allowed: one shape and "
                             "type)",
                             number, to_string(page->shape), to_string(pages.first.shape)));
  }
  const std::uint64_t frame_bytes = size_bytes(page->shape);
  const std::uint64_t offset = page->pixels_offset_bytes.value_or(0);
  if (page->pixels_offset_bytes &&
      (file.size_bytes() < frame_bytes || offset > file.size_bytes() - frame_bytes)) {
    return wrong(ErrorCode::kCorrupt, path,
                 fmt::format("page {} is cut off: {} bytes at {} expected, the file has {}", number,
                             frame_bytes, offset, file.size_bytes()));
  }
  pages.places.push_back({page->directory_offset_bytes, offset});
  return {};
}

Result<Pages> walk(TiffFile& file, const std::filesystem::path& path) {
  Pages pages;
  for (std::uint64_t number = 0;; ++number) {
    if (auto added = add_page(file, path, number, pages); !added) {
      return std::unexpected(added.error());
    }
    const auto more = file.next();
    if (!more) return std::unexpected(more.error());
    if (!*more) break;
  }
  if (pages.places.empty()) {
    return wrong(ErrorCode::kCorrupt, path, "no page that is not a thumbnail or a mask");
  }
  return pages;
}

/// Whether its pixels can be decoded is better known now than in the middle of a recording.
Result<void> check_first(TiffFile& file, const Pages& pages) {
  if (pages.first.pixels_offset_bytes) return {};
  std::vector<std::byte> pixels(size_bytes(pages.first.shape));
  return file.read(pages.first, pixels);
}

/// The frames of the file: its pages, or what ImageJ put behind the only one.
Result<std::uint64_t> count_frames(const TiffFile& file, const std::filesystem::path& path,
                                   const Pages& pages, std::uint64_t imagej_images) {
  const std::uint64_t offset = pages.first.pixels_offset_bytes.value_or(0);
  if (pages.places.size() > 1 || imagej_images <= 1 || offset == 0) return pages.places.size();
  const std::uint64_t room = (file.size_bytes() - offset) / size_bytes(pages.first.shape);
  if (room < imagej_images) {
    return wrong(ErrorCode::kCorrupt, path,
                 fmt::format("an ImageJ stack that is cut off: {} images announced, {} found",
                             imagej_images, room));
  }
  return imagej_images;
}

void add_depth(StoredFacts& facts, const TiffDescription& description) {
  const std::size_t type_bits = 8 * size_bytes(facts.shape.type);
  if (!description.bit_depth || is_float(facts.shape.type) ||
      static_cast<std::size_t>(*description.bit_depth) > type_bits) {
    return;
  }
  facts.bit_depth = description.bit_depth;
  if (!is_signed(facts.shape.type)) {
    facts.saturation = std::ldexp(1.0, *description.bit_depth) - 1.0;
  }
}

/// ImageJ tells a unit, and the tags how many pixels there are in one. Of others they speak of
/// centimetres or inches, as often of a print as of the sample, and are not taken.
void add_calibration(StoredFacts& facts, const TiffDescription& description,
                     std::array<double, 2> per_unit) {
  facts.title = description.title;
  facts.channel = description.channel;
  facts.pixel_size = description.pixel_size;
  if (!description.imagej_unit) return;
  for (std::size_t i = 0; i < 2; ++i) {
    if (per_unit[i] > 0) {
      facts.pixel_size[i] = known_length(1 / per_unit[i], *description.imagej_unit);
    }
  }
}

}  // namespace

bool is_tiff(FileSystem& files, const std::filesystem::path& path) {
  const auto fd = open_regular_file(files, path);
  if (!fd) return false;
  std::array<char, 4> start{};
  const auto got = files.read_at(fd->get(), std::as_writable_bytes(std::span(start)), 0);
  constexpr std::array<std::string_view, 4> kMagics{
      std::string_view("II*\0", 4), std::string_view("MM\0*", 4), std::string_view("II+\0", 4),
      std::string_view("MM\0+", 4)};
  return got && std::ranges::find(kMagics, std::string_view(start.data(), *got)) != kMagics.end();
}

Result<std::unique_ptr<StoredFrames>> open_tiff(FileSystem& files,
                                                const std::filesystem::path& path) {
  auto fd = open_regular_file(files, path);
  if (!fd) return std::unexpected(fd.error());
  auto file = TiffFile::open(files, std::move(*fd), path);
  if (!file) return std::unexpected(file.error());
  const std::string text = (*file)->description();
  StoredFacts facts;
  facts.settings = (*file)->settings();
  facts.provenance_json = (*file)->provenance();
  const auto resolution = (*file)->resolution();
  auto pages = walk(**file, path);
  if (!pages) return std::unexpected(pages.error());
  if (auto good = check_first(**file, *pages); !good) return std::unexpected(good.error());
  auto description = parse_tiff_description(text, pages->places.size());
  const auto frames = count_frames(**file, path, *pages, description.imagej_images);
  if (!frames) return std::unexpected(frames.error());
  facts.shape = pages->first.shape;
  // Old writers say only in the OME-XML that integers are signed.
  if (!pages->first.says_sign && description.type && !is_float(*description.type) &&
      size_bytes(*description.type) == size_bytes(facts.shape.type)) {
    facts.shape.type = *description.type;
  }
  facts.frames = *frames;
  facts.description = description.writer;
  if (description.channels > 1) {
    facts.description += fmt::format(", {} channels", description.channels);
  }
  add_depth(facts, description);
  facts.settings.insert(facts.settings.end(), description.settings.begin(),
                        description.settings.end());
  facts.inputs.push_back(path);
  add_calibration(facts, description, resolution);
  const bool same_planes = description.width_px == facts.shape.width_px &&
                           description.height_px == facts.shape.height_px && !pages->left_out;
  auto stored = std::make_unique<TiffFrames>(files, std::move(*file), std::move(pages->places),
                                             std::move(facts));
  // The planes of another shape, or of other pages, are not these frames.
  const bool is_imagej = description.imagej_images > 0;
  if (same_planes || is_imagej) stored->add_times(description);
  return stored;
}

}  // namespace framelog
