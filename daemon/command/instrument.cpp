#include "command/instrument.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "config/report.hpp"
#include "pipeline/options.hpp"
#include "service/options.hpp"
#include "store/base.hpp"

namespace framelog {
namespace {

constexpr double kMega = 1e6;
constexpr double kGiga = 1e9;
constexpr double kSecondsPerDay = 86400.0;

std::vector<std::string> places(const Settings& settings,
                                const std::vector<Complaint>& complaints) {
  std::vector<std::string> lines;
  for (const Complaint& complaint : complaints) {
    std::string line = settings.place(complaint);
    if (std::ranges::find(lines, line) == lines.end()) lines.push_back(std::move(line));
  }
  return lines;
}

/// Of the frames that a product records; 0 where the source has no rate.
double recorded_rate_hz(const ProductPlan& product, double source_rate_hz) {
  const double frames = static_cast<double>(product.reduction.keep_every) *
                        static_cast<double>(product.reduction.plan.accumulate);
  return source_rate_hz / frames;
}

std::string explain_product(const ProductPlan& product, double source_rate_hz) {
  const FrameShape& shape = product.reduction.plan.output;
  const double bytes = static_cast<double>(size_bytes(shape));
  std::string line = fmt::format("product {}: {}, {:.3g} MB a frame", product.name,
                                 to_string(shape), bytes / kMega);
  const ReductionPlan& plan = product.reduction.plan;
  if (plan.region.height_px() != plan.source.height_px ||
      plan.region.width_px() != plan.source.width_px) {
    line += fmt::format(", of {}",
                        to_string(plan.region));  // Also what binning leaves out at the edges.
  }
  if (!product.store) return line + ", not recorded (format = none)\n";
  const double rate_hz = recorded_rate_hz(product, source_rate_hz);
  if (rate_hz > 0) line += fmt::format(", {:.3g} MB/s", bytes * rate_hz / kMega);
  const SegmentStoreConfig& store = *product.store;
  const Compression& compression = store.description.compression;
  line += fmt::format(", {}", store.format->name);
  if (compression.codec != Codec::kNone) line += fmt::format(" ({})", to_string(compression));
  return line + fmt::format(" with at most {} frames a segment in {}\n",
                            segment_capacity(store).frames, store.base.string());
}

/// Which of the source's frames a product is made of; empty: of each one.
std::string explain_frames(const ProductPlan& product) {
  const std::uint32_t every = product.reduction.keep_every;
  const ReductionPlan& plan = product.reduction.plan;
  std::string text;
  if (every > 1) text = fmt::format("one of {} frames is kept", every);
  if (plan.accumulate > 1) {
    if (every > 1) text += ", ";
    text += fmt::format("{} {}frames become one, their {}", plan.accumulate,
                        every > 1 ? "of these " : "",
                        plan.accumulate_mode == AccumulateMode::kSum ? "sum" : "mean");
  }
  return text.empty() ? text : fmt::format("product {}: {}\n", product.name, text);
}

std::string explain_detectors(const ProductPlan& product) {
  if (!product.store || product.store->description.detectors.empty()) return "";
  std::vector<std::string> texts;
  for (const DetectorDescription& detector : product.store->description.detectors) {
    texts.push_back(fmt::format("{} ({} pixels)", detector.name, detector.pixels));
  }
  return fmt::format("product {}: detectors {}\n", product.name, fmt::join(texts, ", "));
}

/// What [record] says, as the files describe it; empty where every frame is recorded.
std::string explain_record(const RecordingPlan& plan) {
  for (const ProductPlan& product : plan.products) {
    if (!product.store) continue;
    const auto& steps = product.store->description.steps;
    const auto step = std::ranges::find(steps, kRecordStep, &ProcessStep::name);
    if (step == steps.end()) continue;
    std::vector<std::string> texts;
    for (const auto& [key, value] : step->parameters) {
      texts.push_back(fmt::format("{} = {}", key, std::get<std::string>(value)));
    }
    return fmt::format("record: {}\n", fmt::join(texts, ", "));
  }
  return "";
}

/// What the source knows of a scan is used only when the user says so: it may be a stack.
std::string explain_scan(const RecordingPlan& plan) {
  if (!plan.products.empty() && plan.products.front().reduction.scan) {
    const Scan& scan = *plan.products.front().reduction.scan;
    std::string text = fmt::format("scan: {} x {} points", scan.rows, scan.columns);
    if (scan.flyback > 0)
      text += fmt::format(", {} flyback frames a line are skipped", scan.flyback);
    return text + "\n";
  }
  if (!plan.source.scan) return "";
  const auto [rows, columns] = *plan.source.scan;
  return fmt::format("hint: the source has a scan of {0} x {1}: instrument.scan = {0} x {1}\n",
                     rows, columns);
}

/// The nearest directory above that exists: a base is created only when recording starts.
std::filesystem::path existing_parent(std::filesystem::path path) {
  std::error_code error;
  while (!std::filesystem::exists(path, error) && path != path.parent_path())
    path = path.parent_path();
  return path;
}

/// The share of all frames that a schedule records; 1 for the others.
double recorded_share(const RecordPolicy& record, double source_rate_hz) {
  if (record.start != RecordStart::kSchedule) return 1.0;
  const double repeat_s = std::chrono::duration<double>(record.repeat).count();
  const double length_s = std::chrono::duration<double>(record.length).count();
  return std::min(1.0, std::max(length_s, 1.0 / source_rate_hz) / repeat_s);
}

bool requires_mount(const RecordingPlan& plan) {
  return std::ranges::any_of(plan.products, [](const ProductPlan& product) {
    return product.store && product.store->require_mount;
  });
}

/// What retention keeps; empty where it keeps everything.
std::string explain_retention(const RetentionPolicy& policy) {
  std::vector<std::string> texts;
  if (policy.max_total_bytes) {
    texts.push_back(fmt::format("{:.4g} GB", static_cast<double>(*policy.max_total_bytes) / kGiga));
  }
  if (policy.max_segments) texts.push_back(fmt::format("{} segments", *policy.max_segments));
  if (policy.max_age) {
    const double seconds = std::chrono::duration<double>(*policy.max_age).count();
    texts.push_back(fmt::format("{:.3g} days", seconds / kSecondsPerDay));
  }
  if (texts.empty()) return "";
  return fmt::format("kept: at most {}{}\n", fmt::join(texts, ", "),
                     policy.require_ack ? ", but all that is not acknowledged" : "");
}

std::string explain_disk(const RecordingPlan& plan, double rate_hz) {
  if (requires_mount(plan) && is_disk_missing(system_files(), plan.base)) {
    return fmt::format("disk: none is mounted at {} (files.require_mount)\n", plan.base.string());
  }
  const auto space = system_files().space(existing_parent(std::filesystem::absolute(plan.base)));
  if (!space) return "";
  double per_second = 0;
  for (const ProductPlan& product : plan.products) {
    if (product.store)
      per_second += static_cast<double>(size_bytes(product.reduction.plan.output)) *
                    recorded_rate_hz(product, rate_hz);
  }
  const RetentionPolicy& retention = plan.retention;
  const double free = static_cast<double>(space->free_bytes);
  const double usable = std::max(0.0, free - static_cast<double>(retention.min_free_bytes));
  std::string line = fmt::format("disk: {:.4g} GB free, of which {:.4g} GB stay free", free / kGiga,
                                 static_cast<double>(retention.min_free_bytes) / kGiga);
  if (per_second > 0) {
    per_second *= recorded_share(plan.record, rate_hz);
    const bool events = plan.record.start == RecordStart::kTrigger;
    line += fmt::format(", full {} {:.3g} days{}", events ? "after" : "in",
                        usable / per_second / kSecondsPerDay, events ? " of events" : "");
  }
  return line + (retention.delete_oldest ? "; then the oldest segments are deleted\n"
                                         : "; then recording pauses\n");
}

}  // namespace

std::vector<std::span<const OptionSpec>> all_options() {
  std::vector<std::span<const OptionSpec>> tables{recording_options(), service_options()};
  for (const Driver& driver : drivers()) tables.push_back(driver.options);
  return tables;
}

Instrument load_instrument(const std::filesystem::path& file,
                           std::span<const std::string> overrides, const Clock& clock) {
  const auto tables = all_options();
  Instrument instrument{load_configuration(file, overrides, tables), nullptr};
  Configuration& configuration = instrument.configuration;
  std::vector<Complaint> complaints;
  check_recording(configuration.settings, complaints);
  check_service(configuration.settings, complaints);
  const auto* name = configuration.settings.get<std::string>("source", "driver");
  const Driver* driver = name == nullptr ? nullptr : find_driver(*name);
  if (driver != nullptr)
    instrument.source = driver->make(configuration.settings, clock, complaints);
  for (std::string& line : places(configuration.settings, complaints)) {
    configuration.errors.push_back(std::move(line));
  }
  return instrument;
}

RecordingPlan plan_recording(const Configuration& configuration, const SourceInfo& source,
                             std::vector<std::string>& errors) {
  std::vector<Complaint> complaints;
  RecordingPlan plan = make_recording_plan(configuration.settings, configuration.instrument, source,
                                           effective_text(configuration.settings), complaints);
  plan.configuration = written_text(configuration.settings);
  for (std::string& line : places(configuration.settings, complaints))
    errors.push_back(std::move(line));
  return plan;
}

std::string explain(const RecordingPlan& plan) {
  const double rate_hz = plan.source.rate_hz.value_or(0.0);
  const double frame = static_cast<double>(size_bytes(plan.source.shape));
  std::string text = fmt::format("instrument {}: {}\n", plan.instrument, plan.source.description);
  text += fmt::format("source: {}, {:.3g} MB a frame", to_string(plan.source.shape), frame / kMega);
  text += rate_hz > 0
              ? fmt::format(", {:.6g} frames/s, {:.4g} MB/s\n", rate_hz, frame * rate_hz / kMega)
              : std::string(", as fast as it delivers\n");
  text += explain_scan(plan);
  for (const ProductPlan& product : plan.products) {
    text +=
        explain_product(product, rate_hz) + explain_frames(product) + explain_detectors(product);
  }
  text += explain_record(plan);
  text += fmt::format("ring: {} frames in {:.4g} MiB", plan.ring.slots,
                      static_cast<double>(plan.ring.memory_bytes()) / 1048576.0);
  if (rate_hz > 0)
    text += fmt::format(", rides out {:.3g} s", static_cast<double>(plan.ring.slots) / rate_hz);
  text += plan.capture.wait_when_full ? ", then the source waits\n"
                                      : ", then frames are dropped and counted\n";
  return text + explain_disk(plan, rate_hz) + explain_retention(plan.retention);
}

}  // namespace framelog
