#include "store/catalog_runs.hpp"

#include <algorithm>
#include <limits>
#include <tuple>

namespace framelog {

void put_in_order(std::vector<CatalogRun>& runs) {
  std::ranges::sort(runs, [](const CatalogRun& one, const CatalogRun& other) {
    return std::tie(one.run_number, one.run_uuid) < std::tie(other.run_number, other.run_uuid);
  });
  std::int64_t before = std::numeric_limits<std::int64_t>::min();
  for (CatalogRun& run : runs) before = *(run.utc_ns = run.utc_ns.value_or(before));
  std::ranges::stable_sort(runs, {}, [](const CatalogRun& run) { return *run.utc_ns; });
}

}  // namespace framelog
