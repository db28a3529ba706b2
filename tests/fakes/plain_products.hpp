#pragma once

#include <cstdint>
#include <vector>

#include "pipeline/ring.hpp"

namespace framelog {

/// Products that neither accumulate nor have detectors, by the bytes of their frames.
inline std::vector<ProductLayout> plain_products(const std::vector<std::uint64_t>& bytes) {
  std::vector<ProductLayout> products(bytes.size());
  for (std::size_t i = 0; i < bytes.size(); ++i) products[i].bytes = bytes[i];
  return products;
}

}  // namespace framelog
