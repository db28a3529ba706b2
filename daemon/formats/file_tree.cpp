#include "formats/file_tree.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <array>
#include <string_view>

#include "formats/frame_files.hpp"
#include "formats/hdf5_frames.hpp"
#include "formats/stored_zip.hpp"

namespace framelog {
namespace {

constexpr std::string_view kZipMagic = "PK\x03\x04";

bool begins_with(FileSystem& files, const std::filesystem::path& path, std::string_view magic) {
  const auto file = files.open(path, O_RDONLY);
  std::array<std::byte, 8> head{};
  if (!file) return false;
  const auto count = files.read_at(file->get(), head, 0);
  const std::string_view found(reinterpret_cast<const char*>(head.data()), head.size());
  return count && *count >= magic.size() && found.starts_with(magic);
}

std::string length_text(const Length& length) {
  return length.unit.empty() ? "unknown" : fmt::format("{:g} {}", length.value, length.unit);
}

Result<std::string> describe_zip(FileSystem& files, const std::filesystem::path& path) {
  const auto entries = read_stored_zip(files, path);
  if (!entries) return std::unexpected(entries.error());
  std::string text = "zip\n";
  for (const StoredZipEntry& entry : *entries) {
    text += fmt::format("  {}  {} bytes\n", entry.name, entry.bytes);
  }
  return text;
}

Result<std::string> describe_frames(FileSystem& files, const std::filesystem::path& path) {
  const auto opened = open_frame_file(files, path);
  if (!opened) return std::unexpected(opened.error());
  const StoredFacts& facts = (*opened)->facts();
  std::string text = facts.description + "\n";
  text += fmt::format("  frames {}\n  shape {}\n", facts.frames, to_string(facts.shape));
  if (facts.scan) {
    text += fmt::format("  scan {} x {}\n", facts.scan->first, facts.scan->second);
  }
  text += fmt::format("  pixel_size y {}, x {}\n", length_text(facts.pixel_size[0]),
                      length_text(facts.pixel_size[1]));
  text += fmt::format("  times {}\n", facts.has_times ? "yes" : "no");
  for (const auto& [key, value] : facts.settings) text += fmt::format("  {} = {}\n", key, value);
  if (!facts.provenance_json.empty()) text += "  provenance " + facts.provenance_json + "\n";
  return text;
}

}  // namespace

Result<std::string> describe_file(FileSystem& files, const std::filesystem::path& path) {
  if (is_hdf5(files, path)) return describe_hdf5_file(path);
  if (begins_with(files, path, kZipMagic)) {
    auto text = describe_zip(files, path);
    if (text) return text;  // Others may be packed.
  }
  return describe_frames(files, path);
}

}  // namespace framelog
