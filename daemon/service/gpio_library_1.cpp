// libgpiod 1.6 (Debian 12), which uses the first version of the kernel's interface: each input has
// a descriptor and room for 16 events, which are not numbered.
#if FRAMELOG_GPIOD == 1

#include <gpiod.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "service/gpio_chips.hpp"
#include "service/gpio_wait.hpp"

namespace framelog {
namespace {

// Events bring a timespec: it has to be as wide as in the library, which Debian 12 builds with the
// processor's own width.
static_assert(sizeof(timespec::tv_sec) == sizeof(long));

/// linux/drivers/gpio/gpiolib-cdev.c, struct lineevent_state.
constexpr std::size_t kKernelEvents = 16;

struct CloseChip {
  void operator()(gpiod_chip* chip) const noexcept { ::gpiod_chip_close(chip); }
};
using Chip = std::unique_ptr<gpiod_chip, CloseChip>;

std::string text_or_empty(const char* text) { return text == nullptr ? "" : text; }

ChipFacts facts_of(const std::string& path) {
  ChipFacts facts{.path = path, .name = path.substr(path.rfind('/') + 1), .label = {}, .lines = {}};
  const Chip chip(::gpiod_chip_open(path.c_str()));
  if (!chip) {
    facts.failed_errno = errno;
    return facts;
  }
  facts.name = text_or_empty(::gpiod_chip_name(chip.get()));
  facts.label = text_or_empty(::gpiod_chip_label(chip.get()));
  for (unsigned offset = 0; offset < ::gpiod_chip_num_lines(chip.get()); ++offset) {
    gpiod_line* line = ::gpiod_chip_get_line(chip.get(), offset);
    if (line == nullptr) continue;
    facts.lines.push_back({offset, text_or_empty(::gpiod_line_name(line)),
                           text_or_empty(::gpiod_line_consumer(line)), ::gpiod_line_is_used(line)});
  }
  return facts;
}

int flags_of(const LineSpec& spec) {
  int flags = 0;
  if (spec.active_low) flags |= GPIOD_LINE_REQUEST_FLAG_ACTIVE_LOW;
  if (spec.open_drain) flags |= GPIOD_LINE_REQUEST_FLAG_OPEN_DRAIN;
  if (spec.bias == LineBias::kPullUp) flags |= GPIOD_LINE_REQUEST_FLAG_BIAS_PULL_UP;
  if (spec.bias == LineBias::kPullDown) flags |= GPIOD_LINE_REQUEST_FLAG_BIAS_PULL_DOWN;
  if (spec.bias == LineBias::kDisabled) flags |= GPIOD_LINE_REQUEST_FLAG_BIAS_DISABLE;
  return flags;
}

class Bank final : public LineBank {
 public:
  Bank(Chip chip, gpio::Waiter waiter) : chip_(std::move(chip)), waiter_(std::move(waiter)) {}
  ~Bank() override {
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      if (fds_[i] < 0) static_cast<void>(set(i, false));
    }
  }

  Result<void> add(const ChosenLines& chosen, const ChosenLines::Line& wanted,
                   const std::string& consumer) {
    const std::string place = gpio::place_of(chosen.path, wanted.spec.line);
    gpiod_line* line = ::gpiod_chip_get_line(chip_.get(), wanted.offset);
    if (line == nullptr) return fail_errno(errno, "cannot find", place);
    const bool input = is_input(wanted.spec.role);
    const gpiod_line_request_config config{
        consumer.c_str(),
        input ? GPIOD_LINE_REQUEST_EVENT_BOTH_EDGES : GPIOD_LINE_REQUEST_DIRECTION_OUTPUT,
        flags_of(wanted.spec)};
    if (::gpiod_line_request(line, &config, 0) != 0) {
      return fail_errno(errno, "cannot have", place);
    }
    lines_.push_back(line);
    fds_.push_back(input ? ::gpiod_line_event_get_fd(line) : -1);
    if (input) waiter_.watch(fds_.back());
    return {};
  }

  Result<void> wait(Deadline deadline) override { return waiter_.wait(deadline); }
  void wake() noexcept override { waiter_.wake(); }

  Result<std::size_t> read(std::span<LineEvent> into) override {
    std::size_t count = 0;
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      if (fds_[i] < 0 || !gpio::Waiter::is_readable(fds_[i])) continue;
      std::array<gpiod_line_event, kKernelEvents> events;
      const std::size_t room = std::min(events.size(), into.size() - count);
      if (room == 0) break;
      const int there =
          ::gpiod_line_event_read_fd_multiple(fds_[i], events.data(), static_cast<unsigned>(room));
      if (there < 0) return fail_errno(errno, "cannot read the events of GPIO lines");
      for (int k = 0; k < there; ++k)
        into[count++] = event_of(i, events[static_cast<std::size_t>(k)]);
      if (std::cmp_equal(there, kKernelEvents)) into[count - 1].at_limit = true;
    }
    std::ranges::stable_sort(into.first(count), {}, &LineEvent::monotonic_ns);
    return count;
  }

  Result<bool> level(std::size_t line) override {
    const int value = ::gpiod_line_get_value(lines_[line]);
    if (value < 0) return fail_errno(errno, "cannot read a GPIO line");
    return value == 1;
  }

  Result<void> set(std::size_t line, bool active) override {
    if (::gpiod_line_set_value(lines_[line], active ? 1 : 0) == 0) return {};
    return fail_errno(errno, "cannot set a GPIO line");
  }

 private:
  /// Since Linux 5.7 the kernel's times are those of CLOCK_MONOTONIC.
  static LineEvent event_of(std::size_t line, const gpiod_line_event& event) noexcept {
    constexpr std::int64_t kNsPerSecond = 1'000'000'000;
    return {.line = line,
            .active = event.event_type == GPIOD_LINE_EVENT_RISING_EDGE,
            .monotonic_ns = event.ts.tv_sec * kNsPerSecond + event.ts.tv_nsec};
  }

  Chip chip_;  // Its lines go with it.
  gpio::Waiter waiter_;
  std::vector<gpiod_line*> lines_;
  std::vector<int> fds_;  ///< Of inputs; -1: an output.
};

}  // namespace

std::vector<ChipFacts> list_chips() {
  std::vector<ChipFacts> chips;
  for (const std::string& path : gpio::chip_paths()) chips.push_back(facts_of(path));
  return chips;
}

Result<std::unique_ptr<LineBank>> request_lines(const ChosenLines& lines,
                                                const std::string& consumer) {
  Chip chip(::gpiod_chip_open(lines.path.c_str()));
  if (!chip) return fail_errno(errno, "cannot open", lines.path);
  auto waiter = gpio::Waiter::make();
  if (!waiter) return std::unexpected(waiter.error());
  auto bank = std::make_unique<Bank>(std::move(chip), std::move(*waiter));
  for (const ChosenLines::Line& line : lines.lines) {
    if (auto added = bank->add(lines, line, consumer); !added) {
      return std::unexpected(added.error());
    }
  }
  return bank;
}

}  // namespace framelog

#endif
