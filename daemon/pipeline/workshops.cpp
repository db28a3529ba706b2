#include "pipeline/workshops.hpp"

#include <algorithm>
#include <utility>

namespace framelog {

Result<std::vector<Workshop>> open_workshops(FileSystem& files, const RecordingPlan& plan,
                                             std::span<const Workshop> there) {
  std::vector<std::filesystem::path> bases;
  const auto is_open = [&](const std::filesystem::path& base) {
    const auto path = workshop_path(base, plan.instrument);
    return std::ranges::find(bases, base) != bases.end() ||
           std::ranges::any_of(there, [&](const Workshop& open) { return open.path() == path; });
  };
  for (const ProductPlan& product : plan.products) {
    if (product.store && !is_open(product.store->base)) {
      bases.push_back(product.store->base);
    }
  }
  std::vector<Workshop> workshops;
  for (const auto& base : bases) {
    auto workshop = Workshop::open(files, base, plan.instrument);
    if (!workshop) return std::unexpected(workshop.error());
    workshops.push_back(std::move(*workshop));
  }
  return workshops;
}

}  // namespace framelog
