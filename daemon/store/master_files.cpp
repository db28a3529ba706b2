#include "store/master_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "core/crc32c.hpp"
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
/// One step is to be short beside what preparing a segment takes.
constexpr std::size_t kFilesPerStep = 4;
constexpr std::size_t kNamesPerStep = 256;
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

std::int64_t master_fingerprint(const std::vector<CatalogEntry>& entries) {
  std::uint64_t sum = 0;
  for (const CatalogEntry& entry : entries) {
    if (!entry.path.native().ends_with(kExtension)) continue;
    const std::string text = fmt::format("{} {}", entry.frames, entry.path.filename().string());
    sum += (std::uint64_t{1} << 32U) + crc32c(std::as_bytes(std::span(text)));
  }
  return static_cast<std::int64_t>(sum);
}

MasterFiles::MasterFiles(FileSystem& files, std::string instrument, std::vector<path> bases)
    : files_(files), instrument_(std::move(instrument)), bases_(std::move(bases)) {}

void MasterFiles::changed(const std::string& run_uuid, const std::string& product, Deadline now) {
  const Key key{run_uuid, product};
  const auto earliest = not_before_.find(key);
  due_.try_emplace(
      key, earliest == not_before_.end() ? now + kInterval : std::max(now, earliest->second));
}

Deadline MasterFiles::next() const {
  if (job_) return Deadline{};
  Deadline next = kNoDeadline;
  for (const auto& [key, due] : due_) next = std::min(next, due);
  return next;
}

Result<bool> MasterFiles::step(Catalog& catalog, Deadline now, bool all) {
  const auto start = steady_clock::now();
  if (!job_) {
    const auto due =
        std::ranges::find_if(due_, [&](const auto& one) { return all || one.second <= now; });
    if (due == due_.end()) return false;
    job_ = Job{due->first, {}, 0, {}, {}};
    due_.erase(due);
    auto begun = begin(catalog);
    job_->spent += steady_clock::now() - start;
    if (begun) return true;
    end(false, all);
    return std::unexpected(begun.error());
  }
  if (job_->looked_at < job_->entries.size()) {
    look_at_some();
    job_->spent += steady_clock::now() - start;
    return true;
  }
  const auto written = write(catalog);
  job_->spent += steady_clock::now() - start;
  end(written.has_value(), all);
  if (written) return true;
  return std::unexpected(written.error());
}

Result<void> MasterFiles::begin(Catalog& catalog) {
  CatalogQuery query;
  query.run = job_->key.first;
  query.product = job_->key.second;
  auto entries = catalog.find(query);
  if (!entries) return std::unexpected(entries.error());
  std::erase_if(*entries, [](const CatalogEntry& entry) {
    return !entry.path.native().ends_with(kExtension);
  });
  std::ranges::stable_sort(*entries, {}, &CatalogEntry::first_sequence);
  job_->entries = std::move(*entries);
  // What is known of earlier runs is not needed any more.
  std::erase_if(known_, [&](const auto& one) { return one.first.first != job_->key.first; });
  return {};
}

/// A file that is gone is not known.
void MasterFiles::look_at_some() {
  auto& before = known_[job_->key];
  std::size_t opened = 0;
  for (std::size_t i = 0; i < kNamesPerStep && opened < kFilesPerStep; ++i) {
    if (job_->looked_at == job_->entries.size()) return;
    const CatalogEntry& entry = job_->entries[job_->looked_at++];
    if (!files_.exists(entry.path)) continue;
    const auto known = before.find(entry.path);
    if (known != before.end() && known->second.bytes == entry.bytes) {
      job_->known.insert(*known);
      continue;
    }
    ++opened;
    Known fresh{entry.bytes, {}};
    if (auto segment = read_master_segment(files_, entry.path)) fresh.segment = std::move(*segment);
    job_->known.emplace(entry.path, before[entry.path] = std::move(fresh));
  }
}

void MasterFiles::end(bool done, bool all) {
  const Job job = *std::exchange(job_, std::nullopt);
  const auto now = steady_clock::now();
  const Deadline earliest = now + std::max<steady_clock::duration>(kInterval, job.spent * kShare);
  not_before_[job.key] = earliest;
  if (const auto due = due_.find(job.key); due != due_.end()) {
    due->second = std::max(due->second, earliest);
  } else if (!done && !all) {
    due_[job.key] = now + kAgain;
  }
}

Result<void> MasterFiles::write(Catalog& catalog) {
  const Key& key = job_->key;
  known_[key] = job_->known;  // And no more of what is gone.
  const auto& there = known_[key];
  std::erase_if(job_->entries,
                [&](const CatalogEntry& entry) { return !there.contains(entry.path); });
  const std::vector<CatalogEntry>& entries = job_->entries;
  const auto known = catalog.master_of(key.first, key.second);
  if (!known) return std::unexpected(known.error());
  const bool is_there = *known && is_of(**known, {key.first, key.second});
  if (entries.empty()) return is_there ? files_.remove(**known) : Result<void>{};
  if (entries.size() == 1 && !is_there) return {};
  const auto master = place_of(catalog, key, entries.front());
  if (!master) return std::unexpected(master.error());

  MasterPlan plan{{key.first, key.second}, master->parent_path(), {}, master_fingerprint(entries)};
  for (const CatalogEntry& entry : entries) {
    if (const auto& segment = there.at(entry.path).segment) plan.segments.push_back(*segment);
  }
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
