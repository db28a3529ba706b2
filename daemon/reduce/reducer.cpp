#include "reduce/reducer.hpp"

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "reduce/kernel.hpp"

namespace framelog {
namespace {

/// Scratch comes in cache lines, so that it is aligned for every vector.
struct alignas(64) CacheLine {
  std::array<std::byte, 64> bytes;
};

/// The widest accumulators are 64 bits for each source column; a vector may reach past the last.
std::size_t accumulator_lines(const ReductionPlan& plan) {
  return (std::size_t{plan.region.width_px()} * sizeof(std::uint64_t)) / sizeof(CacheLine) + 2;
}

/// The least integer that is at or above `saturation`; beyond every pixel type's range the value
/// itself does not matter.
Int128 integer_saturation(double saturation) {
  constexpr double kBeyond = 0x1p65;
  if (saturation >= kBeyond) return static_cast<Int128>(kBeyond);
  if (saturation <= -kBeyond) return static_cast<Int128>(-kBeyond);
  return static_cast<Int128>(std::ceil(saturation));
}

/// Infinite pixels do not count where no saturation value was given.
double float_saturation(double saturation) {
  return saturation == std::numeric_limits<double>::infinity()
             ? std::numeric_limits<double>::quiet_NaN()
             : saturation;
}

KernelJob job_of(const ReductionPlan& plan, std::byte* accumulator) {
  KernelJob job;
  job.row_bytes = std::size_t{plan.source.width_px} * size_bytes(plan.source.type);
  job.accumulator = accumulator;
  job.output_height = plan.output.height_px;
  job.output_width = plan.output.width_px;
  job.bin_rows = plan.bin.rows;
  job.bin_columns = plan.bin.columns;
  job.mean = plan.bin_mode == BinMode::kMean;
  job.copies = plan.bin == Binning{};
  job.saturation = integer_saturation(plan.saturation);
  job.float_saturation = float_saturation(plan.saturation);
  return job;
}

Kernel kernel_of(const ReductionPlan& plan, KernelSet set) {
  Kernel kernel = nullptr;
  if (set == KernelSet::kV3) kernel = v3_kernel(plan);
  if (set == KernelSet::kBaseline) kernel = baseline_kernel(plan);
  return kernel != nullptr ? kernel : plain_kernel(plan);
}

}  // namespace

std::string_view name_of(KernelSet set) noexcept {
  constexpr std::array<std::string_view, 3> kNames{"plain", "baseline", "v3"};
  return kNames[static_cast<std::size_t>(set)];
}

KernelSet best_kernels() noexcept {
#if defined(__x86_64__)
  // What the kernels' -march=x86-64-v3 lets the compiler use.
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
      __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("fma")) {
    return KernelSet::kV3;
  }
#endif
  return KernelSet::kBaseline;
}

struct Reducer::State {
  ReductionPlan plan;
  std::vector<CacheLine> accumulator;
  KernelJob job;
  Kernel kernel{};
  std::size_t first_pixel{};  ///< Offset of the region in the source, bytes.
};

Reducer::Reducer(const ReductionPlan& plan, KernelSet kernels) : state_(new State) {
  State& state = *state_;
  state.plan = plan;
  state.accumulator.resize(accumulator_lines(plan));
  state.job = job_of(plan, state.accumulator.front().bytes.data());
  state.kernel = kernel_of(plan, kernels);
  state.first_pixel = plan.region.y_start * state.job.row_bytes +
                      plan.region.x_start * size_bytes(plan.source.type);
}

Reducer::~Reducer() = default;
Reducer::Reducer(Reducer&&) noexcept = default;
Reducer& Reducer::operator=(Reducer&&) noexcept = default;

FrameStatistics Reducer::run(std::span<const std::byte> source,
                             std::span<std::byte> output) noexcept {
  KernelJob& job = state_->job;
  job.source = source.data() + state_->first_pixel;
  job.output = state_->plan.identity ? nullptr : output.data();
  return state_->kernel(job);
}

const ReductionPlan& Reducer::plan() const noexcept { return state_->plan; }

}  // namespace framelog
