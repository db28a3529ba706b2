#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

namespace framelog {

/// What framelogd was called with.
struct Arguments {
  std::string config;
  std::vector<std::string> overrides;
  std::optional<std::uint64_t> frames;
  std::optional<std::chrono::nanoseconds> duration;
  bool check{};
};

/// The arguments, or the exit status where there is nothing to record: help and version are
/// printed, and so is what is wrong.
[[nodiscard]] std::expected<Arguments, int> read_arguments(int argc, char** argv);

}  // namespace framelog
