#include "store/master_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string_view>

#include "core/text.hpp"
#include "formats/hdf5_master.hpp"
#include "store/workshop.hpp"

namespace framelog {
namespace {

using std::chrono::steady_clock;
using std::filesystem::path;

constexpr std::string_view kExtension = ".h5";
constexpr auto kInterval = std::chrono::minutes(1);
/// Writing takes the longer the more segments there are; of the time it takes two parts in a
/// hundred.
constexpr int kShare = 50;
constexpr auto kAgain = std::chrono::seconds(30);

/// "cam_frames_0001" -> "cam_frames" for segment 1.
std::string without_number(std::string stem, std::int64_t number) {
  const std::size_t bar = stem.rfind('_');
  if (bar == std::string::npos || bar == 0 || bar + 1 == stem.size()) return stem;
  const std::string digits = stem.substr(bar + 1);
  constexpr std::size_t kMostDigits = 18;
  if (digits.size() > kMostDigits || !std::ranges::all_of(digits, is_digit)) return stem;
  if (std::stoll(digits) == number) stem.resize(bar);
  return stem;
}

bool is_below(const path& file, const path& directory) {
  const auto [end, ignored] =
      std::mismatch(directory.begin(), directory.end(), file.begin(), file.end());
  return end == directory.end();
}

bool is_of(const path& file, const MasterIdentity& identity) {
  const auto there = read_master(file);
  return there && *there == identity;
}

}  // namespace

MasterFiles::MasterFiles(FileSystem& files, std::string instrument, std::vector<path> bases)
    : files_(files), instrument_(std::move(instrument)), bases_(std::move(bases)) {}

void MasterFiles::changed(const std::string& run_uuid, const std::string& product, Deadline now) {
  const Key key{run_uuid, product};
  const auto earliest = not_before_.find(key);
  due_.try_emplace(
      key, earliest == not_before_.end() ? now + kInterval : std::max(now, earliest->second));
}

Deadline MasterFiles::next() const {
  Deadline next = kNoDeadline;
  for (const auto& [key, due] : due_) next = std::min(next, due);
  return next;
}

Result<bool> MasterFiles::step(Catalog& catalog, Deadline now, bool all) {
  const auto due =
      std::ranges::find_if(due_, [&](const auto& one) { return all || one.second <= now; });
  if (due == due_.end()) return false;
  const Key key = due->first;
  due_.erase(due);
  const auto written = write(catalog, key);
  const auto end = steady_clock::now();
  not_before_[key] = end + std::max<steady_clock::duration>(kInterval, (end - now) * kShare);
  if (written) return true;
  if (!all) due_[key] = end + kAgain;
  return std::unexpected(written.error());
}

Result<void> MasterFiles::write(Catalog& catalog, const Key& key) {
  CatalogQuery query;
  query.run = key.first;
  query.product = key.second;
  auto entries = catalog.find(query);
  if (!entries) return std::unexpected(entries.error());
  std::erase_if(*entries, [&](const CatalogEntry& entry) {
    return !entry.path.native().ends_with(kExtension) || !files_.exists(entry.path);
  });
  const auto known = catalog.master_of(key.first, key.second);
  if (!known) return std::unexpected(known.error());
  const bool is_there = *known && is_of(**known, {key.first, key.second});
  if (entries->empty()) return is_there ? files_.remove(**known) : Result<void>{};
  if (entries->size() == 1 && !is_there) return {};
  std::ranges::stable_sort(*entries, {}, &CatalogEntry::first_sequence);
  const auto master = place_of(catalog, key, entries->front());
  if (!master) return std::unexpected(master.error());

  MasterPlan plan{{key.first, key.second}, master->parent_path(), {}};
  for (const CatalogEntry& entry : *entries) plan.segments.push_back(entry.path);
  const path fresh = draft(*master);
  if (auto made = files_.make_directories(fresh.parent_path()); !made) return made;
  if (files_.exists(fresh)) static_cast<void>(files_.remove(fresh));
  if (auto written = write_master(files_, fresh, plan); !written) {
    return std::unexpected(written.error());
  }
  const auto placed =
      files_.exists(*master) ? files_.replace(fresh, *master) : files_.rename(fresh, *master);
  if (!placed) return placed;
  if (auto synced = files_.sync_directory(master->parent_path()); !synced) return synced;
  return catalog.set_master(key.first, key.second, *master);
}

/// Where it is, or else beside its first segment, under the first name that is free or its own.
Result<path> MasterFiles::place_of(Catalog& catalog, const Key& key,
                                   const CatalogEntry& first) const {
  const MasterIdentity identity{key.first, key.second};
  const auto known = catalog.master_of(key.first, key.second);
  if (!known) return std::unexpected(known.error());
  if (*known && is_of(**known, identity)) return **known;
  const std::string stem = without_number(first.path.stem().string(), first.segment_number);
  constexpr int kMostNames = 1000;
  for (int number = 1; number < kMostNames; ++number) {
    const path name =
        first.path.parent_path() /
        (number == 1 ? stem + kMasterSuffix : fmt::format("{}_{}{}", stem, number, kMasterSuffix));
    if (!files_.exists(name) || is_of(name, identity)) return name;
  }
  return fail(ErrorCode::kExists, "no free name for the master file beside", first.path.string());
}

/// In the workshop, where what a dead process left is cleared.
path MasterFiles::draft(const path& master) const {
  const auto base =
      std::ranges::find_if(bases_, [&](const path& one) { return is_below(master, one); });
  const path directory =
      base == bases_.end() ? master.parent_path() : workshop_path(*base, instrument_);
  return directory / (master.filename().string() + ".new");
}

}  // namespace framelog
