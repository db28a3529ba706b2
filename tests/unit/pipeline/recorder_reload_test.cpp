#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "recorder_rig.hpp"

namespace framelog {
namespace {

TEST(Recorder, ReloadsWithTheSameSourceAsANewRun) {
  Rig rig;
  rig.recording.source.frames_until_cancelled();
  rig.begin();
  rig.until_counted(&Accounting::recorded, 10);
  rig.recording.set("product.raw", "bin", "2x2");
  ASSERT_TRUE(rig.reload());
  EXPECT_EQ(rig.adopted, 2);
  rig.until_counted(&Accounting::recorded, 10);
  EXPECT_EQ(rig.end(), 0);
  const auto segments = rig.recording.segments("raw");
  ASSERT_EQ(segments.size(), 2U);
  EXPECT_EQ(segments[0].provenance.stop_reason, "reload");
  EXPECT_EQ(segments[1].provenance.run_number, 2);
  EXPECT_EQ(rig.recording.source.opens, 1);
  EXPECT_EQ(rig.texts(EventKind::kReloaded).size(), 1U);
}

TEST(Recorder, RefusesAReloadAndRecordsOn) {
  Rig rig;
  rig.recording.source.frames_until_cancelled();
  rig.begin();
  rig.until_counted(&Accounting::recorded, 10);
  const auto load = rig.load;
  rig.load = [] { return std::unexpected(std::vector<std::string>{"a:1: bad", "a:2: worse"}); };
  auto answer = rig.reload();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kInvalid);
  EXPECT_EQ(answer.error().context, "a:1: bad\na:2: worse");
  EXPECT_EQ(rig.texts(EventKind::kReloadRefused),
            std::vector<std::string>{"reload refused: a:1: bad (and 1 more)"});

  rig.load = load;
  rig.recording.set("product.raw", "roi", "y=0:400, x=0:400");
  EXPECT_FALSE(rig.reload()) << "the source's frames are smaller";

  FakeClock clock;
  ScriptedSource absent(clock, {4, 8, PixelType::kUint16});
  absent.refused_opens = 1;
  rig.load = [&] { return rig.setup_of(absent, "2"); };
  answer = rig.reload();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().context, "source: no instrument");
  EXPECT_EQ(rig.recorder->status().run_number, 1);
  EXPECT_EQ(rig.end(), 0);
  EXPECT_EQ(rig.recording.segments("raw").size(), 1U);
  EXPECT_EQ(rig.adopted, 1);
}

TEST(Recorder, GoesOnWhereTheNewFilesCannotBe) {
  Rig rig;
  rig.recording.source.frames_until_cancelled();
  rig.begin();
  rig.until_counted(&Accounting::recorded, 10);
  const auto file = rig.base / "taken";
  std::ofstream(file) << "x";
  rig.recording.set("files", "base", (file / "below").string());
  ASSERT_FALSE(rig.reload());
  rig.until_counted(&Accounting::recorded, 20);
  EXPECT_EQ(rig.recorder->status().run_number, 1);
  EXPECT_EQ(rig.end(), 0);
  EXPECT_EQ(rig.adopted, 1);
  std::filesystem::remove(file);
  EXPECT_EQ(rig.recording.segments("raw").size(), 1U);
}

TEST(Recorder, GoesBackWhereTheNewConfigurationCannotRecord) {
  Rig rig;
  rig.recording.source.frames_until_cancelled();
  rig.begin();
  rig.until_counted(&Accounting::recorded, 10);
  const auto file = rig.base / "taken";
  std::ofstream(file) << "x";
  rig.recording.set("files", "base", (file / "below").string());
  rig.recording.set("ring", "memory", "2 MiB");  // Not without a new session.
  const auto answer = rig.reload();
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().context.find("files: "), std::string::npos);
  rig.until_counted(&Accounting::recorded, 10);
  EXPECT_EQ(rig.recorder->status().run_number, 2);
  EXPECT_EQ(rig.end(), 0);
  EXPECT_EQ(rig.adopted, 1);
  std::filesystem::remove(file);
  EXPECT_EQ(rig.recording.segments("raw").size(), 2U);
}

TEST(Recorder, ReloadsWithAnotherSource) {
  Rig rig;
  rig.hardware = true;
  rig.recording.source.frames_until_cancelled();
  rig.begin();
  rig.until_counted(&Accounting::recorded, 10);
  ScriptedSource other(rig.recording.clock, {2, 4, PixelType::kUint8});
  other.refused_opens = 2;
  other.frames(15);
  rig.load = [&] { return rig.setup_of(other, "2"); };
  const auto answer = rig.reload();
  ASSERT_TRUE(answer) << "hardware is waited for";
  EXPECT_NE(answer->find("absent: no instrument"), std::string::npos) << *answer;
  EXPECT_EQ(rig.wait_end(), 0);
  const auto segments = rig.recording.segments("raw");
  ASSERT_EQ(segments.size(), 2U);
  EXPECT_EQ(segments[1].frames, 15);
}

}  // namespace
}  // namespace framelog
