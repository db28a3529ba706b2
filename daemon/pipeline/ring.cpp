#include "pipeline/ring.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "pipeline/ring_head.hpp"
#include "pipeline/ring_memory.hpp"

namespace framelog {
using namespace ring_memory;

namespace {

/// A part of the ring: all of it is mapped, so that its size is one of this process.
std::span<std::byte> bytes_at(std::byte* at, std::uint64_t bytes) noexcept {
  return {at, static_cast<std::size_t>(bytes)};
}

}  // namespace

Result<UniqueFd> Ring::create_memory(const RingLayout& layout) {
  return make_memory(layout.memory_bytes());
}

Result<Ring> Ring::attach(UniqueFd memory, const RingLayout& layout) {
  const std::uint64_t bytes = layout.memory_bytes();
  const off_t size = ::lseek(memory.get(), 0, SEEK_END);
  if (layout.slots == 0 || layout.reducers == 0 || layout.reducers > kMostReducers ||
      layout.products.size() > kMostProducts) {
    return fail(ErrorCode::kLayout, "no ring can have this layout");
  }
  if (std::cmp_less(size, bytes)) {
    return fail(ErrorCode::kLayout, "the ring's memory has another size than its layout");
  }
  if (!std::in_range<std::size_t>(bytes)) {
    return fail(ErrorCode::kNoMemory, "cannot map the ring:",
                fmt::format("{} MiB, in a process of 32 bits", bytes >> 20U));
  }
  void* mapped = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory.get(), 0);
  if (mapped == MAP_FAILED) return fail_errno(errno, "cannot map the ring");
  ::madvise(mapped, bytes, MADV_DONTDUMP);
  Ring ring(static_cast<std::byte*>(mapped), bytes, layout, std::move(memory));

  Head& head = *ring.head_;
  Identity wanted{};
  std::ranges::copy(kMagic, wanted.magic);
  wanted.version = kVersion;
  wanted.reducers = layout.reducers;
  wanted.fingerprint = layout.fingerprint();
  wanted.bytes = bytes;
  wanted.recipe_bytes = (static_cast<std::uint64_t>(size) - bytes) / 2;
  static constexpr Identity kNothing{};
  if (std::memcmp(&head.identity, &kNothing, sizeof kNothing) == 0) {
    head.identity_check = wanted.check();
    head.identity = wanted;
    return ring;
  }
  if (std::memcmp(&head.identity, &wanted, sizeof wanted) != 0) {
    return fail(ErrorCode::kLayout, "the memory holds a ring of another version, layout or size");
  }
  bool sane = ring.written() <= ring.reduced() && ring.reduced() <= ring.captured() &&
              ring.captured() - ring.written() <= layout.slots;
  // A reducer can be ahead of the others, but not beyond its first frame that is not captured.
  for (std::uint32_t k = 0; k < layout.reducers; ++k) {
    sane = sane && ring.reduced_by(k) < ring.captured() + layout.reducers;
  }
  if (!sane) return fail(ErrorCode::kLayout, "the cursors in the ring's head are impossible");
  head.attempts.fetch_add(1, std::memory_order_relaxed);
  for (Hand& hand : head.hands) {
    const std::uint64_t frame = hand.frame.exchange(0, std::memory_order_relaxed);
    if (frame == 0) continue;
    const bool again = hand.suspect.deaths > 0 && hand.suspect.sequence == frame - 1;
    hand.suspect = {frame - 1, again ? hand.suspect.deaths + 1 : 1};
  }
  return ring;
}

std::uint32_t Ring::attempts() const noexcept {
  return head_->attempts.load(std::memory_order_relaxed);
}

void Ring::settle() noexcept { head_->attempts.store(0, std::memory_order_relaxed); }

Ring::Ring(std::byte* memory, std::uint64_t bytes, const RingLayout& layout, UniqueFd fd)
    : layout_(layout),
      in_order_(layout.in_order()),
      fd_(std::move(fd)),
      memory_(memory),
      bytes_(bytes) {
  head_ = std::launder(reinterpret_cast<Head*>(memory));
  headers_ = memory + kHeadBytes;
  raw_ = headers_ + area_bytes(layout.slots, kHeaderStride);
  std::byte* next = raw_ + area_bytes(layout.slots, layout.raw_bytes);
  for (const ProductLayout& product : layout.products) {
    const AreaSizes sizes(product, layout.slots);
    Areas areas;
    areas.pixels = next;
    areas.packed = areas.pixels + sizes.pixels;
    areas.detectors = areas.packed + sizes.packed;
    areas.results = areas.detectors + sizes.detectors;
    areas.group = areas.results + sizes.results;
    areas.kept = areas.group + sizes.group;
    products_.push_back(areas);
    next += sizes.total();
  }
  static_assert(sizeof(Head) <= kHeadBytes);
}

Ring::Ring(Ring&& other) noexcept
    : layout_(std::move(other.layout_)),
      in_order_(other.in_order_),
      fd_(std::move(other.fd_)),
      memory_(std::exchange(other.memory_, nullptr)),
      bytes_(other.bytes_),
      head_(other.head_),
      headers_(other.headers_),
      raw_(other.raw_),
      products_(std::move(other.products_)) {}

Ring::~Ring() {
  if (memory_ != nullptr) ::munmap(memory_, bytes_);
}

Slot Ring::slot(std::uint64_t sequence) noexcept {
  const std::uint64_t index = sequence % layout_.slots;
  auto* header = std::launder(reinterpret_cast<SlotHeader*>(headers_ + index * kHeaderStride));
  return {*header, bytes_at(raw_ + index * layout_.raw_bytes, layout_.raw_bytes)};
}

std::span<std::byte> Ring::product(std::uint64_t sequence, std::size_t product) noexcept {
  const std::uint64_t bytes = layout_.products[product].bytes;
  if (bytes == 0) return slot(sequence).raw;
  return bytes_at(products_[product].pixels + sequence % layout_.slots * bytes, bytes);
}

std::span<std::byte> Ring::packed(std::uint64_t sequence, std::size_t product) noexcept {
  const std::uint64_t bytes = layout_.products[product].packed_bytes;
  return bytes_at(products_[product].packed + sequence % layout_.slots * bytes, bytes);
}

std::span<double> Ring::detectors_at(std::uint64_t index, std::size_t product) noexcept {
  const std::uint32_t count = layout_.products[product].detectors;
  std::byte* at = products_[product].detectors + index * count * sizeof(double);
  return {std::launder(reinterpret_cast<double*>(at)), count};
}

std::span<double> Ring::detectors(std::uint64_t sequence, std::size_t product) noexcept {
  return detectors_at(sequence % layout_.slots, product);
}

GroupResult& Ring::group_result(std::uint64_t sequence, std::size_t product) noexcept {
  std::byte* at = products_[product].results + sequence % layout_.slots * kResultStride;
  return *std::launder(reinterpret_cast<GroupResult*>(at));
}

std::span<std::byte> Ring::group(std::size_t product) noexcept {
  return bytes_at(products_[product].group, layout_.products[product].group_bytes);
}

Ring::Tail Ring::tail(std::size_t product) noexcept {
  const Areas& areas = products_[product];
  const std::uint64_t bytes = layout_.products[product].bytes;
  const std::uint64_t packed = layout_.products[product].packed_bytes;
  auto* results =
      std::launder(reinterpret_cast<TailResults*>(areas.results + layout_.slots * kResultStride));
  return {results->result, results->group, bytes_at(areas.pixels + layout_.slots * bytes, bytes),
          bytes_at(areas.packed + layout_.slots * packed, packed),
          detectors_at(layout_.slots, product)};
}

std::uint64_t Ring::contiguous(std::uint64_t sequence, std::uint64_t count) const noexcept {
  return std::min(count, layout_.slots - sequence % layout_.slots);
}

// Pairs with the release in advance_captured().
std::uint64_t Ring::captured() const noexcept {
  return head_->captured.value.load(std::memory_order_acquire);
}

// Pairs with the release in advance_written().
std::uint64_t Ring::written() const noexcept {
  return head_->written.value.load(std::memory_order_acquire);
}

// Pairs with the release in advance_reduced(). A reducer that has done nothing yet has done all of
// its frames below its first one, where it is not to pass all of them.
std::uint64_t Ring::reduced_by(std::uint32_t reducer) const noexcept {
  return std::max<std::uint64_t>(in_order_ ? 0 : reducer,
                                 head_->reduced[reducer].value.load(std::memory_order_acquire));
}

// The smallest cursor can pass `captured` only when nothing is in between: a reducer's next frame
// is then not captured.
std::uint64_t Ring::reduced() const noexcept {
  std::uint64_t least = reduced_by(0);
  for (std::uint32_t k = 1; k < layout_.reducers; ++k) least = std::min(least, reduced_by(k));
  return least;
}

std::uint64_t Ring::end_of(Stage stage) const noexcept {
  switch (stage) {
    case Stage::kCapture:
      return written() + layout_.slots;
    case Stage::kReduce:
      return captured();
    case Stage::kWrite:
      return reduced();
  }
  std::unreachable();
}

void Ring::advance_captured(std::uint64_t to) noexcept {
  head_->captured.value.store(to,
                              std::memory_order_release);  // Pairs with the acquire in captured().
  captured_moved_.notify();
}

void Ring::advance_reduced(std::uint32_t reducer, std::uint64_t to) noexcept {
  head_->reduced[reducer].value.store(to, std::memory_order_release);  // Pairs with reduced_by().
  reduced_moved_.notify();
}

void Ring::advance_written(std::uint64_t to) noexcept {
  head_->written.value.store(to,
                             std::memory_order_release);  // Pairs with the acquire in written().
  written_moved_.notify();
}

Wakeup& Ring::wakeup_of(Stage stage) noexcept {
  switch (stage) {
    case Stage::kCapture:
      return written_moved_;
    case Stage::kReduce:
      return captured_moved_;
    case Stage::kWrite:
      return reduced_moved_;
  }
  std::unreachable();
}

bool Ring::wait(Stage stage, std::uint64_t sequence, Deadline deadline) noexcept {
  Wakeup& moved = wakeup_of(stage);
  for (;;) {
    const Wakeup::Ticket ticket = moved.ticket();
    if (stage == Stage::kReduce && paused()) return false;
    if (stage == Stage::kWrite && paused() && end_of(stage) <= sequence && reducers_are_done()) {
      return false;
    }
    // `closed` is asked first: a frame captured just before closing is then seen below.
    const bool was_closed = closed();
    if (end_of(stage) > sequence) return true;
    if (was_closed && (stage != Stage::kWrite || captured() <= sequence)) return false;
    if (!moved.wait(ticket, deadline)) return end_of(stage) > sequence;
  }
}

void Ring::nap(Deadline until) noexcept {
  const Wakeup::Ticket ticket = closing_.ticket();
  if (!closed()) closing_.wait(ticket, until);
}

void Ring::reducer_done() noexcept {
  reducers_done_.fetch_add(1, std::memory_order_release);  // Pairs with wait_reducers_done().
  reduced_moved_.notify();
}

void Ring::wait_reducers_done() noexcept {
  for (;;) {
    const Wakeup::Ticket ticket = reduced_moved_.ticket();
    if (reducers_are_done()) return;
    reduced_moved_.wait(ticket, kNoDeadline);
  }
}

bool Ring::reducers_are_done() const noexcept {
  return reducers_done_.load(std::memory_order_acquire) >= layout_.reducers;
}

void Ring::pause() noexcept {
  paused_.store(true, std::memory_order_release);  // Pairs with the acquire in paused().
  captured_moved_.notify();
  reduced_moved_.notify();
}

void Ring::go_on() noexcept {
  reducers_done_.store(0, std::memory_order_release);
  paused_.store(false, std::memory_order_release);
}

void Ring::take_in_hand(std::size_t hand, std::uint64_t sequence) noexcept {
  head_->hands[hand].frame.store(sequence + 1, std::memory_order_release);
}

void Ring::put_down(std::size_t hand) noexcept {
  head_->hands[hand].frame.store(0, std::memory_order_release);
}

Suspect Ring::suspect(std::size_t hand) const noexcept { return head_->hands[hand].suspect; }

std::span<std::byte> Ring::kept(std::size_t product) noexcept {
  return {products_[product].kept, kKeptBytes};
}

Ring::KeptWords& Ring::kept_by_capture() noexcept { return head_->kept_by_capture; }

std::span<std::byte> Ring::kept_by_write() noexcept { return head_->kept_by_write; }

void Ring::close() noexcept {
  closed_.store(true, std::memory_order_release);  // Pairs with the acquire in closed().
  closing_.notify();
  captured_moved_.notify();
  reduced_moved_.notify();
  written_moved_.notify();
}

void Ring::populate(const std::stop_token& stop) noexcept {
  constexpr std::uint64_t kPiece = 4 << 20;
  for (std::uint64_t at = 0; at < bytes_ && !stop.stop_requested(); at += kPiece) {
    // Kernels before 5.14 do not know this: there the first frame in each slot maps its pages.
    if (::madvise(memory_ + at, std::min(kPiece, bytes_ - at), MADV_POPULATE_WRITE) != 0) return;
  }
}

Result<void> Ring::lock() {
  if (::mlock(memory_, bytes_) == 0) return {};
  return std::unexpected(Error{ErrorCode::kNoMemory, errno, "cannot lock the ring in memory",
                               "(ring.lock = no, or a larger limit: ulimit -l, LimitMEMLOCK=)"});
}

CaptureCounters& Ring::capture_counters() const noexcept { return head_->capture; }
ProductCounters& Ring::product_counters(std::size_t product) const noexcept {
  return head_->products[product];
}

}  // namespace framelog
