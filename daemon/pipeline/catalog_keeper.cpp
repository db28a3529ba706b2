#include "pipeline/catalog_keeper.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/log.hpp"
#include "store/checksum_list.hpp"

namespace framelog {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;
using std::filesystem::path;

constexpr auto kLookInterval = seconds(2);
constexpr auto kRetryInterval = seconds(5);
constexpr auto kLongestEnd = seconds(10);

}  // namespace

CatalogKeeper::CatalogKeeper(FileSystem& files, CatalogSettings settings)
    : files_(files),
      settings_(std::move(settings)),
      masters_(files, settings_.instrument, settings_.bases) {}

void CatalogKeeper::begin() {
  const std::scoped_lock lock(mutex_);
  ++users_;
}

void CatalogKeeper::end() {
  const Deadline until = steady_clock::now() + kLongestEnd;
  const std::scoped_lock lock(mutex_);
  if (--users_ > 0 || !catalog_) return;
  retry_at_ = {};
  static_cast<void>(add_waiting());
  while (!recent_.empty() && steady_clock::now() < until && hash(true)) {
  }
  // What is not written then is found out of date at the next start.
  const Deadline masters_until = steady_clock::now() + kLongestEnd;
  while (steady_clock::now() < masters_until && write_master(steady_clock::now(), true)) {
  }
}

bool CatalogKeeper::step() {
  const std::scoped_lock lock(mutex_);
  const Deadline now = steady_clock::now();
  if (now < retry_at_ || !look_after_file(now)) return false;
  return add_waiting() || unlist() || fill() || hash(false) || write_master(now, false);
}

Deadline CatalogKeeper::next_look() {
  const std::scoped_lock lock(mutex_);
  if (settings_.file.empty()) return kNoDeadline;
  if (!catalog_) return std::max(retry_at_, look_at_);
  return std::max(retry_at_, std::min(look_at_, masters_.next()));
}

void CatalogKeeper::add(const path& segment) {
  const std::scoped_lock lock(mutex_);
  if (settings_.file.empty()) return;
  waiting_.push_back(absolute(segment));
  const Deadline now = steady_clock::now();
  if (now < retry_at_ || !look_after_file(now)) return;
  // A files thread that is never idle comes to the rest of them, too.
  if (add_waiting()) static_cast<void>(fill());
}

void CatalogKeeper::removed(const CatalogEntry& segment) {
  const std::scoped_lock lock(mutex_);
  recent_.erase(segment.path);
  unreadable_.erase(segment.path);
  if (hashing_ && hashing_->file == segment.path) hashing_.reset();
  unlisted_.push_back(segment.path);
  if (steady_clock::now() >= retry_at_) static_cast<void>(unlist());
  masters_.changed(segment.run_uuid, segment.product, steady_clock::now());
}

Result<std::string> CatalogKeeper::mark(const path& segment, Mark mark) {
  const std::scoped_lock lock(mutex_);
  look_at_ = {};
  if (!look_after_file(steady_clock::now())) {
    return fail(ErrorCode::kIo,
                trouble_.empty() ? "there is no catalog yet" : "no catalog:", trouble_);
  }
  const path file = absolute(segment);
  const auto set = [&] {
    return mark == Mark::kAcknowledge ? catalog_->set_acknowledged(file)
                                      : catalog_->set_pinned(file, mark == Mark::kPin);
  };
  auto done = set();
  if (!done && done.error().code == ErrorCode::kNotFound) {
    // It may not have been come to yet.
    const auto entry = entry_of(file);
    if (!entry) {
      return fail(ErrorCode::kNotFound, "not a finished segment of",
                  fmt::format("{}: {}", settings_.instrument, file.string()));
    }
    done = put(*entry);
    if (done) done = set();
  }
  if (!done) return std::unexpected(done.error());
  const char* what = mark == Mark::kPin     ? "pinned"
                     : mark == Mark::kUnpin ? "no longer pinned"
                                            : "acknowledged";
  return fmt::format("{}: {}", what, file.string());
}

void CatalogKeeper::let_go(const path& base) {
  const std::scoped_lock lock(mutex_);
  const path own = place_of(base);
  const bool is_news = absent_.insert(own).second;
  const auto [end, ignored] =
      std::mismatch(own.begin(), own.end(), settings_.file.begin(), settings_.file.end());
  if (end == own.end()) return close();
  // One that is under way would take what lies there for deleted.
  if (is_news && filling_) begin_fill();
}

void CatalogKeeper::found(const path& base) {
  const std::scoped_lock lock(mutex_);
  if (absent_.erase(place_of(base)) == 0) return;
  fills_found_ = true;
  if (catalog_) begin_fill();
}

/// What was finished meanwhile is found when it is opened again and filled.
void CatalogKeeper::close() {
  hashing_.reset();
  filling_.reset();
  waiting_.clear();
  catalog_.reset();
}

std::shared_ptr<Catalog> CatalogKeeper::complete() {
  const std::scoped_lock lock(mutex_);
  if (!catalog_) return nullptr;
  // One that was there misses at most what the last process finished in its last moment.
  const bool is_partial = filling_ && (fills_anew_ || fills_found_ || catalog_->is_new());
  return is_partial ? nullptr : catalog_;
}

std::string CatalogKeeper::trouble() {
  const std::scoped_lock lock(trouble_mutex_);
  return trouble_;
}

/// False: it cannot be used now.
bool CatalogKeeper::look_after_file(Deadline now) {
  if (now < look_at_) return catalog_ != nullptr;
  look_at_ = now + kLookInterval;
  if (!catalog_) return open();
  // Its directory goes with its disk, and must not be made on another.
  if (!files_.exists(settings_.file.parent_path())) {
    close();
    return false;
  }
  const auto renewed = catalog_->renew();
  if (!renewed) {
    note("catalog", renewed.error());
    return false;
  }
  if (*renewed) {
    log(LogLevel::kWarning, fmt::format("the catalog {} was lost or damaged: it is filled from the "
                                        "files again, recording goes on",
                                        settings_.file.string()));
    fills_anew_ = true;
    begin_fill();
  }
  return true;
}

/// Not where the disk with the base is absent: its directory must not be made on another.
bool CatalogKeeper::open() {
  if (settings_.file.empty() || !files_.exists(settings_.file.parent_path())) return false;
  auto opened = Catalog::open(files_, settings_.file, Catalog::Mode::kWrite);
  if (!opened) {
    note("catalog", opened.error());
    return false;
  }
  catalog_ = std::make_shared<Catalog>(std::move(*opened));
  note_good();
  // A process that died before it had made the tables has left one that is empty, and sound.
  fills_anew_ = catalog_->was_moved_aside();
  if (fills_anew_) {
    log(LogLevel::kWarning, fmt::format("the catalog {} was damaged and is moved aside: it is "
                                        "filled from the files again",
                                        settings_.file.string()));
  }
  begin_fill();
  return true;
}

/// What the last process finished in its last moment is missing, too.
void CatalogKeeper::begin_fill() {
  filling_.emplace(files_, *catalog_, settings_.bases, settings_.instrument,
                   CatalogRebuild::Kind::kFill, std::vector<path>(absent_.begin(), absent_.end()));
}

bool CatalogKeeper::add_waiting() {
  if (waiting_.empty()) return false;
  const auto entry = entry_of(waiting_.front());
  if (!entry) {
    log(LogLevel::kWarning, fmt::format("not in the catalog: {}: {}", waiting_.front().string(),
                                        describe(entry.error())));
  } else if (auto added = put(*entry); !added) {
    look_at_ = {};  // Where it is damaged, it is made anew.
    note("catalog", added.error());
    return false;
  }
  waiting_.pop_front();
  return true;
}

Result<CatalogEntry> CatalogKeeper::entry_of(const path& segment) {
  auto indexed = index_segment(files_, segment);
  if (!indexed) return std::unexpected(indexed.error());
  if (indexed->instrument != settings_.instrument) {
    return fail(ErrorCode::kInvalid, "a segment of another instrument:", indexed->instrument);
  }
  return std::move(indexed->entry);
}

Result<void> CatalogKeeper::put(const CatalogEntry& entry) {
  if (auto added = catalog_->add(entry); !added) return added;
  note_good();
  masters_.changed(entry.run_uuid, entry.product, steady_clock::now());
  if (settings_.digests) recent_.insert(entry.path);
  return {};
}

bool CatalogKeeper::fill() {
  if (!filling_) return false;
  if (auto stepped = filling_->step(); !stepped) {
    look_at_ = {};  // Where it is damaged, it is made anew.
    note("catalog", stepped.error());
    return false;
  }
  note_good();
  for (const auto& [run, product] : filling_->take_changed()) {
    masters_.changed(run, product, steady_clock::now());
  }
  if (!filling_->done()) return true;
  if (fills_anew_) {
    log(LogLevel::kInfo, fmt::format("the catalog is filled: {} segments", filling_->segments()));
  }
  fills_anew_ = fills_found_ = false;
  filling_.reset();
  return true;
}

/// Lines of deleted segments. False: there is none, or not now.
bool CatalogKeeper::unlist() {
  if (unlisted_.empty()) return false;
  const path& file = unlisted_.front();
  // Another may have its name by now.
  if (!files_.exists(file)) {
    const auto done = remove_checksum(files_, file);
    if (!done && done.error().code != ErrorCode::kNotFound) {
      note(kChecksumList, done.error());
      return false;
    }
    note_good();
  }
  unlisted_.pop_front();
  return true;
}

/// False: there is nothing to hash, or not now.
bool CatalogKeeper::hash(bool only_recent) {
  if (!settings_.digests) return false;
  if (!hashing_) return begin_hash(only_recent);
  if (!hashing_->digest.done()) {
    hashing_->digest.step();
    return true;
  }
  const path file = hashing_->file;
  const auto digest = hashing_->digest.digests().find(file.string());
  if (digest == hashing_->digest.digests().end() || !files_.exists(file)) {
    unreadable_.insert(file);  // Or somebody has deleted it.
  } else {
    // The list first: what is not in the catalog is hashed again.
    auto done = add_checksum(files_, file, digest->second);
    if (done) done = catalog_->set_digest(file, digest->second);
    if (!done) {
      note(kChecksumList, done.error());
      return false;
    }
    note_good();
  }
  recent_.erase(file);
  hashing_.reset();
  return true;
}

bool CatalogKeeper::begin_hash(bool only_recent) {
  const auto wanted = catalog_->undigested(std::ssize(unreadable_) + 1);
  if (!wanted) {
    note("catalog", wanted.error());
    return false;
  }
  const auto next = std::ranges::find_if(
      *wanted, [&](const CatalogEntry& entry) { return !unreadable_.contains(entry.path); });
  if (next == wanted->end()) return false;
  if (only_recent && !recent_.contains(next->path)) return false;
  hashing_.emplace(next->path, InputDigests(files_, {next->path}));
  return true;
}

bool CatalogKeeper::write_master(Deadline now, bool all) {
  const auto written = masters_.step(*catalog_, now, all);
  if (written) return *written;
  log(LogLevel::kWarning, fmt::format("master file: {}", describe(written.error())));
  return true;
}

/// Told once, until it is over.
void CatalogKeeper::note(const char* what, const Error& error) {
  retry_at_ = steady_clock::now() + kRetryInterval;
  const std::string text = fmt::format("{}: {}", what, describe(error));
  bool is_first = false;
  {
    const std::scoped_lock lock(trouble_mutex_);
    is_first = trouble_.empty();
    trouble_ = text;
  }
  if (is_first) log(LogLevel::kWarning, text + "; recording goes on, trying again");
}

void CatalogKeeper::note_good() {
  {
    const std::scoped_lock lock(trouble_mutex_);
    if (trouble_.empty()) return;
    trouble_.clear();
  }
  log(LogLevel::kInfo, fmt::format("the catalog {} is in order again", settings_.file.string()));
}

/// As the paths of segments below it begin.
path CatalogKeeper::place_of(const path& base) const {
  const path whole = absolute(base);
  return whole.has_filename() ? whole : whole.parent_path();
}

path CatalogKeeper::absolute(const path& segment) const {
  std::error_code error;
  const path whole = std::filesystem::absolute(segment, error);
  return error ? segment : whole.lexically_normal();
}

}  // namespace framelog
