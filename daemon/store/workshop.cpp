#include "store/workshop.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <utility>

namespace framelog {

std::filesystem::path workshop_path(const std::filesystem::path& base,
                                    const std::string& instrument) {
  return base / ".framelog" / instrument;
}

Result<Workshop> Workshop::open(FileSystem& files, const std::filesystem::path& base,
                                const std::string& instrument) {
  Workshop workshop;
  workshop.path_ = workshop_path(base, instrument);
  if (auto made = files.make_directories(workshop.path_); !made)
    return std::unexpected(made.error());
  const std::filesystem::path lock = workshop.path_ / "lock";
  auto fd = files.open(lock, O_RDWR | O_CREAT);
  if (!fd) return std::unexpected(fd.error());
  if (auto locked = files.lock(fd->get()); !locked) {
    if (locked.error().code != ErrorCode::kBusy) return std::unexpected(locked.error());
    const auto owner = read_text(files, lock, 64);
    return fail(
        ErrorCode::kBusy, "already recorded by",
        fmt::format(
            "framelogd with process id {}: instrument {} in {} (stop it, or choose another base)",
            owner && !owner->empty() ? owner->substr(0, owner->find(' ')) : "unknown", instrument,
            base.string()));
  }
  const std::string pid = fmt::format("{:<20}", ::getpid());
  if (auto written = files.write_at(fd->get(), std::as_bytes(std::span(pid)), 0); !written) {
    return std::unexpected(written.error());
  }
  workshop.lock_ = std::move(*fd);
  return workshop;
}

Result<std::int64_t> Workshop::next_run_number(FileSystem& files) {
  const std::filesystem::path file = path_ / "runs";
  const std::filesystem::path fresh = path_ / "runs.new";
  std::int64_t number = 0;
  if (const auto text = read_text(files, file, 64)) {
    std::from_chars(text->data(), text->data() + text->size(), number);
  }
  ++number;
  if (files.exists(fresh)) static_cast<void>(files.remove(fresh));
  const std::string text = std::to_string(number) + "\n";
  if (auto done = write_new_file(files, fresh, std::as_bytes(std::span(text))); !done) {
    return std::unexpected(done.error());
  }
  if (auto done = files.replace(fresh, file); !done) return std::unexpected(done.error());
  return number;
}

}  // namespace framelog
