#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <thread>

#include "core/crc32c.hpp"
#include "pipeline/sync_loop.hpp"
#include "pipeline/write_loop.hpp"
#include "recording.hpp"

namespace framelog::bench {

struct WriteResult {
  double bytes_per_s{};
  double cpu_s_per_gb{};  ///< Of the thread that writes.
};

/// Writes `bytes` from anonymous memory with O_DIRECT in blocks into a new file whose space is
/// reserved.
inline WriteResult write_plain(const std::filesystem::path& parent, std::uint64_t bytes,
                               std::uint64_t block_bytes) {
  constexpr std::uint64_t kMemoryBytes = std::uint64_t{256} << 20U;
  const Scratch scratch(parent);
  const UniqueFd fd(
      ::open((scratch.path() / "plain").c_str(), O_WRONLY | O_CREAT | O_DIRECT, 0600));
  if (!fd.valid() || ::fallocate(fd.get(), 0, 0, static_cast<off_t>(bytes)) != 0) {
    give_up(std::string("plain file: ") + std::strerror(errno));
  }
  void* memory =
      ::mmap(nullptr, kMemoryBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) give_up("no memory");
  std::memset(memory, 0x5A, kMemoryBytes);
  const double wall = wall_s();
  const double cpu = thread_cpu_s();
  for (std::uint64_t at = 0; at < bytes; at += block_bytes) {
    const auto* from = static_cast<const std::byte*>(memory) + at % kMemoryBytes;
    const std::size_t length = std::min(block_bytes, bytes - at);
    if (::pwrite(fd.get(), from, length, static_cast<off_t>(at)) != static_cast<ssize_t>(length)) {
      give_up(std::string("plain write: ") + std::strerror(errno));
    }
  }
  const auto total = static_cast<double>(bytes);
  const WriteResult result{total / (wall_s() - wall), (thread_cpu_s() - cpu) / (total * 1e-9)};
  ::munmap(memory, kMemoryBytes);
  return result;
}

/// The write stage with its sync thread, behind a ring that is always full: one segment.
inline WriteResult write_segment(const std::filesystem::path& parent, const FrameShape& shape,
                                 std::uint64_t frames, const std::string& format) {
  const Scratch scratch(parent);
  FreeSource source(shape, frames, std::nullopt);
  RecordingPlan plan = make_plan(scratch.path(), must(source.open()),
                                 {"roll.max_size=1 TiB", fmt::format("roll.max_frames={}", frames),
                                  "product.frames.format=" + format});
  set_run(plan, {make_uuid(), 1, system_clock().utc_ns(), system_clock().monotonic_ns()});
  const SegmentStoreConfig& config = *plan.products.front().store;
  must(system_files().make_directories(config.workshop));
  Ring ring = must(Ring::attach(must(Ring::create_memory(plan.ring)), plan.ring));
  Health health;
  Wakeup files_wakeup;
  SegmentLane lane(SegmentStore(system_files(), config), files_wakeup);
  lane.put_ready(must(lane.store().prepare(lane.next_number())));
  WriteLoop loop(ring, {&lane}, plan.record, false, health, system_clock());
  SyncLoop sync({&lane}, plan.sync_interval, health.housekeeping[0], system_clock());

  const auto feed = [&](std::uint64_t sequence) {
    const Slot slot = ring.slot(sequence);
    slot.header.info.sequence = sequence;
    slot.header.info.source_sequence = sequence;
    slot.header.info.monotonic_ns = system_clock().monotonic_ns();
    slot.header.info.utc_ns = system_clock().utc_ns();
    slot.header.received_total = sequence + 1;
    slot.header.results[0].emits = true;
    ring.advance_captured(sequence + 1);
    ring.advance_reduced(0, sequence + 1);
  };
  std::uint64_t next = 0;
  for (; next < std::min(ring.slots(), frames); ++next) {
    const Slot slot = ring.slot(next);
    std::ranges::fill(slot.raw, static_cast<std::byte>(next));
    slot.header.results[0].crc32c = crc32c(slot.raw);
    feed(next);
  }
  double wall{};
  double cpu{};
  std::jthread syncing([&sync](const std::stop_token& stop) { sync.run(stop); });
  std::jthread writing([&] {
    wall = wall_s();
    cpu = thread_cpu_s();
    loop.run();
    wall = wall_s() - wall;
    cpu = thread_cpu_s() - cpu;
    loop.finish({}, frames, "stop");
  });
  while (next < frames && ring.wait(Stage::kCapture, next, kNoDeadline)) feed(next++);
  ring.close();
  writing.join();
  syncing.request_stop();
  syncing.join();
  if (ring.product_counters(0).recorded.load() != frames) give_up("frames were not recorded");
  const auto bytes = static_cast<double>(frames * size_bytes(shape));
  return {bytes / wall, cpu / (bytes * 1e-9)};
}

}  // namespace framelog::bench
