#pragma once

#include <vector>

#include "core/settings.hpp"
#include "drivers/frame_source.hpp"
#include "pipeline/record_gate.hpp"

namespace framelog {

/// What [record] says; what is wrong is added to `complaints`. The statistic of a trigger is that
/// of a product as `products` numbers them.
[[nodiscard]] RecordPolicy record_policy_of(const Settings& settings,
                                            const std::vector<std::string>& products,
                                            std::vector<Complaint>& complaints);

/// Whether a ring of `slots` can keep the frames before a trigger.
void check_kept_frames(const RecordPolicy& policy, const SourceInfo& source, std::uint64_t slots,
                       std::vector<Complaint>& complaints);

}  // namespace framelog
