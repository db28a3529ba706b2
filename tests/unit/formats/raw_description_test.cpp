#include "formats/raw_description.hpp"

#include <gtest/gtest.h>

namespace framelog {
namespace {

std::string sidecar(const std::string& shape, const std::string& provenance) {
  return R"({"format": "framelog-raw", "version": 1, "finished": true, "dtype": "<u2", )"
         R"("endianness": "little", "shape": )" +
         shape + R"(, "provenance": )" + provenance + "}";
}

TEST(RawDescription, TellsShapeAndFrames) {
  const auto facts = raw::read(sidecar("[7, 3, 4]", "{\"a\": [[1]]}"));
  ASSERT_TRUE(facts) << describe(facts.error());
  EXPECT_EQ(facts->shape, (FrameShape{3, 4, PixelType::kUint16}));
  EXPECT_EQ(facts->frames, 7);
}

TEST(RawDescription, RefusesSidesThatNoFrameHas) {
  for (const std::string shape : {"[7, -3, 4]", "[7, 3, 4294967296]", "[7, 3.5, 4]",
                                  "[7, \"3\", 4]", "[7, 3]", "{}", "7", "[7, [3], 4]"}) {
    const auto facts = raw::read(sidecar(shape, "{}"));
    ASSERT_FALSE(facts) << shape;
    EXPECT_EQ(facts.error().code, ErrorCode::kCorrupt);
  }
}

TEST(RawDescription, RefusesNestingThatWouldExhaustTheStack) {
  constexpr std::size_t kDepth = 1'000'000;
  const auto facts =
      raw::read(sidecar("[7, 3, 4]", std::string(kDepth, '[') + std::string(kDepth, ']')));
  ASSERT_FALSE(facts);
  EXPECT_NE(describe(facts.error()).find("nested too deeply"), std::string::npos);
}

}  // namespace
}  // namespace framelog
