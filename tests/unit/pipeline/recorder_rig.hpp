#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <future>
#include <mutex>
#include <thread>

#include "core/event.hpp"
#include "pipeline/recorder.hpp"
#include "pipeline/ring_memory.hpp"
#include "recording.hpp"

namespace framelog {

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

inline std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace framelog
