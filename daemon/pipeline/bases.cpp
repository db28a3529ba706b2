#include "pipeline/bases.hpp"

#include <algorithm>

namespace framelog {
namespace {

std::shared_ptr<Base> find(const Bases& bases, const SegmentStoreConfig& store) {
  const auto found = std::ranges::find_if(bases, [&](const auto& base) {
    return base->path() == store.base && base->requires_mount() == store.require_mount;
  });
  return found == bases.end() ? nullptr : *found;
}

}  // namespace

Bases bases_of(FileSystem& files, const RecordingPlan& plan, const Bases& there) {
  Bases bases;
  for (const ProductPlan& product : plan.products) {
    if (!product.store || find(bases, *product.store)) continue;
    auto base = find(there, *product.store);
    if (!base) {
      base = std::make_shared<Base>(files, product.store->base, plan.instrument,
                                    product.store->require_mount);
    }
    bases.push_back(std::move(base));
  }
  return bases;
}

Result<void> open_bases(FileSystem& files, const Bases& bases) {
  for (const auto& base : bases) {
    const auto opened = base->open();
    if (opened || opened.error().code == ErrorCode::kNoSpace) continue;
    if (!base->requires_mount() || !is_disk_missing(files, base->path())) return opened;
  }
  return {};
}

Result<std::int64_t> draw_run_number(const Bases& bases) {
  const auto open = std::ranges::find_if(bases, [](const auto& base) { return base->is_open(); });
  if (open == bases.end()) return 0;
  auto number = (*open)->next_run_number();
  // On a full disk not even that can be noted: it comes with the first room.
  if (!number && number.error().code == ErrorCode::kNoSpace) return 0;
  return number;
}

}  // namespace framelog
