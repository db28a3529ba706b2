#include "store/retention.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "core/log.hpp"
#include "formats/segment.hpp"
#include "store/catalog_rebuild.hpp"

namespace framelog {
namespace {

using std::filesystem::path;

/// At one time: the files thread has to prepare segments in between.
constexpr std::size_t kMostAtOnce = 16;
constexpr std::int64_t kFirstLook = 64;
constexpr int kMostFailures = 16;
/// What has been deleted is to be free by then: frames are dropped meanwhile.
constexpr std::int64_t kLongestPromiseNs = 5'000'000'000;
/// Room that did not come is waited for twice as long each time.
constexpr std::int64_t kLongestWaitNs = 3'600'000'000'000;
/// Looking for every file of a large archive takes a while.
constexpr std::int64_t kLookAgainNs = 600'000'000'000;
constexpr std::int64_t kEntriesPerLook = 256;

/// The base that a file lies below; null when none.
const path* base_of(const path& file, const Retention::Paths& bases) {
  const auto found = std::ranges::find_if(bases, [&](const path& base) {
    const auto [end, ignored] = std::mismatch(base.begin(), base.end(), file.begin(), file.end());
    return end == base.end();
  });
  return found == bases.end() ? nullptr : &*found;
}

bool is_same_device(const path& one, const path& other) {
  struct stat first {};
  struct stat second {};
  return ::stat(one.c_str(), &first) == 0 && ::stat(other.c_str(), &second) == 0 &&
         first.st_dev == second.st_dev;
}

/// Whether the directory is below the base when links are followed, and on its file system: a link
/// or a mount leads to the archive.
bool is_really_below(const path& directory, const path& base) {
  std::error_code error;
  const path real_base = std::filesystem::canonical(base, error);
  if (error) return false;
  const path real = std::filesystem::weakly_canonical(directory, error);
  if (error || base_of(real, {real_base}) == nullptr) return false;
  return !std::filesystem::exists(real, error) || is_same_device(real, real_base);
}

/// Deleting one of several names frees nothing.
bool has_other_names(const path& file) {
  struct stat about {};
  return ::lstat(file.c_str(), &about) == 0 && about.st_nlink > 1;
}

}  // namespace

Retention::Retention(FileSystem& files, const RetentionPolicy& policy, const Clock& clock)
    : files_(files), policy_(policy), clock_(clock) {}

Result<DeletedSegments> Retention::keep_bounds(Catalog& catalog, const Paths& bases) {
  DeletedSegments deleted;
  auto error = keep_size(catalog, bases, deleted);
  if (auto other = keep_age(catalog, bases, deleted); !error) error = std::move(other);
  if (error && deleted.segments.empty()) return std::unexpected(*error);
  return deleted;
}

std::optional<Error> Retention::keep_size(Catalog& catalog, const Paths& bases,
                                          DeletedSegments& deleted) {
  if (!policy_.max_total_bytes && !policy_.max_segments) return std::nullopt;
  auto over = excess(catalog, bases);
  if (!over) return over.error();
  if (over->segments <= 0 && over->bytes <= 0) return std::nullopt;
  const auto newest = catalog.newest();
  if (!newest) return newest.error();
  return walk([&](std::int64_t limit) { return catalog.oldest(policy_.require_ack, limit); },
              [&](const CatalogEntry& entry) {
                const bool is_over = over->segments > 0 || over->bytes > 0;
                if (!is_over || deleted.segments.size() >= kMostAtOnce) return Step::kEnough;
                if (*newest && entry.path == (*newest)->path) return Step::kElsewhere;
                const char* why = over->segments > 0 ? "max_segments" : "max_total";
                const auto step = take(catalog, entry, bases, deleted);
                if (step == Step::kTaken) deleted.why = why;
                if (step == Step::kTaken || step == Step::kForgotten) {
                  over->bytes -= entry.bytes;
                  over->segments -= 1;
                }
                return step;
              });
}

std::optional<Error> Retention::keep_age(Catalog& catalog, const Paths& bases,
                                         DeletedSegments& deleted) {
  if (!policy_.max_age) return std::nullopt;
  if (!clock_.synchronised()) {
    if (!std::exchange(is_age_suspended_, true)) {
      log(LogLevel::kWarning,
          "max_age deletes nothing while the clock is not synchronised: it may be years off");
    }
    return std::nullopt;
  }
  is_age_suspended_ = false;
  const std::int64_t since_ns = clock_.utc_ns() - policy_.max_age->count();
  return walk(
      [&](std::int64_t limit) { return catalog.older_than(since_ns, policy_.require_ack, limit); },
      [&](const CatalogEntry& entry) {
        if (deleted.segments.size() >= kMostAtOnce) return Step::kEnough;
        const auto step = take(catalog, entry, bases, deleted);
        if (step == Step::kTaken) deleted.why = "max_age";
        return step;
      });
}

/// What is over the bounds. Before anything is deleted it is made sure that the files are there.
Result<CatalogTotals> Retention::excess(Catalog& catalog, const Paths& bases) {
  const auto count = [&]() -> Result<CatalogTotals> {
    auto totals = catalog.totals();
    if (!totals) return totals;
    CatalogTotals over;
    if (policy_.max_total_bytes) {
      over.bytes =
          totals->bytes - totals->pinned_bytes - elsewhere_.bytes - *policy_.max_total_bytes;
    }
    if (policy_.max_segments) {
      over.segments =
          totals->segments - totals->pinned_segments - elsewhere_.segments - *policy_.max_segments;
    }
    return over;
  };
  const std::int64_t now_ns = clock_.monotonic_ns();
  const bool is_known = looked_at_ == bases && now_ns - looked_at_ns_ < kLookAgainNs;
  if (!is_known) elsewhere_ = {};
  auto over = count();
  if (is_known || !over || (over->segments <= 0 && over->bytes <= 0)) return over;
  looked_at_.reset();
  if (auto counted = count_elsewhere(catalog, bases); !counted) {
    return std::unexpected(counted.error());
  }
  looked_at_ = bases;
  looked_at_ns_ = now_ns;
  return count();
}

Result<void> Retention::count_elsewhere(Catalog& catalog, const Paths& bases) {
  path last;
  for (;;) {
    const auto entries = catalog.after(last, kEntriesPerLook);
    if (!entries) return std::unexpected(entries.error());
    if (entries->empty()) return {};
    for (const CatalogEntry& entry : *entries) {
      if (entry.pinned) continue;
      const Place place = place_of(entry, bases);
      if (place == Place::kNoDisk) {
        return fail(ErrorCode::kNotFound, "the disk has gone from",
                    base_of(entry.path, bases)->string());
      }
      if (place == Place::kElsewhere) {
        elsewhere_.segments += 1;
        elsewhere_.bytes += entry.bytes;
      }
      if (place != Place::kGone) continue;
      if (auto forgotten = catalog.forget(entry.path); !forgotten) return forgotten;
    }
    last = entries->back().path;
  }
}

Result<DeletedSegments> Retention::make_room(Catalog& catalog, const Paths& bases,
                                             std::int64_t bytes) {
  DeletedSegments deleted;
  if (bases.empty()) return deleted;
  const path& base = bases.front();
  Promise& promise = promises_[base];
  settle(promise, base);
  if (clock_.monotonic_ns() < promise.held_until_ns) return deleted;
  // Where it was in vain before, one shows whether it still is.
  const std::size_t most = promise.wait_ns > 0 ? 1 : kMostAtOnce;
  std::int64_t missing = bytes - promise.bytes;
  const auto error =
      walk([&](std::int64_t limit) { return catalog.oldest(policy_.require_ack, limit); },
           [&](const CatalogEntry& entry) {
             if (missing <= 0 || deleted.segments.size() >= most) return Step::kEnough;
             if (has_other_names(entry.path)) return Step::kElsewhere;
             const std::int64_t free_before = free_bytes(base);
             const auto step = take(catalog, entry, bases, deleted);
             if (step != Step::kTaken) return step;
             deleted.why = "min_free";
             const std::int64_t gained = free_bytes(base) - free_before;
             // The catalog's own changes take a little of it meanwhile.
             const bool is_there = gained / 7 >= entry.bytes / 8;
             const std::int64_t to_come = is_there ? 0 : entry.bytes - gained;
             if (to_come > 0) {
               if (promise.bytes == 0) promise.wanted_bytes = 0, promise.free_before = free_before;
               promise.bytes += to_come;
               promise.wanted_bytes = std::min(promise.wanted_bytes + entry.bytes, bytes);
               promise.at_ns = clock_.monotonic_ns();
             }
             missing -= gained + to_come;
             return step;
           });
  if (!deleted.segments.empty() && promise.bytes == 0) promise = {};
  if (error && deleted.segments.empty()) return std::unexpected(*error);
  return deleted;
}

bool Retention::has_come(const Promise& promise, const path& base) const {
  return (free_bytes(base) - promise.free_before) * 2 >= promise.wanted_bytes;
}

/// A promise whose time is over has come true, or is a reason to wait.
void Retention::settle(Promise& promise, const path& base) const {
  if (promise.bytes == 0 || clock_.monotonic_ns() - promise.at_ns < kLongestPromiseNs) return;
  if (has_come(promise, base)) {
    promise = {};
    return;
  }
  if (promise.wait_ns == 0) {
    log(LogLevel::kWarning,
        fmt::format("what was deleted below {} is not free: a snapshot, a hard link or a reader "
                    "may hold it; from now on less is deleted for min_free",
                    base.string()));
  }
  promise.bytes = 0;
  promise.wait_ns = std::min(std::max(promise.wait_ns, kLongestPromiseNs) * 2, kLongestWaitNs);
  promise.held_until_ns = promise.at_ns + promise.wait_ns;
}

void Retention::room_is_there() {
  std::erase_if(promises_, [this](const auto& each) { return has_come(each.second, each.first); });
}

bool Retention::awaits_room() const {
  const std::int64_t now_ns = clock_.monotonic_ns();
  return std::ranges::any_of(promises_, [&](const auto& each) {
    const Promise& promise = each.second;
    return now_ns < promise.held_until_ns ||
           (promise.bytes > 0 && now_ns - promise.at_ns < kLongestPromiseNs);
  });
}

/// From the oldest on, until `look` has enough. One that cannot be deleted does not keep the
/// others; the first error is told.
template <class List, class Look>
std::optional<Error> Retention::walk(List list, Look look) {
  failure_.reset();
  int failures = 0;
  std::size_t seen = 0;  // Entries that stay, and come first again.
  for (std::int64_t limit = kFirstLook;; limit *= 4) {
    const auto oldest = list(limit);
    if (!oldest) return oldest.error();
    const bool all = std::cmp_less(oldest->size(), limit);
    std::size_t left = seen;
    for (std::size_t i = seen; i < oldest->size(); ++i) {
      const Step step = look((*oldest)[i]);
      if (step == Step::kEnough) return failure_;
      if (step == Step::kFailed && ++failures == kMostFailures) return failure_;
      if (step != Step::kTaken && step != Step::kForgotten) ++left;
    }
    if (all) return failure_;
    seen = left;
  }
}

Retention::Place Retention::place_of(const CatalogEntry& entry, const Paths& bases) {
  const path* base = base_of(entry.path, bases);
  if (base == nullptr || format_of(entry.path) == nullptr) return Place::kElsewhere;
  std::error_code error;
  const auto status = std::filesystem::symlink_status(entry.path, error);
  const bool is_gone = status.type() == std::filesystem::file_type::not_found;
  if (is_gone && !files_.exists(*base / ".framelog")) return Place::kNoDisk;
  if (!is_really_below(entry.path.parent_path(), *base)) return Place::kElsewhere;
  if (is_gone) return Place::kGone;
  return std::filesystem::is_regular_file(status) ? Place::kHere : Place::kElsewhere;
}

Retention::Step Retention::failed(Error error) {
  if (!failure_) failure_ = std::move(error);
  return Step::kFailed;
}

Retention::Step Retention::take(Catalog& catalog, const CatalogEntry& entry, const Paths& bases,
                                DeletedSegments& deleted) {
  const path* base = base_of(entry.path, bases);
  switch (place_of(entry, bases)) {
    case Place::kElsewhere:
      return Step::kElsewhere;
    case Place::kNoDisk:
      return failed(Error{ErrorCode::kNotFound, 0, "the disk has gone from", base->string()});
    case Place::kGone:
      // Somebody else has taken it away. What lies beside may be of what comes there now.
      return forget(catalog, entry);
    case Place::kHere:
      break;
  }
  if (const auto step = other_than(catalog, entry)) return *step;
  if (auto removed = remove_files(entry); !removed) return failed(removed.error());
  if (auto removed = catalog.remove(entry.path); !removed) return failed(removed.error());
  remove_empty_directories(entry.path.parent_path(), *base);
  deleted.segments.push_back(entry);
  deleted.bytes += entry.bytes;
  return Step::kTaken;
}

Retention::Step Retention::forget(Catalog& catalog, const CatalogEntry& entry) {
  const auto forgotten = catalog.forget(entry.path);
  return forgotten ? Step::kForgotten : failed(forgotten.error());
}

/// What became of an entry whose file is not the one that it tells of; none: it is.
std::optional<Retention::Step> Retention::other_than(Catalog& catalog, const CatalogEntry& entry) {
  const auto found = index_segment(files_, entry.path);
  if (!found) {
    const ErrorCode code = found.error().code;
    if (code == ErrorCode::kNotFound) return forget(catalog, entry);
    // It cannot be read now, or is no segment.
    if (code != ErrorCode::kCorrupt && code != ErrorCode::kInvalid) return failed(found.error());
  } else if (found->entry.run_uuid == entry.run_uuid && found->entry.product == entry.product &&
             found->entry.segment_number == entry.segment_number) {
    return std::nullopt;
  }
  log(LogLevel::kWarning, fmt::format("not deleted: {} is no longer the segment that the catalog "
                                      "knows",
                                      entry.path.string()));
  // Another run may be another instrument's: the next fill looks.
  if (!found || found->entry.run_uuid != entry.run_uuid) return forget(catalog, entry);
  const auto added = catalog.add(found->entry);
  return added ? Step::kElsewhere : failed(added.error());
}

// The pixels first: what is left of the others, should the process die, is small, and the pixels
// without them could not be read.
Result<void> Retention::remove_files(const CatalogEntry& entry) {
  const auto remove = [this](const path& file) -> Result<void> {
    auto removed = files_.remove(file);
    if (!removed && removed.error().code == ErrorCode::kNotFound) return {};
    return removed;
  };
  if (auto removed = remove(entry.path); !removed) return removed;
  for (const std::string_view extension : format_of(entry.path)->companions) {
    if (auto removed = remove(path(entry.path).replace_extension(extension)); !removed) {
      return removed;
    }
  }
  // Before the catalog forgets it. A directory that is gone needs no sync.
  auto synced = files_.sync_directory(entry.path.parent_path());
  if (!synced && synced.error().code == ErrorCode::kNotFound) return {};
  return synced;
}

void Retention::remove_empty_directories(path directory, const path& base) {
  while (directory != base && base_of(directory, {base}) != nullptr) {
    if (!files_.remove_directory(directory)) return;
    directory = directory.parent_path();
  }
}

std::int64_t Retention::free_bytes(const path& base) const {
  const auto space = files_.space(base);
  return space ? space->free_bytes : 0;
}

}  // namespace framelog
