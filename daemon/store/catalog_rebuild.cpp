#include "store/catalog_rebuild.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "formats/hdf5_master.hpp"
#include "store/checksum_list.hpp"
#include "store/master_files.hpp"

namespace framelog {
namespace {

using std::filesystem::path;

constexpr std::size_t kFilesPerStep = 32;
constexpr std::int64_t kEntriesPerStep = 256;
constexpr std::size_t kMostDifferences = 1000;

bool is_below(const path& file, const path& directory) {
  const auto [end, ignored] =
      std::mismatch(directory.begin(), directory.end(), file.begin(), file.end());
  return end == directory.end();
}

/// As the entries have it.
path normal(const path& base) {
  std::error_code error;
  path whole = std::filesystem::absolute(base, error).lexically_normal();
  return whole.has_filename() ? whole : whole.parent_path();
}

/// What two entries of one file say differently; empty: nothing. The rest no file can tell.
std::string compare(const CatalogEntry& known, const CatalogEntry& found) {
  const auto differ = [](std::string_view name, const auto& said, const auto& is) {
    return said == is ? std::string() : fmt::format("{} is {}, not {}", name, is, said);
  };
  for (std::string text :
       {differ("product", known.product, found.product),
        differ("run", known.run_uuid, found.run_uuid),
        differ("run number", known.run_number, found.run_number),
        differ("segment", known.segment_number, found.segment_number),
        differ("first sequence", known.first_sequence, found.first_sequence),
        differ("last sequence", known.last_sequence, found.last_sequence),
        differ("first time", known.first_utc_ns, found.first_utc_ns),
        differ("last time", known.last_utc_ns, found.last_utc_ns),
        differ("frames", known.frames, found.frames), differ("bytes", known.bytes, found.bytes),
        differ("dropped", known.dropped, found.dropped), differ("gaps", known.gaps, found.gaps)}) {
    if (!text.empty()) return text;
  }
  // Where there is no list the catalog alone knows it.
  return found.sha256.empty() ? std::string() : differ("digest", known.sha256, found.sha256);
}

}  // namespace

CatalogRebuild::CatalogRebuild(FileSystem& files, Catalog& catalog, std::vector<path> bases,
                               std::string instrument, Kind kind, const std::vector<path>& absent)
    : files_(files), catalog_(catalog), instrument_(std::move(instrument)), kind_(kind) {
  for (const path& base : absent) unlisted_.push_back(normal(base));
  for (path& base : bases) base = normal(base);
  std::erase_if(bases, [this](const path& base) { return is_absent(base); });
  std::ranges::sort(bases);
  for (path& base : bases) {
    // One that lies in another is walked with it.
    if (directories_.empty() || !is_below(base, directories_.back())) {
      directories_.push_back(std::move(base));
    }
  }
}

Result<void> CatalogRebuild::step() {
  if (!found_.empty()) return look_at_files();
  if (!directories_.empty()) {
    list_directory();
    return {};
  }
  if (stage_ == Stage::kWalk) stage_ = Stage::kGone;
  if (stage_ == Stage::kGone) return look_for_gone();
  if (stage_ == Stage::kMasters) return look_at_master();
  return {};
}

void CatalogRebuild::list_directory() {
  const path directory = std::move(directories_.back());
  directories_.pop_back();
  if (is_absent(directory)) return;  // A base that lies in another.
  const auto names = files_.list(directory);
  if (!names) {
    unlisted_.push_back(directory);
    if (names.error().code != ErrorCode::kNotFound) differs(directory, describe(names.error()));
    return;
  }
  for (const std::string& name : *names) {
    path file = directory / name;
    std::error_code error;
    const auto status = std::filesystem::symlink_status(file, error);
    if (std::filesystem::is_directory(status)) {
      if (name != ".framelog" && name != "quarantine") directories_.push_back(std::move(file));
    } else if (std::filesystem::is_regular_file(status)) {
      take_file(file);
    }
  }
  checksums_ = read_checksums(files_, directory).value_or(std::map<std::string, std::string>{});
}

void CatalogRebuild::take_file(const path& file) {
  if (format_of(file) == nullptr || file.extension() == ".part") return;
  if (!file.native().ends_with(kMasterSuffix)) return found_.push_back(file);
  const auto master = read_master(file);
  if (!master) return found_.push_back(file);
  // One without a fingerprint is of an earlier version, and written once more.
  masters_.emplace_back(Part(master->run_uuid, master->product),
                        read_master_fingerprint(file).value_or(-1));
  const auto known = catalog_.master_of(master->run_uuid, master->product);
  if (kind_ == Kind::kCheck || !known || (*known && files_.exists(**known))) return;
  // Without it a second one would be written beside the first.
  static_cast<void>(catalog_.set_master(master->run_uuid, master->product, file));
}

Result<void> CatalogRebuild::look_at_files() {
  std::vector<CatalogEntry> fresh;
  for (std::size_t i = 0; i < kFilesPerStep && !found_.empty(); ++i) {
    if (auto looked = look_at(found_.front(), fresh); !looked) return looked;
    found_.pop_front();
  }
  return fresh.empty() ? Result<void>{} : catalog_.add(fresh);
}

Result<void> CatalogRebuild::look_at(const path& file, std::vector<CatalogEntry>& fresh) {
  const auto known = catalog_.find(file);
  if (!known) return std::unexpected(known.error());
  if (kind_ == Kind::kFill && *known && (*known)->bytes == segment_space(*format_of(file), file)) {
    ++segments_;
    return {};
  }
  auto indexed = index_segment(files_, file);
  if (!indexed) {
    // Another program's file may have one of our extensions.
    if (*known) differs(file, "cannot be read: " + describe(indexed.error()));
    return {};
  }
  if (indexed->instrument != instrument_) return {};
  ++segments_;
  if (const auto digest = checksums_.find(file.filename().string()); digest != checksums_.end()) {
    indexed->entry.sha256 = digest->second;
  }
  const std::string what =
      *known ? compare(**known, indexed->entry) : std::string("not in the catalog");
  if (!what.empty()) differs(file, what);
  if (kind_ == Kind::kCheck || what.empty()) return {};
  changed_.emplace(indexed->entry.run_uuid, indexed->entry.product);
  fresh.push_back(std::move(indexed->entry));
  return {};
}

Result<void> CatalogRebuild::look_for_gone() {
  const auto entries = catalog_.after(checked_, kEntriesPerStep);
  if (!entries) return std::unexpected(entries.error());
  for (const CatalogEntry& entry : *entries) {
    if (files_.exists(entry.path) || is_unseen(entry.path)) continue;
    differs(entry.path, "in the catalog, but not on the disk");
    if (kind_ == Kind::kCheck) continue;
    if (auto done = catalog_.forget(entry.path); !done) return done;
    changed_.emplace(entry.run_uuid, entry.product);
  }
  if (!entries->empty()) {
    checked_ = entries->back().path;
    return {};
  }
  stage_ = Stage::kMasters;
  const bool is_complete = unlisted_.empty() && kind_ != Kind::kCheck;
  return is_complete ? catalog_.tidy_marks() : Result<void>{};
}

/// A process that died had no time to write it anew.
Result<void> CatalogRebuild::look_at_master() {
  if (masters_.empty()) {
    stage_ = Stage::kDone;
    return {};
  }
  const auto& [part, fingerprint] = masters_.back();
  CatalogQuery query;
  query.run = part.first;
  query.product = part.second;
  const auto entries = catalog_.find(query);
  if (!entries) return std::unexpected(entries.error());
  // Without entries it may be of another instrument that shares the base.
  if (!entries->empty() && master_fingerprint(*entries) != fingerprint) changed_.insert(part);
  masters_.pop_back();
  return {};
}

/// Itself, and not only what it lies in.
bool CatalogRebuild::is_absent(const path& directory) const {
  return std::ranges::find(unlisted_, directory) != unlisted_.end();
}

/// A disk that is absent now may be back tomorrow.
bool CatalogRebuild::is_unseen(const path& file) const {
  return std::ranges::any_of(unlisted_, [&](const path& place) { return is_below(file, place); });
}

void CatalogRebuild::differs(const path& path, std::string what) {
  ++difference_count_;
  if (differences_.size() < kMostDifferences) differences_.push_back({path, std::move(what)});
}

Result<std::int64_t> rebuild_catalog(FileSystem& files, Catalog& catalog,
                                     const std::vector<path>& bases,
                                     const std::string& instrument) {
  CatalogRebuild rebuild(files, catalog, bases, instrument, CatalogRebuild::Kind::kAll);
  while (!rebuild.done()) {
    if (auto step = rebuild.step(); !step) return std::unexpected(step.error());
  }
  return rebuild.segments();
}

}  // namespace framelog
