#pragma once

namespace framelog {

/// Whether this processor has ARM's vectors: always on 64-bit ARM; on 32-bit ARM the kernel is
/// asked, once, because Debian's armhf runs on processors without. Threads: any.
[[nodiscard]] bool has_neon() noexcept;

}  // namespace framelog
