#pragma once

#include <cstdint>
#include <vector>

#include "core/health.hpp"
#include "pipeline/ring.hpp"
#include "reduce/reducer.hpp"

namespace framelog {

/// How one product's pixels are made.
struct ProductReduction {
  ReductionPlan plan;
  bool big_endian{};  ///< Swapped after the arithmetic, as the file wants them.
};

/// The second stage: computes every product of the frames with sequence % reducers == index, in
/// their slots.
class ReduceLoop {
 public:
  ReduceLoop(Ring& ring, const std::vector<ProductReduction>& products, std::uint32_t index,
             Health& health, const Clock& clock);
  /// Threads: that reducer. Returns when the ring is closed and all of its frames are done.
  /// Allocates nothing.
  void run();

 private:
  void reduce(std::uint64_t sequence) noexcept;

  Ring& ring_;
  std::vector<Reducer> reducers_;
  std::vector<ProductReduction> products_;
  std::uint32_t index_;
  Health& health_;
  const Clock& clock_;
};

}  // namespace framelog
