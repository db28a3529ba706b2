#include "command/instrument.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "config/report.hpp"
#include "pipeline/options.hpp"

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

std::string explain_product(const ProductPlan& product, double rate_hz) {
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
  if (rate_hz > 0) line += fmt::format(", {:.3g} MB/s", bytes * rate_hz / kMega);
  const std::int64_t frames =
      segment_capacity(product.store->roll, size_bytes(shape), product.store->description.rate_hz);
  return line + fmt::format(", {} with at most {} frames a segment in {}\n",
                            product.store->format->name, frames, product.store->base.string());
}

/// The nearest directory above that exists: a base is created only when recording starts.
std::filesystem::path existing_parent(std::filesystem::path path) {
  std::error_code error;
  while (!std::filesystem::exists(path, error) && path != path.parent_path())
    path = path.parent_path();
  return path;
}

std::string explain_disk(const RecordingPlan& plan, double rate_hz) {
  const auto space = system_files().space(existing_parent(std::filesystem::absolute(plan.base)));
  if (!space) return "";
  double per_second = 0;
  for (const ProductPlan& product : plan.products) {
    if (product.store)
      per_second += static_cast<double>(size_bytes(product.reduction.plan.output)) * rate_hz;
  }
  const double free = static_cast<double>(space->free_bytes);
  std::string line = fmt::format("disk: {:.4g} GB free", free / kGiga);
  if (per_second > 0)
    line += fmt::format(", full in {:.3g} days", free / per_second / kSecondsPerDay);
  return line + "\n";
}

}  // namespace

std::vector<std::span<const OptionSpec>> all_options() {
  std::vector<std::span<const OptionSpec>> tables{recording_options()};
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
  for (const ProductPlan& product : plan.products) text += explain_product(product, rate_hz);
  text += fmt::format("ring: {} frames in {:.4g} MiB", plan.ring.slots,
                      static_cast<double>(plan.ring.memory_bytes()) / 1048576.0);
  if (rate_hz > 0)
    text += fmt::format(", rides out {:.3g} s", static_cast<double>(plan.ring.slots) / rate_hz);
  text += plan.capture.wait_when_full ? ", then the source waits\n"
                                      : ", then frames are dropped and counted\n";
  return text + explain_disk(plan, rate_hz);
}

}  // namespace framelog
