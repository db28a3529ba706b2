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

#include "core/file_system.hpp"

namespace framelog {
namespace {

constexpr std::size_t kCacheLine = 64;
constexpr std::uint64_t kPage = 4096;
constexpr char kMagic[8] = {'f', 'r', 'l', 'g', 'r', 'i', 'n', 'g'};
constexpr std::uint32_t kVersion = 2;

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) {
  return (value + unit - 1) / unit * unit;
}

struct alignas(kCacheLine) Cursor {
  std::atomic<std::uint64_t> value{};
};

constexpr std::uint64_t kHeaderStride = round_up(sizeof(SlotHeader), kCacheLine);

}  // namespace

struct Ring::Head {
  char magic[8];
  std::uint32_t version;
  std::uint32_t reducers;
  std::uint64_t fingerprint;
  std::uint64_t bytes;
  Cursor captured;
  Cursor written;
  std::array<Cursor, kMostReducers> reduced;
  alignas(kCacheLine) CaptureCounters capture;
  alignas(kCacheLine) std::array<ProductCounters, kMostProducts> products;
};

namespace {

constexpr std::uint64_t kHeadBytes = 16 * kPage;

/// What the kernel thinks can be had without swapping, less a tenth: nobody can be made to give a
/// ring's pages back, so that one that is too large has the kernel kill other programs.
std::optional<std::uint64_t> available_memory() {
  const auto text = read_text(system_files(), "/proc/meminfo");
  constexpr std::string_view kKey = "MemAvailable:";
  const std::size_t at = text ? text->find(kKey) : std::string::npos;
  if (at == std::string::npos) return std::nullopt;
  const std::uint64_t kibibytes = std::strtoull(text->c_str() + at + kKey.size(), nullptr, 10);
  return kibibytes * 1024 / 10 * 9;
}

/// Areas in the order in which they lie: slot headers, raw frames, then the products that have
/// bytes of their own.
std::uint64_t area_bytes(std::uint64_t slots, std::uint64_t bytes_per_slot) {
  return round_up(slots * bytes_per_slot, kPage);
}

/// The tail of a product that accumulates: its ProductResult and its GroupResult.
struct TailResults {
  ProductResult result;
  GroupResult group;
};

constexpr std::uint64_t kResultStride =
    round_up(std::max(sizeof(GroupResult), sizeof(TailResults)), kCacheLine);

/// Slots of one product's areas.
std::uint64_t slots_of(const ProductLayout& product, std::uint64_t slots) {
  return product.accumulates() ? slots + 1 : slots;
}

/// Sizes of one product's areas, in their order.
struct AreaSizes {
  std::uint64_t pixels{};
  std::uint64_t detectors{};
  std::uint64_t results{};
  std::uint64_t group{};

  AreaSizes(const ProductLayout& product, std::uint64_t slots)
      : pixels(area_bytes(slots_of(product, slots), product.bytes)),
        detectors(area_bytes(slots_of(product, slots), product.detectors * sizeof(double))),
        results(product.accumulates() ? area_bytes(slots + 1, kResultStride) : 0),
        group(round_up(product.group_bytes, kPage)) {}
  [[nodiscard]] std::uint64_t total() const { return pixels + detectors + results + group; }
};

}  // namespace

std::uint64_t RingLayout::slot_bytes() const noexcept {
  std::uint64_t bytes = kHeaderStride + raw_bytes;
  for (const ProductLayout& product : products) {
    bytes += product.bytes + product.detectors * sizeof(double);
    if (product.accumulates()) bytes += kResultStride;
  }
  return bytes;
}

std::uint64_t RingLayout::memory_bytes() const noexcept {
  std::uint64_t bytes =
      kHeadBytes + area_bytes(slots, kHeaderStride) + area_bytes(slots, raw_bytes);
  for (const ProductLayout& product : products) bytes += AreaSizes(product, slots).total();
  return bytes;
}

bool RingLayout::in_order() const noexcept {
  return std::ranges::any_of(products, &ProductLayout::accumulates);
}

std::uint64_t RingLayout::fingerprint() const noexcept {
  std::uint64_t hash = 0xCBF29CE484222325U;  // FNV-1a
  const auto mix = [&hash](std::uint64_t value) {
    for (int byte = 0; byte < 8; ++byte, value >>= 8U)
      hash = (hash ^ (value & 0xFFU)) * 0x100000001B3U;
  };
  mix(sizeof(SlotHeader));
  mix(slots);
  mix(raw_bytes);
  mix(reducers);
  for (const ProductLayout& product : products) {
    mix(product.bytes + 1);
    mix(product.detectors);
    mix(product.group_bytes);
  }
  return hash;
}

std::uint64_t RingLayout::slots_in(std::uint64_t memory_bytes,
                                   const RingLayout& one_slot) noexcept {
  std::uint64_t overhead = kHeadBytes + 2 * kPage;
  for (const ProductLayout& product : one_slot.products) {
    // What does not grow with the slots, and a page for the rounding of each area that does.
    overhead += AreaSizes(product, 0).total() + kPage;
    if (product.detectors > 0) overhead += kPage;
    if (product.accumulates()) overhead += kPage;
  }
  return memory_bytes <= overhead ? 0 : (memory_bytes - overhead) / one_slot.slot_bytes();
}

Result<UniqueFd> Ring::create_memory(const RingLayout& layout) {
  if (const auto there = available_memory(); there && layout.memory_bytes() > *there) {
    return fail(ErrorCode::kNoMemory, "cannot get the ring's memory:",
                fmt::format("{} MiB, of which {} MiB are there", layout.memory_bytes() >> 20U,
                            *there >> 20U));
  }
  UniqueFd fd(::memfd_create("framelog-ring", MFD_CLOEXEC));
  if (!fd.valid()) return fail_errno(errno, "cannot create the ring's memory");
  const auto bytes = static_cast<off_t>(layout.memory_bytes());
  // fallocate finds out now whether the memory is there, and makes the pages present.
  if (::ftruncate(fd.get(), bytes) != 0 || ::fallocate(fd.get(), 0, 0, bytes) != 0) {
    const int error = errno == ENOSPC ? ENOMEM : errno;
    return fail_errno(error, "cannot get the ring's memory:", std::to_string(bytes) + " bytes");
  }
  return fd;
}

Result<Ring> Ring::attach(UniqueFd memory, const RingLayout& layout) {
  const std::uint64_t bytes = layout.memory_bytes();
  const off_t size = ::lseek(memory.get(), 0, SEEK_END);
  if (layout.slots == 0 || layout.reducers == 0 || layout.reducers > kMostReducers ||
      layout.products.size() > kMostProducts) {
    return fail(ErrorCode::kLayout, "no ring can have this layout");
  }
  if (std::cmp_not_equal(size, bytes)) {
    return fail(ErrorCode::kLayout, "the ring's memory has another size than its layout");
  }
  void* mapped =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, memory.get(), 0);
  if (mapped == MAP_FAILED) return fail_errno(errno, "cannot map the ring");
  ::madvise(mapped, bytes, MADV_DONTDUMP);
  Ring ring(static_cast<std::byte*>(mapped), bytes, layout, std::move(memory));

  Head& head = *ring.head_;
  static constexpr char kNothing[8]{};
  if (std::ranges::equal(head.magic, kNothing) && head.version == 0) {
    head.version = kVersion;
    head.reducers = layout.reducers;
    head.fingerprint = layout.fingerprint();
    head.bytes = bytes;
    std::ranges::copy(kMagic, head.magic);
    return ring;
  }
  if (!std::ranges::equal(head.magic, kMagic) || head.version != kVersion || head.bytes != bytes ||
      head.fingerprint != layout.fingerprint()) {
    return fail(ErrorCode::kLayout, "the memory holds a ring of another version or layout");
  }
  bool sane = ring.written() <= ring.reduced() && ring.reduced() <= ring.captured() &&
              ring.captured() - ring.written() <= layout.slots;
  // A reducer can be ahead of the others, but not beyond its first frame that is not captured.
  for (std::uint32_t k = 0; k < layout.reducers; ++k) {
    sane = sane && ring.reduced_by(k) < ring.captured() + layout.reducers;
  }
  if (!sane) return fail(ErrorCode::kLayout, "the cursors in the ring's head are impossible");
  return ring;
}

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
    areas.detectors = areas.pixels + sizes.pixels;
    areas.results = areas.detectors + sizes.detectors;
    areas.group = areas.results + sizes.results;
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
  return {*header, {raw_ + index * layout_.raw_bytes, layout_.raw_bytes}};
}

std::span<std::byte> Ring::product(std::uint64_t sequence, std::size_t product) noexcept {
  const std::uint64_t bytes = layout_.products[product].bytes;
  if (bytes == 0) return slot(sequence).raw;
  return {products_[product].pixels + sequence % layout_.slots * bytes, bytes};
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
  return {products_[product].group, layout_.products[product].group_bytes};
}

Ring::Tail Ring::tail(std::size_t product) noexcept {
  const Areas& areas = products_[product];
  const std::uint64_t bytes = layout_.products[product].bytes;
  auto* results =
      std::launder(reinterpret_cast<TailResults*>(areas.results + layout_.slots * kResultStride));
  return {results->result,
          results->group,
          {areas.pixels + layout_.slots * bytes, bytes},
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
    if (reducers_done_.load(std::memory_order_acquire) >= layout_.reducers) return;
    reduced_moved_.wait(ticket, kNoDeadline);
  }
}

void Ring::close() noexcept {
  closed_.store(true, std::memory_order_release);  // Pairs with the acquire in closed().
  closing_.notify();
  captured_moved_.notify();
  reduced_moved_.notify();
  written_moved_.notify();
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
