#include "store/provenance.hpp"

#include "segment_fixture.hpp"

namespace framelog {
namespace {

TEST_F(SegmentTest, ProvenanceSaysWhatItWasGivenAndIsCompletedAtTheEnd) {
  RunFacts run;
  run.driver = "replay";
  run.model = "file";
  run.input_paths = {"/in/a.npy", "/in/b.npy"};
  const std::string started = start_provenance(run, description(3));
  const auto early = summarise_provenance(started);
  ASSERT_TRUE(early);
  EXPECT_EQ(early->driver, "replay");
  EXPECT_EQ(early->segment, 3);
  EXPECT_EQ(early->stop_reason, "");
  EXPECT_EQ(early->steps, std::vector<std::string>{"crop origin_yx=[0,0]"});

  SegmentEnd end;
  end.file_name = "x.h5";
  end.stop_reason = "size";
  end.accounting.recorded = 4;
  const auto completed = complete_provenance(started, end, {0, 1'500'000'000},
                                             {{"/in/a.npy", "abc"}, {"/in/other", "def"}});
  ASSERT_TRUE(completed);
  const auto late = summarise_provenance(*completed);
  EXPECT_EQ(late->stop_reason, "size");
  EXPECT_EQ(late->last_frame, "1970-01-01T00:00:01.500000Z");
  EXPECT_NE(completed->find("\"sha256\": \"abc\""), std::string::npos);
  EXPECT_NE(completed->find("\"sha256\": null"), std::string::npos);
  EXPECT_EQ(completed->find("def"), std::string::npos);
}

TEST_F(SegmentTest, WhatIsNoProvenanceIsCorrupt) {
  for (const char* text : {"", "null", "[]", "{}", "{\"run\": {\"number\": \"x\"}}", "{\"run\""}) {
    EXPECT_EQ(summarise_provenance(text).error().code, ErrorCode::kCorrupt) << text;
    EXPECT_EQ(complete_provenance(text, {}, {}, {}).error().code, ErrorCode::kCorrupt) << text;
  }
}

}  // namespace
}  // namespace framelog
