#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <type_traits>

namespace framelog {

/// A value in memory that outlives its process: replaced as a whole by one store, so that a process
/// which dies while it replaces the value leaves the one before. Threads: one writes; another
/// process reads when that one is dead.
template <class T>
class KeptState {
  static_assert(std::is_trivially_copyable_v<T>);

  struct Memory {
    std::atomic<std::uint64_t> version;  ///< 0: there has never been a value.
    std::array<T, 2> values;
  };

 public:
  static constexpr std::size_t kBytes = sizeof(Memory);

  /// `memory` is borrowed, aligned to a cache line, and zero when it is new.
  explicit KeptState(std::span<std::byte> memory) noexcept
      : memory_(std::launder(reinterpret_cast<Memory*>(memory.data()))) {}

  /// Null when there has never been one.
  [[nodiscard]] const T* get() const noexcept {
    const std::uint64_t version = memory_->version.load(std::memory_order_acquire);
    return version == 0 ? nullptr : &memory_->values[version % 2];
  }
  void put(const T& value) noexcept {
    const std::uint64_t next = memory_->version.load(std::memory_order_relaxed) + 1;
    memory_->values[next % 2] = value;
    memory_->version.store(next, std::memory_order_release);
  }

 private:
  Memory* memory_;
};

}  // namespace framelog
