#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace framelog {

/// How a program ended that another one ran.
struct ChildEnd {
  int exit_status{-1};  ///< Of exit(); -1: a signal ended it.
  int signal{};
  bool late{};         ///< It was killed because it took too long.
  std::string output;  ///< Standard output and error, cut off behind `most_output_bytes`.
};

/// Runs a program without a shell: `words` are its path and arguments, `input` is what it reads
/// from standard input. In a session of its own, with default signals, and without what systemd
/// has said to us by environment. When `longest` has passed or a stop is requested it is killed
/// with its children; no zombie is left. Threads: any but control. Errors: why it could not be
/// started.
[[nodiscard]] Result<ChildEnd> run_child(const std::vector<std::string>& words,
                                         std::string_view input, std::chrono::nanoseconds longest,
                                         std::size_t most_output_bytes,
                                         const std::stop_token& stop);

}  // namespace framelog
