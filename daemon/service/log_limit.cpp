#include "service/log_limit.hpp"

namespace framelog {
namespace {

/// Windows end by seconds, not by lines: looking through them for every line is not needed.
constexpr std::int64_t kLookNs = 1'000'000'000;

}  // namespace

bool LogLimit::passes(std::string_view text, std::int64_t now_ns) {
  std::string key(text);
  auto window = windows_.find(key);
  if (window == windows_.end()) {
    if (windows_.size() >= kMostTexts) return true;
    window = windows_.emplace(std::move(key), Window{now_ns, 0}).first;
  }
  // What an ended window left out is told by take_left_out() first.
  const bool over = now_ns - window->second.began_ns >= kWindowNs;
  if (over && window->second.lines <= kMostLines) window->second = {now_ns, 0};
  return ++window->second.lines <= kMostLines;
}

std::vector<LogLimit::LeftOut> LogLimit::take_left_out(std::int64_t now_ns) {
  std::vector<LeftOut> all;
  if (now_ns - looked_ns_ < kLookNs) return all;
  looked_ns_ = now_ns;
  std::erase_if(windows_, [&](const auto& entry) {
    const auto& [text, window] = entry;
    if (now_ns - window.began_ns < kWindowNs) return false;
    if (window.lines > kMostLines) all.push_back({text, window.lines - kMostLines});
    return true;
  });
  return all;
}

}  // namespace framelog
