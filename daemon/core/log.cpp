#include "core/log.hpp"

#include <unistd.h>

#include <atomic>
#include <string>

#include "core/event.hpp"

namespace framelog {
namespace {

std::atomic<LogLevel> g_level{LogLevel::kInfo};
std::atomic<bool> g_status_line{false};
std::atomic<LogSink> g_sink{nullptr};

std::string_view prefix(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::kError:
      return "error: ";
    case LogLevel::kWarning:
      return "warning: ";
    default:
      return "";
  }
}

}  // namespace

void set_log_level(LogLevel level) noexcept { g_level.store(level, std::memory_order_relaxed); }

void set_status_line_shown(bool shown) noexcept {
  g_status_line.store(shown, std::memory_order_relaxed);
}

void set_log_sink(LogSink sink) noexcept { g_sink.store(sink, std::memory_order_relaxed); }

namespace {

void write_line(LogLevel level, std::string_view text, const Event* event) {
  if (level > g_level.load(std::memory_order_relaxed)) return;
  if (const LogSink sink = g_sink.load(std::memory_order_relaxed)) {
    sink(level, text, event);
    return;
  }
  std::string line;
  if (g_status_line.load(std::memory_order_relaxed)) line += "\r\x1b[K";
  // What is wrong with a configuration begins with its place, as editors expect it.
  if (event == nullptr || event->kind != EventKind::kRefused) line += prefix(level);
  line += text;
  line += '\n';
  // One call, so that lines of several threads do not mix. Where even standard error fails, nothing
  // is left.
  static_cast<void>(!::write(STDERR_FILENO, line.data(), line.size()));
}

}  // namespace

void log(LogLevel level, std::string_view text) { write_line(level, text, nullptr); }

void log_event(const Event& event) { write_line(event.level, event.text, &event); }

}  // namespace framelog
