#pragma once

#include <string>
#include <string_view>

#include "pipeline/recording_plan.hpp"

namespace framelog {

/// How another process can go on with a ring: what its plan was made of.
struct Recipe {
  std::string instrument;
  std::string configuration;  ///< As RecordingPlan has it.
  SourceInfo source;
  RunIdentity run;
};

[[nodiscard]] std::string write_recipe(const Recipe& recipe);
/// Errors: kLayout when it is not understood.
[[nodiscard]] Result<Recipe> read_recipe(std::string_view text);

/// Whether frames of both belong into the same files.
[[nodiscard]] bool is_same_instrument(const SourceInfo& a, const SourceInfo& b);

}  // namespace framelog
