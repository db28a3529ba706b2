#include "pipeline/ring_memory.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <optional>
#include <string>

#include "core/file_system.hpp"

namespace framelog {
namespace {

/// What the kernel thinks can be had without swapping, less a tenth: nobody can be made to give a
/// ring's pages back, so that one that is too large has the kernel kill other programs.
std::optional<std::uint64_t> available_memory() {
  const auto text = read_text(system_files(), "/proc/meminfo");
  constexpr std::string_view kKey = "MemAvailable:";
  const std::size_t at = text ? text->find(kKey) : std::string::npos;
  if (at == std::string::npos) return std::nullopt;
  const std::uint64_t kibibytes = std::strtoull(text->c_str() + at + kKey.size(), nullptr, 10);
  return kibibytes * 1024 / 10 * 9;
}

}  // namespace

Result<void> fill_memory(const UniqueFd& memory, std::uint64_t bytes) {
  if (const auto there = available_memory(); there && bytes > *there) {
    return fail(ErrorCode::kNoMemory, "cannot get the ring's memory:",
                fmt::format("{} MiB, of which {} MiB are there", bytes >> 20U, *there >> 20U));
  }
  const auto size = static_cast<off_t>(bytes);
  if (::ftruncate(memory.get(), size) != 0 || ::fallocate(memory.get(), 0, 0, size) != 0) {
    const int error = errno == ENOSPC ? ENOMEM : errno;
    return fail_errno(error, "cannot get the ring's memory:", std::to_string(bytes) + " bytes");
  }
  return {};
}

Result<UniqueFd> make_memory(std::uint64_t bytes) {
  UniqueFd memory(::memfd_create("framelog-ring", MFD_CLOEXEC));
  if (!memory.valid()) return fail_errno(errno, "cannot get the ring's memory:", "memfd_create");
  if (auto filled = fill_memory(memory, bytes); !filled) return std::unexpected(filled.error());
  return memory;
}

}  // namespace framelog
