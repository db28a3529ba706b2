#include "drivers/merlin_numbers.hpp"

#include <algorithm>
#include <functional>

namespace framelog {

void MerlinNumbers::begin(std::string_view header, std::uint64_t announced) noexcept {
  const std::uint64_t digest = std::hash<std::string_view>{}(header);
  is_known_ = digest == header_ && last_ > 0;
  header_ = digest;
  announced_next_ = announced;
  has_begun_ = true;
}

void MerlinNumbers::recall(const Memory& memory, std::uint64_t last) noexcept {
  if (last_ > 0 || memory[0] == 0) return;
  base_ = memory[0] - 1;
  known_header_ = memory[1];
  announced_ = memory[2];
  is_from_zero_ = memory[3] != 0;
  last_ = last;
  interrupted_ = true;
  is_known_ = has_begun_ && header_ == known_header_;
  if (!has_begun_) header_ = known_header_;
}

std::uint64_t MerlinNumbers::number(std::uint64_t number) noexcept {
  const bool goes_on = base_ + number > last_;
  const bool from_the_start = number <= kFirst;
  if ((has_begun_ && !(is_known_ && goes_on)) || (!goes_on && from_the_start)) {
    end_acquisition();
    is_from_zero_ = number == 0;
    if (is_from_zero_) ++base_;
  } else if (!goes_on) {
    base_ = last_ + 1 - number;
  }
  if (has_begun_) {
    announced_ = announced_next_;
    known_header_ = header_;
  }
  has_begun_ = interrupted_ = false;
  last_ = base_ + number;
  return last_;
}

void MerlinNumbers::end_acquisition() noexcept {
  std::uint64_t end = last_;
  if (interrupted_ && announced_ > 0) {
    end = std::max(end, base_ + announced_ - (is_from_zero_ ? 1 : 0));
  }
  if (frames_per_scan_ > 0) {
    end = (end + frames_per_scan_ - 1) / frames_per_scan_ * frames_per_scan_;
  }
  base_ = end;
}

}  // namespace framelog
