// Passes frames through a ring from one capture, some reduce and one write thread as fast as they
// go, checks the content of each, and that none is missing or unaccounted for.
//
//     ring_stress FRAMES REDUCERS wait|drop|poll
//
// wait: capture waits for slots; every frame must arrive.
// drop: capture offers bursts of twice the ring's size, each to an empty ring, and waits for
//       nothing within a burst; the first half of each must arrive.
// poll: as wait, but the stages only ever read cursors and never sleep, so that nothing but the
//       cursors orders their memory accesses. For finding out whether ThreadSanitizer sees an
//       ordering that is too weak.
//
// Exits 0, or 1 with a line that says what was wrong.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "pipeline/ring.hpp"
#include "tests/fakes/plain_products.hpp"

namespace framelog {
namespace {

enum class Mode : std::uint8_t { kWait, kDrop, kPoll };

constexpr std::uint64_t kSlots = 61;
constexpr std::size_t kRawWords = 24;
constexpr std::size_t kProductWords = 5;

[[noreturn]] void complain(const char* what, std::uint64_t frame) {
  std::fprintf(stderr, "ring_stress: %s at frame %llu\n", what,
               static_cast<unsigned long long>(frame));
  std::_Exit(1);
}

std::uint64_t word_of(std::uint64_t offered, std::size_t index) {
  return (offered + 1) * 0x9E3779B97F4A7C15U + index;
}

void put(std::span<std::byte> bytes, std::size_t index, std::uint64_t word) {
  std::memcpy(bytes.data() + index * sizeof word, &word, sizeof word);
}

std::uint64_t get(std::span<const std::byte> bytes, std::size_t index) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes.data() + index * sizeof word, sizeof word);
  return word;
}

class Stress {
 public:
  Stress(Ring ring, std::uint64_t frames, Mode mode)
      : ring_(std::move(ring)), frames_(frames), mode_(mode) {}

  void run() {
    std::vector<std::jthread> threads;
    threads.emplace_back([this] { write(); });
    for (std::uint32_t k = 0; k < ring_.layout().reducers; ++k) {
      threads.emplace_back([this, k] { reduce(k); });
    }
    capture();
    threads.clear();
    check();
  }

 private:
  /// Whether the stage may touch `sequence`; false when there is nothing to come.
  bool await(Stage stage, std::uint64_t sequence) {
    if (mode_ != Mode::kPoll) return ring_.wait(stage, sequence, kNoDeadline);
    if (sequence >= frames_) return stage == Stage::kCapture;
    while (ring_.end_of(stage) <= sequence) std::this_thread::yield();
    return true;
  }

  void capture() {
    for (std::uint64_t offered = 0; offered < frames_; ++offered) {
      const std::uint64_t captured = offered - dropped_;
      if (mode_ == Mode::kDrop) {
        // All slots are free: what is captured up to here is written.
        const bool burst_begins = offered % (2 * kSlots) == 0;
        if (burst_begins) ring_.wait(Stage::kCapture, captured + kSlots - 1, kNoDeadline);
        if (ring_.end_of(Stage::kCapture) <= captured) {
          if (offered % (2 * kSlots) < kSlots) complain("no slot in an empty ring", offered);
          ++dropped_;
          continue;
        }
      } else if (!await(Stage::kCapture, captured)) {
        complain("waiting for a slot ended", offered);
      }
      const Slot slot = ring_.slot(captured);
      slot.header.info.sequence = captured;
      slot.header.info.source_sequence = offered;
      for (std::size_t i = 0; i < kRawWords; ++i) put(slot.raw, i, word_of(offered, i));
      ring_.advance_captured(captured + 1);
    }
    ring_.close();
  }

  void reduce(std::uint32_t reducer) {
    const std::uint32_t stride = ring_.layout().reducers;
    for (std::uint64_t next = reducer; await(Stage::kReduce, next);) {
      for (const std::uint64_t end = ring_.end_of(Stage::kReduce); next < end; next += stride) {
        const Slot slot = ring_.slot(next);
        check_raw(slot, next);
        const std::span<std::byte> product = ring_.product(next, 1);
        for (std::size_t i = 0; i < kProductWords; ++i) put(product, i, ~get(slot.raw, i));
        slot.header.results[1].crc32c = static_cast<std::uint32_t>(get(slot.raw, 0));
        ring_.advance_reduced(reducer, next + stride);
      }
    }
  }

  void write() {
    for (std::uint64_t next = 0; await(Stage::kWrite, next);) {
      const std::uint64_t there = std::min(ring_.end_of(Stage::kWrite) - next, kSlots / 4);
      const std::uint64_t to = next + ring_.contiguous(next, there);
      for (std::uint64_t at = next; at < to; ++at) check_written(at);
      ring_.advance_written(to);
      next = to;
      written_ = next;
    }
  }

  void check_raw(const Slot& slot, std::uint64_t sequence) {
    if (slot.header.info.sequence != sequence) complain("another frame's slot", sequence);
    const std::uint64_t offered = slot.header.info.source_sequence;
    for (std::size_t i = 0; i < kRawWords; ++i) {
      if (get(slot.raw, i) != word_of(offered, i)) complain("wrong pixels", sequence);
    }
  }

  void check_written(std::uint64_t sequence) {
    const Slot slot = ring_.slot(sequence);
    check_raw(slot, sequence);
    const std::uint64_t offered = slot.header.info.source_sequence;
    const std::span<const std::byte> product = ring_.product(sequence, 1);
    for (std::size_t i = 0; i < kProductWords; ++i) {
      if (get(product, i) != ~word_of(offered, i)) complain("wrong product", sequence);
    }
    if (slot.header.results[1].crc32c != static_cast<std::uint32_t>(word_of(offered, 0))) {
      complain("wrong result", sequence);
    }
    if (offered < next_offered_) complain("a frame out of order", sequence);
    skipped_ += offered - next_offered_;
    next_offered_ = offered + 1;
  }

  void check() const {
    const std::uint64_t lost_behind_last = frames_ - next_offered_;
    if (written_ + dropped_ != frames_) complain("a frame that nobody counted", written_);
    if (skipped_ + lost_behind_last != dropped_) complain("a loss in another place", written_);
    if (mode_ != Mode::kDrop && dropped_ != 0) complain("a drop while waiting", written_);
    if (written_ * 2 < frames_) complain("too small a share delivered", written_);
    std::printf("%llu of %llu frames delivered\n", static_cast<unsigned long long>(written_),
                static_cast<unsigned long long>(frames_));
  }

  Ring ring_;
  std::uint64_t frames_;
  Mode mode_;
  std::uint64_t dropped_{};       // capture's, until the threads have joined
  std::uint64_t written_{};       // write's, as the next two
  std::uint64_t next_offered_{};  ///< Behind the last frame that arrived.
  std::uint64_t skipped_{};
};

std::optional<Mode> mode_of(const std::string& word) {
  if (word == "wait") return Mode::kWait;
  if (word == "drop") return Mode::kDrop;
  if (word == "poll") return Mode::kPoll;
  return std::nullopt;
}

int run(const std::vector<std::string>& arguments) {
  const auto mode = arguments.size() == 3 ? mode_of(arguments[2]) : std::nullopt;
  if (!mode) {
    std::fputs("usage: ring_stress FRAMES REDUCERS wait|drop|poll\n", stderr);
    return 2;
  }
  const RingLayout layout{kSlots, kRawWords * 8, plain_products({0, kProductWords * 8}),
                          static_cast<std::uint32_t>(std::stoul(arguments[1]))};
  auto memory = Ring::create_memory(layout);
  if (!memory) complain(memory.error().what, 0);
  auto ring = Ring::attach(std::move(*memory), layout);
  if (!ring) complain(ring.error().what, 0);
  Stress(std::move(*ring), std::stoull(arguments[0]), *mode).run();
  return 0;
}

}  // namespace
}  // namespace framelog

int main(int argc, char** argv) { return framelog::run({argv + 1, argv + argc}); }
