#include "store/input_digests.hpp"

#include "segment_fixture.hpp"

namespace framelog {
namespace {

TEST_F(SegmentTest, InputsAreHashedInStepsAndUnreadableOnesLeftOut) {
  const auto small = directory_ / "small";
  const auto large = directory_ / "large";
  std::ofstream(small) << "abc";
  std::ofstream(large) << std::string(std::size_t{9} << 20U, 'x');
  InputDigests digests(files_, {small, directory_ / "absent", large});
  int steps = 0;
  while (!digests.done()) {
    digests.step();
    ASSERT_LT(++steps, 100);
  }
  EXPECT_EQ(steps, 4);
  ASSERT_EQ(digests.digests().size(), 2U);
  // FIPS 180-4, example of one block.
  EXPECT_EQ(digests.digests().at(small.string()),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace framelog
