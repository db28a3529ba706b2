#include "formats/thumbnail.hpp"

#include <fmt/format.h>
#include <png.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <csetjmp>
#include <cstring>
#include <limits>
#include <string>

namespace framelog {
namespace {

constexpr double kNoPixel = std::numeric_limits<double>::quiet_NaN();

/// The shrunk frame.
struct Grey {
  std::uint32_t height_px{};
  std::uint32_t width_px{};
  std::uint32_t shrink{1};
};

struct Range {
  double min{std::numeric_limits<double>::infinity()};
  double max{-std::numeric_limits<double>::infinity()};
  [[nodiscard]] bool empty() const noexcept { return min > max; }
};

/// The mean of the finite pixels from `x` to `x_stop` of some rows. Scaled as it is summed, so that
/// float64 near its largest values do not become infinite.
template <class Pixel>
double mean_of(const std::byte* rows, std::size_t row_bytes, std::uint32_t row_count,
               std::uint32_t x, std::uint32_t x_stop) noexcept {
  const double scale = 1.0 / (static_cast<double>(row_count) * (x_stop - x));
  double sum = 0.0;
  std::uint64_t count = 0;
  for (std::uint32_t y = 0; y < row_count; ++y) {
    for (std::uint32_t column = x; column < x_stop; ++column) {
      Pixel pixel{};
      std::memcpy(&pixel, rows + y * row_bytes + column * sizeof(Pixel), sizeof(Pixel));
      const auto value = static_cast<double>(pixel);
      if (!std::isfinite(value)) continue;
      sum += value * scale;
      ++count;
    }
  }
  return count == 0 ? kNoPixel : sum / (static_cast<double>(count) * scale);
}

/// Row `row` of the shrunk frame; NaN where there is no finite pixel.
template <class Pixel>
void shrink_row_as(const FrameShape& shape, std::span<const std::byte> pixels, const Grey& grey,
                   std::uint32_t row, std::vector<double>& values) {
  const std::size_t row_bytes = shape.width_px * sizeof(Pixel);
  const std::uint64_t y = std::uint64_t{row} * grey.shrink;
  const auto rows =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(grey.shrink, shape.height_px - y));
  std::size_t out = 0;
  for (std::uint64_t x = 0; x < shape.width_px; x += grey.shrink) {
    const auto stop =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(x + grey.shrink, shape.width_px));
    values[out++] = mean_of<Pixel>(pixels.data() + y * row_bytes, row_bytes, rows,
                                   static_cast<std::uint32_t>(x), stop);
  }
}

using ShrinkRow = void (*)(const FrameShape& shape, std::span<const std::byte> pixels,
                           const Grey& grey, std::uint32_t row, std::vector<double>& values);

ShrinkRow shrink_row_of(PixelType type) {
  switch (type) {
    case PixelType::kUint8:
      return shrink_row_as<std::uint8_t>;
    case PixelType::kInt8:
      return shrink_row_as<std::int8_t>;
    case PixelType::kUint16:
      return shrink_row_as<std::uint16_t>;
    case PixelType::kInt16:
      return shrink_row_as<std::int16_t>;
    case PixelType::kUint32:
      return shrink_row_as<std::uint32_t>;
    case PixelType::kInt32:
      return shrink_row_as<std::int32_t>;
    case PixelType::kUint64:
      return shrink_row_as<std::uint64_t>;
    case PixelType::kFloat32:
      return shrink_row_as<float>;
    case PixelType::kFloat64:
      break;
  }
  return shrink_row_as<double>;
}

std::uint32_t boxes(std::uint32_t side_px, std::uint32_t shrink) noexcept {
  return side_px / shrink + (side_px % shrink != 0 ? 1 : 0);
}

void widen(Range& range, const std::vector<double>& values) noexcept {
  for (const double value : values) {
    if (std::isnan(value)) continue;
    range.min = std::min(range.min, value);
    range.max = std::max(range.max, value);
  }
}

std::uint8_t level_of(double value, const Range& range) noexcept {
  constexpr std::uint8_t kMidGrey = 128;
  if (std::isnan(value)) return 0;
  if (range.min == range.max) return kMidGrey;
  // Halved: the difference of two float64 may be larger than the largest.
  const double share = (value / 2 - range.min / 2) / (range.max / 2 - range.min / 2);
  return static_cast<std::uint8_t>(std::lround(std::clamp(share, 0.0, 1.0) * 255.0));
}

/// What libpng's callbacks need.
struct Output {
  std::vector<std::byte> bytes;
  bool no_memory{};
};

// NOLINTNEXTLINE(readability-non-const-parameter): libpng's signature.
void on_write(png_structp png, png_bytep data, std::size_t count) {
  auto& output = *static_cast<Output*>(png_get_io_ptr(png));
  try {
    const auto* from = reinterpret_cast<const std::byte*>(data);
    output.bytes.insert(output.bytes.end(), from, from + count);
    return;
  } catch (const std::bad_alloc&) {
    output.no_memory = true;
  }
  png_error(png, "no memory");  // Not from within the handler: it jumps.
}

void on_flush(png_structp /*png*/) {}
void on_error(png_structp png, png_const_charp /*message*/) { png_longjmp(png, 1); }
void on_warning(png_structp /*png*/, png_const_charp /*message*/) {}

/// Nothing with a destructor lives here: libpng's errors jump over it.
bool encode(png_structp png, png_infop info, const Grey& grey, const std::uint8_t* levels,
            std::span<png_text> texts, Output& output) {
  // NOLINTNEXTLINE(cert-err52-cpp,modernize-avoid-setjmp-longjmp): libpng's way to fail.
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_set_write_fn(png, &output, on_write, on_flush);
  png_set_IHDR(png, info, grey.width_px, grey.height_px, 8, PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_set_text(png, info, texts.data(), static_cast<int>(texts.size()));
  png_write_info(png, info);
  for (std::uint32_t y = 0; y < grey.height_px; ++y) {
    png_write_row(png, levels + std::size_t{y} * grey.width_px);
  }
  png_write_end(png, info);
  return true;
}

Result<std::vector<std::byte>> write_png(const Grey& grey, const std::vector<std::uint8_t>& levels,
                                         const std::string& range) {
  std::string range_text = range;  // libpng's texts are not const.
  std::string range_key = "framelog:range";
  std::string shrink_key = "framelog:shrink";
  std::string shrink_text = fmt::format("{}", grey.shrink);
  std::array<png_text, 2> texts{};
  texts[0].key = range_key.data();
  texts[0].text = range_text.data();
  texts[1].key = shrink_key.data();
  texts[1].text = shrink_text.data();
  for (png_text& text : texts) text.compression = PNG_TEXT_COMPRESSION_NONE;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, on_error, on_warning);
  if (png == nullptr) return fail(ErrorCode::kNoMemory, "cannot make a thumbnail");
  png_infop info = png_create_info_struct(png);
  Output output;
  const bool done = info != nullptr && encode(png, info, grey, levels.data(), texts, output);
  png_destroy_write_struct(&png, &info);
  if (!done) {
    const bool no_memory = info == nullptr || output.no_memory;
    return fail(no_memory ? ErrorCode::kNoMemory : ErrorCode::kInvalid, "cannot make a thumbnail");
  }
  return std::move(output.bytes);
}

}  // namespace

Result<std::vector<std::byte>> make_thumbnail(const FrameShape& shape,
                                              std::span<const std::byte> pixels,
                                              std::uint32_t longest_side_px) {
  if (shape.height_px == 0 || shape.width_px == 0 || pixels.size() != size_bytes(shape)) {
    return fail(ErrorCode::kInvalid, "cannot make a thumbnail",
                fmt::format("of {} bytes as {}", pixels.size(), to_string(shape)));
  }
  if (longest_side_px == 0) {
    return fail(ErrorCode::kInvalid, "cannot make a thumbnail", "of 0 px (allowed: 1 or more)");
  }
  Grey grey;
  grey.shrink = boxes(std::max(shape.height_px, shape.width_px), longest_side_px);
  grey.height_px = boxes(shape.height_px, grey.shrink);
  grey.width_px = boxes(shape.width_px, grey.shrink);
  // Each row is worked out twice: a board has more time for this than memory.
  const ShrinkRow shrink_row = shrink_row_of(shape.type);
  std::vector<double> row(grey.width_px);
  Range range;
  for (std::uint32_t y = 0; y < grey.height_px; ++y) {
    shrink_row(shape, pixels, grey, y, row);
    widen(range, row);
  }
  std::vector<std::uint8_t> levels(std::size_t{grey.height_px} * grey.width_px);
  for (std::uint32_t y = 0; y < grey.height_px; ++y) {
    shrink_row(shape, pixels, grey, y, row);
    std::ranges::transform(row, levels.data() + std::size_t{y} * grey.width_px,
                           [&](double value) { return level_of(value, range); });
  }
  return write_png(grey, levels,
                   range.empty() ? "none" : fmt::format("{} {}", range.min, range.max));
}

}  // namespace framelog
