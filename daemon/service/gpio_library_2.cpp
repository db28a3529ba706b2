// libgpiod 2 (Debian 13), which uses the second version of the kernel's interface: all inputs share
// a descriptor, with room for as many events as we ask for, and each line numbers its own.
#if FRAMELOG_GPIOD == 2

#include <gpiod.h>

#include <algorithm>
#include <cerrno>

#include "service/gpio_chips.hpp"
#include "service/gpio_wait.hpp"

namespace framelog {
namespace {

/// The most that the kernel takes: linux/gpio.h, GPIO_V2_LINES_MAX * 16.
constexpr std::size_t kKernelEvents = 1024;

/// Frees what libgpiod has made.
template <auto call>
struct Free {
  template <class T>
  void operator()(T* object) const noexcept {
    call(object);
  }
};
using Chip = std::unique_ptr<gpiod_chip, Free<::gpiod_chip_close>>;
using ChipInfo = std::unique_ptr<gpiod_chip_info, Free<::gpiod_chip_info_free>>;
using LineInfo = std::unique_ptr<gpiod_line_info, Free<::gpiod_line_info_free>>;
using LineConfig = std::unique_ptr<gpiod_line_config, Free<::gpiod_line_config_free>>;
using OneSettings = std::unique_ptr<gpiod_line_settings, Free<::gpiod_line_settings_free>>;
using RequestConfig = std::unique_ptr<gpiod_request_config, Free<::gpiod_request_config_free>>;
using Request = std::unique_ptr<gpiod_line_request, Free<::gpiod_line_request_release>>;
using Events = std::unique_ptr<gpiod_edge_event_buffer, Free<::gpiod_edge_event_buffer_free>>;

std::string text_or_empty(const char* text) { return text == nullptr ? "" : text; }

ChipFacts facts_of(const std::string& path) {
  ChipFacts facts{.path = path, .name = path.substr(path.rfind('/') + 1), .label = {}, .lines = {}};
  const Chip chip(::gpiod_chip_open(path.c_str()));
  const ChipInfo info(chip ? ::gpiod_chip_get_info(chip.get()) : nullptr);
  if (!info) {
    facts.failed_errno = errno;
    return facts;
  }
  facts.name = text_or_empty(::gpiod_chip_info_get_name(info.get()));
  facts.label = text_or_empty(::gpiod_chip_info_get_label(info.get()));
  for (unsigned offset = 0; offset < ::gpiod_chip_info_get_num_lines(info.get()); ++offset) {
    const LineInfo line(::gpiod_chip_get_line_info(chip.get(), offset));
    if (!line) continue;
    facts.lines.push_back({offset, text_or_empty(::gpiod_line_info_get_name(line.get())),
                           text_or_empty(::gpiod_line_info_get_consumer(line.get())),
                           ::gpiod_line_info_is_used(line.get())});
  }
  return facts;
}

gpiod_line_bias bias_of(LineBias bias) noexcept {
  switch (bias) {
    case LineBias::kPullUp:
      return GPIOD_LINE_BIAS_PULL_UP;
    case LineBias::kPullDown:
      return GPIOD_LINE_BIAS_PULL_DOWN;
    case LineBias::kDisabled:
      return GPIOD_LINE_BIAS_DISABLED;
    case LineBias::kAsItIs:
      break;
  }
  return GPIOD_LINE_BIAS_AS_IS;
}

/// False where libgpiod refuses, with errno.
bool add_line(gpiod_line_config* config, const ChosenLines::Line& line) {
  const OneSettings settings(::gpiod_line_settings_new());
  if (!settings) return false;
  gpiod_line_settings* const s = settings.get();
  const bool input = is_input(line.spec.role);
  const bool good =
      ::gpiod_line_settings_set_direction(
          s, input ? GPIOD_LINE_DIRECTION_INPUT : GPIOD_LINE_DIRECTION_OUTPUT) == 0 &&
      ::gpiod_line_settings_set_bias(s, bias_of(line.spec.bias)) == 0 &&
      (!input || ::gpiod_line_settings_set_edge_detection(s, GPIOD_LINE_EDGE_BOTH) == 0) &&
      (!input || ::gpiod_line_settings_set_event_clock(s, GPIOD_LINE_CLOCK_MONOTONIC) == 0) &&
      (input || ::gpiod_line_settings_set_output_value(s, GPIOD_LINE_VALUE_INACTIVE) == 0) &&
      ::gpiod_line_settings_set_drive(
          s, line.spec.open_drain ? GPIOD_LINE_DRIVE_OPEN_DRAIN : GPIOD_LINE_DRIVE_PUSH_PULL) == 0;
  ::gpiod_line_settings_set_active_low(s, line.spec.active_low);
  const unsigned offset = line.offset;
  return good && ::gpiod_line_config_add_line_settings(config, &offset, 1, s) == 0;
}

class Bank final : public LineBank {
 public:
  Bank(Chip chip, gpio::Waiter waiter, Events events)
      : chip_(std::move(chip)), waiter_(std::move(waiter)), events_(std::move(events)) {}
  ~Bank() override {
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      if (!is_input(lines_[i].spec.role) && outputs_) static_cast<void>(set(i, false));
    }
  }

  Result<void> request(const ChosenLines& chosen, const std::string& consumer) {
    lines_ = chosen.lines;
    for (const bool input : {true, false}) {
      if (auto good = request(chosen, consumer, input); !good) return good;
    }
    if (inputs_) waiter_.watch(::gpiod_line_request_get_fd(inputs_.get()));
    return {};
  }

  Result<void> wait(Deadline deadline) override { return waiter_.wait(deadline); }
  void wake() noexcept override { waiter_.wake(); }

  Result<std::size_t> read(std::span<LineEvent> into) override {
    if (!inputs_ || !gpio::Waiter::is_readable(::gpiod_line_request_get_fd(inputs_.get()))) {
      return std::size_t{0};
    }
    const int there = ::gpiod_line_request_read_edge_events(inputs_.get(), events_.get(),
                                                            std::min(into.size(), kKernelEvents));
    if (there < 0) return fail_errno(errno, "cannot read the events of GPIO lines");
    for (int i = 0; i < there; ++i) {
      into[static_cast<std::size_t>(i)] = event_of(
          ::gpiod_edge_event_buffer_get_event(events_.get(), static_cast<unsigned long>(i)));
    }
    return static_cast<std::size_t>(there);
  }

  Result<bool> level(std::size_t line) override {
    const bool input = is_input(lines_[line].spec.role);
    const gpiod_line_value value =
        ::gpiod_line_request_get_value(input ? inputs_.get() : outputs_.get(), lines_[line].offset);
    if (value == GPIOD_LINE_VALUE_ERROR) return fail_errno(errno, "cannot read a GPIO line");
    return value == GPIOD_LINE_VALUE_ACTIVE;
  }

  Result<void> set(std::size_t line, bool active) override {
    const gpiod_line_value value = active ? GPIOD_LINE_VALUE_ACTIVE : GPIOD_LINE_VALUE_INACTIVE;
    if (::gpiod_line_request_set_value(outputs_.get(), lines_[line].offset, value) == 0) return {};
    return fail_errno(errno, "cannot set a GPIO line");
  }

 private:
  Result<void> request(const ChosenLines& chosen, const std::string& consumer, bool input) {
    const LineConfig lines(::gpiod_line_config_new());
    const RequestConfig config(::gpiod_request_config_new());
    if (!lines || !config) return fail(ErrorCode::kNoMemory, "no memory for GPIO lines");
    ::gpiod_request_config_set_consumer(config.get(), consumer.c_str());
    if (input) ::gpiod_request_config_set_event_buffer_size(config.get(), kKernelEvents);
    std::string names;
    for (const ChosenLines::Line& line : chosen.lines) {
      if (is_input(line.spec.role) != input) continue;
      names += (names.empty() ? "" : ", ") + line.spec.line;
      if (!add_line(lines.get(), line)) {
        return fail_errno(errno, "cannot have", gpio::place_of(chosen.path, line.spec.line));
      }
    }
    if (names.empty()) return {};
    Request made(::gpiod_chip_request_lines(chip_.get(), config.get(), lines.get()));
    if (!made) return fail_errno(errno, "cannot have", gpio::place_of(chosen.path, names));
    (input ? inputs_ : outputs_) = std::move(made);
    return {};
  }

  [[nodiscard]] LineEvent event_of(gpiod_edge_event* event) const {
    const unsigned offset = ::gpiod_edge_event_get_line_offset(event);
    const auto line = std::ranges::find(lines_, offset, &ChosenLines::Line::offset);
    return {.line = static_cast<std::size_t>(line - lines_.begin()),
            .active = ::gpiod_edge_event_get_event_type(event) == GPIOD_EDGE_EVENT_RISING_EDGE,
            .monotonic_ns = static_cast<std::int64_t>(::gpiod_edge_event_get_timestamp_ns(event)),
            .number = static_cast<std::uint32_t>(::gpiod_edge_event_get_line_seqno(event))};
  }

  Chip chip_;
  gpio::Waiter waiter_;
  Events events_;
  std::vector<ChosenLines::Line> lines_;
  Request inputs_;
  Request outputs_;
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
  Events events(::gpiod_edge_event_buffer_new(kKernelEvents));
  if (!events) return fail(ErrorCode::kNoMemory, "no memory for events of GPIO lines");
  auto bank = std::make_unique<Bank>(std::move(chip), std::move(*waiter), std::move(events));
  if (auto good = bank->request(lines, consumer); !good) return std::unexpected(good.error());
  return bank;
}

}  // namespace framelog

#endif
