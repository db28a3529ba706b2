/* Preloaded, makes writing to files below $UNRELIABLE_WRITES unreliable in ways that POSIX allows:
 * writes that take only a part, calls that a signal interrupts, and calls that take long.
 *
 * UNRELIABLE_WRITES_KINDS: a comma-separated list of short, eintr, slow. Which call is hit is
 * pseudo-random, from UNRELIABLE_WRITES_SEED on. Nothing else about a call is changed. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static atomic_ullong calls;

static unsigned long long chance(void) {
  static unsigned long long seed;
  if (seed == 0) seed = strtoull(getenv("UNRELIABLE_WRITES_SEED"), NULL, 10) * 2 + 1;
  unsigned long long x = (atomic_fetch_add(&calls, 1) + seed) * 0x9E3779B97F4A7C15ULL;
  x ^= x >> 29;
  x *= 0xBF58476D1CE4E5B9ULL;
  return x ^ (x >> 32);
}

static int is_below(int fd) {
  char link[64], path[PATH_MAX];
  const char* below = getenv("UNRELIABLE_WRITES");
  if (below == NULL) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = '\0';
  return strncmp(path, below, strlen(below)) == 0;
}

static int does(const char* kind) { return strstr(getenv("UNRELIABLE_WRITES_KINDS"), kind) != NULL; }

/* HDF5 itself does not try an interrupted ftruncate again: that is no fault of its caller. */
static int is_of_library(const void* caller) {
  Dl_info info;
  return dladdr(caller, &info) != 0 && strstr(info.dli_fname, "libhdf5") != NULL;
}

/* Whether the call shall fail as if a signal had come; sleeps where it is to be slow. */
static int disturb(int fd) {
  if (!is_below(fd)) return 0;
  if (does("slow") && chance() % 8 == 0) {
    const struct timespec pause = {0, (long)(chance() % 30000000)};
    nanosleep(&pause, NULL);
  }
  if (does("eintr") && chance() % 4 == 0) {
    errno = EINTR;
    return 1;
  }
  return 0;
}

/* A part of it, in whole blocks so that direct I/O may go on behind it. */
static size_t part_of(int fd, size_t count) {
  if (!is_below(fd) || !does("short") || chance() % 3 != 0) return count;
  if (count <= 8192) return count % 4096 == 0 || count < 2 ? count : count / 2;
  return (count / 2 + 4095) / 4096 * 4096;
}

#define REAL(name) ((__typeof__(name)*)dlsym(RTLD_NEXT, #name))

ssize_t pwrite64(int fd, const void* bytes, size_t count, off64_t offset) {
  if (disturb(fd)) return -1;
  return REAL(pwrite64)(fd, bytes, part_of(fd, count), offset);
}

ssize_t pwrite(int fd, const void* bytes, size_t count, off_t offset) {
  if (disturb(fd)) return -1;
  return REAL(pwrite)(fd, bytes, part_of(fd, count), offset);
}

ssize_t write(int fd, const void* bytes, size_t count) {
  if (disturb(fd)) return -1;
  return REAL(write)(fd, bytes, part_of(fd, count));
}

int fallocate64(int fd, int mode, off64_t offset, off64_t length) {
  if (disturb(fd)) return -1;
  return REAL(fallocate64)(fd, mode, offset, length);
}

int fallocate(int fd, int mode, off_t offset, off_t length) {
  if (disturb(fd)) return -1;
  return REAL(fallocate)(fd, mode, offset, length);
}

int ftruncate64(int fd, off64_t length) {
  if (!is_of_library(__builtin_return_address(0)) && disturb(fd)) return -1;
  return REAL(ftruncate64)(fd, length);
}

int ftruncate(int fd, off_t length) {
  if (!is_of_library(__builtin_return_address(0)) && disturb(fd)) return -1;
  return REAL(ftruncate)(fd, length);
}

int fdatasync(int fd) {
  if (is_below(fd) && does("slow")) {
    const struct timespec pause = {0, (long)(chance() % 60000000)};
    nanosleep(&pause, NULL);
  }
  return REAL(fdatasync)(fd);
}
