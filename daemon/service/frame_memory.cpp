#include "service/frame_memory.hpp"

#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>

#include "core/file_system.hpp"

namespace framelog {

Result<UniqueFd> sealed_memory(std::span<const std::byte> bytes) {
  UniqueFd memory(::memfd_create("framelog-frame", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory.valid()) return fail_errno(errno, "cannot make memory for a frame");
  if (auto written = system_files().write_at(memory.get(), bytes, 0); !written) {
    return std::unexpected(std::move(written.error()));
  }
  constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  if (::fcntl(memory.get(), F_ADD_SEALS, kSeals) != 0) {
    return fail_errno(errno, "cannot seal memory for a frame");
  }
  return memory;
}

}  // namespace framelog
