#include "command/status_text.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace framelog {
namespace {

using Json = nlohmann::ordered_json;

Json recording() {
  return Json::parse(R"({
    "instrument": "camera", "state": "recording", "version": "0.1.0", "pid": 7, "base": "/data",
    "run": {"uuid": "u", "number": 12, "start": "2001-02-03T04:05:06.000000Z"},
    "source": {"driver": "simulator", "model": "Ramp", "serial": "", "shape": [480, 640],
               "dtype": "uint16", "rate_hz": 25.0, "connected": true, "error": null},
    "products": [{"name": "frames", "bytes": 5, "segments": 2, "clipped_pixels": 0,
                  "path": "/data/a.h5.part", "blocked": null,
                  "accounting": {"received": 103, "recorded": 100, "merged": 0, "skipped": 0,
                                 "not_recorded": 0, "dropped": {"ring-full": 2, "disk-full": 1},
                                 "lost_at_source": {}, "in_flight": 0}}],
    "ring": {"slots": 128, "used": 3}, "clock_synchronised": false, "free_bytes": 312000000000,
    "degraded": [], "frames_per_second": 25.0, "bytes_per_second": 16400000.0,
    "dropped_share": 0.0, "uptime_s": 5.0, "took_over": 0})");
}

TEST(StatusTextTest, TheHeadlineSaysItAll) {
  const std::string text = status_text(recording().dump());
  EXPECT_TRUE(text.starts_with("camera: recording 25.0 fps, 16.4 MB/s, run 12 since 2001-02-03 "))
      << text;
}

TEST(StatusTextTest, TheTableHasEveryProductWithItsPathAndItsLosses) {
  const std::string text = status_text(recording().dump());
  EXPECT_NE(text.find("3 (ring-full 2, disk-full 1)"), std::string::npos) << text;
  EXPECT_NE(text.find("/data/a.h5.part\n"), std::string::npos) << text;
  EXPECT_NE(text.find("ring 3 of 128 frames, 312 GB free in /data, clock NOT synchronised\n"),
            std::string::npos)
      << text;
  EXPECT_EQ(text.find("DEGRADED"), std::string::npos) << text;
}

TEST(StatusTextTest, WhatIsWrongIsSaid) {
  Json status = recording();
  status["degraded"] = {"source-lost", "disk-full"};
  status["products"][0]["blocked"] = "disk-full";
  status["source"]["connected"] = false;
  const std::string text = status_text(status.dump());
  EXPECT_NE(text.find("DEGRADED: source-lost, disk-full\n"), std::string::npos) << text;
  EXPECT_NE(text.find("NOT RECORDED: disk-full"), std::string::npos) << text;
  EXPECT_NE(text.find("not connected"), std::string::npos) << text;
}

TEST(StatusTextTest, WithoutASessionThereIsAHeadlineOnly) {
  Json status = recording();
  status["state"] = "waiting for the source";
  status["run"] = nullptr;
  status["ring"] = nullptr;
  status["free_bytes"] = nullptr;
  status["products"] = Json::array();
  status["source"] = {{"connected", false}, {"error", "no such device"}};
  EXPECT_EQ(status_text(status.dump()),
            "camera: waiting for the source\nsource absent: no such device\n");
}

TEST(StatusCheckTest, MonitoringGetsAStatusAndNumbers) {
  Json status = recording();
  StatusCheck check = status_check(status.dump());
  EXPECT_EQ(check.exit_status, 0);
  EXPECT_TRUE(check.line.starts_with("FRAMELOG OK - camera: recording 25.0 fps")) << check.line;
  EXPECT_TRUE(check.line.ends_with(
      " | fps=25.00 bytes_per_second=16400000 dropped=3c lost=0c free=312000000000B"))
      << check.line;
  status["degraded"] = {"ring-full"};
  check = status_check(status.dump());
  EXPECT_EQ(check.exit_status, 1);
  EXPECT_NE(check.line.find("FRAMELOG WARNING"), std::string::npos);
  EXPECT_NE(check.line.find("degraded: ring-full"), std::string::npos);
  for (const char* state : {"idle", "waiting for the source", "starting", "draining", "ended"}) {
    status["state"] = state;
    EXPECT_EQ(status_check(status.dump()).exit_status, 2) << state;
  }
  status["state"] = "armed";
  status["degraded"] = Json::array();
  EXPECT_EQ(status_check(status.dump()).exit_status, 0);
}

}  // namespace
}  // namespace framelog
