#include "store/base.hpp"

#include <utility>

namespace framelog {
namespace {

constexpr const char* kMissing = "no disk is mounted at";

}  // namespace

bool is_disk_missing(FileSystem& files, const std::filesystem::path& base) {
  const auto root = files.mount_of("/");
  std::filesystem::path place = std::filesystem::absolute(base);
  auto here = files.mount_of(place);
  while (!here && place.has_relative_path()) {
    // A disk that does not answer is there, and not the root's.
    if (here.error().code != ErrorCode::kNotFound) return false;
    place = place.parent_path();
    here = files.mount_of(place);
  }
  return here && root && here->device == root->device;
}

Base::Base(FileSystem& files, std::filesystem::path path, std::string instrument,
           bool require_mount)
    : files_(files),
      path_(std::move(path)),
      instrument_(std::move(instrument)),
      require_mount_(require_mount) {}

Result<void> Base::open() {
  const std::scoped_lock lock(mutex_);
  if (workshop_) return {};
  if (require_mount_ && is_disk_missing(files_, path_)) {
    return fail(ErrorCode::kNotFound, kMissing, path_.string());
  }
  auto workshop = Workshop::open(files_, path_, instrument_);
  if (!workshop) return std::unexpected(workshop.error());
  auto mount = files_.mount_of(path_);
  if (!mount) return std::unexpected(mount.error());
  mount_ = *mount;
  workshop_ = std::move(*workshop);
  ++times_opened_;
  return {};
}

void Base::look() {
  const std::scoped_lock lock(mutex_);
  if (!workshop_ || !require_mount_) return;
  const auto mount = files_.mount_of(path_);
  if (!mount || *mount != mount_) workshop_.reset();
}

bool Base::is_open() const {
  const std::scoped_lock lock(mutex_);
  return workshop_.has_value();
}

std::uint64_t Base::times_opened() const {
  const std::scoped_lock lock(mutex_);
  return times_opened_;
}

std::uint64_t Base::device() const {
  const std::scoped_lock lock(mutex_);
  return mount_.device;
}

Result<std::int64_t> Base::next_run_number() {
  const std::scoped_lock lock(mutex_);
  if (!workshop_) return fail(ErrorCode::kNotFound, kMissing, path_.string());
  return workshop_->next_run_number(files_);
}

}  // namespace framelog
