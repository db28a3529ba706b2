#include "service/metrics.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "service/metrics_file.hpp"

namespace framelog {
namespace {

SessionStatus session(std::uint64_t received, std::uint64_t recorded) {
  SessionStatus status;
  SessionStatus::Product product;
  product.name = "whole";
  product.accounting.received = received;
  product.accounting.recorded = recorded;
  product.accounting.dropped[0] = received - recorded;
  product.bytes = recorded * 10;
  product.segments = 1;
  status.products.push_back(product);
  status.reconnects = 1;
  return status;
}

const SessionTotals::Product& whole(const SessionTotals& totals) {
  return totals.products.at("whole");
}

TEST(MetricsTotals, NeverGoBackWhenARunFollowsARun) {
  MetricsTotals totals;
  totals.look(1, session(100, 90), nullptr);
  totals.look(1, session(200, 150), nullptr);
  EXPECT_EQ(whole(totals.totals()).accounting.recorded, 150U);
  totals.look(2, session(10, 10), nullptr);
  const SessionTotals both = totals.totals();
  EXPECT_EQ(whole(both).accounting.received, 210U);
  EXPECT_EQ(whole(both).accounting.recorded, 160U);
  EXPECT_EQ(whole(both).accounting.dropped[0], 50U);
  EXPECT_EQ(whole(both).bytes, 1600U);
  EXPECT_EQ(whole(both).segments, 2U);
  EXPECT_EQ(both.reconnects, 2U);
}

TEST(MetricsTotals, AddUpWhatTheDriverCountedInEachRun) {
  MetricsTotals totals;
  SessionStatus first = session(100, 90);
  first.source_counts = {{"missing-packets", "", 3}};
  SessionStatus second = session(10, 10);
  second.source_counts = {{"missing-packets", "", 4}};
  totals.look(1, first, nullptr);
  totals.look(2, second, nullptr);
  EXPECT_EQ(totals.totals().source_counts.at("missing-packets"), 7U);
}

TEST(MetricsTotals, CountTheLastWordsOfARunOnce) {
  MetricsTotals totals;
  totals.look(1, session(100, 90), nullptr);
  totals.ended(1, session(120, 120), nullptr);
  totals.look(1, session(120, 120), nullptr);
  EXPECT_EQ(whole(totals.totals()).accounting.recorded, 120U);
  totals.look(2, session(5, 5), nullptr);
  EXPECT_EQ(whole(totals.totals()).accounting.recorded, 125U);
}

TEST(MetricsTotals, AddUpTheTimesOfAllReducersAndRuns) {
  Health first;
  first.reduce[0].seconds.observe(1000);
  first.reduce[5].seconds.observe(1000);
  first.housekeeping[0].capture_to_disk.observe(2000);
  first.housekeeping[1].capture_to_finished.observe(2000);
  Health second;
  second.reduce[1].seconds.observe(1000);
  MetricsTotals totals;
  totals.look(1, session(1, 1), &first);
  totals.look(1, session(2, 2), nullptr);
  totals.look(2, session(1, 1), &second);
  const SessionTotals all = totals.totals();
  EXPECT_EQ(metrics_stage(1), "reduce");
  EXPECT_EQ(all.stages[1].buckets[0], 3U);
  EXPECT_EQ(all.stages[1].sum_ns, 3000);
  EXPECT_EQ(all.capture_to_disk.buckets[1], 2U);
}

struct Rig {
  Rig() {
    status.instrument = "came\"ra\\1";
    status.state = RecorderState::kRecording;
    status.session = session(100, 90);
    status.session->ring_slots = 64;
    status.session->ring_used_slots = 3;
    status.session->source_connected = true;
    totals.look(1, *status.session, &health);
  }
  std::string text() {
    const SessionTotals all = totals.totals();
    return metrics_text({status, all, free_bytes, board, degraded, lines, lines_present});
  }
  bool has(const std::string& line) {
    return ("\n" + text()).find("\n" + line + "\n") != std::string::npos;
  }

  RecorderStatus status;
  Health health;
  MetricsTotals totals;
  std::optional<std::int64_t> free_bytes;
  BoardState board;
  std::vector<DegradedReason> degraded;
  std::vector<LineStatus> lines;
  bool lines_present{};
};

constexpr const char* kInstrument = R"(instrument="came\"ra\\1")";

TEST(MetricsText, TellsWhatBecameOfTheFrames) {
  Rig rig;
  const std::string labels = std::string("{") + kInstrument + ",product=\"whole\"";
  EXPECT_TRUE(rig.has("framelog_frames_total" + labels + ",outcome=\"received\"} 100"))
      << rig.text();
  EXPECT_TRUE(rig.has("framelog_frames_total" + labels + ",outcome=\"recorded\"} 90"));
  EXPECT_TRUE(rig.has("framelog_dropped_frames_total" + labels + ",reason=\"ring-full\"} 10"));
  EXPECT_TRUE(rig.has("framelog_dropped_frames_total" + labels + ",reason=\"no-process\"} 0"));
  EXPECT_TRUE(rig.has("framelog_bytes_total" + labels + "} 900"));
}

TEST(MetricsText, TellsTheStateAndLeavesOutWhatIsNotKnown) {
  Rig rig;
  const std::string labels = std::string("{") + kInstrument;
  EXPECT_TRUE(rig.has("framelog_recording" + labels + "} 1"));
  EXPECT_TRUE(rig.has("framelog_ring_slots" + labels + "} 64"));
  EXPECT_TRUE(rig.has("framelog_source_connected" + labels + "} 1"));
  EXPECT_TRUE(rig.has("framelog_degraded" + labels + ",reason=\"disk-full\"} 0"));
  EXPECT_EQ(rig.text().find("framelog_undervoltage"), std::string::npos);
  EXPECT_EQ(rig.text().find("framelog_free_bytes"), std::string::npos);
  rig.degraded = {DegradedReason::kDiskFull};
  rig.free_bytes = 12'345'678'901'234;
  rig.board = {.temperature_celsius = 61.25, .undervoltage = true};
  EXPECT_TRUE(rig.has("framelog_degraded" + labels + ",reason=\"disk-full\"} 1"));
  EXPECT_TRUE(rig.has("framelog_free_bytes" + labels + "} 12345678901234"));
  EXPECT_TRUE(rig.has("framelog_board_temperature_celsius" + labels + "} 61.25"));
  EXPECT_TRUE(rig.has("framelog_undervoltage" + labels + "} 1"));
}

TEST(MetricsText, TellsWhetherGpioLinesAreThere) {
  Rig rig;
  EXPECT_EQ(rig.text().find("framelog_gpio"), std::string::npos) << "none are configured";
  rig.lines = {{.role = LineRole::kGate, .line = "SHUTTER", .rising = 3, .forgotten = 2}};
  const std::string labels = std::string("{") + kInstrument;
  EXPECT_TRUE(rig.has("framelog_gpio_present" + labels + "} 0")) << rig.text();
  rig.lines_present = true;
  EXPECT_TRUE(rig.has("framelog_gpio_present" + labels + "} 1"));
  EXPECT_TRUE(rig.has("framelog_gpio_edges_total" + labels + ",line=\"gate\",edge=\"rising\"} 3"));
  EXPECT_TRUE(rig.has("framelog_gpio_forgotten_signals_total" + labels + ",line=\"gate\"} 2"));
}

TEST(MetricsText, HistogramsAreCumulative) {
  Rig rig;
  rig.health.write.seconds.observe(500);
  rig.health.write.seconds.observe(3'000);
  rig.health.write.seconds.observe(100'000'000'000);
  rig.totals.look(1, *rig.status.session, &rig.health);
  const std::string labels = std::string("{") + kInstrument + ",stage=\"write\"";
  EXPECT_TRUE(rig.has("framelog_stage_seconds_bucket" + labels + ",le=\"1e-06\"} 1")) << rig.text();
  EXPECT_TRUE(rig.has("framelog_stage_seconds_bucket" + labels + ",le=\"2e-06\"} 1"));
  EXPECT_TRUE(rig.has("framelog_stage_seconds_bucket" + labels + ",le=\"4e-06\"} 2"));
  EXPECT_TRUE(rig.has("framelog_stage_seconds_bucket" + labels + ",le=\"67.108864\"} 2"));
  EXPECT_TRUE(rig.has("framelog_stage_seconds_bucket" + labels + ",le=\"+Inf\"} 3"));
  EXPECT_TRUE(rig.has("framelog_stage_seconds_count" + labels + "} 3"));
  EXPECT_NE(rig.text().find("framelog_stage_seconds_sum" + labels + "} 100.0000035"),
            std::string::npos);
}

TEST(MetricsFile, IsReplacedAsAWhole) {
  char name[] = "/tmp/framelog-metrics-XXXXXX";
  const std::filesystem::path directory = ::mkdtemp(name);
  const auto path = directory / "camera.prom";
  {
    MetricsFile file(system_files(), path);
    file.write("first, which is longer\n");
    file.write("second\n");
  }
  EXPECT_EQ(*read_text(system_files(), path), "second\n");
  EXPECT_EQ(system_files().list(directory)->size(), 1U) << "nothing is left beside it";
  std::filesystem::remove_all(directory);
}

TEST(Board, HasNoNumbersWhereTheKernelHasNone) {
  const BoardState board = read_board(system_files());
  if (board.temperature_celsius) {
    EXPECT_GT(*board.temperature_celsius, -60.0);
    EXPECT_LT(*board.temperature_celsius, 150.0);
  }
  EXPECT_EQ(board.undervoltage.has_value(),
            system_files().exists("/sys/devices/platform/soc/soc:firmware/get_throttled"));
}

}  // namespace
}  // namespace framelog
