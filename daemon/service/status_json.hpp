#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/recorder.hpp"
#include "service/gpio_lines.hpp"

namespace framelog {

struct StatusRates {
  double frames_per_second{};
  double bytes_per_second{};
  double dropped_share{};  ///< Of the frames received meanwhile.
};

/// Works out rates from one look to the next. Threads: one at a time.
class RateMeter {
 public:
  /// Once a second.
  void look(const RecorderStatus& status, std::int64_t monotonic_ns);
  /// Between the last two looks.
  [[nodiscard]] const StatusRates& rates() const noexcept { return rates_; }

 private:
  struct Counts {
    std::string run;
    std::uint64_t received{};
    std::uint64_t dropped{};
    std::uint64_t bytes{};
  };
  [[nodiscard]] static Counts counts_of(const RecorderStatus& status);

  std::int64_t looked_ns_{-1};
  Counts last_;
  StatusRates rates_;
};

/// What the recorder itself does not know.
struct StatusSurroundings {
  StatusRates rates;
  std::vector<std::string> degraded;
  std::optional<std::int64_t> free_bytes;
  double uptime_s{};
  LinesStatus lines;
};

/// The result of the method `status`. Threads: any.
[[nodiscard]] std::string status_json(const RecorderStatus& status,
                                      const StatusSurroundings& surroundings);

}  // namespace framelog
