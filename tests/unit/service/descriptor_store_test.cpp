#include "service/descriptor_store.hpp"

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "notify_socket.hpp"

namespace framelog {
namespace {

/// make() waits until systemd has seen it: it closes what comes with BARRIER=1.
struct Made {
  Result<UniqueFd> memory = fail(ErrorCode::kIo, "not made");
  NotifySocket::Message stored;
  NotifySocket::Message barrier;
};

Made make(DescriptorStore& store, NotifySocket& systemd, std::uint64_t bytes) {
  Made made;
  std::thread maker([&] { made.memory = store.make(bytes); });
  made.stored = systemd.receive();
  made.barrier = systemd.receive();
  made.barrier.fds.clear();
  maker.join();
  return made;
}

bool is_same_file(int a, int b) {
  struct stat one {};
  struct stat other {};
  return ::fstat(a, &one) == 0 && ::fstat(b, &other) == 0 && one.st_ino == other.st_ino &&
         one.st_dev == other.st_dev;
}

TEST(DescriptorStore, HandsNewMemoryToSystemd) {
  NotifySocket systemd;
  ASSERT_TRUE(DescriptorStore::is_available());
  DescriptorStore store;
  Made made = make(store, systemd, 1 << 20);
  ASSERT_TRUE(made.memory) << describe(made.memory.error());
  EXPECT_EQ(made.stored.text, "FDSTORE=1\nFDNAME=ring-0\nFDPOLL=0");
  ASSERT_EQ(made.stored.fds.size(), 1U);
  EXPECT_TRUE(is_same_file(made.stored.fds[0].get(), made.memory->get()));
  EXPECT_EQ(made.barrier.text, "BARRIER=1");
  EXPECT_EQ(::lseek(made.memory->get(), 0, SEEK_END), 1 << 20);
  EXPECT_NE(::fcntl(made.memory->get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(DescriptorStore, LetsGoOfWhatIsForgottenByAnyOfItsDescriptors) {
  NotifySocket systemd;
  DescriptorStore store;
  const Made first = make(store, systemd, 4096);
  const Made second = make(store, systemd, 4096);
  EXPECT_EQ(second.stored.text, "FDSTORE=1\nFDNAME=ring-1\nFDPOLL=0");
  ASSERT_TRUE(first.memory && second.memory);
  const UniqueFd duplicate(::dup(second.memory->get()));
  store.forget(duplicate);
  EXPECT_EQ(systemd.receive().text, "FDSTOREREMOVE=1\nFDNAME=ring-1");
  store.forget(*second.memory);
  EXPECT_EQ(systemd.receive(200).text, "") << "it is forgotten already";
  store.forget(*first.memory);
  EXPECT_EQ(systemd.receive().text, "FDSTOREREMOVE=1\nFDNAME=ring-0");
}

TEST(DescriptorStore, RefusesMoreMemoryThanThereIs) {
  NotifySocket systemd;
  DescriptorStore store;
  const auto memory = store.make(std::uint64_t{1} << 50U);
  ASSERT_FALSE(memory);
  EXPECT_EQ(memory.error().code, ErrorCode::kNoMemory);
  EXPECT_EQ(systemd.receive(200).text, "");
}

/// In a process of its own, as systemd starts it: descriptors from 3 on, named by the environment.
int run_started_by_systemd() {
  const UniqueFd ring(::memfd_create("ring", 0));
  const UniqueFd other(::memfd_create("other", 0));
  // Out of the way of where they go.
  const int high_ring = ::fcntl(ring.get(), F_DUPFD, 100);
  const int high_other = ::fcntl(other.get(), F_DUPFD, 100);
  NotifySocket systemd;
  // Its socket may stand where the descriptors go; only names are needed here.
  ::dup2(high_other, 3);
  ::dup2(high_ring, 4);
  ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
  ::setenv("LISTEN_FDS", "2", 1);
  ::setenv("LISTEN_FDNAMES", "control:ring-7", 1);
  DescriptorStore store;
  auto left = store.left_behind();
  if (left.size() != 1 || left[0].get() != 4) return 1;
  if (!is_same_file(left[0].get(), high_ring)) return 2;
  if (!store.left_behind().empty()) return 3;
  if (std::getenv("LISTEN_FDS") != nullptr) return 4;
  if ((::fcntl(4, F_GETFD) & FD_CLOEXEC) == 0) return 5;
  if (::fcntl(3, F_GETFD) < 0) return 6;
  return 0;
}

TEST(DescriptorStore, FindsWhatADeadProcessLeft) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) ::_exit(run_started_by_systemd());
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace framelog
