#include "core/processor.hpp"

#if defined(__arm__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace framelog {

bool has_neon() noexcept {
#if defined(__aarch64__)
  return true;
#elif defined(__arm__)
  static const bool neon = (getauxval(AT_HWCAP) & HWCAP_NEON) != 0;
  return neon;
#else
  return false;
#endif
}

}  // namespace framelog
