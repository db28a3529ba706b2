#include "export/result_images.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>

#include "export/result_frames.hpp"
#include "export/result_pixels.hpp"

// Pictures made of a whole recording.
namespace framelog {
namespace {

std::unexpected<Error> wrong(const char* option, std::string reason) {
  return fail(ErrorCode::kInvalid, option, std::move(reason));
}

/// The axis of frames, or of slices, of a picture over time.
AxisFacts slices_axis(const ResultFacts& facts) {
  if (facts.axes.size() == 3) return facts.axes.front();
  return {Axis::kTime, facts.slices, 0, 1, ""};
}

std::vector<std::byte> bytes_of(const std::vector<double>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  return {bytes.begin(), bytes.end()};
}

Result<void> check_frames(const ResultFacts& facts) {
  const std::size_t count = facts.axes.size();
  if (count >= 2 && facts.axes[count - 2].axis == Axis::kY && facts.axes.back().axis == Axis::kX) {
    return {};
  }
  return wrong("--axes:", "the picture needs frames (allowed: axes that end with y, x)");
}

/// Calls `take` with each slice and its values, points without a frame left out.
template <class Take>
Result<void> each_slice(ResultFrames& result, Take take) {
  const ResultFacts& facts = result.facts();
  std::vector<double> values(std::size_t{facts.slice.height_px} * facts.slice.width_px);
  ResultSlice slice;
  for (;;) {
    const auto more = result.next(slice);
    if (!more) return std::unexpected(more.error());
    if (!*more) return {};
    if (slice.missing) continue;
    load_values(facts.type, slice.pixels, values);
    take(slice, std::span<const double>(values));
  }
}

std::string_view name_of(ViewRequest::Mode mode) noexcept {
  constexpr std::array<std::string_view, 5> kNames{"max", "min", "mean", "std", "sum"};
  return kNames[static_cast<std::size_t>(mode)];
}

Result<std::vector<DerivedImage>> project(ResultFrames& result, ViewRequest::Mode mode) {
  const ResultFacts& facts = result.facts();
  if (auto good = check_frames(facts); !good) return std::unexpected(good.error());
  PixelMoments moments(facts.slice);
  const auto done = each_slice(
      result, [&](const ResultSlice& slice, auto values) { moments.add(slice.pixels, values); });
  if (!done) return std::unexpected(done.error());
  DerivedImage image;
  image.name = name_of(mode);
  image.axes = {facts.axes[facts.axes.size() - 2], facts.axes.back()};
  image.shape = {facts.slice.height_px, facts.slice.width_px, PixelType::kFloat64};
  const bool extreme = mode == ViewRequest::Mode::kMax || mode == ViewRequest::Mode::kMin;
  if (extreme) {
    image.shape.type = facts.type;
    image.pixels = mode == ViewRequest::Mode::kMax ? moments.max() : moments.min();
  } else if (mode == ViewRequest::Mode::kSum) {
    image.pixels = bytes_of(moments.sum());
  } else {
    image.pixels =
        bytes_of(mode == ViewRequest::Mode::kMean ? moments.mean() : moments.deviation());
  }
  return std::vector{std::move(image)};
}

std::ptrdiff_t row_offset(std::uint64_t row, std::uint64_t length) noexcept {
  return static_cast<std::ptrdiff_t>(row * length * sizeof(double));
}

/// Rows of slices that have no frame.
void mark_missing(const std::vector<bool>& is_there, std::uint64_t length, DerivedImage& image) {
  if (std::ranges::find(is_there, false) == is_there.end()) return;
  const std::vector<double> nothing(length, std::numeric_limits<double>::quiet_NaN());
  image.missing.assign(is_there.size() * length, 0);
  for (std::size_t row = 0; row < is_there.size(); ++row) {
    if (is_there[row]) continue;
    std::ranges::copy(std::as_bytes(std::span(nothing)),
                      image.pixels.begin() + row_offset(row, length));
    std::fill_n(&image.missing[row * length], length, std::uint8_t{1});
  }
}

Result<std::vector<DerivedImage>> kymograph(ResultFrames& result, const ViewRequest& view) {
  const ResultFacts& facts = result.facts();
  if (auto good = check_frames(facts); !good) return std::unexpected(good.error());
  const bool row = view.across == Axis::kY;
  if (!row && view.across != Axis::kX) return wrong("--kymograph:", "across (allowed: y, x)");
  const std::uint64_t height = facts.slice.height_px;
  const std::uint64_t width = facts.slice.width_px;
  const std::uint64_t lines = row ? height : width;
  const std::uint64_t length = row ? width : height;
  if (view.line_width == 0 || view.line >= lines || view.line_width > lines - view.line) {
    return wrong("--kymograph:", fmt::format("lines {} to {} (allowed: within 0 to {})", view.line,
                                             view.line + view.line_width, lines));
  }
  DerivedImage image;
  image.name = fmt::format("kymograph_{}{}", row ? "y" : "x", view.line);
  image.shape = {static_cast<std::uint32_t>(facts.slices), static_cast<std::uint32_t>(length),
                 PixelType::kFloat64};
  image.axes = {slices_axis(facts), row ? facts.axes.back() : facts.axes[facts.axes.size() - 2]};
  // The picture is made where it is given out: it is all that grows with the frames.
  image.pixels.resize(facts.slices * length * sizeof(double));
  std::vector<bool> is_there(facts.slices);
  std::vector<double> values(length);
  const auto done = each_slice(result, [&](const ResultSlice& slice, auto pixels) {
    for (std::uint64_t i = 0; i < length; ++i) {
      double sum = 0;
      for (std::uint64_t k = view.line; k < view.line + view.line_width; ++k) {
        sum += pixels[row ? k * width + i : i * width + k];
      }
      values[i] = sum / static_cast<double>(view.line_width);
    }
    std::ranges::copy(std::as_bytes(std::span(values)),
                      image.pixels.begin() + row_offset(slice.index, length));
    is_there[slice.index] = true;
  });
  if (!done) return std::unexpected(done.error());
  mark_missing(is_there, length, image);
  return std::vector{std::move(image)};
}

}  // namespace

Result<std::vector<DerivedImage>> derive_images(Recording& recording, ResultFrames& result,
                                                const ViewRequest& view) {
  result.rewind();
  switch (view.kind) {
    case ViewRequest::Kind::kProjection:
      return project(result, view.mode);
    case ViewRequest::Kind::kKymograph:
      return kymograph(result, view);
    case ViewRequest::Kind::kImages:
      return scan_images(recording, result, view);
    case ViewRequest::Kind::kFrames:
    case ViewRequest::Kind::kContactSheet:
      break;
  }
  return wrong("view", "it is made of frames one by one");
}

}  // namespace framelog
