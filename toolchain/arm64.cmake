# Builds for Debian's arm64 (AArch64: Raspberry Pi 3 and later with a 64-bit system) on another machine,
# with the libraries of toolchain/sysroot, and runs what was built with qemu-user.
set(FRAMELOG_ARCHITECTURE arm64)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(triplet aarch64-linux-gnu)
set(emulator qemu-aarch64-static)
include(${CMAKE_CURRENT_LIST_DIR}/cross.cmake)
