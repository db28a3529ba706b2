#include "service/child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <optional>

#include "core/clock.hpp"
#include "core/unique_fd.hpp"

namespace framelog {
namespace {

using std::chrono::milliseconds;

/// What is still in the pipe when the program has ended is read; what its children go on writing
/// is not.
constexpr std::size_t kReadBytes = 4096;

/// A file rather than a pipe: a program that does not read its input blocks nobody.
Result<UniqueFd> make_input(std::string_view text) {
  UniqueFd fd(::memfd_create("framelog-event", MFD_CLOEXEC));
  if (!fd.valid()) return fail_errno(errno, "cannot make a program's input");
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t written = ::write(fd.get(), text.data() + done, text.size() - done);
    if (written < 0) return fail_errno(errno, "cannot make a program's input");
    done += static_cast<std::size_t>(written);
  }
  ::lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

/// Our environment without what is meant for this process alone.
std::vector<char*> child_environment() {
  constexpr std::array<std::string_view, 8> kOurs{
      "NOTIFY_SOCKET=", "WATCHDOG_USEC=",  "WATCHDOG_PID=", "LISTEN_FDS=",
      "LISTEN_PID=",    "LISTEN_FDNAMES=", "FDSTORE=",      "JOURNAL_STREAM="};
  std::vector<char*> kept;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const bool ours = std::ranges::any_of(
        kOurs, [text](std::string_view name) { return text.starts_with(name); });
    if (!ours) kept.push_back(*entry);
  }
  kept.push_back(nullptr);
  return kept;
}

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail_errno(errno, "cannot make a pipe");
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Result<pid_t> spawn(const std::vector<std::string>& words, int input, int output) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&files, output, STDERR_FILENO);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t signals;
  sigemptyset(&signals);
  ::posix_spawnattr_setsigmask(&attributes, &signals);
  sigfillset(&signals);
  ::posix_spawnattr_setsigdefault(&attributes, &signals);
  ::posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, words.front().c_str(), &files, &attributes,
                                  arguments.data(), child_environment().data());
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&files);
  if (error != 0) return fail_errno(error, "cannot run", words.front());
  return pid;
}

/// False when nothing more will come.
bool read_some(int fd, std::string& text, std::size_t most_bytes) {
  std::array<char, kReadBytes> bytes;
  const ssize_t count = ::read(fd, bytes.data(), bytes.size());
  if (count < 0) return errno == EINTR;
  const std::size_t room = most_bytes - std::min(most_bytes, text.size());
  text.append(bytes.data(), std::min(room, static_cast<std::size_t>(count)));
  return count > 0;
}

int milliseconds_until(Deadline deadline) {
  const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 1'000'000));
}

/// Follows one program until it ends; kills it where it must not go on.
class Follower {
 public:
  Follower(pid_t pid, UniqueFd output, std::size_t most_output_bytes)
      : pid_(pid),
        handle_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))),
        output_(std::move(output)),
        most_output_bytes_(most_output_bytes),
        stopped_(::eventfd(0, EFD_CLOEXEC)) {
    ::fcntl(output_.get(), F_SETFL, O_NONBLOCK);
  }

  ChildEnd follow(Deadline deadline, const std::stop_token& stop) {
    const std::stop_callback wake(stop, [this] { ::eventfd_write(stopped_.get(), 1); });
    while (!look(deadline)) {
      if (stop.stop_requested()) break;
      if (std::chrono::steady_clock::now() < deadline) continue;
      end_.late = true;
      break;
    }
    if (!ended_) ::kill(-pid_, SIGKILL);
    reap();
    return std::move(end_);
  }

 private:
  /// True when the program has ended.
  bool look(Deadline deadline) {
    std::array<pollfd, 3> watched{pollfd{handle_.get(), POLLIN, 0},
                                  pollfd{stopped_.get(), POLLIN, 0},
                                  pollfd{output_.get(), POLLIN, 0}};
    ::poll(watched.data(), watched.size(), milliseconds_until(deadline));
    ended_ = (watched[0].revents & POLLIN) != 0;
    if (watched[2].revents != 0 && !read_some(output_.get(), end_.output, most_output_bytes_)) {
      output_.reset();  // poll() passes over descriptors of -1.
    }
    return ended_;
  }

  void reap() {
    siginfo_t info{};
    while (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED) != 0 && errno == EINTR) {
    }
    if (info.si_code == CLD_EXITED) {
      end_.exit_status = info.si_status;
    } else {
      end_.signal = info.si_status;
    }
    while (output_.valid() && end_.output.size() < most_output_bytes_ &&
           read_some(output_.get(), end_.output, most_output_bytes_)) {
    }
  }

  pid_t pid_;
  UniqueFd handle_;
  UniqueFd output_;
  std::size_t most_output_bytes_;
  UniqueFd stopped_;
  bool ended_{};
  ChildEnd end_;
};

}  // namespace

Result<ChildEnd> run_child(const std::vector<std::string>& words, std::string_view input,
                           std::chrono::nanoseconds longest, std::size_t most_output_bytes,
                           const std::stop_token& stop) {
  if (words.empty()) return fail(ErrorCode::kInvalid, "there is no program to run");
  auto stdin_fd = make_input(input);
  if (!stdin_fd) return std::unexpected(stdin_fd.error());
  auto output = make_pipe();
  if (!output) return std::unexpected(output.error());
  const auto pid = spawn(words, stdin_fd->get(), output->write.get());
  if (!pid) return std::unexpected(pid.error());
  output->write.reset();  // Ours: the pipe ends with the program's.
  Follower follower(*pid, std::move(output->read), most_output_bytes);
  return follower.follow(std::chrono::steady_clock::now() + longest, stop);
}

}  // namespace framelog
