#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "service/gpio_chips.hpp"

namespace framelog {

/// A GPIO chip in memory: tests move its inputs and look at its outputs. Threads: any.
class FakeLines {
 public:
  std::vector<ChipFacts> chips{{.path = "/dev/gpiochip7",
                                .name = "gpiochip7",
                                .label = "fake",
                                .lines = {{0, "BUTTON", "", false},
                                          {1, "SHUTTER", "", false},
                                          {2, "LAMP", "", false},
                                          {3, "", "", false},
                                          {4, "TAKEN", "somebody", true}}}};

  /// An edge of the line of that offset, whose level is that of the edge, unless said otherwise.
  void edge(std::uint32_t offset, bool active, std::int64_t monotonic_ns,
            std::optional<std::uint32_t> number = {}, bool at_limit = false,
            std::optional<bool> level = {}) {
    {
      const std::scoped_lock lock(mutex_);
      levels_[offset] = level.value_or(active);
      events_.push_back({offset, {0, active, monotonic_ns, number, at_limit}});
    }
    changed_.notify_all();
  }
  /// Edges of one line, all of which are there at once.
  void edges(std::uint32_t offset, const std::vector<std::pair<std::int64_t, bool>>& edges) {
    {
      const std::scoped_lock lock(mutex_);
      for (const auto& [monotonic_ns, active] : edges) {
        levels_[offset] = active;
        events_.push_back({offset, {0, active, monotonic_ns, {}, false}});
      }
    }
    changed_.notify_all();
  }
  void set_level(std::uint32_t offset, bool active) {
    const std::scoped_lock lock(mutex_);
    levels_[offset] = active;
  }
  /// As unplug(), but nobody is woken: who asks for a level learns of it.
  void vanish() {
    const std::scoped_lock lock(mutex_);
    vanished_ = true;
  }
  /// That line floats: however many of its events are read, there are more.
  void float_line(std::uint32_t offset) {
    {
      const std::scoped_lock lock(mutex_);
      floating_ = offset;
    }
    changed_.notify_all();
  }
  /// Outputs cannot be set from now on.
  void refuse_to_set() {
    const std::scoped_lock lock(mutex_);
    refuses_ = true;
  }
  void unplug(bool gone = true) {
    {
      const std::scoped_lock lock(mutex_);
      gone_ = gone;
    }
    changed_.notify_all();
  }
  [[nodiscard]] bool level(std::uint32_t offset) {
    const std::scoped_lock lock(mutex_);
    return levels_[offset];
  }
  /// Times that an output became active.
  [[nodiscard]] int pulses(std::uint32_t offset) {
    const std::scoped_lock lock(mutex_);
    return pulses_[offset];
  }
  [[nodiscard]] std::vector<std::string> consumers() {
    const std::scoped_lock lock(mutex_);
    return consumers_;
  }
  [[nodiscard]] int open_banks() {
    const std::scoped_lock lock(mutex_);
    return open_;
  }

  Result<std::unique_ptr<LineBank>> request(const ChosenLines& chosen,
                                            const std::string& consumer) {
    const std::scoped_lock lock(mutex_);
    if (gone_) return fail(ErrorCode::kNotFound, "cannot open", chosen.path);
    consumers_.push_back(consumer);
    ++open_;
    return std::make_unique<Bank>(*this, chosen);
  }

 private:
  class Bank final : public LineBank {
   public:
    Bank(FakeLines& of, ChosenLines chosen) : of_(of), chosen_(std::move(chosen)) {}
    ~Bank() override {
      const std::scoped_lock lock(of_.mutex_);
      for (const auto& line : chosen_.lines) {
        if (!is_input(line.spec.role)) of_.levels_[line.offset] = false;
      }
      --of_.open_;
    }
    Result<void> wait(Deadline deadline) override {
      std::unique_lock lock(of_.mutex_);
      const auto ready = [this] {
        return of_.gone_ || !of_.events_.empty() || of_.floating_ || woken_;
      };
      if (deadline == kNoDeadline) {
        of_.changed_.wait(lock, ready);
      } else {
        of_.changed_.wait_until(lock, deadline, ready);
      }
      woken_ = false;
      if (of_.gone_) return fail(ErrorCode::kDisconnected, "the GPIO chip has gone");
      return {};
    }
    Result<std::size_t> read(std::span<LineEvent> into) override {
      const std::scoped_lock lock(of_.mutex_);
      std::size_t count = 0;
      if (of_.floating_) {
        bool& level = of_.levels_[*of_.floating_];
        of_.events_.push_back({*of_.floating_, {0, level = !level, ++of_.floats_, {}, false}});
      }
      while (count < into.size() && !of_.events_.empty()) {
        auto [offset, event] = of_.events_.front();
        of_.events_.pop_front();
        for (event.line = 0; chosen_.lines[event.line].offset != offset;) ++event.line;
        into[count++] = event;
      }
      return count;
    }
    void wake() noexcept override {
      {
        const std::scoped_lock lock(of_.mutex_);
        woken_ = true;
      }
      of_.changed_.notify_all();
    }
    Result<bool> level(std::size_t line) override {
      const std::scoped_lock lock(of_.mutex_);
      if (of_.vanished_) return fail(ErrorCode::kDisconnected, "cannot read a GPIO line");
      return of_.levels_[chosen_.lines[line].offset];
    }
    Result<void> set(std::size_t line, bool active) override {
      const std::scoped_lock lock(of_.mutex_);
      if (of_.refuses_) return fail(ErrorCode::kIo, "cannot set a GPIO line");
      const std::uint32_t offset = chosen_.lines[line].offset;
      if (active && !of_.levels_[offset]) ++of_.pulses_[offset];
      of_.levels_[offset] = active;
      return {};
    }

   private:
    FakeLines& of_;
    ChosenLines chosen_;
    bool woken_{};
  };

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::pair<std::uint32_t, LineEvent>> events_;
  std::map<std::uint32_t, bool> levels_;
  std::map<std::uint32_t, int> pulses_;
  std::vector<std::string> consumers_;
  int open_{};
  bool gone_{};
  bool refuses_{};
  bool vanished_{};
  std::optional<std::uint32_t> floating_;
  std::int64_t floats_{};
};

}  // namespace framelog
