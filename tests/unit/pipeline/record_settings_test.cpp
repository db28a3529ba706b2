#include "pipeline/record_settings.hpp"

#include <string>
#include <variant>
#include <vector>

#include "recording.hpp"

namespace framelog {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

const std::vector<std::string> kProducts{"frames", "small.one", "min"};

struct Read {
  RecordPolicy policy;
  std::vector<Complaint> complaints;
};

/// [record] with these keys.
Read read(const std::vector<std::pair<std::string, std::string>>& keys) {
  std::vector<Line> lines;
  for (const auto& [key, text] : keys) lines.push_back({"record", key, text});
  Read result;
  result.policy = record_policy_of(settings_of(lines), kProducts, result.complaints);
  return result;
}

RecordPolicy good(const std::vector<std::pair<std::string, std::string>>& keys) {
  const Read result = read(keys);
  for (const Complaint& complaint : result.complaints) ADD_FAILURE() << complaint.message;
  return result.policy;
}

/// The only complaint, which is one line of [record]: "key: message".
std::string complaint_of(const std::vector<std::pair<std::string, std::string>>& keys) {
  const Read result = read(keys);
  EXPECT_EQ(result.complaints.size(), 1U);
  if (result.complaints.empty()) return "";
  const Complaint& complaint = result.complaints.front();
  EXPECT_EQ(complaint.section, "record");
  EXPECT_EQ(complaint.message.find('\n'), std::string::npos) << complaint.message;
  return complaint.key + ": " + complaint.message;
}

StatisticTrigger trigger_of(const std::string& condition) {
  return good({{"start", "trigger"}, {"trigger", "statistic " + condition}})
      .trigger.value_or(StatisticTrigger{});
}

TEST(RecordSettings, RecordAlwaysByDefault) { EXPECT_EQ(good({}).start, RecordStart::kAlways); }

TEST(RecordSettings, ATriggerIsACommandByDefault) {
  const RecordPolicy policy = good({{"start", "trigger"}});
  EXPECT_EQ(policy.start, RecordStart::kTrigger);
  EXPECT_FALSE(policy.trigger);
  EXPECT_EQ(policy.before, Stretch(std::uint64_t{0}));
  EXPECT_EQ(policy.after, Stretch(std::uint64_t{0}));
  EXPECT_TRUE(policy.extend);
  EXPECT_EQ(policy.hold_off, nanoseconds(0));
  EXPECT_FALSE(policy.max_event);
}

TEST(RecordSettings, EveryKeyOfATriggerIsTaken) {
  const RecordPolicy policy = good({{"start", "trigger"},
                                    {"trigger", "command"},
                                    {"pre_frames", "7"},
                                    {"post_time", "1.5 s"},
                                    {"retrigger", "ignore"},
                                    {"hold_off", "3 s"},
                                    {"max_event", "20 s"}});
  EXPECT_EQ(policy.before, Stretch(std::uint64_t{7}));
  EXPECT_EQ(policy.after, Stretch(nanoseconds(milliseconds(1500))));
  EXPECT_FALSE(policy.extend);
  EXPECT_EQ(policy.hold_off, seconds(3));
  EXPECT_EQ(policy.max_event, seconds(20));
  EXPECT_EQ(good({{"start", "trigger"}, {"pre_time", "2 s"}, {"post_frames", "9"}}).before,
            Stretch(nanoseconds(seconds(2))));
}

TEST(RecordSettings, AConditionNamesProductStatisticAndValue) {
  using Statistic = StatisticTrigger::Statistic;
  using Comparison = StatisticTrigger::Comparison;
  const auto is = [](const StatisticTrigger& found, std::size_t product, Statistic statistic,
                     Comparison comparison, double value) {
    return found.product == product && found.statistic == statistic &&
           found.comparison == comparison && found.value == value;
  };
  EXPECT_TRUE(is(trigger_of("frames.mean > 120"), 0, Statistic::kMean, Comparison::kAbove, 120));
  EXPECT_TRUE(is(trigger_of("frames.max>=1e3"), 0, Statistic::kMax, Comparison::kAtLeast, 1000));
  EXPECT_TRUE(is(trigger_of("min.min < -0.5"), 2, Statistic::kMin, Comparison::kBelow, -0.5));
  EXPECT_TRUE(is(trigger_of("small.one.std <= 2"), 1, Statistic::kStd, Comparison::kAtMost, 2))
      << "the last dot ends the product's name";
  EXPECT_TRUE(is(trigger_of("frames.sum > 0"), 0, Statistic::kSum, Comparison::kAbove, 0));
  EXPECT_TRUE(
      is(trigger_of("frames.saturated > 3"), 0, Statistic::kSaturated, Comparison::kAbove, 3));
}

TEST(RecordSettings, AConditionThatIsWrongSaysWhatIsAllowed) {
  const auto said = [](const std::string& trigger) {
    return complaint_of({{"start", "trigger"}, {"trigger", trigger}});
  };
  for (const char* trigger :
       {"statistic frames.mean", "statistic frames.mean > x", "statistic frames.median > 1",
        "statistic mean > 1", "statistic frames.mean > inf", "statistic frames.mean > nan",
        "statistic frames.mean >> 1", "statistic .mean. > 1", "statistic > 1", "edge",
        "statistic frames.mean > 1 > 2"}) {
    EXPECT_TRUE(said(trigger).starts_with("trigger: ")) << trigger;
    EXPECT_NE(said(trigger).find("(allowed: "), std::string::npos) << said(trigger);
  }
  EXPECT_EQ(said("statistic nobody.mean > 1"),
            "trigger: there is no product \"nobody\" (there are: frames, small.one, min)");
}

TEST(RecordSettings, FramesAndTimeAreOneOfTheTwo) {
  EXPECT_EQ(complaint_of({{"start", "trigger"}, {"pre_frames", "1"}, {"pre_time", "1 s"}}),
            "pre_time: goes not with record.pre_frames (one of the two)");
  EXPECT_EQ(complaint_of({{"start", "trigger"}, {"post_frames", "1"}, {"post_time", "1 s"}}),
            "post_time: goes not with record.post_frames (one of the two)");
}

TEST(RecordSettings, KeysOfAnotherStartAreRefused) {
  const std::vector<std::pair<std::string, std::string>> triggers{
      {"trigger", "command"}, {"pre_frames", "1"},     {"post_frames", "1"}, {"pre_time", "1 s"},
      {"post_time", "1 s"},   {"retrigger", "extend"}, {"hold_off", "1 s"},  {"max_event", "1 s"}};
  for (const auto& line : triggers) {
    EXPECT_EQ(complaint_of({line}), line.first +
                                        ": means something with record.start = trigger only (it is "
                                        "always)");
    EXPECT_TRUE(complaint_of({{"start", "schedule"}, {"repeat", "1 min"}, line})
                    .starts_with(line.first + ": "));
  }
  for (const char* key : {"repeat", "length"}) {
    EXPECT_TRUE(
        complaint_of({{"start", "trigger"}, {key, "1 s"}})
            .starts_with(std::string(key) + ": means something with record.start = schedule"));
  }
}

TEST(RecordSettings, AScheduleRepeatsAndIsShorterThanThat) {
  const RecordPolicy policy =
      good({{"start", "schedule"}, {"repeat", "10 min"}, {"length", "2 s"}});
  EXPECT_EQ(policy.start, RecordStart::kSchedule);
  EXPECT_EQ(policy.repeat, std::chrono::minutes(10));
  EXPECT_EQ(policy.length, seconds(2));
  EXPECT_EQ(good({{"start", "schedule"}, {"repeat", "1 s"}}).length, nanoseconds(0));
  EXPECT_TRUE(complaint_of({{"start", "schedule"}}).starts_with("repeat: is required"));
  for (const char* length : {"1 s", "2 s"}) {
    EXPECT_EQ(complaint_of({{"start", "schedule"}, {"repeat", "1 s"}, {"length", length}}),
              "length: must be shorter than record.repeat");
  }
}

std::vector<Complaint> kept(const RecordPolicy& policy, std::optional<double> rate_hz) {
  SourceInfo source;
  source.rate_hz = rate_hz;
  std::vector<Complaint> complaints;
  check_kept_frames(policy, source, 100, complaints);
  return complaints;
}

TEST(RecordSettings, FramesBeforeATriggerFitTheRing) {
  RecordPolicy policy;
  policy.start = RecordStart::kTrigger;
  policy.before = std::uint64_t{75};
  EXPECT_TRUE(kept(policy, 10.0).empty());
  policy.before = std::uint64_t{76};
  ASSERT_EQ(kept(policy, std::nullopt).size(), 1U);
  EXPECT_EQ(kept(policy, std::nullopt)[0].key, "pre_frames");
  EXPECT_NE(kept(policy, std::nullopt)[0].message.find("at most 75 of its 100"), std::string::npos);
  policy.start = RecordStart::kAlways;
  EXPECT_TRUE(kept(policy, 10.0).empty());
}

TEST(RecordSettings, FramesForLateSignalsFitTheRingToo) {
  RecordPolicy policy;
  policy.start = RecordStart::kTrigger;
  policy.latency = milliseconds(100);
  policy.before = std::uint64_t{65};
  EXPECT_TRUE(kept(policy, 100.0).empty());
  EXPECT_TRUE(kept(policy, std::nullopt).empty()) << "nobody knows";
  policy.before = std::uint64_t{66};
  ASSERT_EQ(kept(policy, 100.0).size(), 1U);
  EXPECT_EQ(kept(policy, 100.0)[0].key, "pre_frames");
  EXPECT_NE(kept(policy, 100.0)[0].message.find("66 frames, and 10 for late signals, do not fit"),
            std::string::npos);
  policy.before = nanoseconds(milliseconds(650));
  EXPECT_TRUE(kept(policy, 100.0).empty());
  policy.before = nanoseconds(milliseconds(670));
  ASSERT_EQ(kept(policy, 100.0).size(), 1U);
  EXPECT_EQ(kept(policy, 100.0)[0].key, "pre_time");
}

TEST(RecordSettings, TimeBeforeATriggerFitsTheRingAtTheRateOfTheSource) {
  RecordPolicy policy;
  policy.start = RecordStart::kTrigger;
  policy.before = nanoseconds(milliseconds(7500));
  EXPECT_TRUE(kept(policy, 10.0).empty());
  EXPECT_TRUE(kept(policy, std::nullopt).empty()) << "nobody knows";
  policy.before = nanoseconds(milliseconds(7700));
  ASSERT_EQ(kept(policy, 10.0).size(), 1U);
  EXPECT_EQ(kept(policy, 10.0)[0].key, "pre_time");
  EXPECT_NE(kept(policy, 10.0)[0].message.find("7.5 s"), std::string::npos);
}

}  // namespace
}  // namespace framelog
