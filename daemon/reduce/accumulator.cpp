#include "reduce/accumulator.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>

#include "reduce/kernel.hpp"
#include "reduce/reducer.hpp"

namespace framelog {
namespace {

std::size_t aligned(std::size_t bytes) {
  constexpr std::size_t kAlignment = 16;
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

std::size_t sum_bytes(PixelType input) {
  if (input == PixelType::kUint64) return sizeof(Uint128);
  return size_bytes(input) <= 2 ? 4 : 8;
}

/// The sums of a row, and of floats behind them how many frames each is of.
std::size_t bytes_of_row(const FrameShape& binned) {
  const std::size_t width = binned.width_px;
  const std::size_t counts = is_float(binned.type) ? width * sizeof(std::uint16_t) : 0;
  return aligned(width * sum_bytes(binned.type) + counts);
}

RowAdder best_adder(PixelType input) {
  const KernelSet set = best_kernels();
  RowAdder adder = nullptr;
  if (set == KernelSet::kV3) adder = v3_adder(input);
  if (set == KernelSet::kBaseline) adder = baseline_adder(input);
  return adder != nullptr ? adder : plain_adder(input);
}

}  // namespace

/// What belongs to the whole group.
struct Accumulator::Facts {
  std::uint64_t next{};
  std::uint64_t saturated{};
  std::uint64_t clipped{};
  std::uint32_t count{};
  std::array<std::byte, kNoteBytes> note{};
};

/// The head of the memory. A killed process leaves what it had stored in the order in which it did,
/// and whoever continues starts from two words:
///
///     epoch     counts the changes of facts; those that hold are facts[epoch % 2]
///     progress  epoch << 32 | n: rows 0 .. n-2 of `frame` are in the sums; row n-1 is complete in
///               scratch[(n-1) % 2], and in the sums or about to be copied there
///
/// A row is added in scratch[row % 2], which leaves the row before in peace; then `progress` says
/// so; then it is copied over the sums. A progress of another epoch than the current one is that of
/// a frame which is all in, or of a group that was cleared: no row of the next frame is in.
struct Accumulator::Control {
  std::atomic<std::uint64_t> epoch;
  std::atomic<std::uint64_t> progress;
  std::atomic<std::uint64_t> frame;
  std::array<Facts, 2> facts;
};

namespace {

constexpr std::uint64_t kLowHalf = 0xFFFFFFFFU;

constexpr std::uint64_t progress_of(std::uint64_t epoch, std::uint64_t rows) {
  return (epoch << 32U) | rows;
}

/// What comes behind is not stored before. A signal's fence is enough: a process is killed between
/// two instructions, and what those before it stored arrives.
void keep_order() noexcept { std::atomic_signal_fence(std::memory_order_seq_cst); }

}  // namespace

std::size_t Accumulator::memory_bytes(const ReductionPlan& plan) noexcept {
  static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "it is shared with no lock");
  const std::size_t rows = std::size_t{plan.binned.height_px} + 2;
  return aligned(sizeof(Control)) + rows * bytes_of_row(plan.binned);
}

Accumulator::Accumulator(const ReductionPlan& plan, std::span<std::byte> memory) noexcept
    : memory_(memory),
      input_(plan.binned.type),
      width_px_(plan.binned.width_px),
      row_bytes_(bytes_of_row(plan.binned)),
      add_(best_adder(plan.binned.type)) {}

Accumulator::Control& Accumulator::control() const noexcept {
  return *reinterpret_cast<Control*>(memory_.data());
}

const Accumulator::Facts& Accumulator::facts() const noexcept {
  return control().facts[control().epoch.load(std::memory_order_acquire) % 2];
}

std::uint32_t Accumulator::count() const noexcept { return facts().count; }
std::uint64_t Accumulator::next() const noexcept { return facts().next; }
std::span<const std::byte> Accumulator::note() const noexcept { return facts().note; }
std::uint64_t Accumulator::saturated() const noexcept { return facts().saturated; }
std::uint64_t Accumulator::clipped() const noexcept { return facts().clipped; }

void Accumulator::replace_facts(const Facts& facts) noexcept {
  const std::uint64_t next_epoch = control().epoch.load(std::memory_order_relaxed) + 1;
  control().facts[next_epoch % 2] = facts;
  // Pairs with the acquire in facts(), of this process or of the one after it.
  control().epoch.store(next_epoch, std::memory_order_release);
  keep_order();
}

void Accumulator::clear(std::uint64_t sequence) noexcept {
  Facts cleared;
  cleared.next = sequence;
  replace_facts(cleared);
}

std::optional<std::uint64_t> Accumulator::unfinished() const noexcept {
  const std::uint64_t epoch = control().epoch.load(std::memory_order_acquire);
  const std::uint64_t progress = control().progress.load(std::memory_order_acquire);
  if (progress >> 32U != (epoch & kLowHalf) || (progress & kLowHalf) == 0) return {};
  return control().frame.load(std::memory_order_relaxed);
}

std::uint32_t Accumulator::begin(std::uint64_t sequence) noexcept {
  if (!unfinished()) {
    control().frame.store(sequence, std::memory_order_relaxed);
    return 0;
  }
  const auto rows =
      static_cast<std::uint32_t>(control().progress.load(std::memory_order_relaxed) & kLowHalf);
  std::memcpy(row_of_sums(rows - 1), scratch(rows - 1), row_bytes_);
  return rows;
}

void Accumulator::add_row(std::uint32_t row, std::span<const std::byte> pixels) noexcept {
  const bool first = count() == 0;
  std::byte* const result = scratch(row);
  std::byte* const sums = row_of_sums(row);
  add_(pixels.data(), first ? nullptr : sums, result, width_px_);
  const std::uint64_t epoch = control().epoch.load(std::memory_order_relaxed);
  // Pairs with the acquire in unfinished(), of the process after this one.
  control().progress.store(progress_of(epoch, std::uint64_t{row} + 1), std::memory_order_release);
  keep_order();
  std::memcpy(sums, result, row_bytes_);
}

void Accumulator::commit(std::uint64_t sequence, std::uint64_t saturated, std::uint64_t clipped,
                         std::span<const std::byte> note) noexcept {
  Facts changed = facts();
  changed.next = sequence + 1;
  changed.saturated += saturated;
  changed.clipped += clipped;
  ++changed.count;
  changed.note.fill(std::byte{});
  std::ranges::copy(note.first(std::min(note.size(), kNoteBytes)), changed.note.begin());
  replace_facts(changed);
}

std::span<const std::byte> Accumulator::sums(std::uint32_t row) const noexcept {
  return {row_of_sums(row), width_px_ * sum_bytes(input_)};
}

std::span<const std::byte> Accumulator::counts(std::uint32_t row) const noexcept {
  if (!is_float(input_)) return {};
  return {row_of_sums(row) + width_px_ * sum_bytes(input_), width_px_ * sizeof(std::uint16_t)};
}

std::byte* Accumulator::scratch(std::uint32_t row) const noexcept {
  return memory_.data() + aligned(sizeof(Control)) + row % 2 * row_bytes_;
}

std::byte* Accumulator::row_of_sums(std::uint32_t row) const noexcept {
  return memory_.data() + aligned(sizeof(Control)) + (std::size_t{row} + 2) * row_bytes_;
}

}  // namespace framelog
