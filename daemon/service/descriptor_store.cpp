#include "service/descriptor_store.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <optional>

#include "core/log.hpp"
#include "pipeline/ring_memory.hpp"

namespace framelog {
namespace {

constexpr std::string_view kPrefix = "ring-";
/// systemd answers at once; behind this the ring is used although it may not be kept.
constexpr std::chrono::microseconds kLongestBarrier = std::chrono::seconds(5);

std::optional<std::pair<dev_t, ino_t>> identity_of(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return std::nullopt;
  return std::pair{status.st_dev, status.st_ino};
}

void free_names(char** names) {
  for (char** name = names; name != nullptr && *name != nullptr; ++name) std::free(*name);
  std::free(names);
}

void warn(int negative_errno, const char* what, const std::string& name) {
  log(LogLevel::kWarning, describe(Error{ErrorCode::kIo, -negative_errno, what, name}));
}

}  // namespace

bool DescriptorStore::is_available() noexcept { return std::getenv("NOTIFY_SOCKET") != nullptr; }

DescriptorStore::DescriptorStore() {
  char** names = nullptr;
  const int count = ::sd_listen_fds_with_names(1, &names);
  for (int i = 0; i < count; ++i) {
    const std::string_view name = names[i];
    // Whatever else was handed over is not ours to close.
    if (!name.starts_with(kPrefix)) continue;
    UniqueFd fd(SD_LISTEN_FDS_START + i);
    const auto identity = identity_of(fd.get());
    if (!identity) continue;
    std::uint64_t number = 0;
    const char* end = name.data() + name.size();
    const auto parsed = std::from_chars(name.data() + kPrefix.size(), end, number);
    if (parsed.ec == std::errc()) next_number_ = std::max(next_number_, number + 1);
    kept_.push_back({*identity, std::string(name)});
    left_.push_back(std::move(fd));
  }
  free_names(names);
}

std::vector<UniqueFd> DescriptorStore::left_behind() { return std::exchange(left_, {}); }

Result<UniqueFd> DescriptorStore::make(std::uint64_t bytes) {
  auto memory = make_memory(bytes);
  if (!memory) return memory;
  const auto identity = identity_of(memory->get());
  if (!identity) return fail_errno(errno, "cannot look at the ring's memory");
  const std::string name = fmt::format("{}{}", kPrefix, next_number_++);
  const int fd = memory->get();
  // Without FDPOLL=0 systemd would watch it for being closed, which memory never is.
  const std::string state = fmt::format("FDSTORE=1\nFDNAME={}\nFDPOLL=0", name);
  if (const int sent = ::sd_pid_notify_with_fds(0, 0, state.c_str(), &fd, 1); sent <= 0) {
    warn(sent, "systemd does not keep the ring:", name);
    return memory;
  }
  kept_.push_back({*identity, name});
  // Only when systemd has it, the first frame may come.
  if (const int seen = ::sd_notify_barrier(0, kLongestBarrier.count()); seen < 0) {
    warn(seen, "systemd does not say whether it keeps the ring:", name);
  }
  return memory;
}

void DescriptorStore::forget(const UniqueFd& memory) {
  const auto identity = identity_of(memory.get());
  const auto kept = std::ranges::find_if(
      kept_, [&](const Kept& one) { return identity && one.identity == *identity; });
  if (kept == kept_.end()) return;
  const std::string state = fmt::format("FDSTOREREMOVE=1\nFDNAME={}", kept->name);
  if (const int sent = ::sd_notify(0, state.c_str()); sent < 0) {
    warn(sent, "systemd does not let go of the ring:", kept->name);
  }
  kept_.erase(kept);
}

}  // namespace framelog
