// What framelogd, which lies beside this program, needs when little happens: processor time at one
// frame a second, and memory beside the ring while it records.
// Usage: bench_idle [--quick] [--dir DIR]
// Exit status: 0 all bounds are met, 1 one is missed, 2 it could not be measured.

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "processor_time.hpp"
#include "report.hpp"
#include "scratch.hpp"

namespace framelog::bench {
namespace {

using std::filesystem::path;

constexpr double kMiB = 1024;  ///< In kB, as the kernel counts.

/// framelogd recording from the simulator, until this object is gone.
class Daemon {
 public:
  Daemon(const path& base, const std::string& configuration) {
    const path program =
        std::filesystem::read_symlink("/proc/self/exe").parent_path() / "framelogd";
    const path file = base / "bench.conf";
    const path log = base / "log";
    std::ofstream(file) << configuration << "[files]\nbase = " << (base / "data").string() << '\n';
    pid_ = ::fork();
    if (pid_ < 0) give_up("cannot fork");
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // Whatever ends this program.
      const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
      ::dup2(out, STDOUT_FILENO);
      ::dup2(out, STDERR_FILENO);
      ::execl(program.c_str(), "framelogd", "--config", file.c_str(), nullptr);
      ::_exit(127);
    }
  }
  ~Daemon() {
    if (!running()) return;
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
  }
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  [[nodiscard]] pid_t process() const noexcept { return pid_; }
  [[nodiscard]] path proc() const { return path("/proc") / std::to_string(pid_); }
  void check() {
    if (!running()) give_up("framelogd has ended (is it built beside this program?)");
  }

 private:
  bool running() {
    if (pid_ > 0 && ::waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = -1;
    return pid_ > 0;
  }

  pid_t pid_{-1};
};

struct Memory {
  double beside_ring_kb{};
  double ring_kb{};
  double anonymous_kb{};
};

/// Resident memory by mapping.
Memory memory_of(const path& proc) {
  std::ifstream smaps(proc / "smaps");
  Memory memory;
  bool ring = false;
  for (std::string line; std::getline(smaps, line);) {
    std::istringstream words(line);
    std::string key;
    double kb{};
    words >> key;
    if (key.empty()) continue;
    if (key.back() != ':') {
      ring = line.find("framelog-ring") != std::string::npos;
    } else if (key == "Rss:" && words >> kb) {
      (ring ? memory.ring_kb : memory.beside_ring_kb) += kb;
    } else if (key == "Anonymous:" && words >> kb) {
      memory.anonymous_kb += kb;
    }
  }
  return memory;
}

/// The most that was resident beside the ring within a time.
Memory most_memory(Daemon& daemon, std::chrono::seconds time) {
  Memory most;
  const auto end = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    daemon.check();
    const Memory now = memory_of(daemon.proc());
    if (now.beside_ring_kb > most.beside_ring_kb) most = now;
  }
  return most;
}

void memory(const path& directory, std::chrono::seconds time, Report& report) {
  const struct {
    const char* name;
    const char* text;
  } cases[] = {
      {"1024 x 1024 at 100/s, 2x2",
       "[source]\ndriver = simulator\nwidth = 1024\nheight = 1024\nrate = 100 Hz\n"
       "[product.small]\nbin = 2x2\n"},
      {"the same, 3 products, a roll each 0.5 s",
       "[source]\ndriver = simulator\nwidth = 1024\nheight = 1024\nrate = 100 Hz\n"
       "[roll]\nmax_frames = 50\n[product.whole]\n[product.small]\nbin = 2x2\n"
       "[product.raw]\nformat = raw\nbin = 4x4\n"},
      {"1 x 1024 lines at 20 000/s",
       "[source]\ndriver = simulator\nwidth = 1024\nheight = 1\nrate = 20000 Hz\n"},
  };
  for (const auto& one : cases) {
    const Scratch scratch(directory);
    Daemon daemon(scratch.path(), one.text);
    const Memory most = most_memory(daemon, time);
    report.at_most(std::string("memory beside the ring, ") + one.name, most.beside_ring_kb / kMiB,
                   25, "MiB");
    Report::note(fmt::format("ring {:.0f} MiB, anonymous {:.1f} MiB", most.ring_kb / kMiB,
                             most.anonymous_kb / kMiB));
  }
}

void idle(const path& directory, std::chrono::seconds time, Report& report) {
  const Scratch scratch(directory);
  Daemon daemon(scratch.path(), "[source]\ndriver = simulator\nrate = 1 Hz\n");
  std::this_thread::sleep_for(std::chrono::seconds(2));
  daemon.check();
  const double cpu = process_cpu_s(daemon.process());
  const double wall = wall_s();
  std::this_thread::sleep_for(time);
  daemon.check();
  const double used = process_cpu_s(daemon.process()) - cpu;
  report.at_most("idle at 1 frame/s", 100 * used / (wall_s() - wall), 1, "% core");
}

int run(int argc, char** argv) {
  bool quick = false;
  path directory = Scratch::default_parent();
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--quick") quick = true;
    if (argument == "--dir" && i + 1 < argc) directory = argv[++i];
  }
  Report report;
  idle(directory, std::chrono::seconds(quick ? 5 : 10), report);
  memory(directory, std::chrono::seconds(quick ? 2 : 5), report);
  return report.status();
}

}  // namespace
}  // namespace framelog::bench

int main(int argc, char** argv) {
  try {
    return framelog::bench::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_idle: %s\n", error.what());
    return 2;
  }
}
