#include "reduce/detector.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <set>
#include <utility>

#include "reduce/detector_area.hpp"
#include "reduce/detector_kernel.hpp"
#include "reduce/pixel.hpp"
#include "reduce/reducer.hpp"

namespace framelog {
namespace {

/// To which detectors of a pass a pixel belongs: bit k for its k-th.
using Membership = std::uint32_t;
constexpr std::size_t kMostDetectors = 32;

/// A pixel behind the last whole block.
struct LonePixel {
  std::uint64_t index{};
  std::uint32_t area{};
};

/// Detectors that are summed in one walk over the frame.
struct Pass {
  std::size_t first_detector{};
  std::size_t detectors{};
  std::vector<Membership> areas;
  std::vector<DetectorPiece> pieces;
  std::vector<DetectorRun> runs;
  std::vector<LonePixel> rest;
};

DetectorKernel kernel_of(PixelType type) {
  const KernelSet set = best_kernels();
  DetectorKernel kernel = nullptr;
  if (set == KernelSet::kV3) kernel = v3_detector(type);
  if (set == KernelSet::kBaseline) kernel = baseline_detector(type);
  return kernel != nullptr ? kernel : plain_detector(type);
}

/// The memberships that there are, but for that of none.
std::set<Membership> memberships_in(const std::vector<Membership>& pixels) {
  std::set<Membership> found;
  Membership last = 0;
  for (const Membership membership : pixels) {
    if (membership != last && membership != 0) found.insert(membership);
    last = membership;
  }
  return found;
}

/// Makes the tables of a pass. Pieces are sorted by their areas within bands of blocks, so that a
/// sum stays in its registers for long and the band in the L1 cache.
class PassTable {
 public:
  PassTable(Pass& pass, const std::vector<Membership>& pixels) : pass_(pass), pixels_(pixels) {
    const auto found = memberships_in(pixels);
    pass.areas.assign(found.begin(), found.end());
  }

  void build() {
    const std::size_t blocks = pixels_.size() / kBlockPixels;
    for (std::size_t block = 0; block < blocks; ++block) {
      add_block(block);
      if ((block + 1) % kMostPieces == 0) flush();
    }
    flush();
    for (std::size_t i = blocks * kBlockPixels; i < pixels_.size(); ++i) {
      if (pixels_[i] != 0) pass_.rest.push_back({i, area_of(pixels_[i])});
    }
  }

 private:
  [[nodiscard]] std::uint32_t area_of(Membership membership) const {
    const auto at = std::ranges::lower_bound(pass_.areas, membership);
    return static_cast<std::uint32_t>(at - pass_.areas.begin());
  }

  void add_block(std::size_t block) {
    const auto number = static_cast<std::uint32_t>(block);
    for (std::size_t k = 0; k < kBlockPixels; ++k) {
      const Membership membership = pixels_[block * kBlockPixels + k];
      if (membership == 0) continue;
      auto& pieces = band_[area_of(membership)];
      if (pieces.empty() || pieces.back().block != number) pieces.push_back({number, 0});
      pieces.back().bits = static_cast<std::uint16_t>(pieces.back().bits | (1U << k));
    }
  }

  void flush() {
    for (std::size_t area = 0; area < band_.size(); ++area) {
      auto& pieces = band_[area];
      if (pieces.empty()) continue;
      pass_.runs.push_back(
          {static_cast<std::uint32_t>(pieces.size()), static_cast<std::uint32_t>(area)});
      pass_.pieces.insert(pass_.pieces.end(), pieces.begin(), pieces.end());
      pieces.clear();
    }
  }

  Pass& pass_;
  const std::vector<Membership>& pixels_;
  std::array<std::vector<DetectorPiece>, kMostAreas> band_;
};

/// `pixels` with one more detector.
std::vector<Membership> joined(const std::vector<Membership>& pixels,
                               const std::vector<std::uint8_t>& members, std::size_t detector) {
  std::vector<Membership> result(pixels);
  for (std::size_t i = 0; i < result.size(); ++i) {
    if (members[i] != 0) result[i] |= Membership{1} << detector;
  }
  return result;
}

/// As many detectors as one walk takes, from the first on that has none yet.
Pass next_pass(const std::vector<std::vector<std::uint8_t>>& members, std::size_t first) {
  Pass pass;
  pass.first_detector = first;
  std::vector<Membership> pixels(members[first].size());
  while (first + pass.detectors < members.size() && pass.detectors < kMostDetectors) {
    auto with_next = joined(pixels, members[first + pass.detectors], pass.detectors);
    if (memberships_in(with_next).size() > kMostAreas) break;
    pixels = std::move(with_next);
    ++pass.detectors;
  }
  PassTable(pass, pixels).build();
  return pass;
}

void add_pixel(PixelType type, const std::byte* frame, const LonePixel& pixel, AreaSums& sums) {
  with_pixel_type(type, [&]<class Pixel>(std::type_identity<Pixel>) {
    const auto value = load_pixel<Pixel>(frame, pixel.index);
    if constexpr (std::is_integral_v<Pixel>) {
      sums.integers[pixel.area] += static_cast<Int128>(value);
    } else if (value == value) {  // NOLINT(misc-redundant-expression): NaN differs from itself
      sums.floats[pixel.area] += static_cast<double>(value);
    }
  });
}

}  // namespace

struct DetectorSet::State {
  PixelType type{};
  DetectorKernel kernel{};
  std::vector<std::uint64_t> pixels;
  std::vector<Pass> passes;
};

Result<DetectorSet> DetectorSet::make(const ReductionPlan& plan,
                                      std::span<const DetectorSpec> detectors) {
  auto state = std::make_shared<State>();
  state->type = plan.output.type;
  state->kernel = kernel_of(plan.output.type);
  std::vector<std::vector<std::uint8_t>> members;
  for (const DetectorSpec& detector : detectors) {
    auto pixels = pixels_of(plan, detector);
    if (!pixels) return std::unexpected(pixels.error());
    state->pixels.push_back(static_cast<std::uint64_t>(std::ranges::count(*pixels, 1)));
    members.push_back(std::move(*pixels));
  }
  for (std::size_t done = 0; done < members.size();) {
    state->passes.push_back(next_pass(members, done));
    done += state->passes.back().detectors;
  }
  DetectorSet set;
  set.state_ = std::move(state);
  return set;
}

DetectorSet::DetectorSet() : state_(std::make_shared<State>()) {}
DetectorSet::~DetectorSet() = default;
DetectorSet::DetectorSet(DetectorSet&&) noexcept = default;
DetectorSet& DetectorSet::operator=(DetectorSet&&) noexcept = default;
DetectorSet::DetectorSet(const DetectorSet&) = default;
DetectorSet& DetectorSet::operator=(const DetectorSet&) = default;

std::size_t DetectorSet::size() const noexcept { return state_->pixels.size(); }
std::uint64_t DetectorSet::pixels(std::size_t detector) const noexcept {
  return state_->pixels[detector];
}

void DetectorSet::sum(std::span<const std::byte> frame, std::span<double> sums) const noexcept {
  const bool floats = is_float(state_->type);
  for (const Pass& pass : state_->passes) {
    AreaSums areas{};
    state_->kernel({frame.data(), pass.pieces.data(), pass.runs.data(), pass.runs.size()}, areas);
    for (const LonePixel& pixel : pass.rest) add_pixel(state_->type, frame.data(), pixel, areas);
    for (std::size_t detector = 0; detector < pass.detectors; ++detector) {
      Int128 integer = 0;
      double real = 0.0;
      for (std::size_t area = 0; area < pass.areas.size(); ++area) {
        if (((pass.areas[area] >> detector) & 1U) == 0) continue;
        integer += areas.integers[area];
        real += areas.floats[area];
      }
      sums[pass.first_detector + detector] = floats ? real : static_cast<double>(integer);
    }
  }
}

}  // namespace framelog
