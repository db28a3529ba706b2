# Builds for Debian's armhf (ARMv7 with hardware floating point: Raspberry Pi 2 and later with a 32-bit
# system) on another machine, with the libraries of toolchain/sysroot, and runs what was built with
# qemu-user. NEON is not part of it: only files that are entered after asking the processor may use it.
set(FRAMELOG_ARCHITECTURE armhf)
set(CMAKE_SYSTEM_PROCESSOR armv7l)
set(triplet arm-linux-gnueabihf)
set(emulator qemu-arm-static)
include(${CMAKE_CURRENT_LIST_DIR}/cross.cmake)
