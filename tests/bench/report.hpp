#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

namespace framelog::bench {

inline double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values.empty() ? 0.0 : values[values.size() / 2];
}

/// The table that a benchmark prints, a line as soon as it is known, and its exit status.
class Report {
 public:
  void at_least(const std::string& name, double measured, double bound, const char* unit = "") {
    line(name, measured, unit, fmt::format(">= {:.4g}", bound), measured >= bound);
  }
  void at_most(const std::string& name, double measured, double bound, const char* unit = "") {
    line(name, measured, unit, fmt::format("<= {:.4g}", bound), measured <= bound);
  }
  /// Something to know beside the ratios.
  static void note(const std::string& text) {
    std::printf("    %s\n", text.c_str());
    std::fflush(stdout);
  }
  [[nodiscard]] int status() const noexcept { return missed_ ? 1 : 0; }

 private:
  void line(const std::string& name, double measured, const char* unit, const std::string& bound,
            bool met) {
    std::printf("%-56s %9.4g %-9s %-9s %s\n", name.c_str(), measured, unit, bound.c_str(),
                met ? "ok" : "MISSED");
    std::fflush(stdout);
    missed_ = missed_ || !met;
  }

  bool missed_{};
};

}  // namespace framelog::bench
