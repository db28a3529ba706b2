#include "pipeline/recorder.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <future>
#include <mutex>
#include <thread>

#include "core/event.hpp"
#include "pipeline/ring_memory.hpp"
#include "recording.hpp"

namespace framelog {
namespace {

using std::chrono::seconds;

/// The test's own source, lent to the recorder; slow enough that no segment becomes full.
class LentSource final : public FrameSource {
 public:
  explicit LentSource(ScriptedSource& source) : source_(source) {}
  Result<SourceInfo> open() override { return source_.open(); }
  Result<void> start() override { return source_.start(); }
  Result<FrameInfo> read(std::span<std::byte> pixels, Deadline deadline) noexcept override {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return source_.read(pixels, deadline);
  }
  void stop() noexcept override { source_.stop(); }
  void cancel() noexcept override { source_.cancel(); }

 private:
  ScriptedSource& source_;
};

/// Nobody has died.
class NoKeeper final : public RingKeeper {
 public:
  std::vector<UniqueFd> left_behind() override {
    ++asked;
    return {};
  }
  Result<UniqueFd> make(std::uint64_t bytes) override { return make_memory(bytes); }
  void forget(const UniqueFd&) override {}
  [[nodiscard]] std::string_view place() const override { return "nowhere"; }
  int asked{};
};

/// A recorder of the rig's source, whose events are kept.
class Rig {
 public:
  Rig() {
    set_event_listener([this](const Event& event) {
      const std::scoped_lock lock(mutex_);
      events_.push_back(event);
    });
  }
  ~Rig() {
    recorder.reset();
    set_event_listener({});
  }
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;

  [[nodiscard]] RecorderSetup setup_of(ScriptedSource& source, const std::string& identity = "1") {
    RecorderSetup setup;
    setup.instrument = "bench";
    setup.base = base;
    setup.bases = {base};
    setup.source = std::make_unique<LentSource>(source);
    setup.source_identity = identity;
    setup.hardware = hardware;
    setup.start_by_command = by_command;
    const Settings settings = settings_of(recording.lines);
    setup.plan = [settings](const SourceInfo& info, std::vector<std::string>& errors) {
      std::vector<Complaint> complaints;
      auto plan = make_recording_plan(settings, "bench", info, "[source]\n", complaints);
      for (const Complaint& complaint : complaints) errors.push_back(settings.place(complaint));
      return plan;
    };
    setup.explain = [](const Error& error, bool of_source) {
      return (of_source ? "source: " : "files: ") + describe(error);
    };
    setup.adopted = [this] { ++adopted; };
    return setup;
  }

  void begin() {
    recorder = std::make_unique<Recorder>(
        setup_of(recording.source), [this] { return load(); }, limits, keeper, recording.files,
        recording.clock);
    recorder->begin([this] { ready.set_value(); }, [this](int status) { ended.set_value(status); });
  }
  int wait_end() {
    auto future = ended.get_future();
    if (future.wait_for(seconds(60)) != std::future_status::ready) {
      ADD_FAILURE() << "it does not end";
      return -1;
    }
    return future.get();
  }
  int end() {
    recorder->request_end();
    return wait_end();
  }

  /// Waits for the answer of one of the recorder's calls.
  Result<std::string> ask(const std::function<void(Recorder::Done)>& call) {
    auto answer = std::make_shared<std::promise<Result<std::string>>>();
    auto future = answer->get_future();
    call([answer](Result<std::string> result) { answer->set_value(std::move(result)); });
    if (future.wait_for(seconds(60)) != std::future_status::ready) {
      return fail(ErrorCode::kTimeout, "no answer");
    }
    return future.get();
  }
  Result<std::string> start() {
    return ask([&](Recorder::Done done) { recorder->start(std::move(done)); });
  }
  Result<std::string> stop() {
    return ask([&](Recorder::Done done) { recorder->stop(std::move(done)); });
  }
  Result<std::string> reload() {
    return ask([&](Recorder::Done done) { recorder->reload(std::move(done)); });
  }
  Result<std::string> roll() {
    return ask([&](Recorder::Done done) { recorder->roll(std::move(done)); });
  }
  Result<std::string> trigger() {
    return ask([&](Recorder::Done done) { recorder->trigger(std::move(done)); });
  }
  Result<std::string> mark(const std::string& text, const std::string& author = "") {
    return ask([&](Recorder::Done done) { recorder->mark(text, author, std::move(done)); });
  }
  Result<std::string> set(const std::string& key, double value, const std::string& unit) {
    return ask([&](Recorder::Done done) { recorder->set(key, value, unit, std::move(done)); });
  }

  void until(const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + seconds(60);
    while (!condition()) {
      ASSERT_LT(std::chrono::steady_clock::now(), end) << "in vain waited";
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  void until_state(RecorderState state) {
    until([&] { return recorder->status().state == state; });
  }
  /// The session that runs has counted `count` frames of the first product in this way.
  void until_counted(std::uint64_t Accounting::*what, std::uint64_t count) {
    until([&] {
      const auto status = recorder->status();
      return status.session && status.session->products.at(0).accounting.*what >= count;
    });
  }
  [[nodiscard]] std::vector<std::string> texts(EventKind kind) {
    const std::scoped_lock lock(mutex_);
    std::vector<std::string> texts;
    for (const Event& event : events_) {
      if (event.kind == kind) texts.push_back(event.text);
    }
    return texts;
  }

  Recording recording;
  std::filesystem::path base{recording.base};
  NoKeeper keeper;
  RecorderLimits limits;
  bool hardware{};
  bool by_command{};
  /// What a reload finds.
  std::function<std::expected<RecorderSetup, std::vector<std::string>>()> load{
      [this] { return setup_of(recording.source); }};
  std::atomic<int> adopted{};
  std::promise<void> ready;
  std::promise<int> ended;
  std::unique_ptr<Recorder> recorder;

 private:
  std::mutex mutex_;
  std::vector<Event> events_;
};

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

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
  Rig rig;
  rig.limits.duration = std::chrono::seconds(1);
  rig.recording.source.frames_until_cancelled();
  rig.begin();
  EXPECT_EQ(rig.wait_end(), 0);
  EXPECT_GE(rig.recording.segments("raw").size(), 1U);
}

TEST(Recorder, WaitsForHardwareThatIsAbsent) {
  Rig rig;
  rig.hardware = true;
  rig.recording.source.refused_opens = 1;
  rig.recording.source.frames(20);
  rig.begin();
  rig.until_state(RecorderState::kWaitingForSource);
  EXPECT_EQ(rig.ready.get_future().wait_for(seconds(60)), std::future_status::ready);
  EXPECT_EQ(rig.recorder->status().source_error, "no instrument");
  EXPECT_FALSE(rig.recorder->status().session);
  EXPECT_EQ(rig.recorder->grab("").error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(rig.start()) << "it will record anyway";
  EXPECT_EQ(rig.wait_end(), 0);
  EXPECT_EQ(rig.texts(EventKind::kSourceLost).size(), 1U);
  EXPECT_EQ(rig.texts(EventKind::kSourceBack).size(), 1U);
  EXPECT_EQ(rig.recorder->status().source_error, "");
  EXPECT_EQ(total_of(rig.recording.segments("raw")).frames, 20);
}

TEST(Recorder, CanBeStoppedAndStartedWhileItsSourceIsAbsent) {
  Rig rig;
  rig.hardware = true;
  rig.recording.source.refused_opens = 1;
  rig.recording.source.frames_until_cancelled();
  rig.begin();
  rig.until_state(RecorderState::kWaitingForSource);
  ASSERT_TRUE(rig.stop());
  EXPECT_FALSE(rig.stop());
  EXPECT_FALSE(rig.roll());
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

TEST(Recorder, WaitsAgainForASourceThatWasLostWhenItWasStopped) {
  Rig rig;
  rig.recording.source.frames(10)
      .then([&] { rig.recording.source.refused_opens = 3; })
      .fail_with(ErrorCode::kDisconnected)
      .frames_until_cancelled();
  rig.begin();
  rig.until([&] { return !rig.texts(EventKind::kSourceLost).empty(); });
  ASSERT_TRUE(rig.stop());
  rig.until_counted(&Accounting::not_recorded, 1);
  EXPECT_EQ(rig.end(), 0);
  EXPECT_EQ(total_of(rig.recording.segments("raw")).frames, 10);
}

}  // namespace
}  // namespace framelog
