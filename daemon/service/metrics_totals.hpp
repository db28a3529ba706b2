#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "core/accounting.hpp"
#include "core/health.hpp"
#include "pipeline/session.hpp"

namespace framelog {

inline constexpr std::size_t kMetricsStages = 5;
/// "capture", in the order of the data path.
[[nodiscard]] std::string_view metrics_stage(std::size_t stage) noexcept;

/// Counters of one session, or of several added up.
struct SessionTotals {
  struct Product {
    Accounting accounting;
    std::uint64_t bytes{};
    std::uint64_t segments{};
    std::uint64_t clipped_pixels{};
  };
  std::map<std::string, Product> products;
  std::array<std::uint64_t, kLossReasons> lost_at_source{};
  std::uint64_t reconnects{};
  std::map<std::string, std::uint64_t> source_counts;  ///< Of the driver, by name.
  std::array<Histogram::Counts, kMetricsStages> stages{};
  Histogram::Counts capture_to_disk{};
  std::uint64_t deleted_segments{};

  void add(const SessionTotals& other);
};

/// Adds up the sessions of a process: each has counters of its own, and what Prometheus reads must
/// not go back. Threads: one at a time.
class MetricsTotals {
 public:
  /// The session of that number (RecorderStatus), which grows: the ones before it have ended.
  void look(std::uint64_t number, const SessionStatus& session, const Health* health);
  /// The last words of a session; what is said of it afterwards is ignored.
  void ended(std::uint64_t number, const SessionStatus& session, const Health* health);

  [[nodiscard]] SessionTotals totals() const;

 private:
  void fold();

  SessionTotals ended_;
  SessionTotals current_;
  std::uint64_t number_{};        ///< Of the session in `current_`.
  std::uint64_t ended_number_{};  ///< Of the last one that has ended.
};

}  // namespace framelog
