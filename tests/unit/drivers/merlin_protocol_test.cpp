#include "drivers/merlin_protocol.hpp"

#include <gtest/gtest.h>

namespace framelog {
namespace {

TEST(MerlinProtocol, CountsTheCommaBeforeTheBody) {
  EXPECT_EQ(merlin_message("GET,IMAGEX,0"), "MPX,0000000013,GET,IMAGEX,0");
  EXPECT_EQ(parse_merlin_prefix("MPX,0000000013,GET"), 13U);
}

TEST(MerlinProtocol, TakesNoPrefixThatIsShortWrongOrAbsurd) {
  EXPECT_FALSE(parse_merlin_prefix("MPX,0000000013"));
  EXPECT_FALSE(parse_merlin_prefix("MPX,000000013,,"));
  EXPECT_FALSE(parse_merlin_prefix("MPY,0000000013,"));
  EXPECT_FALSE(parse_merlin_prefix("MPX,0000000000,"));
  EXPECT_FALSE(parse_merlin_prefix("MPX,9999999999,"));
  EXPECT_TRUE(may_begin_merlin_message("MP"));
  EXPECT_TRUE(may_begin_merlin_message("MPX,00"));
  EXPECT_FALSE(may_begin_merlin_message("MPX,0x"));
}

TEST(MerlinProtocol, ReadsAnswersOfEachKind) {
  const auto get = parse_merlin_answer("GET,IMAGEX,256,0");
  ASSERT_TRUE(get);
  EXPECT_EQ(get->verb, "GET");
  EXPECT_EQ(get->name, "IMAGEX");
  EXPECT_EQ(get->value, "256");
  EXPECT_EQ(get->status, 0);
  const auto list = parse_merlin_answer("GET,DACS,1,2,3,0\r\n");
  ASSERT_TRUE(list);
  EXPECT_EQ(list->value, "1,2,3");
  const auto set = parse_merlin_answer("SET,GAIN,3");
  ASSERT_TRUE(set);
  EXPECT_EQ(set->value, "");
  EXPECT_EQ(set->status, 3);
  EXPECT_FALSE(parse_merlin_answer("SET,GAIN"));
  EXPECT_FALSE(parse_merlin_answer("SET,GAIN,"));
  EXPECT_FALSE(parse_merlin_answer(""));
}

TEST(MerlinProtocol, ARefusalNamesTheCommandAndWhatIsWrong) {
  EXPECT_EQ(merlin_refusal("SET,GAIN,9", 1).code, ErrorCode::kBusy);
  EXPECT_EQ(merlin_refusal("SET,GAIN,9", 2).code, ErrorCode::kNotFound);
  EXPECT_EQ(merlin_refusal("SET,GAIN,9", 3).code, ErrorCode::kInvalid);
  EXPECT_EQ(merlin_refusal("SET,GAIN,9", 7).code, ErrorCode::kIo);
  EXPECT_NE(describe(merlin_refusal("SET,GAIN,9", 3)).find("out of range"), std::string::npos);
  EXPECT_NE(describe(merlin_refusal("SET,GAIN,9", 3)).find("SET,GAIN,9"), std::string::npos);
}

TEST(MerlinProtocol, FindsWhatAHeaderAnnounces) {
  EXPECT_EQ(merlin_frames_announced("HDR,\nFrames in Acquisition (Number):\t65536\r\nEnd"), 65536U);
  EXPECT_EQ(merlin_frames_announced("HDR,\nFrames in Acquisition (Number):\tmany\nEnd"), 0U);
  EXPECT_EQ(merlin_frames_announced("HDR,"), 0U);
  EXPECT_EQ(merlin_header_bytes("MQ1,000001,00384,01"), 384U);
  EXPECT_FALSE(merlin_header_bytes("MQ1,000001,003"));
  EXPECT_FALSE(merlin_header_bytes("MQ1,000001,x,01"));
}

}  // namespace
}  // namespace framelog
