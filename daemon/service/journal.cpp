#include "service/journal.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <syslog.h>
#define SD_JOURNAL_SUPPRESS_LOCATION  // Of every line it would be the same.
#include <systemd/sd-journal.h>
#include <unistd.h>

#include <cstdlib>
#include <mutex>
#include <utility>

#include "core/clock.hpp"
#include "service/log_limit.hpp"
#include "service/message_ids.hpp"

namespace framelog {
namespace {

struct Journal {
  std::mutex mutex;
  LogLimit limit;
  std::string instrument;
};

Journal& journal() {
  static Journal the_one;
  return the_one;
}

int priority_of(LogLevel level) {
  switch (level) {
    case LogLevel::kError:
      return LOG_ERR;
    case LogLevel::kWarning:
      return LOG_WARNING;
    case LogLevel::kInfo:
      return LOG_INFO;
    case LogLevel::kDebug:
      return LOG_DEBUG;
  }
  std::unreachable();
}

/// "after-sequence" -> "AFTER_SEQUENCE": the journal takes capitals, digits and underscores.
std::string field_name(std::string_view name) {
  std::string field;
  for (const char c : name) {
    const bool small = c >= 'a' && c <= 'z';
    const bool as_it_is = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    field += small ? static_cast<char>(c - 'a' + 'A') : as_it_is ? c : '_';
  }
  return field;
}

void send(const std::vector<std::string>& fields) {
  std::vector<iovec> pieces;
  for (const std::string& field : fields) {
    pieces.push_back({const_cast<char*>(field.data()), field.size()});
  }
  if (::sd_journal_sendv(pieces.data(), static_cast<int>(pieces.size())) == 0) return;
  // Systemd reads the level from the prefix.
  const std::string line = fields[1].substr(fields[1].find('=') + 1).insert(0, "<") + ">" +
                           fields[0].substr(fields[0].find('=') + 1) + "\n";
  static_cast<void>(!::write(STDERR_FILENO, line.data(), line.size()));
}

void sink(LogLevel level, std::string_view text, const Event* event) {
  std::vector<LogLimit::LeftOut> left_out;
  bool passes = false;
  {
    const std::scoped_lock lock(journal().mutex);
    const std::int64_t now_ns = system_clock().monotonic_ns();
    left_out = journal().limit.take_left_out(now_ns);
    passes = journal().limit.passes(text, now_ns);
  }
  const std::string& instrument = journal().instrument;
  for (const LogLimit::LeftOut& one : left_out) {
    send(journal_fields(LogLevel::kWarning,
                        fmt::format("left out {} times more: {}", one.lines, one.text), nullptr,
                        instrument));
  }
  if (passes) send(journal_fields(level, text, event, instrument));
}

}  // namespace

bool is_stderr_the_journal() noexcept {
  const char* text = std::getenv("JOURNAL_STREAM");
  if (text == nullptr) return false;
  char* end = nullptr;
  const unsigned long long device = std::strtoull(text, &end, 10);
  if (end == text || *end != ':') return false;
  const char* inode_text = end + 1;
  const unsigned long long inode = std::strtoull(inode_text, &end, 10);
  if (end == inode_text || *end != '\0') return false;
  struct stat status {};
  return ::fstat(STDERR_FILENO, &status) == 0 && status.st_dev == device && status.st_ino == inode;
}

void log_to_journal(std::string instrument) {
  journal().instrument = std::move(instrument);
  set_log_sink(sink);
}

std::vector<std::string> journal_fields(LogLevel level, std::string_view text, const Event* event,
                                        std::string_view instrument) {
  std::vector<std::string> fields{
      fmt::format("MESSAGE={}", text), fmt::format("PRIORITY={}", priority_of(level)),
      "SYSLOG_IDENTIFIER=framelogd", fmt::format("FRAMELOG_INSTRUMENT={}", instrument)};
  if (event == nullptr) return fields;
  fields.push_back(fmt::format("FRAMELOG_EVENT={}", name_of(event->kind)));
  fields.push_back(fmt::format("MESSAGE_ID={}", message_id(event->kind)));
  for (const auto& [name, value] : event->fields) {
    fields.push_back(fmt::format("FRAMELOG_{}={}", field_name(name), value));
  }
  return fields;
}

}  // namespace framelog
