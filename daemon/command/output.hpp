#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "core/result.hpp"

namespace framelog {

/// Rows of text in columns that stand below each other.
class TextTable {
 public:
  enum class Align { kLeft, kRight };
  explicit TextTable(std::vector<Align> columns) : columns_(std::move(columns)) {}
  /// As many cells as columns; control characters are shown, not obeyed.
  void add(const std::vector<std::string>& cells);
  [[nodiscard]] std::string text() const;

 private:
  std::vector<Align> columns_;
  std::vector<std::vector<std::string>> rows_;
};

/// "17.2 MB"
[[nodiscard]] std::string size_text(std::int64_t bytes);
/// "1.5 ms", "12.3 s", "2 h 05 min"; "unknown" below zero.
[[nodiscard]] std::string duration_text(std::int64_t ns);
/// "1 frame", "2 frames"
[[nodiscard]] std::string counted(std::int64_t count, const char* noun);
/// The same with another number's form: "1 copy", "2 copies".
[[nodiscard]] std::string counted(std::int64_t count, const char* one, const char* many);

/// kExitDenied where it was a matter of rights, else kExitFoundWrong.
[[nodiscard]] int exit_status_of(const Error& error) noexcept;

/// One line on standard error that says how far something long is: shown on a terminal only, and
/// not before a second has passed.
class ProgressLine {
 public:
  explicit ProgressLine(std::int64_t total_bytes);
  ~ProgressLine() { clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  void advance(std::int64_t bytes);
  /// Makes room for other output.
  void clear();

 private:
  std::chrono::steady_clock::time_point begin_;
  std::chrono::steady_clock::time_point next_;
  std::int64_t total_bytes_;
  std::int64_t done_bytes_{};
  bool terminal_;
  bool shown_{};
};

}  // namespace framelog
