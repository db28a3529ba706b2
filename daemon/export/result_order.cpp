#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "export/result_plan.hpp"

// The order of the axes of a result.
namespace framelog {
namespace {

std::unexpected<Error> wrong(const std::vector<Axis>& wanted, const std::string& reason,
                             const std::vector<AxisFacts>& canonical) {
  std::vector<Axis> there;
  for (const AxisFacts& axis : canonical) there.push_back(axis.axis);
  return fail(ErrorCode::kInvalid, "--axes:",
              fmt::format("{}: {} (allowed: {} in any order; axes of one element may be left out "
                          "and put in)",
                          to_string(wanted), reason, to_string(there)));
}

/// The axes as asked for, with those of one element put in.
Result<std::vector<AxisFacts>> in_order(const std::vector<AxisFacts>& canonical,
                                        const std::vector<Axis>& wanted) {
  for (const AxisFacts& axis : canonical) {
    if (axis.size != 1 && std::ranges::find(wanted, axis.axis) == wanted.end()) {
      return wrong(
          wanted,
          fmt::format("{} is missing, which has {} elements", name_of(axis.axis), axis.size),
          canonical);
    }
  }
  std::vector<AxisFacts> axes;
  for (const Axis axis : wanted) {
    const auto found = std::ranges::find(canonical, axis, &AxisFacts::axis);
    axes.push_back(found == canonical.end() ? AxisFacts{axis, 1, 0, 1, ""} : *found);
  }
  return axes;
}

std::size_t place_of(Axis axis) noexcept {
  constexpr std::array kPlaces{Axis::kTime, Axis::kScanY, Axis::kScanX, Axis::kY, Axis::kX};
  return static_cast<std::size_t>(std::ranges::find(kPlaces, axis) - kPlaces.begin());
}

/// Whether the axes before the last two, those of one element apart, are in the order of frames.
bool leads_in_time(std::span<const AxisFacts> leading) {
  std::size_t before = 0;
  for (const AxisFacts& axis : leading) {
    if (axis.size == 1) continue;
    const std::size_t place = place_of(axis.axis);
    if (place < before) return false;
    before = place;
  }
  return true;
}

}  // namespace

Result<OrderPlan> plan_order(const std::vector<AxisFacts>& canonical,
                             const std::vector<Axis>& wanted, ResultFacts& facts) {
  facts.axes = canonical;
  if (!wanted.empty()) {
    auto axes = in_order(canonical, wanted);
    if (!axes) return std::unexpected(axes.error());
    facts.axes = std::move(*axes);
  }
  OrderPlan order;
  order.sizes.fill(1);
  for (const AxisFacts& axis : canonical) order.sizes[place_of(axis.axis)] = axis.size;
  std::uint64_t stride = 1;
  for (auto axis = facts.axes.rbegin(); axis != facts.axes.rend(); ++axis) {
    if (const std::size_t place = place_of(axis->axis); place < order.strides.size()) {
      order.strides[place] = stride;
    }
    stride *= axis->size;
  }
  const std::size_t count = facts.axes.size();
  const std::uint64_t width = facts.axes.back().size;
  const std::uint64_t height = count > 1 ? facts.axes[count - 2].size : 1;
  constexpr std::uint64_t kMost = 0xFFFFFFFFU;
  if (width > kMost || height > kMost) {
    return wrong(wanted, "a slice of more than 2^32 elements a side", canonical);
  }
  facts.slice = {static_cast<std::uint32_t>(height), static_cast<std::uint32_t>(width), facts.type};
  facts.slices = stride / (height * width);
  order.whole_frames =
      count > 1 && facts.axes[count - 2].axis == Axis::kY && facts.axes[count - 1].axis == Axis::kX;
  facts.frames_in_order =
      order.whole_frames && leads_in_time(std::span(facts.axes).first(count - 2));
  return order;
}

}  // namespace framelog
