#include "store/checksum_list.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

namespace framelog {
namespace {

using std::filesystem::path;
using Lines = std::map<std::string, std::string>;

constexpr std::size_t kDigestDigits = 64;
constexpr std::string_view kBetween = "  ";  // The second space: a file read as bytes or as text.

bool is_digest(std::string_view text) {
  return text.size() == kDigestDigits && std::ranges::all_of(text, [](char digit) {
           return (digit >= '0' && digit <= '9') || (digit >= 'a' && digit <= 'f');
         });
}

/// sha256sum(1): a backslash in front says that the name has escapes.
std::string line_of(const std::string& name, const std::string& sha256) {
  std::string escaped;
  for (const char character : name) {
    if (character == '\\') {
      escaped += "\\\\";
    } else if (character == '\n') {
      escaped += "\\n";
    } else {
      escaped += character;
    }
  }
  return (escaped == name ? "" : "\\") + sha256 + std::string(kBetween) + escaped + "\n";
}

std::string without_escapes(std::string_view text) {
  std::string name;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      name += text[i];
    } else {
      name += text[++i] == 'n' ? '\n' : text[i];
    }
  }
  return name;
}

void take(std::string_view line, Lines& lines) {
  const bool escapes = line.starts_with('\\');
  if (escapes) line.remove_prefix(1);
  const std::string_view digest = line.substr(0, kDigestDigits);
  if (!is_digest(digest) || line.size() <= kDigestDigits + kBetween.size()) return;
  const std::string_view between = line.substr(kDigestDigits, kBetween.size());
  if (between != kBetween && between != " *") return;
  const std::string_view name = line.substr(kDigestDigits + kBetween.size());
  lines[escapes ? without_escapes(name) : std::string(name)] = digest;
}

Lines lines_of(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) break;  // Torn.
    take(text.substr(0, end), lines);
    text.remove_prefix(end + 1);
  }
  return lines;
}

bool is_same_file(int fd, const path& file) {
  struct stat open {};
  struct stat named {};
  return ::fstat(fd, &open) == 0 && ::stat(file.c_str(), &named) == 0 &&
         open.st_dev == named.st_dev && open.st_ino == named.st_ino;
}

/// The list, locked. While it was waited for, somebody may have replaced it.
Result<UniqueFd> open_list(FileSystem& files, const path& list) {
  for (int tries = 0; tries < 10; ++tries) {
    auto fd = files.open(list, O_RDWR | O_CREAT | O_APPEND);
    if (!fd) return fd;
    if (auto locked = files.lock(fd->get()); !locked) return std::unexpected(locked.error());
    if (is_same_file(fd->get(), list)) return fd;
  }
  return fail(ErrorCode::kBusy, "others keep replacing", list.string());
}

Result<std::string> text_of(FileSystem& files, int fd) {
  const auto size = files.size_bytes(fd);
  if (!size) return std::unexpected(size.error());
  std::string text(static_cast<std::size_t>(*size), '\0');
  const auto got = files.read_at(fd, std::as_writable_bytes(std::span(text)), 0);
  if (!got) return std::unexpected(got.error());
  text.resize(*got);
  return text;
}

Result<void> replace_list(FileSystem& files, const path& list, const Lines& lines) {
  std::string text;
  for (const auto& [name, digest] : lines) text += line_of(name, digest);
  const path fresh = list.string() + ".new";
  if (files.exists(fresh)) static_cast<void>(files.remove(fresh));
  if (auto done = write_new_file(files, fresh, std::as_bytes(std::span(text))); !done) return done;
  if (auto done = files.replace(fresh, list); !done) return done;
  return files.sync_directory(list.parent_path());
}

}  // namespace

Result<Lines> read_checksums(FileSystem& files, const path& directory) {
  const path list = directory / kChecksumList;
  if (!files.exists(list)) return Lines{};
  const auto text = read_text(files, list);
  if (!text) return std::unexpected(text.error());
  return lines_of(*text);
}

Result<void> add_checksum(FileSystem& files, const path& file, const std::string& sha256) {
  const path list = file.parent_path() / kChecksumList;
  const std::string name = file.filename().string();
  const auto fd = open_list(files, list);
  if (!fd) return std::unexpected(fd.error());
  const auto text = text_of(files, fd->get());
  if (!text) return std::unexpected(text.error());
  Lines lines = lines_of(*text);
  const auto known = lines.find(name);
  const bool is_torn = !text->empty() && text->back() != '\n';
  if (known != lines.end() && known->second == sha256 && !is_torn) return {};
  if (known != lines.end() || is_torn) {
    lines[name] = sha256;
    return replace_list(files, list, lines);
  }
  // It was opened for appending: the place does not matter.
  const std::string line = line_of(name, sha256);
  if (auto done = files.write_at(fd->get(), std::as_bytes(std::span(line)), 0); !done) return done;
  return files.sync(fd->get());
}

Result<void> remove_checksum(FileSystem& files, const path& file) {
  const path list = file.parent_path() / kChecksumList;
  if (!files.exists(list)) return {};
  const auto fd = open_list(files, list);
  if (!fd) return std::unexpected(fd.error());
  const auto text = text_of(files, fd->get());
  if (!text) return std::unexpected(text.error());
  Lines lines = lines_of(*text);
  if (lines.erase(file.filename().string()) == 0) return {};
  return lines.empty() ? files.remove(list) : replace_list(files, list, lines);
}

}  // namespace framelog
