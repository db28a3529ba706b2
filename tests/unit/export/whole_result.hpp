#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <vector>

#include "export/result_frames.hpp"
#include "memory_recording.hpp"

namespace framelog {

/// All elements of a result, slice behind slice.
struct Whole {
  ResultFacts facts;
  std::vector<double> values;
  std::vector<ResultSlice> slices;  ///< Without what they borrowed.
  ResultEnd end;
};

inline Whole take(Recording& recording, const TransformRequest& request,
                  std::size_t memory_bytes = std::size_t{64} << 20U) {
  Whole whole;
  auto result = open_result(recording, request, memory_bytes);
  EXPECT_TRUE(result) << describe(result.error());
  if (!result) return whole;
  whole.facts = (*result)->facts();
  ResultSlice slice;
  for (;;) {
    const auto more = (*result)->next(slice);
    EXPECT_TRUE(more) << describe(more.error());
    if (!more || !*more) break;
    EXPECT_EQ(slice.pixels.size(), size_bytes(whole.facts.slice));
    const auto values = numbers_of(whole.facts.type, slice.pixels);
    whole.values.insert(whole.values.end(), values.begin(), values.end());
    whole.slices.push_back(slice);
  }
  whole.end = (*result)->end();
  EXPECT_EQ(whole.end.slices, whole.facts.slices);
  return whole;
}

/// The error of what is refused.
inline std::string refusal(Recording& recording, const TransformRequest& request) {
  const auto plan = plan_result(recording, request);
  if (plan) return "accepted";
  EXPECT_EQ(plan.error().code, ErrorCode::kInvalid);
  return describe(plan.error());
}

}  // namespace framelog
