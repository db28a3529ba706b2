#include "drivers/wait_for_input.hpp"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <thread>

namespace framelog {
namespace {

using std::chrono::milliseconds;

class WaitForInput : public testing::Test {
 protected:
  WaitForInput() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe(ends.data()), 0);
    input_.reset(ends[0]);
    output_.reset(ends[1]);
    cancel_.reset(::eventfd(0, EFD_NONBLOCK));
  }
  static Deadline in(milliseconds time) { return Deadline::clock::now() + time; }

  UniqueFd input_, output_, cancel_;
};

TEST_F(WaitForInput, ComesBackWhenThereIsSomething) {
  ASSERT_EQ(::write(output_.get(), "x", 1), 1);
  EXPECT_TRUE(wait_for_input(input_, cancel_, in(milliseconds(60'000))));
}

TEST_F(WaitForInput, ComesBackWhenTheOtherEndIsGone) {
  output_.reset();
  EXPECT_TRUE(wait_for_input(input_, cancel_, in(milliseconds(60'000))));
}

TEST_F(WaitForInput, EndsAtItsDeadline) {
  const Deadline deadline = in(milliseconds(20));
  const auto waited = wait_for_input(input_, cancel_, deadline);
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error().code, ErrorCode::kTimeout);
  EXPECT_GE(Deadline::clock::now(), deadline);
  EXPECT_FALSE(wait_for_input(input_, cancel_, in(milliseconds(-5))));
}

TEST_F(WaitForInput, IsCancelledOnceWheneverThatHappens) {
  ASSERT_EQ(::eventfd_write(cancel_.get(), 1), 0);
  const auto before = wait_for_input(input_, cancel_, in(milliseconds(60'000)));
  ASSERT_FALSE(before);
  EXPECT_EQ(before.error().code, ErrorCode::kTimeout);
  const std::jthread canceller([&] {
    std::this_thread::sleep_for(milliseconds(20));
    ::eventfd_write(cancel_.get(), 1);
  });
  EXPECT_FALSE(wait_for_input(input_, cancel_, in(milliseconds(60'000))));
  ASSERT_EQ(::write(output_.get(), "x", 1), 1);
  EXPECT_TRUE(wait_for_input(input_, cancel_, in(milliseconds(60'000))));
}

}  // namespace
}  // namespace framelog
