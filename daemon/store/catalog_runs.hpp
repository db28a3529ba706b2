#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// Private to the catalog*.cpp files of this folder: which run was before which.
namespace framelog {

struct CatalogRun {
  std::string run_uuid;
  std::int64_t run_number{};
  std::optional<std::int64_t> utc_ns;  ///< Of a first frame, where the clock was synchronised.
};

/// The oldest first. Numbers alone would do while there is one base: but each base counts its own
/// runs, and a disk that is new begins at 1. So a run stands at its time where that is known, and
/// else behind the one with the next lower number.
void put_in_order(std::vector<CatalogRun>& runs);

}  // namespace framelog
