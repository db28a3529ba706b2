#include "service/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <iterator>
#include <string_view>
#include <utility>

#include "core/version.hpp"

namespace framelog {
namespace {

constexpr double kSecondsPerNs = 1e-9;

using Label = std::pair<std::string_view, std::string_view>;

/// Of a label's value: backslash, quotation mark and line break.
std::string escaped(std::string_view value) {
  std::string text;
  for (const char c : value) {
    if (c == '\n') {
      text += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') text += '\\';
    text += c;
  }
  return text;
}

/// Writes one family after the other; every line carries the instrument.
class Writer {
 public:
  explicit Writer(std::string_view instrument) : instrument_(instrument) {}

  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    fmt::format_to(std::back_inserter(text_), "# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, type);
  }
  void line(std::initializer_list<Label> labels, std::uint64_t value) {
    begin("", labels);
    fmt::format_to(std::back_inserter(text_), " {}\n", value);
  }
  void line(std::initializer_list<Label> labels, double value) {
    begin("", labels);
    fmt::format_to(std::back_inserter(text_), " {}\n", value);
  }
  void line(std::initializer_list<Label> labels, bool value) {
    line(labels, std::uint64_t{value ? 1U : 0U});
  }
  void histogram(std::initializer_list<Label> labels, const Histogram::Counts& counts);

  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  void begin(std::string_view suffix, std::initializer_list<Label> labels,
             std::string_view bound = {}) {
    fmt::format_to(std::back_inserter(text_), "{}{}{{instrument=\"{}\"", name_, suffix,
                   escaped(instrument_));
    for (const auto& [label, value] : labels) {
      fmt::format_to(std::back_inserter(text_), ",{}=\"{}\"", label, escaped(value));
    }
    if (!bound.empty()) fmt::format_to(std::back_inserter(text_), ",le=\"{}\"", bound);
    text_ += '}';
  }

  std::string_view instrument_;
  std::string_view name_;
  std::string text_;
};

/// Our buckets stand each alone, those of Prometheus hold all below their bound.
void Writer::histogram(std::initializer_list<Label> labels, const Histogram::Counts& counts) {
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < Histogram::kBounds; ++i) {
    below += counts.buckets[i];
    begin("_bucket", labels, fmt::format("{}", Histogram::bound_s(i)));
    fmt::format_to(std::back_inserter(text_), " {}\n", below);
  }
  below += counts.buckets[Histogram::kBounds];
  begin("_bucket", labels, "+Inf");
  fmt::format_to(std::back_inserter(text_), " {}\n", below);
  begin("_sum", labels);
  fmt::format_to(std::back_inserter(text_), " {}\n",
                 static_cast<double>(counts.sum_ns) * kSecondsPerNs);
  begin("_count", labels);
  fmt::format_to(std::back_inserter(text_), " {}\n", below);
}

void write_frames(Writer& out, const SessionTotals& totals) {
  out.family("framelog_frames_total", "counter", "Frames of a product by what became of them.");
  for (const auto& [name, product] : totals.products) {
    const Accounting& frames = product.accounting;
    out.line({{"product", name}, {"outcome", "received"}}, frames.received);
    out.line({{"product", name}, {"outcome", "recorded"}}, frames.recorded);
    out.line({{"product", name}, {"outcome", "merged"}}, frames.merged);
    out.line({{"product", name}, {"outcome", "skipped"}}, frames.skipped);
    out.line({{"product", name}, {"outcome", "not_recorded"}}, frames.not_recorded);
  }
  out.family("framelog_dropped_frames_total", "counter", "Frames that were lost here, by reason.");
  for (const auto& [name, product] : totals.products) {
    for (std::size_t i = 0; i < kDropReasons; ++i) {
      out.line({{"product", name}, {"reason", name_of(static_cast<DropReason>(i))}},
               product.accounting.dropped[i]);
    }
  }
}

void write_products(Writer& out, const SessionTotals& totals) {
  out.family("framelog_bytes_total", "counter", "Bytes of pixels that were written.");
  for (const auto& [name, product] : totals.products) out.line({{"product", name}}, product.bytes);
  out.family("framelog_segments_total", "counter", "Segments that were begun.");
  for (const auto& [name, product] : totals.products) {
    out.line({{"product", name}}, product.segments);
  }
  out.family("framelog_segments_deleted_total", "counter",
             "Finished segments that retention has deleted.");
  out.line({}, totals.deleted_segments);
  out.family("framelog_clipped_pixels_total", "counter",
             "Pixels of a product that did not fit their type.");
  for (const auto& [name, product] : totals.products) {
    out.line({{"product", name}}, product.clipped_pixels);
  }
}

void write_source(Writer& out, const MetricsInput& input) {
  out.family("framelog_lost_at_source_total", "counter",
             "Frames that the hardware lost before they reached the recorder.");
  for (std::size_t i = 0; i < kLossReasons; ++i) {
    out.line({{"reason", name_of(static_cast<LossReason>(i))}}, input.totals.lost_at_source[i]);
  }
  out.family("framelog_reconnects_total", "counter", "Times that the source came back.");
  out.line({}, input.totals.reconnects);
  if (!input.totals.source_counts.empty()) {
    out.family("framelog_source_events_total", "counter",
               "What the driver counts beside the frames, by cause.");
    for (const auto& [cause, count] : input.totals.source_counts) {
      out.line({{"cause", cause}}, count);
    }
  }
  out.family("framelog_source_connected", "gauge", "Whether the source is there.");
  out.line({}, input.status.session && input.status.session->source_connected);
}

void write_times(Writer& out, const SessionTotals& totals) {
  out.family("framelog_stage_seconds", "histogram", "How long a stage took for a piece of work.");
  for (std::size_t i = 0; i < kMetricsStages; ++i) {
    out.histogram({{"stage", metrics_stage(i)}}, totals.stages[i]);
  }
  out.family("framelog_capture_to_disk_seconds", "histogram",
             "From a frame's capture until a power cut cannot take it, of the oldest frame of each "
             "sync.");
  out.histogram({}, totals.capture_to_disk);
}

void write_machine(Writer& out, const MetricsInput& input) {
  if (input.free_bytes) {
    out.family("framelog_free_bytes", "gauge", "Free space where the recordings go.");
    out.line({}, static_cast<std::uint64_t>(std::max<std::int64_t>(*input.free_bytes, 0)));
  }
  if (input.board.temperature_celsius) {
    out.family("framelog_board_temperature_celsius", "gauge", "Temperature of the board.");
    out.line({}, *input.board.temperature_celsius);
  }
  if (input.board.undervoltage) {
    out.family("framelog_undervoltage", "gauge", "Whether the board's supply is too weak now.");
    out.line({}, *input.board.undervoltage);
  }
}

void write_state(Writer& out, const MetricsInput& input) {
  const auto& session = input.status.session;
  out.family("framelog_ring_used_slots", "gauge", "Slots of the ring that hold a frame.");
  out.line({}, session ? session->ring_used_slots : std::uint64_t{0});
  out.family("framelog_ring_slots", "gauge", "Slots of the ring.");
  out.line({}, session ? session->ring_slots : std::uint64_t{0});
  if (session) {
    out.family("framelog_clock_synchronised", "gauge", "Whether UTC is disciplined.");
    out.line({}, session->clock_synchronised);
  }
  out.family("framelog_recording", "gauge", "Whether frames are being recorded.");
  out.line({}, input.status.state == RecorderState::kRecording);
  out.family("framelog_degraded", "gauge", "Why not all is well; 0: this reason is none.");
  for (std::size_t i = 0; i < kDegradedReasons; ++i) {
    const auto reason = static_cast<DegradedReason>(i);
    const bool applies = std::ranges::find(input.degraded, reason) != input.degraded.end();
    out.line({{"reason", name_of(reason)}}, applies);
  }
}

using OfLine = std::uint64_t LineStatus::*;

void write_line_counts(Writer& out, std::span<const LineStatus> lines, std::string_view name,
                       std::string_view help, OfLine count) {
  const auto is_meant = [](const LineStatus& line) { return is_input(line.role); };
  if (std::ranges::none_of(lines, is_meant)) return;
  out.family(name, "counter", help);
  for (const LineStatus& line : lines) {
    if (is_meant(line)) out.line({{"line", name_of(line.role)}}, line.*count);
  }
}

void write_lines(Writer& out, std::span<const LineStatus> lines, bool present) {
  out.family("framelog_gpio_present", "gauge", "Whether the GPIO lines are there.");
  out.line({}, present);
  out.family("framelog_gpio_level", "gauge", "Whether a GPIO line is active.");
  for (const LineStatus& line : lines) out.line({{"line", name_of(line.role)}}, line.active);
  if (std::ranges::any_of(lines, is_input, &LineStatus::role)) {
    out.family("framelog_gpio_edges_total", "counter", "Edges of a GPIO line, debounced.");
    for (const LineStatus& line : lines) {
      if (!is_input(line.role)) continue;
      out.line({{"line", name_of(line.role)}, {"edge", "rising"}}, line.rising);
      out.line({{"line", name_of(line.role)}, {"edge", "falling"}}, line.falling);
    }
  }
  write_line_counts(out, lines, "framelog_gpio_bounces_total",
                    "Edges that debouncing has taken away.", &LineStatus::bounces);
  write_line_counts(out, lines, "framelog_gpio_lost_edges_total",
                    "Edges that the kernel had no room for.", &LineStatus::lost);
  write_line_counts(out, lines, "framelog_gpio_overflows_total",
                    "Times that the kernel may have had no room for an edge.",
                    &LineStatus::overflows);
  write_line_counts(out, lines, "framelog_gpio_forgotten_signals_total",
                    "Triggers and changes of the gate that the recorder had no room for.",
                    &LineStatus::forgotten);
  const auto strobe = std::ranges::find(lines, LineRole::kStrobe, &LineStatus::role);
  if (strobe == lines.end()) return;
  out.family("framelog_gpio_strobe_pulses_total", "counter", "Pulses of the strobe.");
  out.line({}, strobe->pulses);
  out.family("framelog_gpio_strobe_missed_total", "counter",
             "Frames that came within the pulse of another.");
  out.line({}, strobe->missed);
}

}  // namespace

std::string metrics_text(const MetricsInput& input) {
  Writer out(input.status.instrument);
  write_frames(out, input.totals);
  write_products(out, input.totals);
  write_source(out, input);
  write_times(out, input.totals);
  write_state(out, input);
  write_machine(out, input);
  if (!input.lines.empty()) write_lines(out, input.lines, input.lines_present);
  out.family("framelog_build_info", "gauge", "The program that runs.");
  out.line({{"version", program_version()}, {"commit", git_commit()}}, std::uint64_t{1});
  return out.take();
}

}  // namespace framelog
