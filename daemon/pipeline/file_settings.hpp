#pragma once

#include <string>
#include <vector>

#include "core/settings.hpp"
#include "store/segment_store.hpp"

namespace framelog {

/// How a product's section wants its files' bytes: what is wrong with byte order and compression
/// is added to `complaints`.
void check_files(const Settings& settings, const std::string& section,
                 std::vector<Complaint>& complaints);

/// None where check_files() complains.
[[nodiscard]] Compression compression_of(const Settings& settings, const std::string& section);

}  // namespace framelog
