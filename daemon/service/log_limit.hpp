#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace framelog {

/// Holds back lines that say the same again and again: of one text kMostLines pass in kWindowNs,
/// and what was left out is told in one line. Remembers kMostTexts texts at once; of further ones
/// all lines pass. Threads: one at a time.
class LogLimit {
 public:
  static constexpr std::uint64_t kMostLines = 20;
  static constexpr std::int64_t kWindowNs = 30'000'000'000;
  static constexpr std::size_t kMostTexts = 256;

  [[nodiscard]] bool passes(std::string_view text, std::int64_t now_ns);

  struct LeftOut {
    std::string text;
    std::uint64_t lines;
  };
  /// Of the texts whose window is over, what was left out, once.
  [[nodiscard]] std::vector<LeftOut> take_left_out(std::int64_t now_ns);

 private:
  struct Window {
    std::int64_t began_ns;
    std::uint64_t lines;
  };

  std::unordered_map<std::string, Window> windows_;
  std::int64_t looked_ns_{};
};

}  // namespace framelog
