#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/health.hpp"
#include "pipeline/kept_state.hpp"
#include "pipeline/product_writer.hpp"
#include "pipeline/record_gate.hpp"
#include "pipeline/ring.hpp"
#include "pipeline/segment_lane.hpp"

namespace framelog {

/// The last stage: puts the frames of every product into its segments, or passes them over while
/// nothing is to be recorded, and frees their slots. An armed recorder trails the reducers by what
/// an event could still want.
class WriteLoop {
 public:
  /// One lane per product, in the order of the ring's products; null where nothing is recorded.
  /// With `took_over` the ring is one that a dead process has left: its decisions go on.
  WriteLoop(Ring& ring, const std::vector<SegmentLane*>& lanes, const RecordPolicy& policy,
            bool took_over, Health& health, const Clock& clock);

  /// Threads: write. Returns when the ring is closed, or paused, and every reduced frame in it is
  /// written, dropped, or kept for an event that did not come.
  void run();
  /// Ends all segments; `tail` and `received_total` are capture's last words. The reducers are
  /// done. Threads: write, after run().
  /// Behind a paused run(): what was reduced since. Threads: control, after run().
  void run_to(std::uint64_t to);
  void finish(const LossBefore& tail, std::optional<std::uint64_t> received_total,
              std::string_view reason);
  /// Over the ring of a dead process, before the reducers run: groups that its end had cut short.
  /// Threads: write, before run().
  void settle();
  /// For the gate, where frames are recorded around triggers. False: too many wait, try again
  /// later. Threads: any.
  [[nodiscard]] bool signal(RecordSignal signal);
  /// Signals that no frame has been yet go to the next writer. Threads: control, after run().
  void give_signals_to(WriteLoop& next);
  /// The open segments end before the next frame that is written. Threads: any.
  void roll() noexcept;
  /// Whether frames are being recorded now: without a product that has files never, armed only
  /// during events. Threads: any.
  [[nodiscard]] bool in_event() const noexcept;

 private:
  enum class Action : std::uint8_t { kRecord, kPass, kLose };

  /// What lies in the ring for the process after.
  struct Kept {
    RecordGate::State gate;
    std::uint64_t next{};  ///< The first frame that the gate has not looked at.
  };

  /// Of a product without files.
  struct Unrecorded {
    std::uint64_t done_to{};
    std::uint64_t skipped{};
    std::uint64_t not_recorded{};
    std::uint64_t lost{};
  };

  void take_over();
  void count_again();
  void flush_looked_at(std::uint64_t next);
  [[nodiscard]] std::uint64_t most_at_once() const noexcept;
  [[nodiscard]] std::uint64_t look(std::uint64_t sequence);
  void flush(std::uint64_t to, Action action);
  void handle(std::uint64_t from, std::uint64_t to, Action action);
  void count_unrecorded(std::size_t product, std::uint64_t from, std::uint64_t to);

  Ring& ring_;
  std::uint64_t batch_frames_;
  std::vector<std::optional<ProductWriter>> products_;
  std::optional<RecordGate> gate_;  ///< None: everything is recorded.
  std::uint64_t handled_{};         ///< Frames below it are recorded or passed over.
  std::uint64_t looked_at_{};       ///< By the gate, at the beginning of run().
  KeptState<Kept> kept_;
  Suspect suspect_;
  std::uint64_t left_to_{};        ///< Frames below it are those of a dead process.
  std::uint64_t suspicious_to_{};  ///< Frames below it are written one by one.
  std::atomic<bool> roll_{false};
  std::atomic<bool> in_event_{false};
  Health& health_;
  const Clock& clock_;
};

}  // namespace framelog
