#include "export/write_series.hpp"

#include <algorithm>
#include <limits>

namespace framelog {

DetectorSums::DetectorSums(const WritePlan& plan)
    : source_(plan.source), frames_(plan.recording->frames) {
  if (source_ != nullptr && plan.result->frames_in_order) {
    blocks_.resize(plan.recording->series.size());
  }
}

Result<void> DetectorSums::read(const ResultSlice& slice, std::vector<double>& sums) {
  sums.assign(blocks_.size(), std::numeric_limits<double>::quiet_NaN());
  if (blocks_.empty() || slice.missing || slice.frame >= frames_) return {};
  if (slice.frame < first_ || slice.frame >= first_ + count_) {
    if (auto done = load(slice.frame); !done) return done;
  }
  for (std::size_t i = 0; i < sums.size(); ++i) sums[i] = blocks_[i][slice.frame - first_];
  return {};
}

Result<void> DetectorSums::load(std::uint64_t frame) {
  constexpr std::uint64_t kBlock = 4096;
  first_ = frame;
  count_ = std::min(kBlock, frames_ - frame);
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    blocks_[i].resize(count_);
    if (auto done = source_->read_series(i, first_, blocks_[i]); !done) {
      count_ = 0;
      return done;
    }
  }
  return {};
}

}  // namespace framelog
