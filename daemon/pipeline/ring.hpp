#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "core/accounting.hpp"
#include "core/frame.hpp"
#include "core/health.hpp"
#include "core/result.hpp"
#include "core/unique_fd.hpp"
#include "core/wakeup.hpp"

namespace framelog {

inline constexpr std::size_t kMostProducts = 16;
/// What each product's writer may keep in the ring.
inline constexpr std::size_t kKeptBytes = 8192;

enum class Stage : std::uint8_t { kCapture, kReduce, kWrite };

/// What one product takes of the ring.
struct ProductLayout {
  std::uint64_t bytes{};         ///< Pixels per slot; 0: the product is the raw frame.
  std::uint64_t packed_bytes{};  ///< Room for the packed pixels per slot; 0: they are not packed.
  std::uint32_t detectors{};     ///< Virtual detectors: a float64 each per slot.
  std::uint64_t group_bytes{};   ///< Of an accumulated product: the frames added up so far.

  [[nodiscard]] bool accumulates() const noexcept { return group_bytes != 0; }
};

/// What the slots hold. Two layouts with the same fingerprint() are the same.
struct RingLayout {
  std::uint64_t slots{};
  std::uint64_t raw_bytes{};  ///< Per slot.
  std::vector<ProductLayout> products;
  std::uint32_t reducers{1};

  /// Every reducer passes every frame, because a product that accumulates belongs to one of them.
  [[nodiscard]] bool in_order() const noexcept;

  [[nodiscard]] std::uint64_t slot_bytes()
      const noexcept;  ///< Header, raw frame and products of one frame.
  [[nodiscard]] std::uint64_t memory_bytes() const noexcept;
  [[nodiscard]] std::uint64_t fingerprint() const noexcept;
  /// As many slots as fit `memory_bytes`, the ring's own head included.
  [[nodiscard]] static std::uint64_t slots_in(std::uint64_t memory_bytes,
                                              const RingLayout& one_slot) noexcept;
};

/// What was lost between the frame before and this one, as capture saw it.
struct LossBefore {
  std::array<std::uint32_t, kDropReasons> dropped{};
  std::array<std::uint32_t, kLossReasons> lost_at_source{};
  bool unknown{};  ///< Frames are missing that the hardware does not number.
  /// By DropReason, a bit each: frames are missing for that reason, and nobody knows how many.
  std::uint32_t uncounted{};
  std::int64_t duration_ns{};  ///< Since the frame before; 0 where nothing is missing.

  [[nodiscard]] bool any() const noexcept { return duration_ns != 0; }
};

/// What became of one frame of one product when it was reduced.
enum class FrameOutcome : std::uint8_t {
  kFrame,    ///< There is a frame to record: itself, or the group that ends here.
  kMerged,   ///< It is in a group that is not complete.
  kSkipped,  ///< By keep_every, or between two lines of a scan.
  kLost,     ///< Reducing it has killed the process again and again.
};

/// What reducing one frame for one product gave, beside its pixels.
struct ProductResult {
  FrameStatistics statistics;
  std::uint32_t crc32c{};
  FrameOutcome outcome{};
  bool emits{};                  ///< The slot holds something to record: the frame, or a group.
  std::uint64_t packed_bytes{};  ///< What it takes packed; 0: it goes out as it is.
  std::uint32_t lost{};  ///< With kLost: the frame, and those of a group that it has spoilt.
};

/// What an accumulated product has to record in a slot: the group that was complete with the slot's
/// frame, or that ended before it.
struct GroupResult {
  FrameInfo info;  ///< Of its last frame; the exposures added up, the flags of all.
  std::int64_t first_monotonic_ns{};
  std::uint64_t received_total{};  ///< Up to its last frame.
  std::uint32_t frames{};          ///< 0 in a tail that holds none.
  std::uint64_t made_at{};         ///< The slot's sequence plus one; 0: never.
};

struct SlotHeader {
  FrameInfo info;
  LossBefore before;
  std::uint64_t received_total{};  ///< Frames received in this run, this one included.
  /// What capture had lost in this run when it published this frame.
  std::array<std::uint64_t, kDropReasons> dropped_total{};
  std::array<std::uint64_t, kLossReasons> lost_total{};
  std::array<ProductResult, kMostProducts> results;
};

/// A frame that has killed the process so often is dropped: once alone, and twice when the next
/// processes tried it again.
inline constexpr std::uint32_t kMostDeaths = 3;

/// The frame that a stage had in its hands when the process died.
struct Suspect {
  std::uint64_t sequence{};
  std::uint32_t deaths{};  ///< How often it was that frame; 0: none was in work.
};

/// One frame's place. Borrowed while the stage owns the sequence.
struct Slot {
  SlotHeader& header;
  std::span<std::byte> raw;
};

/// The slots between the stages, in one memory mapping that outlives the process.
///
///     0 <= written <= reduced <= captured <= written + slots
///
///   stage    may touch the slots           advances   reads
///   capture  [captured, written + slots)   captured   written
///   reduce   [reduced, captured)           reduced    captured
///   write    [written, reduced)            written    reduced
///
/// A cursor has one writer. Advancing is a release that pairs with the acquire with which the next
/// stage reads it, so all that a stage did to a slot is seen by its successor. A frame's slot is
/// sequence % slots. With n reducers, reducer k takes the frames with sequence % n == k and has a
/// cursor of its own: all of its frames below it are done. `reduced` is the smallest of them.
///
/// The memory: head (cursors, counters), slot headers, then for the raw frames and for each product
/// one area of slots x bytes without padding, so that consecutive frames lie one behind the other
/// and go to the disk in one call. Behind these, for each product that has them, its packed frames,
/// the sums of its detectors, and of one that accumulates the results of its groups and the group
/// that is not complete. Such a product has one slot more than there are, for the group that the
/// end of the recording cuts short.
class Ring {
 public:
  /// Zeroed memory for a layout, in a memfd, all pages present. Errors: kNoMemory, also
  /// where it would take nearly all that the machine has left.
  [[nodiscard]] static Result<UniqueFd> create_memory(const RingLayout& layout);
  /// Maps `memory` and takes over what its head says; memory that is all zero becomes an empty
  /// ring. Errors: kLayout when it holds a ring of another version, layout or size, or impossible
  /// cursors; kNoMemory.
  [[nodiscard]] static Result<Ring> attach(UniqueFd memory, const RingLayout& layout);
  /// Bytes of memory for a ring that says how to take it over; `recipe_bytes` for attach() and for
  /// later recipes of up to twice that.
  [[nodiscard]] static std::uint64_t kept_bytes(const RingLayout& layout,
                                                std::size_t recipe_bytes) noexcept;
  /// Whether nobody has ever made a ring of the memory.
  [[nodiscard]] static bool is_blank(const UniqueFd& memory) noexcept;
  /// What the ring was told last by put_recipe(). Errors: kLayout when the memory holds no ring,
  /// one of another version, or its head is damaged.
  [[nodiscard]] static Result<std::string> recipe_of(const UniqueFd& memory);
  /// How another process can go on with this ring, in words that the ring does not understand.
  /// Replaced as a whole. Errors: kNoMemory when it does not fit.
  [[nodiscard]] Result<void> put_recipe(std::string_view recipe);
  [[nodiscard]] bool has_room_for(std::string_view recipe) const noexcept;
  /// How many processes have taken the ring over, this one included, since anything that was left
  /// in it was written the last time.
  [[nodiscard]] std::uint32_t attempts() const noexcept;
  /// Something of what was left in it is written. Threads: write.
  void settle() noexcept;
  Ring(Ring&&) noexcept;
  Ring& operator=(Ring&&) = delete;
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  ~Ring();

  [[nodiscard]] std::uint64_t slots() const noexcept { return layout_.slots; }
  [[nodiscard]] const RingLayout& layout() const noexcept { return layout_; }
  [[nodiscard]] Slot slot(std::uint64_t sequence) noexcept;
  /// The frame of one product: the raw frame where the product has no bytes of its own.
  [[nodiscard]] std::span<std::byte> product(std::uint64_t sequence, std::size_t product) noexcept;
  /// Room for what the product's frame is packed into; empty where it is not.
  [[nodiscard]] std::span<std::byte> packed(std::uint64_t sequence, std::size_t product) noexcept;
  /// Sums of the product's virtual detectors; empty where it has none.
  [[nodiscard]] std::span<double> detectors(std::uint64_t sequence, std::size_t product) noexcept;
  /// Only of a product that accumulates.
  [[nodiscard]] GroupResult& group_result(std::uint64_t sequence, std::size_t product) noexcept;
  /// The frames that the product has added up so far. Threads: the reducer that owns it.
  [[nodiscard]] std::span<std::byte> group(std::size_t product) noexcept;
  /// The group that the end cut short, if `group.frames` is not 0. Threads: the reducer that owns
  /// the product; write, after wait_reducers_done().
  struct Tail {
    ProductResult& result;
    GroupResult& group;
    std::span<std::byte> pixels;
    std::span<std::byte> packed;
    std::span<double> detectors;
  };
  [[nodiscard]] Tail tail(std::size_t product) noexcept;
  /// Frames from `sequence` on that lie one behind the other in memory, at most `count`.
  [[nodiscard]] std::uint64_t contiguous(std::uint64_t sequence,
                                         std::uint64_t count) const noexcept;

  /// How many frames beyond its cursor capture may let the source fill: what lies farther away is
  /// left in peace, for whoever looks at frames that are recorded already.
  [[nodiscard]] std::uint64_t most_ahead() const noexcept { return layout_.slots / 4; }
  /// First sequence that the stage may not touch yet. Threads: that stage.
  [[nodiscard]] std::uint64_t end_of(Stage stage) const noexcept;
  /// Threads: any.
  [[nodiscard]] std::uint64_t captured() const noexcept;
  [[nodiscard]] std::uint64_t reduced() const noexcept;
  [[nodiscard]] std::uint64_t written() const noexcept;
  [[nodiscard]] std::uint64_t reduced_by(std::uint32_t reducer) const noexcept;

  void advance_captured(std::uint64_t to) noexcept;  ///< Threads: capture.
  void advance_reduced(std::uint32_t reducer,
                       std::uint64_t to) noexcept;  ///< Threads: that reducer.
  void advance_written(std::uint64_t to) noexcept;  ///< Threads: write.

  /// Sleeps until end_of(stage) > sequence; false when closed or past the deadline before that.
  /// Threads: that stage.
  bool wait(Stage stage, std::uint64_t sequence, Deadline deadline) noexcept;
  /// Sleeps until the deadline whatever the other stages do; close() alone ends it early. Threads:
  /// any.
  void nap(Deadline until) noexcept;
  /// This reducer has done all that it will do. Threads: that reducer.
  void reducer_done() noexcept;
  /// Sleeps until all reducers have said so. Threads: write.
  void wait_reducers_done() noexcept;
  /// The reducers stop before their next frame, and the writer behind the last reduced one: wait()
  /// returns false to them. Capture goes on. Threads: control.
  void pause() noexcept;
  /// Undoes pause() and reducer_done(). Threads: control, when no reducer and no writer runs.
  void go_on() noexcept;
  [[nodiscard]] bool paused() const noexcept { return paused_.load(std::memory_order_acquire); }

  /// The stage begins with this frame: should the process die now, it is a suspect. A reducer has
  /// its index, the writer kMostReducers. Costs two stores. Threads: that stage.
  void take_in_hand(std::size_t hand, std::uint64_t sequence) noexcept;
  void put_down(std::size_t hand) noexcept;
  /// Of the process before; counts this death too, when the process calls it for the first time.
  [[nodiscard]] Suspect suspect(std::size_t hand) const noexcept;
  /// What a stage keeps for the process after: of each product's writer, and of the write stage.
  [[nodiscard]] std::span<std::byte> kept(std::size_t product) noexcept;
  [[nodiscard]] std::span<std::byte> kept_by_write() noexcept;
  /// What the source wants to know of itself in the process after. Threads: capture.
  using KeptWords = std::array<std::atomic<std::uint64_t>, 4>;
  [[nodiscard]] KeptWords& kept_by_capture() noexcept;
  [[nodiscard]] const UniqueFd& memory() const noexcept { return fd_; }
  /// No frame will be captured any more: whoever has nothing left to do returns from wait().
  /// Threads: any.
  void close() noexcept;
  [[nodiscard]] bool closed() const noexcept { return closed_.load(std::memory_order_acquire); }

  /// Maps its pages one after the other until stopped, so that no frame pays for that. Threads:
  /// any, one, beside all others.
  void populate(const std::stop_token& stop) noexcept;
  /// Keeps the memory from being swapped out. Errors: kNoMemory with what is allowed.
  [[nodiscard]] Result<void> lock();

  [[nodiscard]] CaptureCounters& capture_counters() const noexcept;
  [[nodiscard]] ProductCounters& product_counters(std::size_t product) const noexcept;

 private:
  struct Head;
  Ring(std::byte* memory, std::uint64_t bytes, const RingLayout& layout, UniqueFd fd);
  [[nodiscard]] bool reducers_are_done() const noexcept;
  [[nodiscard]] Wakeup& wakeup_of(Stage stage) noexcept;
  [[nodiscard]] std::span<double> detectors_at(std::uint64_t index, std::size_t product) noexcept;

  RingLayout layout_;
  bool in_order_;
  UniqueFd fd_;
  std::byte* memory_{};
  std::uint64_t bytes_{};
  Head* head_{};
  std::byte* headers_{};
  std::byte* raw_{};
  struct Areas {
    std::byte* pixels{};
    std::byte* packed{};
    std::byte* detectors{};
    std::byte* results{};
    std::byte* group{};
    std::byte* kept{};
  };
  std::vector<Areas> products_;
  std::atomic<std::uint32_t> reducers_done_{0};
  std::atomic<bool> closed_{false};
  std::atomic<bool> paused_{false};
  Wakeup captured_moved_, reduced_moved_, written_moved_, closing_;
};

}  // namespace framelog
