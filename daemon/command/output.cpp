#include "command/output.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iostream>
#include <string_view>

#include "command/instrument.hpp"
#include "core/text.hpp"

namespace framelog {
namespace {

using namespace std::chrono_literals;

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

}  // namespace

void TextTable::add(const std::vector<std::string>& cells) {
  auto& row = rows_.emplace_back();
  for (const std::string& cell : cells) row.push_back(one_line(cell));
}

std::string TextTable::text() const {
  std::vector<std::size_t> widths(columns_.size());
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  std::string text;
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - width_of(row[i]), ' ');
      line += i > 0 ? "  " : "";
      line += columns_[i] == Align::kRight ? padding + row[i] : row[i] + padding;
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

std::string size_text(std::int64_t bytes) {
  constexpr std::array<const char*, 6> kUnits{"B", "kB", "MB", "GB", "TB", "PB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 999.5 && unit + 1 < kUnits.size(); ++unit) value /= 1000.0;
  if (unit == 0) return fmt::format("{} B", bytes);
  return fmt::format("{:.{}f} {}", value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0, kUnits[unit]);
}

std::string duration_text(std::int64_t ns) {
  if (ns < 0) return "unknown";
  const double seconds = static_cast<double>(ns) * 1e-9;
  if (seconds < 1.0) return fmt::format("{:.3g} ms", seconds * 1e3);
  if (seconds < 100.0) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

std::string counted(std::int64_t count, const char* noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string counted(std::int64_t count, const char* one, const char* many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

int exit_status_of(const Error& error) noexcept {
  return error.code == ErrorCode::kDenied ? kExitDenied : kExitFoundWrong;
}

ProgressLine::ProgressLine(std::int64_t total_bytes)
    : begin_(std::chrono::steady_clock::now()),
      next_(begin_ + 1s),
      total_bytes_(total_bytes),
      terminal_(::isatty(STDERR_FILENO) == 1) {}

void ProgressLine::advance(std::int64_t bytes) {
  done_bytes_ += bytes;
  if (!terminal_) return;
  const auto now = std::chrono::steady_clock::now();
  if (now < next_) return;
  next_ = now + 200ms;
  const double seconds = std::chrono::duration<double>(now - begin_).count();
  const double share =
      total_bytes_ > 0 ? static_cast<double>(done_bytes_) / static_cast<double>(total_bytes_) : 1.0;
  std::cerr << fmt::format(
                   "\r\x1b[K{:3.0f} %  {} of {}, {}/s", 100.0 * std::min(1.0, share),
                   size_text(done_bytes_), size_text(total_bytes_),
                   size_text(static_cast<std::int64_t>(static_cast<double>(done_bytes_) / seconds)))
            << std::flush;
  shown_ = true;
}

void ProgressLine::clear() {
  if (shown_) std::cerr << "\r\x1b[K" << std::flush;
  shown_ = false;
}

}  // namespace framelog
