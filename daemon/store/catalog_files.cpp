#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <new>
#include <string_view>

#include "formats/segment.hpp"
#include "store/catalog.hpp"
#include "store/catalog_rebuild.hpp"
#include "store/provenance.hpp"
#include "store/workshop.hpp"

namespace framelog {
namespace {

using std::filesystem::path;

constexpr std::string_view kName = "catalog.sqlite";

std::int64_t space_of(const path& file) {
  constexpr std::int64_t kBlockBytes = 512;  // stat(2): of st_blocks, whatever the file system has.
  struct stat about {};
  return ::stat(file.c_str(), &about) == 0 ? about.st_blocks * kBlockBytes : 0;
}

Result<IndexedSegment> read_segment(FileSystem& files, const SegmentFormat& format,
                                    const path& file) {
  auto reader = format.open(files, file);
  if (!reader) return std::unexpected(reader.error());
  if (!(*reader)->finished() || (*reader)->frames() == 0) {
    return fail(ErrorCode::kInvalid, "not a finished segment:", file.string());
  }
  const auto text = (*reader)->provenance();
  if (!text) return std::unexpected(text.error());
  const auto provenance = summarise_provenance(*text);
  if (!provenance) return std::unexpected(provenance.error());
  const auto first = (*reader)->record(0);
  if (!first) return std::unexpected(first.error());
  const auto last = (*reader)->record((*reader)->frames() - 1);
  if (!last) return std::unexpected(last.error());
  const auto accounting = (*reader)->accounting();
  if (!accounting) return std::unexpected(accounting.error());
  const auto gaps = (*reader)->gaps();
  if (!gaps) return std::unexpected(gaps.error());
  IndexedSegment indexed;
  indexed.instrument = provenance->instrument;
  CatalogEntry& entry = indexed.entry;
  entry.path = file;
  entry.product = provenance->product;
  entry.run_uuid = provenance->run_uuid;
  entry.run_number = provenance->run_number;
  entry.segment_number = provenance->segment;
  entry.first_sequence = static_cast<std::int64_t>(first->sequence);
  entry.last_sequence = static_cast<std::int64_t>(last->sequence);
  entry.first_utc_ns = first->utc_ns;
  entry.last_utc_ns = last->utc_ns;
  entry.clock_unsynchronised = ((first->flags | last->flags) & kFlagClockUnsynchronised) != 0;
  entry.frames = (*reader)->frames();
  entry.bytes = segment_space(format, file);
  if (*accounting) {
    entry.dropped = static_cast<std::int64_t>((*accounting)->total_dropped() +
                                              (*accounting)->total_lost_at_source());
  }
  entry.gaps = static_cast<std::int64_t>(gaps->size());
  return indexed;
}

}  // namespace

path catalog_path(const std::string& instrument, const path& configuration, const path& base) {
  if (const char* state = std::getenv("STATE_DIRECTORY"); state != nullptr && *state != '\0') {
    const std::string_view text(state);  // Several are separated by colons.
    return path(text.substr(0, text.find(':'))) / kName;
  }
  std::error_code error;
  const path installed = path("/var/lib/framelogd") / instrument;
  const bool is_service = std::filesystem::absolute(configuration, error).lexically_normal() ==
                          path("/etc/framelogd") / (instrument + ".conf");
  if (is_service && std::filesystem::is_directory(installed, error)) return installed / kName;
  return workshop_path(base, instrument) / kName;
}

std::int64_t segment_space(const SegmentFormat& format, const path& file) {
  std::int64_t bytes = space_of(file);
  std::string stem = file.string();
  stem.resize(stem.size() - format.extension.size());
  for (const std::string_view extension : format.companions) {
    bytes += space_of(stem + std::string(extension));
  }
  return bytes;
}

Result<IndexedSegment> index_segment(FileSystem& files, const path& file) {
  const SegmentFormat* format = format_of(file);
  if (format == nullptr || file.extension() == ".part") {
    return fail(ErrorCode::kInvalid, "not a finished segment:", file.string());
  }
  try {
    return read_segment(files, *format, file);
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::kCorrupt,
                "it describes more than the memory of this machine holds:", file.string());
  }
}

Result<CatalogEntry> catalog_entry(FileSystem& files, const path& path) {
  std::error_code error;
  auto indexed = index_segment(files, std::filesystem::absolute(path, error).lexically_normal());
  if (!indexed) return std::unexpected(indexed.error());
  return std::move(indexed->entry);
}

}  // namespace framelog
