#include "service/notifier.hpp"

#include <string>

#include "notify_socket.hpp"

namespace framelog {
namespace {

using namespace std::chrono_literals;

TEST(Notifier, SaysNothingWhereNobodyListens) {
  ::unsetenv("NOTIFY_SOCKET");
  ::unsetenv("WATCHDOG_USEC");
  Notifier notifier;
  EXPECT_FALSE(notifier.is_available());
  EXPECT_FALSE(notifier.watchdog_interval());
  notifier.ready();
  notifier.watchdog();
}

TEST(Notifier, SaysWhatSystemdUnderstands) {
  NotifySocket systemd;
  Notifier notifier;
  ASSERT_TRUE(notifier.is_available());
  notifier.ready();
  EXPECT_EQ(systemd.receive().text, "READY=1");
  notifier.status("recording 25 fps,\nall well");
  EXPECT_EQ(systemd.receive().text, "STATUS=recording 25 fps, all well");
  notifier.reloading();
  const std::string reloading = systemd.receive().text;
  EXPECT_TRUE(reloading.starts_with("RELOADING=1\nMONOTONIC_USEC=")) << reloading;
  EXPECT_GT(std::stoll(reloading.substr(reloading.rfind('=') + 1)), 0);
  notifier.stopping();
  EXPECT_EQ(systemd.receive().text, "STOPPING=1");
  notifier.extend_timeout(90s);
  EXPECT_EQ(systemd.receive().text, "EXTEND_TIMEOUT_USEC=90000000");
  notifier.watchdog();
  EXPECT_EQ(systemd.receive().text, "WATCHDOG=1");
}

TEST(Notifier, KnowsHowOftenTheWatchdogIsExpected) {
  ::setenv("WATCHDOG_USEC", "10000000", 1);
  ::unsetenv("WATCHDOG_PID");
  EXPECT_EQ(Notifier().watchdog_interval(), 10s);
  ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  EXPECT_EQ(Notifier().watchdog_interval(), 10s);
  ::setenv("WATCHDOG_PID", "1", 1);
  EXPECT_FALSE(Notifier().watchdog_interval()) << "meant for another process";
  ::unsetenv("WATCHDOG_PID");
  ::unsetenv("WATCHDOG_USEC");
}

}  // namespace
}  // namespace framelog
