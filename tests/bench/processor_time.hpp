#pragma once

#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

namespace framelog::bench {

inline double clock_s(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}
inline double wall_s() { return clock_s(CLOCK_MONOTONIC); }
inline double thread_cpu_s() { return clock_s(CLOCK_THREAD_CPUTIME_ID); }
/// Of all threads, user and system.
inline double process_cpu_s() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// Of all threads of another process.
inline double process_cpu_s(pid_t process) {
  clockid_t clock{};
  return ::clock_getcpuclockid(process, &clock) == 0 ? clock_s(clock) : 0.0;
}

struct TaskTime {
  std::string name;
  double cpu_s{};
};

/// User and system time of a process or thread, by its stat file, in ticks of 10 ms.
inline TaskTime task_time(const std::filesystem::path& stat) {
  std::ifstream file(stat);
  std::string text((std::istreambuf_iterator<char>(file)), {});
  const std::size_t open = text.find('(');
  const std::size_t close = text.rfind(')');
  if (open == std::string::npos || close == std::string::npos) return {};
  std::istringstream rest(text.substr(close + 1));
  std::string field;
  constexpr int kFieldsBeforeTimes = 11;
  for (int i = 0; i < kFieldsBeforeTimes; ++i) rest >> field;
  double user{};
  double system{};
  rest >> user >> system;
  return {text.substr(open + 1, close - open - 1),
          (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK))};
}

/// What each thread of this process has used since this was made, when it was last looked at.
class ThreadTimes {
 public:
  ThreadTimes() {
    look();
    before_ = seen_;
  }
  void look() {
    std::error_code error;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task", error)) {
      const TaskTime time = task_time(task.path() / "stat");
      if (!time.name.empty()) seen_[task.path().filename().string()] = time;
    }
  }
  /// For a caller that comes often: looking costs about as much as a frame.
  void look_now_and_then() {
    constexpr double kSeconds = 0.1;
    if (wall_s() - looked_s_ < kSeconds) return;
    looked_s_ = wall_s();
    look();
  }
  /// "capture 0.12, reduce 0.30" in parts of a core over `wall` seconds.
  [[nodiscard]] std::string shares(double wall) const {
    std::ostringstream text;
    text.precision(2);
    for (const auto& [id, time] : seen_) {
      const auto before = before_.find(id);
      const double used = time.cpu_s - (before == before_.end() ? 0.0 : before->second.cpu_s);
      text << (text.tellp() > 0 ? ", " : "") << time.name << ' ' << used / wall;
    }
    return text.str();
  }

 private:
  std::map<std::string, TaskTime> seen_;
  std::map<std::string, TaskTime> before_;
  double looked_s_{};
};

}  // namespace framelog::bench
