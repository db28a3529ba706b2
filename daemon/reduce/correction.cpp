#include "reduce/correction.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "reduce/pixel.hpp"

namespace framelog {
namespace {

/// A bad pixel and the rings of pixels around it: those below `radius` are bad altogether.
struct BadPixel {
  std::uint32_t y{};
  std::uint32_t x{};
  std::uint32_t radius{};
};

/// What a dark or a flat makes of the pixels of a row.
struct RowLevels {
  const double* dark{};  ///< Null without a dark.
  const double* gain{};  ///< flat - dark; null without a flat.
};

double level(double pixel, const RowLevels& levels, std::size_t x) {
  if (levels.dark != nullptr) pixel -= levels.dark[x];
  return levels.gain != nullptr ? pixel / levels.gain[x] : pixel;
}

/// Branches stay out of the loop, so that it becomes vectors.
template <class Pixel, class Output>
void level_row(const std::byte* from, const RowLevels& levels, std::size_t pixels, std::byte* to) {
  const double* const dark = levels.dark;
  const double* const gain = levels.gain;
  const auto each = [&](auto value) {
    for (std::size_t i = 0; i < pixels; ++i) {
      const auto pixel = static_cast<double>(load_pixel<Pixel>(from, i));
      store_pixel(to, i, static_cast<Output>(value(pixel, i)));
    }
  };
  if (dark != nullptr && gain != nullptr) {
    each([=](double pixel, std::size_t i) { return (pixel - dark[i]) / gain[i]; });
  } else if (gain != nullptr) {
    each([=](double pixel, std::size_t i) { return pixel / gain[i]; });
  } else {
    each([=](double pixel, std::size_t i) { return pixel - dark[i]; });
  }
}

/// Numbers as unsigned ones in the same order.
std::uint64_t ordered(double value) {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  constexpr std::uint64_t kSign = std::uint64_t{1} << 63U;
  return (bits & kSign) != 0 ? ~bits : bits | kSign;
}
std::uint64_t ordered(std::uint64_t value) { return value; }

template <class Value>
Value value_of(std::uint64_t ordinal) {
  if constexpr (std::is_same_v<Value, double>) {
    constexpr std::uint64_t kSign = std::uint64_t{1} << 63U;
    return std::bit_cast<double>((ordinal & kSign) != 0 ? ordinal ^ kSign : ~ordinal);
  } else {
    return ordinal;
  }
}

/// Calls `take(y, x)` for the pixels of the square ring around a pixel that are in the frame.
template <class Take>
void walk_ring(const FrameShape& frame, const BadPixel& bad, Take take) {
  const auto radius = std::int64_t{bad.radius};
  const std::int64_t left = std::int64_t{bad.x} - radius;
  const std::int64_t right = std::int64_t{bad.x} + radius;
  const std::int64_t top = std::int64_t{bad.y} - radius;
  const std::int64_t bottom = std::int64_t{bad.y} + radius;
  const std::int64_t first_x = std::max<std::int64_t>(left, 0);
  const std::int64_t last_x = std::min<std::int64_t>(right, std::int64_t{frame.width_px} - 1);
  const std::int64_t first_y = std::max<std::int64_t>(top, 0);
  const std::int64_t last_y = std::min<std::int64_t>(bottom, std::int64_t{frame.height_px} - 1);
  for (std::int64_t y = first_y; y <= last_y; ++y) {
    const bool whole = y == top || y == bottom;  // Else its two ends alone.
    const std::int64_t step = whole ? 1 : right - left;
    for (std::int64_t x = whole || left >= 0 ? first_x : right; x <= last_x; x += step) {
      take(static_cast<std::size_t>(y), static_cast<std::size_t>(x));
    }
  }
}

/// Distance of every bad pixel to the nearest good one, in king's moves: two passes over the frame,
/// each of which knows four of the eight neighbours.
std::vector<std::uint32_t> distances(const FrameShape& frame, std::span<const std::uint8_t> mask) {
  constexpr std::uint32_t kFar = std::numeric_limits<std::uint32_t>::max() - 1;
  const std::int64_t height = frame.height_px;
  const std::int64_t width = frame.width_px;
  std::vector<std::uint32_t> result(mask.size());
  const auto at = [&](std::int64_t y, std::int64_t x) {
    const bool inside = y >= 0 && y < height && x >= 0 && x < width;
    return inside ? result[static_cast<std::size_t>(y * width + x)] : kFar;
  };
  const auto nearer = [&](std::int64_t y, std::int64_t x, std::int64_t step) {
    const auto i = static_cast<std::size_t>(y * width + x);
    const std::uint32_t across =
        std::min({at(y - step, x - 1), at(y - step, x), at(y - step, x + 1)});
    result[i] = std::min(result[i], std::min(across, at(y, x - step)) + 1);
  };
  for (std::size_t i = 0; i < mask.size(); ++i) result[i] = mask[i] != 0 ? kFar : 0;
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) nearer(y, x, 1);
  }
  for (std::int64_t y = height - 1; y >= 0; --y) {
    for (std::int64_t x = width - 1; x >= 0; --x) nearer(y, x, -1);
  }
  return result;
}

Result<void> check_image(const char* what, const FrameShape& source,
                         const std::optional<CorrectionImage>& image) {
  const std::size_t pixels = std::size_t{source.height_px} * source.width_px;
  if (!image) return {};
  if (image->height_px == source.height_px && image->width_px == source.width_px &&
      image->values.size() == pixels) {
    return {};
  }
  return fail(
      ErrorCode::kInvalid, what,
      fmt::format("is {} x {} with {} values: the frames are {} x {}", image->height_px,
                  image->width_px, image->values.size(), source.height_px, source.width_px));
}

PixelType corrected_type(PixelType source, bool levelled) {
  if (!levelled) return source;
  const bool wide = source == PixelType::kUint32 || source == PixelType::kInt32 ||
                    size_bytes(source) == sizeof(double);
  return wide ? PixelType::kFloat64 : PixelType::kFloat32;
}

}  // namespace

struct Correction::State {
  FrameShape source;
  PixelType output{};
  std::vector<double> dark;  ///< Empty without one, as `gain`.
  std::vector<double> gain;
  std::vector<std::uint8_t> mask;
  std::vector<BadPixel> bad;  ///< In the order of the rows, ...
  std::vector<std::size_t>
      first_of_row;  ///< ... where those of each row begin; one more at the end.

  void note_images(const std::optional<CorrectionImage>& dark_image,
                   const std::optional<CorrectionImage>& flat,
                   const std::optional<CorrectionImage>& bad_image);
  void list_bad_pixels();

  [[nodiscard]] RowLevels levels_of(std::size_t y, std::size_t x) const {
    const std::size_t at = y * source.width_px + x;
    return {dark.empty() ? nullptr : dark.data() + at, gain.empty() ? nullptr : gain.data() + at};
  }

  template <class Pixel, class Value>
  [[nodiscard]] Value value_at(const std::byte* frame, std::size_t y, std::size_t x) const {
    const auto pixel = load_pixel<Pixel>(frame, y * source.width_px + x);
    if constexpr (std::is_same_v<Value, double>) {
      return level(static_cast<double>(pixel), levels_of(y, x), 0);
    } else {
      return pixel;
    }
  }
  /// The good ones of the ring around `pixel` that are numbers.
  template <class Pixel, class Value, class Take>
  void neighbours(const std::byte* frame, const BadPixel& pixel, Take take) const {
    walk_ring(source, pixel, [&](std::size_t y, std::size_t x) {
      if (mask[y * source.width_px + x] != 0) return;
      const auto value = value_at<Pixel, Value>(frame, y, x);
      if (value == value) take(value);  // NOLINT(misc-redundant-expression): NaN differs
    });
  }
  template <class Pixel, class Value>
  [[nodiscard]] Value at_rank(const std::byte* frame, const BadPixel& pixel,
                              std::uint64_t rank) const;
  template <class Pixel, class Value>
  [[nodiscard]] Value median(const std::byte* frame, const BadPixel& pixel) const;
  template <class Pixel, class Output>
  void apply(const std::byte* frame, const Region& region, std::byte* to) const;
};

void Correction::State::note_images(const std::optional<CorrectionImage>& dark_image,
                                    const std::optional<CorrectionImage>& flat,
                                    const std::optional<CorrectionImage>& bad_image) {
  mask.assign(std::size_t{source.height_px} * source.width_px, 0);
  if (dark_image) dark = dark_image->values;
  if (flat) gain = flat->values;
  for (std::size_t i = 0; i < mask.size(); ++i) {
    bool is_bad = bad_image && bad_image->values[i] != 0;
    if (dark_image && !std::isfinite(dark[i])) is_bad = true;
    if (flat) {
      if (dark_image) gain[i] -= dark[i];
      if (!std::isfinite(gain[i]) || gain[i] == 0) is_bad = true;
    }
    mask[i] = is_bad ? 1 : 0;
  }
}

void Correction::State::list_bad_pixels() {
  const auto radii = distances(source, mask);
  for (std::uint32_t y = 0; y < source.height_px; ++y) {
    first_of_row.push_back(bad.size());
    for (std::uint32_t x = 0; x < source.width_px; ++x) {
      const std::size_t at = std::size_t{y} * source.width_px + x;
      if (mask[at] != 0) bad.push_back({y, x, radii[at]});
    }
  }
  first_of_row.push_back(bad.size());
}

/// The value with `rank` smaller or equal ones before it, found bit by bit: large clusters of bad
/// pixels have more neighbours than a call has room for.
template <class Pixel, class Value>
Value Correction::State::at_rank(const std::byte* frame, const BadPixel& pixel,
                                 std::uint64_t rank) const {
  std::uint64_t found = 0;
  for (unsigned bit = 64; bit-- > 0;) {
    const std::uint64_t tried = found | (std::uint64_t{1} << bit);
    std::uint64_t below = 0;
    neighbours<Pixel, Value>(frame, pixel, [&](Value value) { below += ordered(value) < tried; });
    if (below <= rank) found = tried;
  }
  return value_of<Value>(found);
}

template <class Pixel, class Value>
Value Correction::State::median(const std::byte* frame, const BadPixel& pixel) const {
  constexpr std::size_t kRoom = 256;
  std::array<Value, kRoom> values;  // NOLINT(*-member-init): the first `count` are set below
  std::size_t count = 0;
  neighbours<Pixel, Value>(frame, pixel, [&](Value value) {
    if (count < kRoom) values[count] = value;
    ++count;
  });
  if (count == 0) {  // Only floats get here: all neighbours are NaN.
    return std::numeric_limits<Value>::quiet_NaN();
  }
  const std::size_t high = count / 2;
  const std::size_t low = (count - 1) / 2;
  // Of integers the midpoint is rounded towards the first, which is away from zero.
  if (count > kRoom) {
    return std::midpoint(at_rank<Pixel, Value>(frame, pixel, high),
                         at_rank<Pixel, Value>(frame, pixel, low));
  }
  const auto end = values.begin() + static_cast<std::ptrdiff_t>(count);
  std::sort(values.begin(), end);
  return std::midpoint(values[high], values[low]);
}

template <class Pixel, class Output>
void Correction::State::apply(const std::byte* frame, const Region& region, std::byte* to) const {
  // uint64 pixels alone do not fit a double.
  constexpr bool kExact = std::is_same_v<Output, std::uint64_t>;
  using Value = std::conditional_t<kExact, std::uint64_t, double>;
  const std::size_t width = region.width_px();
  for (std::uint32_t y = region.y_start; y < region.y_stop; ++y, to += width * sizeof(Output)) {
    const std::byte* from =
        frame + (std::size_t{y} * source.width_px + region.x_start) * sizeof(Pixel);
    const RowLevels levels = levels_of(y, region.x_start);
    if constexpr (std::is_same_v<Pixel, Output>) {
      if (dark.empty() && gain.empty()) std::memcpy(to, from, width * sizeof(Pixel));
    }
    if (!dark.empty() || !gain.empty()) level_row<Pixel, Output>(from, levels, width, to);
    for (std::size_t i = first_of_row[y]; i < first_of_row[y + 1]; ++i) {
      if (bad[i].x < region.x_start || bad[i].x >= region.x_stop) continue;
      const auto value = median<Pixel, Value>(frame, bad[i]);
      if constexpr (std::is_integral_v<Output> && !kExact) {
        store_pixel(to, bad[i].x - region.x_start, static_cast<Output>(std::round(value)));
      } else {
        store_pixel(to, bad[i].x - region.x_start, static_cast<Output>(value));
      }
    }
  }
}

Result<std::shared_ptr<const Correction>> Correction::make(
    const FrameShape& source, const std::optional<CorrectionImage>& dark,
    const std::optional<CorrectionImage>& flat, const std::optional<CorrectionImage>& bad_pixels) {
  for (const auto& [what, image] :
       {std::pair{"dark", &dark}, std::pair{"flat", &flat}, std::pair{"bad_pixels", &bad_pixels}}) {
    if (auto checked = check_image(what, source, *image); !checked) {
      return std::unexpected(checked.error());
    }
  }
  auto state = std::make_unique<State>();
  state->source = source;
  state->output = corrected_type(source.type, dark || flat);
  state->note_images(dark, flat, bad_pixels);
  if (std::ranges::find(state->mask, 0) == state->mask.end()) {
    const char* what = "bad_pixels";
    if (dark) what = "dark";
    if (flat) what = "flat";
    return fail(ErrorCode::kInvalid, what, "leaves no good pixel: at least one is needed");
  }
  state->list_bad_pixels();
  return std::shared_ptr<const Correction>(new Correction(std::move(state)));
}

Correction::Correction(std::unique_ptr<State> state) : state_(std::move(state)) {}
Correction::~Correction() = default;

const FrameShape& Correction::source() const noexcept { return state_->source; }
PixelType Correction::output_type() const noexcept { return state_->output; }
std::uint64_t Correction::bad_pixels() const noexcept { return state_->bad.size(); }
std::span<const std::uint8_t> Correction::mask() const noexcept { return state_->mask; }
bool Correction::has_dark() const noexcept { return !state_->dark.empty(); }
bool Correction::has_flat() const noexcept { return !state_->gain.empty(); }

void Correction::apply(std::span<const std::byte> frame, const Region& region,
                       std::span<std::byte> output) const noexcept {
  with_pixel_type(state_->source.type, [&]<class Pixel>(std::type_identity<Pixel>) {
    using Levelled =
        std::conditional_t<sizeof(Pixel) == 8 || (sizeof(Pixel) == 4 && std::is_integral_v<Pixel>),
                           double, float>;
    if (state_->dark.empty() && state_->gain.empty()) {
      state_->apply<Pixel, Pixel>(frame.data(), region, output.data());
    } else {
      state_->apply<Pixel, Levelled>(frame.data(), region, output.data());
    }
  });
}

}  // namespace framelog
