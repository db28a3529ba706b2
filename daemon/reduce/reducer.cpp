#include "reduce/reducer.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "core/processor.hpp"
#include "reduce/combination.hpp"
#include "reduce/conversion.hpp"
#include "reduce/correction.hpp"
#include "reduce/kernel.hpp"

namespace framelog {
namespace {

/// What a run of rows became behind correction and binning.
struct Band {
  const std::byte* rows{};
  std::size_t row_bytes{};  ///< From one row to the next.
  std::uint64_t saturated{};
  std::uint64_t clipped{};
};

/// Scratch comes in cache lines, so that it is aligned for every vector.
struct alignas(64) CacheLine {
  std::array<std::byte, 64> bytes;
};

std::size_t lines_of(std::size_t bytes) { return bytes / sizeof(CacheLine) + 1; }

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

bool bins(const ReductionPlan& plan) { return plan.bin != Binning{}; }

/// Of the kernel that crops and bins. Source pixels are saturated, not corrected ones: where there
/// is a correction they are counted apart.
KernelJob job_of(const ReductionPlan& plan, std::byte* accumulator) {
  const double saturation =
      plan.correction ? std::numeric_limits<double>::infinity() : plan.saturation;
  KernelJob job;
  job.accumulator = accumulator;
  job.output_height = plan.binned.height_px;
  job.output_width = plan.binned.width_px;
  job.bin_rows = plan.bin.rows;
  job.bin_columns = plan.bin.columns;
  job.mean = plan.bin_mode == BinMode::kMean;
  job.copies = !bins(plan);
  job.saturation = integer_saturation(saturation);
  job.float_saturation = float_saturation(saturation);
  return job;
}

/// Of the counter of saturated source pixels.
KernelJob counting_job(const ReductionPlan& plan) {
  KernelJob job;
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

RowCounter counter_of(PixelType type, KernelSet set) {
  RowCounter counter = nullptr;
  if (set == KernelSet::kV3) counter = v3_counter(type);
  if (set == KernelSet::kBaseline) counter = baseline_counter(type);
  return counter != nullptr ? counter : plain_counter(type);
}

/// Looks at frames of `shape` and changes nothing.
ReductionPlan observing_plan(const FrameShape& shape) {
  ReductionPlan plan;
  plan.source = plan.corrected = plan.binned = plan.combined = plan.output = shape;
  plan.region = {0, shape.height_px, 0, shape.width_px};
  plan.saturation = std::numeric_limits<double>::infinity();
  plan.identity = true;
  return plan;
}

/// Rows of the binned frame that are done at a time: what is between the steps stays in the cache.
std::uint32_t rows_of_band(const ReductionPlan& plan) {
  constexpr std::size_t kBandBytes = std::size_t{32} << 10U;
  const std::size_t row_bytes =
      std::size_t{plan.region.width_px()} * plan.bin.rows * size_bytes(plan.corrected.type);
  const std::size_t rows = kBandBytes / row_bytes;
  return static_cast<std::uint32_t>(std::clamp<std::size_t>(rows, 1, plan.binned.height_px));
}

}  // namespace

std::string_view name_of(KernelSet set) noexcept {
  constexpr std::array<std::string_view, 3> kNames{"plain", "baseline", "v3"};
  return kNames[static_cast<std::size_t>(set)];
}

KernelSet best_kernels() noexcept {
#if defined(__arm__)
  if (!has_neon()) return KernelSet::kPlain;
#elif defined(__x86_64__)
  // What the kernels' -march=x86-64-v3 lets the compiler use.
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
      __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("fma")) {
    return KernelSet::kV3;
  }
#endif
  return KernelSet::kBaseline;
}

// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): in the order of the steps
struct Reducer::State {
  State(ReductionPlan reduction, KernelSet kernels);

  [[nodiscard]] std::uint64_t count_saturated(const std::byte* first_row, std::size_t rows) const;
  [[nodiscard]] Band band(const std::byte* source, std::uint32_t first_row, std::uint32_t rows,
                          std::byte* into);
  [[nodiscard]] FrameStatistics run_steps(const std::byte* source, std::byte* output);
  [[nodiscard]] FrameStatistics observed(const std::byte* output, std::uint64_t saturated,
                                         std::uint64_t clipped_before,
                                         std::uint64_t clipped_converting);

  ReductionPlan plan;
  Conversion conversion;
  Combination combination;
  bool one_step{};  ///< One kernel does it all.
  std::size_t source_row_bytes{};
  std::size_t first_pixel{};  ///< Offset of the region in the source, bytes.
  std::vector<CacheLine> accumulator;
  KernelJob job;
  Kernel kernel{};
  KernelJob counting;
  RowCounter counter{};
  KernelJob observing;  ///< Of the output, where it is not observed on the way.
  Kernel observer{};
  std::uint32_t band_rows{1};
  std::vector<CacheLine> corrected;  ///< Of a band.
  std::vector<CacheLine> binned;     ///< Of a band; and one row of a group.
};

Reducer::State::State(ReductionPlan reduction, KernelSet kernels)
    : plan(std::move(reduction)),
      conversion(plan),
      combination(plan),
      one_step(!plan.correction && plan.accumulate == 1 && !conversion.changes()),
      source_row_bytes(std::size_t{plan.source.width_px} * size_bytes(plan.source.type)),
      first_pixel(plan.region.y_start * source_row_bytes +
                  plan.region.x_start * size_bytes(plan.source.type)),
      accumulator(accumulator_lines(plan)),
      job(job_of(plan, accumulator.front().bytes.data())),
      kernel(kernel_of(plan, kernels)),
      counting(counting_job(plan)),
      counter(counter_of(plan.source.type, kernels)) {
  job.row_bytes = source_row_bytes;
  if (one_step) return;
  job.observes = false;
  const ReductionPlan observation = observing_plan(plan.output);
  observing = job_of(observation, accumulator.front().bytes.data());
  observing.row_bytes = std::size_t{plan.output.width_px} * size_bytes(plan.output.type);
  observer = kernel_of(observation, kernels);
  band_rows = rows_of_band(plan);
  const std::size_t source_rows = std::size_t{band_rows} * plan.bin.rows;
  if (plan.correction && bins(plan)) {
    corrected.resize(
        lines_of(source_rows * plan.region.width_px() * size_bytes(plan.corrected.type)));
  }
  const std::size_t pixel_bytes =
      std::max(size_bytes(plan.binned.type), size_bytes(plan.combined.type));
  binned.resize(lines_of(std::size_t{band_rows} * plan.binned.width_px * pixel_bytes));
}

/// Of rows of the region.
std::uint64_t Reducer::State::count_saturated(const std::byte* first_row, std::size_t rows) const {
  if (plan.saturation == std::numeric_limits<double>::infinity()) return 0;
  std::uint64_t saturated = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    saturated += counter(counting, first_row + row * source_row_bytes, plan.region.width_px());
  }
  return saturated;
}

/// Rows of the binned frame; `into` has room for them. Where nothing changes them they stay in the
/// source.
Band Reducer::State::band(const std::byte* source, std::uint32_t first_row, std::uint32_t rows,
                          std::byte* into) {
  const std::size_t first_source_row = std::size_t{first_row} * plan.bin.rows;
  const std::size_t source_rows = std::size_t{rows} * plan.bin.rows;
  Band result{source + first_pixel + first_source_row * source_row_bytes, source_row_bytes, 0, 0};
  if (plan.correction || !bins(plan)) result.saturated = count_saturated(result.rows, source_rows);
  if (plan.correction) {
    Region region = plan.region;
    region.y_start += static_cast<std::uint32_t>(first_source_row);
    region.y_stop = region.y_start + static_cast<std::uint32_t>(source_rows);
    std::byte* const to = bins(plan) ? corrected.front().bytes.data() : into;
    result.row_bytes = std::size_t{region.width_px()} * size_bytes(plan.corrected.type);
    plan.correction->apply({source, size_bytes(plan.source)}, region,
                           {to, source_rows * result.row_bytes});
    result.rows = to;
  }
  if (!bins(plan)) return result;
  job.source = result.rows;
  job.row_bytes = result.row_bytes;
  job.output = into;
  job.output_height = rows;
  const FrameStatistics counts = kernel(job);
  result.rows = into;
  result.row_bytes = std::size_t{plan.binned.width_px} * size_bytes(plan.binned.type);
  result.saturated += counts.saturated;
  result.clipped = counts.clipped;
  return result;
}

FrameStatistics Reducer::State::observed(const std::byte* output, std::uint64_t saturated,
                                         std::uint64_t clipped_before,
                                         std::uint64_t clipped_converting) {
  observing.source = output;
  FrameStatistics statistics = observer(observing);
  statistics.saturated = capped_count(saturated);
  const std::uint64_t pixels = std::uint64_t{plan.output.height_px} * plan.output.width_px;
  const bool again = conversion.changes() && conversion.counts_anew();
  const std::uint64_t clipped = clipped_converting + (again ? 0 : clipped_before);
  statistics.clipped = capped_count(std::min(clipped, pixels));
  return statistics;
}

FrameStatistics Reducer::State::run_steps(const std::byte* source, std::byte* output) {
  const std::size_t width = plan.output.width_px;
  const std::size_t output_row_bytes = width * size_bytes(plan.output.type);
  std::uint64_t saturated = 0;
  std::uint64_t clipped = 0;
  std::uint64_t clipped_converting = 0;
  for (std::uint32_t row = 0; row < plan.output.height_px; row += band_rows) {
    const std::uint32_t rows = std::min(band_rows, plan.output.height_px - row);
    std::byte* const to = output + row * output_row_bytes;
    const Band done =
        band(source, row, rows, conversion.changes() ? binned.front().bytes.data() : to);
    for (std::size_t k = 0; k < rows && conversion.changes(); ++k) {
      clipped_converting +=
          conversion.apply(done.rows + k * done.row_bytes, to + k * output_row_bytes, width);
    }
    saturated += done.saturated;
    clipped += done.clipped;
  }
  return observed(output, saturated, clipped, clipped_converting);
}

Reducer::Reducer(const ReductionPlan& plan, KernelSet kernels)
    : state_(std::make_unique<State>(plan, kernels)) {}

Reducer::~Reducer() = default;
Reducer::Reducer(Reducer&&) noexcept = default;
Reducer& Reducer::operator=(Reducer&&) noexcept = default;

FrameStatistics Reducer::run(std::span<const std::byte> source,
                             std::span<std::byte> output) noexcept {
  if (!state_->one_step) return state_->run_steps(source.data(), output.data());
  KernelJob& job = state_->job;
  job.source = source.data() + state_->first_pixel;
  job.output = state_->plan.identity ? nullptr : output.data();
  return state_->kernel(job);
}

bool Reducer::add(std::span<const std::byte> source, std::uint64_t sequence,
                  std::span<const std::byte> note, Accumulator& group) noexcept {
  if (sequence < group.next()) return true;
  if (group.count() >= kMostAccumulated) return false;
  if (group.unfinished().value_or(sequence) != sequence) return false;
  State& state = *state_;
  const std::uint32_t height = state.plan.binned.height_px;
  const std::size_t row_bytes =
      std::size_t{state.plan.binned.width_px} * size_bytes(state.plan.binned.type);
  // Rows that are in already are worked out again for what is counted of them.
  const std::uint32_t in_already = group.begin(sequence);
  std::uint64_t saturated = 0;
  std::uint64_t clipped = 0;
  for (std::uint32_t row = 0; row < height; row += state.band_rows) {
    const std::uint32_t rows = std::min(state.band_rows, height - row);
    const Band done = state.band(source.data(), row, rows, state.binned.front().bytes.data());
    for (std::uint32_t k = 0; k < rows; ++k) {
      if (row + k < in_already) continue;
      group.add_row(row + k, {done.rows + k * done.row_bytes, row_bytes});
    }
    saturated += done.saturated;
    clipped += done.clipped;
  }
  group.commit(sequence, saturated, clipped, note);
  return true;
}

FrameStatistics Reducer::emit(const Accumulator& group, std::span<std::byte> output) noexcept {
  State& state = *state_;
  const FrameShape& shape = state.plan.output;
  const std::size_t row_bytes = std::size_t{shape.width_px} * size_bytes(shape.type);
  std::uint64_t clipped = group.clipped();
  std::uint64_t clipped_converting = 0;
  for (std::uint32_t row = 0; row < shape.height_px; ++row) {
    std::byte* const to = output.data() + row * row_bytes;
    if (!state.conversion.changes()) {
      clipped += state.combination.apply(group, row, to);
      continue;
    }
    std::byte* const combined = state.binned.front().bytes.data();
    clipped += state.combination.apply(group, row, combined);
    clipped_converting += state.conversion.apply(combined, to, shape.width_px);
  }
  return state.observed(output.data(), group.saturated(), clipped, clipped_converting);
}

const ReductionPlan& Reducer::plan() const noexcept { return state_->plan; }

}  // namespace framelog
