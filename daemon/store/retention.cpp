#include "store/retention.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "formats/segment.hpp"

namespace framelog {
namespace {

using std::filesystem::path;

/// At one time: the files thread has to prepare segments in between.
constexpr std::size_t kMostAtOnce = 16;
constexpr std::int64_t kFirstLook = 64;
constexpr int kMostFailures = 16;
/// What has been deleted is to be free by then: frames are dropped meanwhile.
constexpr std::int64_t kLongestPromiseNs = 5'000'000'000;
/// A clock that has jumped further than this, and that nobody disciplines, makes no segment old.
constexpr std::int64_t kLongestStepNs = 3'600'000'000'000;

/// The base that a file lies below; null when none.
const path* base_of(const path& file, const Retention::Paths& bases) {
  const auto found = std::ranges::find_if(bases, [&](const path& base) {
    const auto [end, ignored] = std::mismatch(base.begin(), base.end(), file.begin(), file.end());
    return end == base.end();
  });
  return found == bases.end() ? nullptr : &*found;
}

/// What is over the bounds.
struct Excess {
  std::int64_t bytes{};
  std::int64_t segments{};
  std::int64_t older_than_ns{};  ///< UTC; what ended before is too old.
};

}  // namespace

Retention::Retention(FileSystem& files, const RetentionPolicy& policy, const Clock& clock)
    : files_(files),
      policy_(policy),
      clock_(clock),
      clock_offset_ns_(clock.utc_ns() - clock.monotonic_ns()) {}

Result<DeletedSegments> Retention::keep_bounds(Catalog& catalog, const Paths& bases) {
  DeletedSegments deleted;
  const auto totals = catalog.totals();
  if (!totals) return std::unexpected(totals.error());
  Excess excess;
  if (policy_.max_total_bytes) excess.bytes = totals->bytes - *policy_.max_total_bytes;
  if (policy_.max_segments) excess.segments = totals->segments - *policy_.max_segments;
  if (policy_.max_age && is_clock_trusted()) {
    excess.older_than_ns = clock_.utc_ns() - policy_.max_age->count();
  }
  const auto reason = [&](const CatalogEntry& entry) -> const char* {
    if (excess.segments > 0) return "max_segments";
    if (excess.bytes > 0) return "max_total";
    return entry.last_utc_ns < excess.older_than_ns ? "max_age" : nullptr;
  };
  const auto error = walk(catalog, [&](const CatalogEntry& entry) {
    const char* why = reason(entry);
    if (why == nullptr || deleted.segments.size() >= kMostAtOnce) return Step::kEnough;
    const auto step = take(catalog, entry, bases, deleted);
    // What lies on a disk that is not there, or where files went before, counts for nothing.
    if (step != Step::kFailed) {
      excess.bytes -= entry.bytes;
      excess.segments -= 1;
    }
    if (step == Step::kTaken) deleted.why = why;
    return step;
  });
  if (error && deleted.segments.empty()) return std::unexpected(*error);
  return deleted;
}

Result<DeletedSegments> Retention::make_room(Catalog& catalog, const Paths& bases,
                                             std::int64_t bytes) {
  DeletedSegments deleted;
  if (bases.empty()) return deleted;
  if (!awaits_room()) promised_bytes_ = 0;
  std::int64_t missing = bytes - promised_bytes_;
  const auto error = walk(catalog, [&](const CatalogEntry& entry) {
    if (missing <= 0 || deleted.segments.size() >= kMostAtOnce) return Step::kEnough;
    const std::int64_t free_before = free_bytes(bases.front());
    const auto step = take(catalog, entry, bases, deleted);
    if (step != Step::kTaken) return step;
    deleted.why = "min_free";
    const std::int64_t gained = free_bytes(bases.front()) - free_before;
    const std::int64_t to_come = std::max<std::int64_t>(entry.bytes - gained, 0);
    promised_bytes_ += to_come;
    if (to_come > 0) promised_at_ns_ = clock_.monotonic_ns();
    missing -= std::max(gained, entry.bytes);
    return step;
  });
  if (error && deleted.segments.empty()) return std::unexpected(*error);
  return deleted;
}

/// From the oldest on, until `look` has enough. One that cannot be deleted does not keep the
/// others; the first error is told.
template <class Look>
std::optional<Error> Retention::walk(Catalog& catalog, Look look) {
  failure_.reset();
  int failures = 0;
  std::size_t seen = 0;  // Entries that stay, and come first again.
  for (std::int64_t limit = kFirstLook;; limit *= 4) {
    const auto oldest = catalog.oldest(policy_.require_ack, limit);
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

void Retention::room_is_there() { promised_bytes_ = 0; }

bool Retention::awaits_room() const {
  return promised_bytes_ > 0 && clock_.monotonic_ns() - promised_at_ns_ < kLongestPromiseNs;
}

Retention::Step Retention::take(Catalog& catalog, const CatalogEntry& entry, const Paths& bases,
                                DeletedSegments& deleted) {
  const path* base = base_of(entry.path, bases);
  if (base == nullptr || format_of(entry.path) == nullptr) return Step::kElsewhere;
  const auto failed = [this](Error error) {
    if (!failure_) failure_ = std::move(error);
    return Step::kFailed;
  };
  std::error_code error;
  const auto status = std::filesystem::symlink_status(entry.path, error);
  const bool is_gone = status.type() == std::filesystem::file_type::not_found;
  if (!is_gone && !std::filesystem::is_regular_file(status)) return Step::kElsewhere;
  if (is_gone && !files_.exists(*base / ".framelog")) {
    return failed(Error{ErrorCode::kNotFound, 0, "the disk has gone from", base->string()});
  }
  if (auto removed = remove_files(entry); !removed) return failed(removed.error());
  const auto forgotten = is_gone ? catalog.forget(entry.path) : catalog.remove(entry.path);
  if (!forgotten) return failed(forgotten.error());
  remove_empty_directories(entry.path.parent_path(), *base);
  if (is_gone) return Step::kForgotten;  // Somebody else has taken it away.
  deleted.segments.push_back(entry);
  deleted.bytes += entry.bytes;
  return Step::kTaken;
}

// The pixels first: what is left of the others, should the process die, is small, and goes when
// the entry is looked at again.
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

bool Retention::is_clock_trusted() const {
  const std::int64_t step = clock_.utc_ns() - clock_.monotonic_ns() - clock_offset_ns_;
  return clock_.synchronised() || step < kLongestStepNs;
}

}  // namespace framelog
