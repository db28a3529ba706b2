# What arm64.cmake and armhf.cmake have in common; they set FRAMELOG_ARCHITECTURE, CMAKE_SYSTEM_PROCESSOR,
# triplet and emulator.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_C_COMPILER ${triplet}-gcc)
set(CMAKE_CXX_COMPILER ${triplet}-g++)
set(CMAKE_LIBRARY_ARCHITECTURE ${triplet})
# Where Debian has it; CMake knows that of this machine's own programs only.
set(CMAKE_INSTALL_LIBDIR lib/${triplet} CACHE PATH "Of libraries, below the prefix")

cmake_path(SET CMAKE_SYSROOT NORMALIZE ${CMAKE_CURRENT_LIST_DIR}/../build/sysroots/${FRAMELOG_ARCHITECTURE})
if(NOT EXISTS ${CMAKE_SYSROOT}/usr/include)
  message(FATAL_ERROR "${CMAKE_SYSROOT} is missing: toolchain/sysroot ${FRAMELOG_ARCHITECTURE}")
endif()
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${CMAKE_SYSROOT})
set(ENV{PKG_CONFIG_LIBDIR} ${CMAKE_SYSROOT}/usr/lib/${triplet}/pkgconfig:${CMAKE_SYSROOT}/usr/share/pkgconfig)

# CMake asks HDF5's compiler wrapper, which is a program of the other machine, before it looks for files.
set(HDF5_NO_FIND_PACKAGE_CONFIG_FILE TRUE)
set(HDF5_ROOT ${CMAKE_SYSROOT}/usr/lib/${triplet}/hdf5/serial)

set(CMAKE_CROSSCOMPILING_EMULATOR ${emulator};-L;${CMAKE_SYSROOT})
