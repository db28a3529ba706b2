#include "config/layers.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/file_system.hpp"
#include "core/text.hpp"

namespace framelog {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostBytes = std::size_t{1} << 20U;
constexpr std::size_t kLongestName = 64;  // The control socket's path has to fit in 107 bytes.

IniFile unreadable(const fs::path& path, std::string message) {
  IniFile file;
  file.name = path.string();
  file.faults.push_back({0, std::move(message)});
  return file;
}

// Only regular files: opening a pipe could wait for ever, and a device has no end.
IniFile read_layer(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status) && error) {
    return unreadable(path, "cannot be read: " + error.message());
  }
  if (!fs::is_regular_file(status)) {
    return unreadable(path, fs::is_directory(status) ? "is a directory (one file is needed)"
                                                     : "is not a regular file");
  }
  const Result<std::string> text = read_text(system_files(), path, kMostBytes);
  if (text) return read_ini(*text, path.string());
  if (text.error().system_errno == 0) return unreadable(path, "is larger than 1 MiB");
  const std::error_code reason(text.error().system_errno, std::generic_category());
  return unreadable(path, "cannot be read: " + reason.message());
}

void add_drop_ins(const fs::path& directory, std::vector<IniFile>& layers) {
  std::error_code error;
  const fs::file_status status = fs::status(directory, error);
  if (status.type() == fs::file_type::not_found) return;
  const Result<std::vector<std::string>> names = system_files().list(directory);
  if (!names) {
    const std::error_code reason(names.error().system_errno, std::generic_category());
    layers.push_back(unreadable(directory, "cannot be listed: " + reason.message()));
    return;
  }
  for (const std::string& name : *names) {
    if (name.ends_with(".conf") && !name.starts_with('.')) {
      layers.push_back(read_layer(directory / name));
    }
  }
}

bool is_name_character(char character) noexcept {
  return (character >= 'a' && character <= 'z') || is_digit(character) || character == '-';
}

}  // namespace

std::expected<std::string, std::string> instrument_name(const fs::path& file) {
  std::string name = file.stem().string();
  if (!name.empty() && name.size() <= kLongestName &&
      std::ranges::all_of(name, is_name_character)) {
    return name;
  }
  return std::unexpected(fmt::format(
      "the file's name makes the instrument's name {}, which is not allowed (1 to {} of a-z 0-9 -)",
      in_quotes(name), kLongestName));
}

std::vector<IniFile> read_layers(const fs::path& file, std::span<const std::string> overrides) {
  std::vector<IniFile> layers;
  layers.push_back(read_layer(file));
  fs::path drop_ins = file;
  drop_ins += ".d";
  add_drop_ins(drop_ins, layers);
  layers.push_back(read_overrides(overrides));
  return layers;
}

}  // namespace framelog
