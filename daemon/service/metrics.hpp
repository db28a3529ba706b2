#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "pipeline/recorder.hpp"
#include "service/board.hpp"
#include "service/degraded.hpp"
#include "service/gpio_lines.hpp"
#include "service/metrics_totals.hpp"

namespace framelog {

/// All borrowed.
struct MetricsInput {
  const RecorderStatus& status;
  const SessionTotals& totals;
  std::optional<std::int64_t> free_bytes;  ///< Where the segments go.
  BoardState board;
  std::span<const DegradedReason> degraded;
  std::span<const LineStatus> lines{};  ///< Of GPIO.
  bool lines_present{};
};

/// In the text format of Prometheus (version 0.0.4). What is not known has no line. Threads: any.
[[nodiscard]] std::string metrics_text(const MetricsInput& input);

}  // namespace framelog
