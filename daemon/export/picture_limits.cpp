#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <type_traits>

#include "export/picture.hpp"
#include "export/picture_pixels.hpp"

namespace framelog {
namespace {

constexpr std::size_t kSteps = 65536;

/// Gives each image of a stack to `use`. Called once per pass.
using Pass =
    std::function<Result<void>(const std::function<void(std::span<const std::byte>)>& use)>;

struct Extremes {
  double low{std::numeric_limits<double>::infinity()};
  double high{-std::numeric_limits<double>::infinity()};

  template <class Pixel>
  void add(std::span<const std::byte> pixels) {
    for (std::size_t index = 0; index < pixels.size() / sizeof(Pixel); ++index) {
      const auto value = static_cast<double>(pixel_at<Pixel>(pixels, index));
      if constexpr (std::is_floating_point_v<Pixel>) {
        if (!std::isfinite(value)) continue;
      }
      low = std::min(low, value);
      high = std::max(high, value);
    }
  }
};

/// How many pixels have which value: of integers of up to 16 bits each value is a step, so that
/// percentiles are exact; others share the range between the extremes.
class Counts {
 public:
  Counts(PixelType type, const Extremes& extremes) : low_(extremes.low), counts_(kSteps) {
    const double range = extremes.high - extremes.low;
    exact_ = !is_float(type) && size_bytes(type) <= 2;
    step_ = exact_ ? 1 : range / static_cast<double>(kSteps);
  }

  template <class Pixel>
  void add(std::span<const std::byte> pixels) {
    for (std::size_t index = 0; index < pixels.size() / sizeof(Pixel); ++index) {
      const auto value = static_cast<double>(pixel_at<Pixel>(pixels, index));
      if constexpr (std::is_floating_point_v<Pixel>) {
        if (!std::isfinite(value)) continue;
      }
      const double place = step_ > 0 ? (value - low_) / step_ : 0;
      ++counts_[std::min(static_cast<std::size_t>(place), kSteps - 1)];
      ++all_;
    }
  }

  [[nodiscard]] bool empty() const noexcept { return all_ == 0; }
  /// As NumPy's default: between the two values in whose middle the percentile lies.
  [[nodiscard]] double percentile(double percent) const {
    const double rank = percent / 100 * static_cast<double>(all_ - 1);
    const double whole = std::floor(rank);
    const double first = value_of(static_cast<std::uint64_t>(whole));
    if (rank == whole) return first;
    return first + (rank - whole) * (value_of(static_cast<std::uint64_t>(whole) + 1) - first);
  }

 private:
  /// The value of that place among all, in order.
  [[nodiscard]] double value_of(std::uint64_t rank) const {
    std::uint64_t below = 0;
    std::size_t step = 0;
    while (step + 1 < kSteps && below + counts_[step] <= rank) below += counts_[step++];
    if (exact_) return low_ + static_cast<double>(step);
    const double part =
        (static_cast<double>(rank - below) + 0.5) / static_cast<double>(counts_[step]);
    return low_ + (static_cast<double>(step) + part) * step_;
  }

  bool exact_{};
  double low_, step_{};
  std::vector<std::uint64_t> counts_;
  std::uint64_t all_{};
};

Result<Extremes> find_extremes(PixelType type, const Pass& pass) {
  Extremes extremes;
  const auto read = pass([&](std::span<const std::byte> pixels) {
    with_pixel_type(type, [&](auto kind) { extremes.add<decltype(kind)>(pixels); });
  });
  if (!read) return std::unexpected(read.error());
  if (extremes.low > extremes.high) return Extremes{0, 1};  // No finite pixel.
  return extremes;
}

Result<ContrastLimits> from_percentiles(PixelType type, const ContrastRequest& request,
                                        const Pass& pass) {
  const bool sensible = request.low_percentile >= 0 && request.high_percentile <= 100 &&
                        request.low_percentile < request.high_percentile;
  if (!sensible) {
    return fail(ErrorCode::kInvalid, "--contrast:",
                fmt::format("between the percentiles {:g} and {:g} there is nothing (allowed: 0 "
                            "to 100, the first below the second)",
                            request.low_percentile, request.high_percentile));
  }
  const auto extremes = find_extremes(type, pass);
  if (!extremes) return std::unexpected(extremes.error());
  Counts counts(type, *extremes);
  const auto read = pass([&](std::span<const std::byte> pixels) {
    with_pixel_type(type, [&](auto kind) { counts.add<decltype(kind)>(pixels); });
  });
  if (!read) return std::unexpected(read.error());
  if (counts.empty()) return ContrastLimits{extremes->low, extremes->high};
  return ContrastLimits{counts.percentile(request.low_percentile),
                        counts.percentile(request.high_percentile)};
}

Result<ContrastLimits> from_values(PixelType type, const ContrastRequest& request,
                                   const Pass& pass) {
  ContrastLimits limits{request.zmin.value_or(0), request.zmax.value_or(0)};
  if (!request.zmin || !request.zmax) {
    const auto extremes = find_extremes(type, pass);
    if (!extremes) return std::unexpected(extremes.error());
    if (!request.zmin) limits.low = extremes->low;
    if (!request.zmax) limits.high = extremes->high;
    if (!request.zmin && !request.zmax) return limits;
  }
  if (limits.low < limits.high) return limits;
  return fail(ErrorCode::kInvalid, "--contrast:",
              fmt::format("black, {:g}{}, is not below white, {:g}{}", limits.low,
                          request.zmin ? "" : " (the smallest value)", limits.high,
                          request.zmax ? "" : " (the largest value)"));
}

Result<ContrastLimits> find(PixelType type, const ContrastRequest& request, const Pass& pass) {
  using Kind = ContrastRequest::Kind;
  if (request.kind == Kind::kValues) return from_values(type, request, pass);
  if (request.kind == Kind::kPercentile) return from_percentiles(type, request, pass);
  if (request.kind == Kind::kNone) {
    if (type == PixelType::kUint8 || type == PixelType::kUint16) {
      return ContrastLimits{0, largest_value(type)};
    }
    return fail(ErrorCode::kUnsupported, "--contrast: none shows uint8 and uint16 only, these are",
                fmt::format("{} (allowed: auto, percentile, values, or --dtype)", name_of(type)));
  }
  const auto extremes = find_extremes(type, pass);
  if (!extremes) return std::unexpected(extremes.error());
  return ContrastLimits{extremes->low, extremes->high};
}

}  // namespace

Result<ContrastLimits> find_limits(ResultFrames& result, const ContrastRequest& request) {
  const Pass pass = [&result](const auto& use) -> Result<void> {
    ResultSlice slice;
    while (true) {
      const auto more = result.next(slice);
      if (!more) return std::unexpected(more.error());
      if (!*more) break;
      if (!slice.missing) use(slice.pixels);
    }
    result.rewind();
    return {};
  };
  return find(result.facts().type, request, pass);
}

Result<ContrastLimits> find_limits(const FrameShape& shape, std::span<const std::byte> pixels,
                                   const ContrastRequest& request) {
  return find(shape.type, request, [pixels](const auto& use) -> Result<void> {
    use(pixels);
    return {};
  });
}

}  // namespace framelog
