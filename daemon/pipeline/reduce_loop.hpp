#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "core/health.hpp"
#include "pipeline/frame_group.hpp"
#include "pipeline/product_reduction.hpp"
#include "pipeline/ring.hpp"
#include "reduce/reducer.hpp"

namespace framelog {

/// The second stage: computes every product of the frames with sequence % reducers == index, in
/// their slots; a product that accumulates belongs to one reducer, which takes every frame for it.
class ReduceLoop {
 public:
  /// `products` is borrowed.
  ReduceLoop(Ring& ring, const std::vector<ProductReduction>& products, std::uint32_t index,
             Health& health, const Clock& clock);
  ReduceLoop(ReduceLoop&&) = delete;
  ReduceLoop& operator=(ReduceLoop&&) = delete;
  ~ReduceLoop() = default;
  /// Threads: that reducer. Returns when the ring is closed and all of its frames are done, or when
  /// it is paused. Allocates nothing.
  void run();
  /// Behind a paused run(): this reducer's frames below `to`. Threads: control, after run().
  void run_to(std::uint64_t to);
  /// No frame comes any more: the group that is not complete becomes the ring's tail. Threads:
  /// control, after run().
  void finish();

 private:
  struct Product {
    std::size_t index;
    const ProductReduction& reduction;
    Reducer reducer;
    FrameCompletion completion;
  };

  void run_frames();
  [[nodiscard]] std::uint64_t frames_at_once() const noexcept;
  void reduce(std::uint64_t sequence) noexcept;
  void lose(std::uint64_t sequence) noexcept;
  [[nodiscard]] std::uint64_t next() const noexcept;
  void reduce_product(Product& product, std::uint64_t sequence) noexcept;

  Ring& ring_;
  std::uint32_t index_;
  std::uint32_t stride_;         ///< From one frame of this reducer's to the next.
  std::deque<Product> frames_;   ///< Products whose frames the reducers share.
  std::deque<Reducer> grouped_;  ///< Of products that accumulate and belong to this reducer.
  std::deque<FrameGroup> groups_;
  StageHealth& health_;
  const Clock& clock_;
  Suspect suspect_;
};

}  // namespace framelog
