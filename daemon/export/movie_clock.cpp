#include "export/movie_clock.hpp"

#include <fmt/format.h>

namespace framelog {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

}  // namespace

std::int64_t MovieClock::ticks(std::int64_t time_ns) const noexcept {
  return time_ns / kSecond * rate_ + (time_ns % kSecond * rate_ + kSecond / 2) / kSecond;
}

Result<MovieClock::Span> MovieClock::show(std::int64_t duration_ns) {
  const std::int64_t start = ticks(now_ns_);
  const std::int64_t stop = duration_ns > 0 ? ticks(now_ns_ + duration_ns) : start;
  if (stop <= start) {
    return fail(ErrorCode::kInvalid, "movie",
                fmt::format("a frame lasts {:g} ms, and this format counts in 1/{} s (allowed: "
                            "--fps, --every or webm, mp4, zip)",
                            static_cast<double>(duration_ns) * 1e-6, rate_));
  }
  if (stop - start > longest_) {
    return fail(ErrorCode::kInvalid, "movie",
                fmt::format("a frame lasts {:g} s, and this format tells {:g} s at most (allowed: "
                            "--fps or webm, mp4, zip)",
                            static_cast<double>(duration_ns) * 1e-9,
                            static_cast<double>(longest_) / static_cast<double>(rate_)));
  }
  now_ns_ += duration_ns;
  return Span{start, stop - start};
}

}  // namespace framelog
