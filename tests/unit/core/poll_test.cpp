#include "core/poll.hpp"

#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <array>
#include <cerrno>
#include <chrono>

#include "core/unique_fd.hpp"

namespace framelog {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

class PollForTest : public testing::Test {
 protected:
  UniqueFd event_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  std::array<pollfd, 1> watched_{{{.fd = event_.get(), .events = POLLIN, .revents = 0}}};
};

TEST_F(PollForTest, WaitsUntilItsTimeIsOver) {
  const auto start = steady_clock::now();
  const timespec patience{0, 20'000'000};
  EXPECT_EQ(poll_for(watched_, &patience), 0);
  EXPECT_GE(steady_clock::now() - start, milliseconds(20));
  EXPECT_EQ(patience.tv_nsec, 20'000'000) << "what the caller has told is the caller's";
}

TEST_F(PollForTest, WaitsForSecondsAndTheirParts) {
  const auto start = steady_clock::now();
  const timespec patience{1, 30'000'000};
  EXPECT_EQ(poll_for(watched_, &patience), 0);
  EXPECT_GE(steady_clock::now() - start, milliseconds(1030));
}

TEST_F(PollForTest, TellsOfWhatIsThere) {
  ASSERT_EQ(::eventfd_write(event_.get(), 1), 0);
  EXPECT_EQ(poll_for(watched_, nullptr), 1);
  EXPECT_EQ(watched_[0].revents, POLLIN);
}

TEST_F(PollForTest, ATimeThatIsNoneIsAnError) {
  const timespec patience{0, 1'000'000'000};
  EXPECT_EQ(poll_for(watched_, &patience), -EINVAL);
}

}  // namespace
}  // namespace framelog
