#include "store/base.hpp"

#include "segment_fixture.hpp"
#include "tests/fakes/faulty_files.hpp"

namespace framelog {
namespace {

constexpr std::uint64_t kRoot = 1;

class BaseTest : public SegmentTest {
 protected:
  BaseTest() { faulty_.set_mount(2); }
  FaultyFiles faulty_;
  Base base_{faulty_, directory_ / "disk" / "base", "bench", true};
};

TEST_F(BaseTest, WithoutItsDiskNothingIsCreated) {
  faulty_.set_mount(kRoot);
  const auto opened = base_.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kNotFound);
  EXPECT_NE(describe(opened.error()).find("no disk is mounted at"), std::string::npos);
  EXPECT_TRUE(std::filesystem::is_empty(directory_));
  EXPECT_FALSE(base_.is_open());
  EXPECT_FALSE(base_.next_run_number());
}

TEST_F(BaseTest, IsClosedWhenItsDiskHasGoneAndLetsGoOfTheLock) {
  ASSERT_TRUE(base_.open());
  base_.look();
  EXPECT_TRUE(base_.is_open());
  faulty_.set_mount(kRoot);
  base_.look();
  EXPECT_FALSE(base_.is_open());
  EXPECT_TRUE(Workshop::open(files_, base_.path(), "bench"));
}

TEST_F(BaseTest, IsAnotherOneOnAnotherMount) {
  ASSERT_TRUE(base_.open());
  EXPECT_EQ(base_.next_run_number().value(), 1);
  faulty_.set_mount(3);
  base_.look();
  EXPECT_FALSE(base_.is_open());
  ASSERT_TRUE(base_.open());
  EXPECT_EQ(base_.times_opened(), 2U);
  EXPECT_EQ(base_.next_run_number().value(), 2);
}

TEST_F(BaseTest, ThatMayBeOnTheRootIsThereWhateverIsMounted) {
  Base plain(faulty_, directory_ / "plain", "bench", false);
  faulty_.set_mount(kRoot);
  ASSERT_TRUE(plain.open());
  faulty_.set_mount(2);
  plain.look();
  EXPECT_TRUE(plain.is_open());
}

TEST_F(BaseTest, TheRootItselfIsMissingADisk) {
  EXPECT_TRUE(is_disk_missing(system_files(), "/"));
  EXPECT_TRUE(is_disk_missing(system_files(), "/there-is-no-such-directory/base"));
  EXPECT_FALSE(is_disk_missing(system_files(), "/proc/self"));
}

}  // namespace
}  // namespace framelog
