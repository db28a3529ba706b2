#include "service/alerts.hpp"

#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "service/child.hpp"
#include "service/command_words.hpp"
#include "tests/fakes/fake_clock.hpp"

namespace framelog {
namespace {

using namespace std::chrono_literals;
using Words = std::vector<std::string>;

TEST(SplitWords, SplitsAsAShell) {
  EXPECT_EQ(*split_words("/bin/a b  c"), (Words{"/bin/a", "b", "c"}));
  EXPECT_EQ(*split_words(R"(/bin/a 'b c' "d \"e\" \n" f\ g '' h"i"'j')"),
            (Words{"/bin/a", "b c", "d \"e\" \\n", "f g", "", "hij"}));
  EXPECT_EQ(*split_words("  "), Words{});
  EXPECT_EQ(*split_words("$HOME; `x` *"), (Words{"$HOME;", "`x`", "*"}));
}

TEST(SplitWords, TellsWhatHasNoEnd) {
  EXPECT_EQ(split_words("/bin/a 'b").error(), "the ' of column 8 has no end");
  EXPECT_EQ(split_words("/bin/a \"b\\\"").error(), "the \" of column 8 has no end");
  EXPECT_EQ(split_words("/bin/a \\").error(), "nothing follows the last \\");
}

TEST(RunChild, GivesInputAndTakesOutput) {
  const auto end = run_child({"/bin/cat"}, "hello", 60s, 100, {});
  ASSERT_TRUE(end) << describe(end.error());
  EXPECT_EQ(end->exit_status, 0);
  EXPECT_EQ(end->output, "hello");
}

TEST(RunChild, TakesNoMoreOutputThanAskedFor) {
  const auto end =
      run_child({"/bin/sh", "-c", "head -c 1000000 /dev/zero >&2; exit 3"}, "", 60s, 100, {});
  ASSERT_TRUE(end);
  EXPECT_EQ(end->exit_status, 3);
  EXPECT_EQ(end->output.size(), 100U);
}

TEST(RunChild, KillsWhatTakesTooLongWithItsChildren) {
  std::string output;  // On a busy machine the shell may not have come so far.
  for (auto allowed = 1s; output.empty(); allowed *= 4) {
    ASSERT_LT(allowed, 100s);
    const auto began = std::chrono::steady_clock::now();
    const auto end =
        run_child({"/bin/sh", "-c", "sleep 1000 & echo $!; wait"}, "", allowed, 100, {});
    ASSERT_TRUE(end);
    EXPECT_TRUE(end->late);
    EXPECT_EQ(end->signal, SIGKILL);
    EXPECT_LT(std::chrono::steady_clock::now() - began, 200s);
    output = end->output;
  }
  const pid_t grandchild = std::stoi(output);
  // It is nobody's child of ours: init, or whoever stands for it, takes its remains away.
  for (int i = 0; i < 1000; ++i) {
    std::ifstream status("/proc/" + std::to_string(grandchild) + "/stat");
    std::string text;
    if (!std::getline(status, text) || text.find(") Z ") != std::string::npos) return;
    std::this_thread::sleep_for(10ms);
  }
  FAIL() << "the child's child goes on";
}

TEST(RunChild, EndsWithAStopRequest) {
  std::stop_source stop;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(100ms);
    stop.request_stop();
  });
  const auto end = run_child({"/bin/sleep", "1000"}, "", 1h, 100, stop.get_token());
  ASSERT_TRUE(end);
  EXPECT_EQ(end->signal, SIGKILL);
  EXPECT_FALSE(end->late);
}

/// False with qemu-user: it forks where the child is to share the memory, and cannot be told from
/// there.
bool can_tell_of_a_start() {
  pid_t child = 0;
  std::array<char, 2> name{"x"};
  std::array<char*, 2> words{name.data(), nullptr};
  if (::posix_spawn(&child, "/no/such/program", nullptr, nullptr, words.data(), environ) != 0) {
    return true;
  }
  ::waitpid(child, nullptr, 0);
  return false;
}

TEST(RunChild, TellsWhyItCannotBeStarted) {
  if (!can_tell_of_a_start()) GTEST_SKIP() << "an emulator without vfork";
  const auto end = run_child({"/no/such/program"}, "", 1s, 100, {});
  ASSERT_FALSE(end);
  EXPECT_EQ(describe(end.error()), "cannot run /no/such/program: No such file or directory");
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "no zombie";
}

TEST(RunChild, DoesNotPassOnWhatSystemdToldUs) {
  ::setenv("NOTIFY_SOCKET", "/run/x", 1);
  ::setenv("FRAMELOG_TEST_KEPT", "yes", 1);
  const auto end = run_child({"/usr/bin/env"}, "", 60s, 100'000, {});
  ::unsetenv("NOTIFY_SOCKET");
  ASSERT_TRUE(end);
  EXPECT_EQ(end->output.find("NOTIFY_SOCKET"), std::string::npos);
  EXPECT_NE(end->output.find("FRAMELOG_TEST_KEPT=yes"), std::string::npos);
}

/// Alerts that append what they read to a file.
struct Rig {
  Rig() {
    char name[] = "/tmp/framelog-alerts-XXXXXX";
    directory = ::mkdtemp(name);
  }
  ~Rig() { std::filesystem::remove_all(directory); }
  AlertSettings settings(const std::string& script = "cat >> \"$0\"") {
    AlertSettings made;
    made.command = {"/bin/sh", "-c", script, directory / "out"};
    made.kinds.fill(true);
    return made;
  }
  std::vector<nlohmann::json> read() {
    std::vector<nlohmann::json> all;
    std::ifstream file(directory / "out");
    for (std::string line; std::getline(file, line);) all.push_back(nlohmann::json::parse(line));
    return all;
  }

  FakeClock clock;
  std::filesystem::path directory;
};

Event event(EventKind kind, std::string text = "text") {
  return {.kind = kind,
          .level = LogLevel::kWarning,
          .text = std::move(text),
          .fields = {{"path", "/data/\xFFname"}},
          .utc_ns = 1'700'000'000'000'000'000};
}

TEST(Alerts, GiveTheEventAsJson) {
  Rig rig;
  Alerts alerts(rig.settings(), "camera", rig.clock);
  alerts.take(event(EventKind::kDiskFull, "the disk is \"full\""));
  ASSERT_TRUE(alerts.finish(60s));
  const auto all = rig.read();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0]["kind"], "disk-floor");
  EXPECT_EQ(all[0]["level"], "warning");
  EXPECT_EQ(all[0]["text"], "the disk is \"full\"");
  EXPECT_EQ(all[0]["time"], "2023-11-14T22:13:20.000000Z");
  EXPECT_EQ(all[0]["instrument"], "camera");
  EXPECT_EQ(all[0]["suppressed"], 0);
  EXPECT_EQ(all[0]["fields"]["path"], "/data/\xEF\xBF\xBDname");
}

TEST(Alerts, HoldBackWhatComesTooSoonAndTellHowMany) {
  Rig rig;
  Alerts alerts(rig.settings(), "camera", rig.clock);
  for (int i = 0; i < 5; ++i) alerts.take(event(EventKind::kDrops));
  alerts.take(event(EventKind::kDegraded));
  rig.clock.move(std::chrono::nanoseconds(1min).count());
  alerts.take(event(EventKind::kDrops));
  ASSERT_TRUE(alerts.finish(60s));
  const auto all = rig.read();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0]["kind"], "drops");
  EXPECT_EQ(all[0]["suppressed"], 0);
  EXPECT_EQ(all[1]["kind"], "degraded");
  EXPECT_EQ(all[2]["kind"], "drops");
  EXPECT_EQ(all[2]["suppressed"], 4);
}

TEST(Alerts, RunOneAtATimeAndHoldBackWhatIsTooMuch) {
  Rig rig;
  AlertSettings settings = rig.settings(
      "mkdir \"$0.lock\" || echo '{\"two\": 1}' >> \"$0\"; while [ ! -e \"$0.go\" ]; "
      "do sleep 0.01; done; cat >> \"$0\"; rmdir \"$0.lock\"");
  settings.min_interval = 0s;
  Alerts alerts(std::move(settings), "camera", rig.clock);
  for (int i = 0; i < 100; ++i) alerts.take(event(EventKind::kDrops));
  EXPECT_FALSE(alerts.finish(100ms));
  std::ofstream(rig.directory / "out.go").close();
  ASSERT_TRUE(alerts.finish(60s));
  alerts.take(event(EventKind::kDrops));
  ASSERT_TRUE(alerts.finish(60s));
  const auto all = rig.read();
  // 64 wait, and one may already have been running when they came.
  ASSERT_GE(all.size(), 65U);
  ASSERT_LE(all.size(), 66U);
  std::uint64_t told = 0;
  for (const auto& one : all) {
    EXPECT_FALSE(one.contains("two"));
    told += 1 + one["suppressed"].get<std::uint64_t>();
  }
  EXPECT_EQ(told, 101U);
}

TEST(Alerts, TakeOnlyWhatIsAskedFor) {
  Rig rig;
  AlertSettings settings = rig.settings();
  settings.kinds.fill(false);
  settings.kinds[static_cast<std::size_t>(EventKind::kWatchdog)] = true;
  Alerts alerts(std::move(settings), "camera", rig.clock);
  alerts.take(event(EventKind::kDrops));
  alerts.take(event(EventKind::kWatchdog));
  ASSERT_TRUE(alerts.finish(60s));
  ASSERT_EQ(rig.read().size(), 1U);
}

TEST(Alerts, EndAtOnceWithTheProgramThatRuns) {
  Rig rig;
  const auto began = std::chrono::steady_clock::now();
  {
    Alerts alerts(rig.settings("echo {} >> \"$0\"; sleep 1000"), "camera", rig.clock);
    alerts.take(event(EventKind::kDrops));
    while (rig.read().empty()) std::this_thread::sleep_for(10ms);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - began, 500s);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "no zombie";
}

}  // namespace
}  // namespace framelog
