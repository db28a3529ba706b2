#include "service/status_json.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace framelog {
namespace {

constexpr std::int64_t kNsPerSecond = 1'000'000'000;

RecorderStatus recording(std::uint64_t received, std::uint64_t bytes) {
  RecorderStatus status;
  status.state = RecorderState::kRecording;
  status.instrument = "camera";
  status.run_uuid = "u";
  status.session.emplace();
  status.session->source_connected = true;
  status.session->received = received;
  status.session->products.emplace_back().name = "frames";
  status.session->products[0].bytes = bytes;
  status.session->products[0].accounting.received = received;
  return status;
}

std::uint64_t& ring_full(RecorderStatus& status) {
  auto& dropped = status.session->products[0].accounting.dropped;
  return dropped[static_cast<std::size_t>(DropReason::kRingFull)];
}

TEST(RateMeterTest, RatesAreFromOneLookToTheNext) {
  RateMeter meter;
  meter.look(recording(1000, 5000), 0);
  EXPECT_EQ(meter.rates().frames_per_second, 0);
  meter.look(recording(1050, 6000), 2 * kNsPerSecond);
  EXPECT_EQ(meter.rates().frames_per_second, 25);
  EXPECT_EQ(meter.rates().bytes_per_second, 500);
  EXPECT_EQ(meter.rates().dropped_share, 0);
}

TEST(RateMeterTest, ANewSessionCountsFromZero) {
  RateMeter meter;
  meter.look(recording(1000, 5000), 0);
  meter.look(recording(30, 90), kNsPerSecond);
  EXPECT_EQ(meter.rates().frames_per_second, 30);
  auto next_run = recording(2000, 100);
  next_run.run_uuid = "v";
  meter.look(next_run, 2 * kNsPerSecond);
  EXPECT_EQ(meter.rates().frames_per_second, 2000);
}

TEST(RateMeterTest, DropsAreAShareOfWhatCameMeanwhile) {
  RateMeter meter;
  meter.look(recording(0, 0), 0);
  auto status = recording(100, 0);
  status.session->dropped = 10;
  meter.look(status, kNsPerSecond);
  EXPECT_EQ(meter.rates().dropped_share, 0.1);
  meter.look(status, 2 * kNsPerSecond);
  EXPECT_EQ(meter.rates().dropped_share, 0);
}

TEST(StatusJsonTest, SaysEverythingThatIsKnown) {
  auto status = recording(103, 5000);
  status.run_number = 12;
  status.source.emplace().shape = {480, 640, PixelType::kUint16};
  status.source->rate_hz = 25.0;
  status.session->products[0].path = "/data/a.h5.part";
  status.session->ring_slots = 128;
  ring_full(status) = 3;
  StatusSurroundings surroundings;
  surroundings.free_bytes = 77;
  surroundings.degraded = {"ring-full"};
  const auto json = nlohmann::json::parse(status_json(status, surroundings));
  EXPECT_EQ(json["instrument"], "camera");
  EXPECT_EQ(json["state"], "recording");
  EXPECT_EQ(json["run"]["number"], 12);
  EXPECT_EQ(json["source"]["shape"], nlohmann::json({480, 640}));
  EXPECT_EQ(json["source"]["dtype"], "uint16");
  EXPECT_EQ(json["source"]["rate_hz"], 25.0);
  EXPECT_EQ(json["source"]["connected"], true);
  EXPECT_EQ(json["source"]["error"], nullptr);
  const auto& product = json["products"][0];
  EXPECT_EQ(product["accounting"]["received"], 103);
  EXPECT_EQ(product["accounting"]["dropped"], nlohmann::json({{"ring-full", 3}}));
  EXPECT_EQ(product["accounting"]["in_flight"], 100);
  EXPECT_EQ(product["path"], "/data/a.h5.part");
  EXPECT_EQ(product["blocked"], nullptr);
  EXPECT_EQ(json["ring"]["slots"], 128);
  EXPECT_EQ(json["free_bytes"], 77);
  EXPECT_EQ(json["degraded"], nlohmann::json({"ring-full"}));
}

TEST(StatusJsonTest, SaysWhyTheSourceIsAwayAndWhatItsDriverCounts) {
  auto status = recording(103, 5000);
  status.source.emplace();
  status.session->source_connected = false;
  status.session->source_trouble = "no frame for too long";
  status.session->source_away_ns = 5 * kNsPerSecond / 2;
  status.session->source_counts = {{"missing-packets", "", 7}};
  const auto json = nlohmann::json::parse(status_json(status, {}));
  EXPECT_EQ(json["source"]["connected"], false);
  EXPECT_EQ(json["source"]["error"], "no frame for too long");
  EXPECT_EQ(json["source"]["away_s"], 2.5);
  EXPECT_EQ(json["source"]["counts"], nlohmann::json({{"missing-packets", 7}}));
}

TEST(StatusJsonTest, WhatIsNotKnownIsNull) {
  const auto json = nlohmann::json::parse(status_json({}, {}));
  for (const char* name : {"run", "ring", "free_bytes"}) EXPECT_EQ(json[name], nullptr) << name;
  EXPECT_TRUE(json["products"].empty());
  EXPECT_EQ(json["source"]["connected"], false);
}

}  // namespace
}  // namespace framelog
