#include "pipeline/recorder.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "recorder_rig.hpp"

namespace framelog {
namespace {

TEST(Recorder, RecordsToTheEndOfTheSourceAndTellsOfIt) {
  Rig rig;
  rig.recording.source.frames(50);
  rig.begin();
  EXPECT_EQ(rig.wait_end(), 0);
  EXPECT_EQ(rig.ready.get_future().wait_for(seconds(0)), std::future_status::ready);
  EXPECT_EQ(total_of(rig.recording.segments("raw")).frames, 50);
  EXPECT_EQ(rig.texts(EventKind::kStarted),
            std::vector<std::string>{"recording bench to " + rig.base.string()});
  EXPECT_EQ(rig.texts(EventKind::kStopped),
            std::vector<std::string>{"recording stopped: end of source"});
  EXPECT_EQ(rig.texts(EventKind::kSegmentFinished).size(), 2U);
  EXPECT_EQ(rig.recorder->status().state, RecorderState::kEnded);
  EXPECT_EQ(rig.keeper.asked, 1);
  EXPECT_FALSE(rig.start());
}

TEST(Recorder, StopsToIdleAndStartsANewRun) {
  Rig rig;
  rig.recording.source.frames_until_cancelled();
  rig.begin();
  rig.until_counted(&Accounting::recorded, 20);
  EXPECT_EQ(rig.recorder->status().run_number, 1);
  const std::string run = rig.recorder->status().run_uuid;
  ASSERT_TRUE(rig.stop());
  ASSERT_EQ(rig.recording.segments("raw").size(), 1U);
  EXPECT_EQ(rig.recording.segments("raw")[0].provenance.stop_reason, "stop");
  EXPECT_TRUE(rig.recording.leftovers().empty());

  rig.until_state(RecorderState::kIdle);
  rig.until_counted(&Accounting::not_recorded, 20);
  EXPECT_EQ(rig.recorder->status().run_uuid, "");
  EXPECT_FALSE(rig.recorder->status().session->in_event);
  EXPECT_EQ(rig.recorder->status().session->products.at(0).accounting.recorded, 0U);

  ASSERT_TRUE(rig.start());
  rig.until_counted(&Accounting::recorded, 20);
  EXPECT_EQ(rig.recorder->status().state, RecorderState::kRecording);
  EXPECT_EQ(rig.recorder->status().run_number, 2);
  EXPECT_NE(rig.recorder->status().run_uuid, run);
  EXPECT_EQ(rig.end(), 0);
  EXPECT_EQ(rig.recording.segments("raw").size(), 2U);
}

TEST(Recorder, BeginsIdleWhereACommandStartsIt) {
  Rig rig;
  rig.by_command = true;
  rig.recording.source.frames_until_cancelled();
  rig.begin();
  rig.until_counted(&Accounting::not_recorded, 10);
  EXPECT_EQ(rig.recorder->status().state, RecorderState::kIdle);
  EXPECT_TRUE(rig.recording.segments("raw").empty());
  EXPECT_TRUE(rig.texts(EventKind::kStarted).empty());
  ASSERT_TRUE(rig.start());
  rig.until_counted(&Accounting::recorded, 10);
  EXPECT_EQ(rig.end(), 0);
  EXPECT_EQ(rig.recording.segments("raw").size(), 1U);
}

TEST(Recorder, RefusesWhatMakesNoSenseInItsState) {
  Rig rig;
  rig.recording.source.frames_until_cancelled();
  rig.begin();
  rig.until_counted(&Accounting::recorded, 1);
  const auto code = [](const Result<std::string>& answer) {
    return answer ? std::string("done: ") + *answer : std::string(answer.error().what);
  };
  EXPECT_EQ(code(rig.start()), "there is nothing to start:");
  EXPECT_EQ(code(rig.trigger()), "no trigger is waited for");
  EXPECT_TRUE(rig.roll());
  ASSERT_TRUE(rig.stop());
  rig.until_state(RecorderState::kIdle);
  EXPECT_EQ(code(rig.stop()), "there is nothing to stop:");
  for (const auto& answer :
       {rig.roll(), rig.trigger(), rig.mark("too late"), rig.set("t", 1, "")}) {
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::kInvalid);
    EXPECT_NE(describe(answer.error()).find("idle (allowed while recording or armed)"),
              std::string::npos);
  }
  EXPECT_TRUE(rig.texts(EventKind::kMark).empty());
  EXPECT_EQ(rig.end(), 0);
}

TEST(Recorder, EndsAfterAsManyFramesOfRecordingAsWereAskedFor) {
  Rig rig;
  rig.limits.frames = 30;
  rig.recording.source.frames(10)
      .then([&] {
        rig.recording.source.info.shape = {2, 4, PixelType::kUint16};
      })
      .fail_with(ErrorCode::kGeometry)
      .frames(1000);
  rig.begin();
  EXPECT_EQ(rig.wait_end(), 0);
  const auto segments = rig.recording.segments("raw");
  ASSERT_EQ(segments.size(), 2U) << "a change of geometry begins a new run";
  EXPECT_EQ(segments[0].provenance.stop_reason, "change of geometry");
  EXPECT_EQ(segments[1].provenance.run_number, 2);
  EXPECT_EQ(segments[0].frames + segments[1].frames, 29) << "one had another size than announced";
}

TEST(Recorder, EndsAfterTheTimeThatWasAskedFor) {
  // A machine may take longer than that to open the first file.
  std::size_t segments = 0;
  for (std::chrono::seconds duration(1); segments == 0; duration *= 4) {
    ASSERT_LT(duration, std::chrono::minutes(2)) << "no file in the time before";
    Rig rig;
    rig.limits.duration = duration;
    rig.recording.source.frames_until_cancelled();
    rig.begin();
    EXPECT_EQ(rig.wait_end(), 0);
    segments = rig.recording.segments("raw").size();
  }
}

TEST(Recorder, WaitsForHardwareThatIsAbsent) {
  Rig rig;
  rig.hardware = true;
  rig.recording.source.refused_opens = 1'000'000;
  rig.recording.source.frames(20);
  rig.begin();
  rig.until_state(RecorderState::kWaitingForSource);
  EXPECT_EQ(rig.ready.get_future().wait_for(seconds(60)), std::future_status::ready);
  EXPECT_EQ(rig.recorder->status().source_error, "no instrument");
  EXPECT_FALSE(rig.recorder->status().session);
  EXPECT_EQ(rig.recorder->grab("").error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(rig.start()) << "it will record anyway";
  rig.recording.source.refused_opens = 0;
  EXPECT_EQ(rig.wait_end(), 0);
  EXPECT_EQ(rig.texts(EventKind::kSourceLost).size(), 1U);
  EXPECT_EQ(rig.texts(EventKind::kSourceBack).size(), 1U);
  EXPECT_EQ(rig.recorder->status().source_error, "");
  EXPECT_EQ(total_of(rig.recording.segments("raw")).frames, 20);
}

TEST(Recorder, CanBeStoppedAndStartedWhileItsSourceIsAbsent) {
  Rig rig;
  rig.hardware = true;
  rig.recording.source.refused_opens = 1'000'000;
  rig.recording.source.frames_until_cancelled();
  rig.begin();
  rig.until_state(RecorderState::kWaitingForSource);
  ASSERT_TRUE(rig.stop());
  EXPECT_FALSE(rig.stop());
  EXPECT_FALSE(rig.roll());
  rig.recording.source.refused_opens = 0;
  rig.until_counted(&Accounting::not_recorded, 1);
  EXPECT_EQ(rig.recorder->status().state, RecorderState::kIdle);
  EXPECT_EQ(rig.end(), 0);
  EXPECT_TRUE(rig.recording.segments("raw").empty());
}

TEST(Recorder, EndsWhileItsSourceIsAbsent) {
  Rig rig;
  rig.hardware = true;
  rig.recording.source.refused_opens = 1'000'000;
  rig.begin();
  rig.until_state(RecorderState::kWaitingForSource);
  EXPECT_EQ(rig.end(), 0);
}

TEST(Recorder, RefusesASourceThatIsNoHardwareAndCannotBeOpened) {
  Rig rig;
  rig.recording.source.refused_opens = 1;
  rig.begin();
  EXPECT_EQ(rig.wait_end(), 2);
  EXPECT_EQ(rig.texts(EventKind::kRefused), std::vector<std::string>{"source: no instrument"});
}

TEST(Recorder, RefusesAPlanThatTheSourceMakesWrong) {
  Rig rig;
  rig.recording.set("product.raw", "roi", "y=0:400, x=0:400");
  rig.begin();
  EXPECT_EQ(rig.wait_end(), 2);
  EXPECT_EQ(rig.texts(EventKind::kRefused).size(), 1U);
}

TEST(Recorder, StaysIdleWhereItCannotRecord) {
  Rig rig;
  rig.by_command = true;
  const auto file = rig.base / "taken";
  std::ofstream(file) << "x";
  rig.recording.set("files", "base", (file / "below").string());
  rig.recording.source.frames_until_cancelled();
  rig.begin();
  rig.until_state(RecorderState::kIdle);
  const auto answer = rig.start();
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().context.find("files: "), std::string::npos);
  rig.until_state(RecorderState::kIdle);
  rig.until_counted(&Accounting::not_recorded, 1);
  EXPECT_EQ(rig.end(), 0);
}

TEST(Recorder, RollsBetweenTwoFramesWithoutLosingOne) {
  Rig rig;
  rig.recording.source.frames_until_cancelled();
  rig.begin();
  rig.until_counted(&Accounting::recorded, 10);
  ASSERT_TRUE(rig.roll());
  rig.until([&] { return rig.recorder->status().session->products.at(0).segments == 2; });
  rig.until([&] { return rig.recorder->status().session->products.at(1).segments == 2; });
  EXPECT_EQ(rig.end(), 0);
  for (const std::string product : {"raw", "h5"}) {
    const auto segments = rig.recording.segments(product);
    ASSERT_EQ(segments.size(), 2U) << product;
    EXPECT_EQ(segments[0].provenance.stop_reason, "roll");
  }
}

TEST(Recorder, PutsMarksAndQuantitiesIntoTheOpenFiles) {
  Rig rig;
  rig.recording.source.frames_until_cancelled();
  rig.begin();
  rig.until_counted(&Accounting::recorded, 10);
  ASSERT_TRUE(rig.mark("valve \"3\" opened", "ada"));
  ASSERT_TRUE(rig.set("temperature", 21.5, "degC"));
  ASSERT_TRUE(rig.set("temperature", 22.5, "degC"));
  ASSERT_TRUE(rig.set("cycle", 4, ""));
  const auto other = rig.set("temperature", 295, "K");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::kInvalid);
  EXPECT_FALSE(rig.mark(std::string("two\nlines")));
  EXPECT_FALSE(rig.mark(""));
  EXPECT_FALSE(rig.mark(std::string(4097, 'x')));
  EXPECT_FALSE(rig.mark("\xFF"));
  EXPECT_FALSE(rig.set("2nd", 1, ""));
  EXPECT_FALSE(rig.set("x", std::numeric_limits<double>::infinity(), ""));
  EXPECT_FALSE(rig.set("x", 1, std::string(33, 'm')));
  ASSERT_TRUE(rig.stop());
  EXPECT_EQ(rig.end(), 0);
  EXPECT_EQ(rig.texts(EventKind::kMark),
            std::vector<std::string>{"mark by ada: valve \"3\" opened"});

  const std::string json = text_of(rig.base / "raw_0001.json");
  EXPECT_NE(json.find(R"("text": "valve \"3\" opened")"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("author": "ada")"), std::string::npos);
  EXPECT_NE(json.find(R"("value": 22.5)"), std::string::npos);
  const auto path = rig.base / "h5_0001.h5";
  auto reader = format_of(path)->open(system_files(), path);
  ASSERT_TRUE(reader);
  const auto tree = (*reader)->tree();
  ASSERT_TRUE(tree);
  const std::size_t at = tree->find("environment");
  ASSERT_NE(at, std::string::npos) << *tree;
  for (const char* word : {"NXcollection", "cycle", "temperature", "NXlog", "degC", "= 4"}) {
    EXPECT_NE(tree->find(word, at), std::string::npos) << word << *tree;
  }
}

TEST(Recorder, KeepsAMarkForTheFileThatIsOpenedNext) {
  Rig rig;
  rig.recording.set("record", "start", "trigger");
  rig.recording.set("record", "post_frames", "3");
  rig.recording.source.frames_until_cancelled();
  rig.begin();
  rig.until_counted(&Accounting::not_recorded, 5);
  EXPECT_EQ(rig.recorder->status().state, RecorderState::kArmed);
  ASSERT_TRUE(rig.mark("before the event"));
  ASSERT_TRUE(rig.trigger());
  rig.until([&] { return !rig.texts(EventKind::kSegmentFinished).empty(); });
  EXPECT_EQ(rig.end(), 0);
  EXPECT_NE(text_of(rig.base / "raw_0001.json").find("before the event"), std::string::npos);
}

TEST(Recorder, GrabsTheLatestFrameOfEachProduct) {
  Rig rig;
  rig.by_command = true;  // Also while it is idle.
  rig.recording.set("product.raw", "endian", "big");
  rig.recording.set("product.sum", "accumulate", "4");
  rig.recording.source.frames_until_cancelled();
  rig.begin();
  rig.until_counted(&Accounting::not_recorded, 50);
  const auto raw = rig.recorder->grab("");
  ASSERT_TRUE(raw) << describe(raw.error());
  EXPECT_EQ(raw->product, "raw");
  ASSERT_EQ(raw->pixels.size(), 64U);
  for (std::size_t i = 0; i < raw->pixels.size(); ++i) {
    ASSERT_EQ(raw->pixels[i], ScriptedSource::byte_of(raw->info.source_sequence, i)) << i;
  }
  const auto binned = rig.recorder->grab("h5");
  ASSERT_TRUE(binned);
  EXPECT_EQ(binned->shape.height_px, 2U);
  const auto sum = rig.recorder->grab("sum");
  ASSERT_TRUE(sum);
  EXPECT_EQ(sum->info.sequence % 4, 3U) << "the last frame of a group";
  const auto none = rig.recorder->grab("absent");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(rig.end(), 0);
}

TEST(Recorder, WaitsAgainForASourceThatWasLostWhenItWasStopped) {
  Rig rig;
  rig.recording.source.frames(10)
      .then([&] { rig.recording.source.refused_opens = 1'000'000; })
      .fail_with(ErrorCode::kDisconnected)
      .frames_until_cancelled();
  rig.begin();
  rig.until([&] { return !rig.texts(EventKind::kSourceLost).empty(); });
  ASSERT_TRUE(rig.stop());
  rig.recording.source.refused_opens = 0;
  rig.until_counted(&Accounting::not_recorded, 1);
  EXPECT_EQ(rig.end(), 0);
  EXPECT_EQ(total_of(rig.recording.segments("raw")).frames, 10);
}

}  // namespace
}  // namespace framelog
