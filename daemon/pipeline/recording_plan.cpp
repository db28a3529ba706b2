#include "pipeline/recording_plan.hpp"

#include <fmt/format.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <limits>
#include <map>

#include "core/clock.hpp"
#include "core/version.hpp"
#include "pipeline/file_settings.hpp"
#include "pipeline/line_settings.hpp"
#include "pipeline/record_settings.hpp"
#include "pipeline/reduction_settings.hpp"
#include "store/workshop.hpp"

namespace framelog {
namespace {

using std::chrono::nanoseconds;
using Complaints = std::vector<Complaint>;

constexpr std::uint64_t kLeastSlots = 4;
constexpr std::uint64_t kDefaultMemory = std::uint64_t{256} << 20U;

std::string text_of(const Settings& settings, std::string_view section, std::string_view key) {
  const auto* text = settings.get<std::string>(section, key);
  return text == nullptr ? "" : *text;
}

/// A product's own key, or that of `parent`.
template <class T>
const T* inherited(const Settings& settings, const std::string& section, std::string_view parent,
                   std::string_view key) {
  return settings.get<T>(section, parent, key);
}

RollPolicy roll_of(const Settings& settings, const std::string& section,
                   const std::optional<Scan>& scan, Complaints& complaints) {
  RollPolicy roll;
  if (const auto* size = inherited<std::int64_t>(settings, section, "roll", "max_size"))
    roll.max_bytes = *size;
  if (const auto* time = inherited<nanoseconds>(settings, section, "roll", "max_duration")) {
    roll.max_duration = *time;
  }
  if (const auto* frames = inherited<std::int64_t>(settings, section, "roll", "max_frames")) {
    roll.max_frames = *frames;
  }
  if (const auto* align = inherited<std::string>(settings, section, "roll", "align")) {
    roll.align = *align == "hour"   ? RollAlign::kHour
                 : *align == "day"  ? RollAlign::kDay
                 : *align == "scan" ? RollAlign::kScan
                                    : RollAlign::kNone;
  }
  if (roll.align == RollAlign::kScan && scan) roll.scan = scan;
  if (roll.align == RollAlign::kScan && !scan) {
    const bool own = settings.find(section, "align") != nullptr;
    complaints.push_back({own ? section : "roll", "align", "scan goes with instrument.scan only"});
  }
  return roll;
}

std::optional<NameTemplate> template_of(const Settings& settings, const std::string& section,
                                        Complaints& complaints) {
  const bool own = settings.find(section, "template") != nullptr;
  const auto* text = inherited<std::string>(settings, section, "files", "template");
  if (text == nullptr) return std::nullopt;
  auto parsed = NameTemplate::parse(*text);
  if (parsed) return *parsed;
  complaints.push_back({own ? section : "files", "template", describe(parsed.error())});
  return std::nullopt;
}

/// Lengths that an NXdetector can have: in metres; none for a unit that is no length.
std::optional<double> metres(const Length& length) {
  static const std::map<std::string, double, std::less<>> kUnits{
      {"m", 1.0}, {"mm", 1e-3}, {"um", 1e-6}, {"nm", 1e-9}, {"pm", 1e-12}};
  const auto unit = kUnits.find(length.unit);
  if (unit == kUnits.end()) return std::nullopt;
  return length.value * unit->second;
}

/// Pixels of the product that are made of a bad pixel of the source; empty where there is none.
std::vector<std::uint8_t> mask_of(const ReductionPlan& plan) {
  if (!plan.correction || plan.correction->bad_pixels() == 0) return {};
  const auto bad = plan.correction->mask();
  std::vector<std::uint8_t> mask(std::size_t{plan.output.height_px} * plan.output.width_px);
  for (std::size_t y = plan.region.y_start; y < plan.region.y_stop; ++y) {
    for (std::size_t x = plan.region.x_start; x < plan.region.x_stop; ++x) {
      const std::size_t row = (y - plan.region.y_start) / plan.bin.rows;
      const std::size_t column = (x - plan.region.x_start) / plan.bin.columns;
      mask[row * plan.output.width_px + column] |= bad[y * plan.source.width_px + x];
    }
  }
  return mask;
}

NameFields fields_of(const std::string& instrument, const std::string& product,
                     const SourceInfo& source, const ReductionPlan& plan,
                     const Settings& settings) {
  std::array<char, 256> host{};
  static_cast<void>(::gethostname(host.data(), host.size() - 1));
  NameFields fields;
  fields["instrument"] = instrument;
  fields["product"] = product;
  fields["host"] = std::string(host.data());
  fields["driver"] = source.driver;
  fields["serial"] = source.serial;
  fields["dtype"] = std::string(name_of(plan.output.type));
  fields["bin"] = fmt::format("{}x{}", plan.bin.rows, plan.bin.columns);
  fields["roi"] = fmt::format("y{}-{}_x{}-{}", plan.region.y_start, plan.region.y_stop,
                              plan.region.x_start, plan.region.x_stop);
  fields["sample"] = text_of(settings, "instrument", "sample");
  fields["operator"] = text_of(settings, "instrument", "operator");
  fields["width"] = std::int64_t{plan.output.width_px};
  fields["height"] = std::int64_t{plan.output.height_px};
  fields["y_start"] = std::int64_t{plan.region.y_start};
  fields["y_stop"] = std::int64_t{plan.region.y_stop};
  fields["x_start"] = std::int64_t{plan.region.x_start};
  fields["x_stop"] = std::int64_t{plan.region.x_stop};
  return fields;
}

SegmentDescription description_of(const Settings& settings, const std::string& instrument,
                                  const std::string& product, const SourceInfo& source,
                                  const ProductReduction& reduction) {
  const ReductionPlan& plan = reduction.plan;
  SegmentDescription d;
  d.program_version = program_version();
  d.instrument = instrument;
  d.product = product;
  d.title = text_of(settings, "instrument", "title");
  d.operator_name = text_of(settings, "instrument", "operator");
  d.sample = text_of(settings, "instrument", "sample");
  d.notes = text_of(settings, "instrument", "notes");
  d.channel = text_of(settings, "instrument", "channel");
  d.detector_description = source.description;
  d.detector_model = source.model;
  d.serial_number = source.serial;
  d.simulated = source.simulated;
  d.bit_depth = source.bit_depth;
  const bool same_values =
      (plan.bin == Binning{} || plan.bin_mode == BinMode::kMean) && plan.corrected == plan.source &&
      (plan.accumulate == 1 || plan.accumulate_mode == AccumulateMode::kMean) &&
      !plan.renormalise && plan.output.type == plan.combined.type;
  if (source.saturation && same_values) d.saturation = source.saturation;
  if (source.rate_hz) d.rate_hz = *source.rate_hz / reduction.keep_every / plan.accumulate;
  d.shape = plan.output;
  d.sensor = plan.source;
  d.region = plan.region;
  d.bin = plan.bin;
  d.bin_mode = plan.bin_mode == BinMode::kSum ? "sum" : "mean";
  const auto* pixel_size = settings.get<std::vector<Length>>("instrument", "pixel_size");
  d.pixel_size = pixel_size == nullptr ? std::vector<Length>{{1.0, "px"}} : *pixel_size;
  if (const auto* pitch = settings.get<std::vector<Length>>("instrument", "sensor_pitch")) {
    const auto y = metres(pitch->front());
    const auto x = metres(pitch->back());
    if (y && x) d.sensor_pitch_m = {*y, *x};
  }
  d.value_unit = text_of(settings, "instrument", "value_unit");
  d.scan = reduction.scan;
  if (const auto* step = settings.get<std::vector<Length>>("instrument", "scan_step")) {
    d.scan_step = *step;
  }
  d.pixel_mask = mask_of(plan);
  d.flatfield_applied = plan.correction && plan.correction->has_flat();
  const auto* direct = settings.get<std::string>("files", "direct_io");
  d.direct_io = direct == nullptr || *direct != "no";
  return d;
}

RunFacts facts_of(const Settings& settings, const SourceInfo& source) {
  RunFacts facts{source.driver,
                 source.vendor,
                 source.model,
                 source.serial,
                 source.firmware,
                 source.settings,
                 {},
                 {},
                 system_clock().synchronised()};
  for (const Setting& setting : settings.all()) {
    if (setting.origin.file == "default") continue;
    facts.configuration_origins.emplace_back(setting.section + "." + setting.key,
                                             to_string(setting.origin));
  }
  for (const auto& input : source.inputs) facts.input_paths.push_back(input.string());
  return facts;
}

/// `inputs` are the files of the product's own arithmetic.
RunFacts facts_of_product(const Settings& settings, const SourceInfo& source,
                          const std::vector<std::filesystem::path>& inputs) {
  RunFacts facts = facts_of(settings, source);
  for (const auto& input : inputs) facts.input_paths.push_back(input.string());
  return facts;
}

std::optional<ProductPlan> plan_product(const Settings& settings, const std::string& instrument,
                                        const std::string& name, const SourceInfo& source,
                                        ReductionSettings& reductions, Complaints& complaints) {
  const std::string section = "product." + name;
  auto reduction = reductions.of_product(name);
  const auto names = template_of(settings, section, complaints);
  const RollPolicy roll = roll_of(settings, section, reductions.scan(), complaints);
  if (!reduction || !names) return std::nullopt;
  ProductPlan product{name, std::move(*reduction), std::nullopt, {}};
  const std::string format = text_of(settings, section, "format");
  if (format == "none") return product;
  product.reduction.big_endian = format == "raw" && text_of(settings, section, "endian") == "big";
  product.reduction.roll = roll;
  product.reduction.compression = compression_of(settings, section);
  product.inputs = reductions.inputs_of(name);
  SegmentStoreConfig store;
  const auto* base = settings.get<std::string>(section, "base");
  store.base = base != nullptr ? std::filesystem::path(*base) : base_of(settings, instrument);
  store.require_mount = requires_mount(settings);
  store.workshop = workshop_path(store.base, instrument);
  store.names = *names;
  store.fields = fields_of(instrument, name, source, product.reduction.plan, settings);
  store.format = find_format(format);
  if (auto can = check_format(*store.format, product.reduction.plan.output); !can) {
    complaints.push_back({section, "format", describe(can.error())});
  }
  store.roll = roll;
  store.description = description_of(settings, instrument, name, source, product.reduction);
  store.description.steps = reductions.steps_of(name, product.reduction);
  store.description.detectors = reductions.detectors_of(name, product.reduction);
  store.description.big_endian = product.reduction.big_endian;
  store.description.compression = product.reduction.compression;
  store.run = facts_of_product(settings, source, product.inputs);
  product.store = std::move(store);
  return product;
}

std::uint64_t machine_memory() {
  return static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
         static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::uint64_t default_memory() { return std::min(kDefaultMemory, machine_memory() / 4); }

RingLayout ring_of(const Settings& settings, const RecordingPlan& plan, Complaints& complaints) {
  RingLayout layout;
  layout.raw_bytes = size_bytes(plan.source.shape);
  for (const ProductPlan& product : plan.products) {
    layout.products.push_back(layout_of(product.reduction));
  }
  const auto* reducers = settings.get<std::int64_t>("realtime", "reduce_threads");
  layout.reducers = reducers == nullptr ? 1 : static_cast<std::uint32_t>(*reducers);
  const auto* memory = settings.get<std::int64_t>("ring", "memory");
  const std::uint64_t bytes =
      memory == nullptr ? default_memory() : static_cast<std::uint64_t>(*memory);
  layout.slots = std::max(kLeastSlots, RingLayout::slots_in(bytes, layout));
  if (layout.memory_bytes() > bytes && memory != nullptr) {
    complaints.push_back(
        {"ring", "memory",
         fmt::format("{} bytes hold fewer than {} frames of {} (at least {} bytes, or auto)", bytes,
                     kLeastSlots, to_string(plan.source.shape), layout.memory_bytes())});
  } else if (layout.memory_bytes() > machine_memory() / 4 * 3) {
    complaints.push_back(
        {"ring", "memory",
         fmt::format("{} frames of {} take {} MiB of the machine's {} MiB (at most three quarters)",
                     layout.slots, to_string(plan.source.shape), layout.memory_bytes() >> 20U,
                     machine_memory() >> 20U)});
  }
  return layout;
}

CaptureOptions capture_of(const Settings& settings, const SourceInfo& source) {
  CaptureOptions options;
  const std::string overflow = text_of(settings, "ring", "overflow");
  options.wait_when_full = overflow.empty() ? source.can_wait : overflow == "wait";
  options.reconnect = text_of(settings, "source", "on_disconnect") != "stop";
  options.drop_damaged = text_of(settings, "source", "incomplete") == "drop";
  if (const auto* timeout = settings.get<nanoseconds>("source", "stall_timeout")) {
    options.stall_timeout = *timeout;
  } else if (!settings.is_word("source", "stall_timeout", "off") && !source.may_be_silent) {
    constexpr double kPeriods = 10.0;
    constexpr double kLeastSeconds = 5.0;
    const double seconds =
        source.rate_hz ? std::max(kLeastSeconds, kPeriods / *source.rate_hz) : kLeastSeconds;
    options.stall_timeout = nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
  }
  return options;
}

RetentionPolicy retention_of(const Settings& settings) {
  RetentionPolicy policy;
  const auto* min_free = settings.get<std::int64_t>("retention", "min_free");
  if (min_free != nullptr) policy.min_free_bytes = *min_free;
  const auto* total = settings.get<std::int64_t>("retention", "max_total");
  if (total != nullptr) policy.max_total_bytes = *total;
  const auto* age = settings.get<nanoseconds>("retention", "max_age");
  if (age != nullptr) policy.max_age = *age;
  const auto* segments = settings.get<std::int64_t>("retention", "max_segments");
  if (segments != nullptr) policy.max_segments = *segments;
  policy.delete_oldest = text_of(settings, "retention", "when_full") == "delete-oldest";
  const auto* acknowledged = settings.get<bool>("retention", "require_ack");
  policy.require_ack = acknowledged != nullptr && *acknowledged;
  return policy;
}

}  // namespace

std::string make_uuid() {
  std::array<std::uint8_t, 16> b{};
  // So short a read is never partial; only a signal while the machine starts interrupts it.
  while (::getrandom(b.data(), b.size(), 0) != static_cast<ssize_t>(b.size())) continue;
  b[6] = static_cast<std::uint8_t>((b[6] & 0x0FU) | 0x40U);
  b[8] = static_cast<std::uint8_t>((b[8] & 0x3FU) | 0x80U);
  std::string text;
  for (std::size_t i = 0; i < b.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += fmt::format("{:02x}", b[i]);
  }
  return text;
}

std::filesystem::path base_of(const Settings& settings, const std::string& instrument) {
  const auto* base = settings.get<std::string>("files", "base");
  return base != nullptr ? std::filesystem::path(*base)
                         : std::filesystem::path("/var/lib/framelogd") / instrument;
}

bool requires_mount(const Settings& settings) {
  const auto* required = settings.get<bool>("files", "require_mount");
  return required != nullptr && *required;
}

void check_recording(const Settings& settings, Complaints& complaints) {
  static_cast<void>(line_settings(settings, complaints));
  const auto products = settings.names_of("product");
  if (products.size() > kMostProducts) {
    complaints.push_back(
        {"product." + products[kMostProducts], "",
         fmt::format("there are {} products (at most {})", products.size(), kMostProducts)});
  }
  for (const std::string& name : products) {
    const std::string section = "product." + name;
    static_cast<void>(template_of(settings, section, complaints));
    check_files(settings, section, complaints);
  }
  if (const auto* pitch = settings.get<std::vector<Length>>("instrument", "sensor_pitch")) {
    if (!metres(pitch->front()) || !metres(pitch->back())) {
      complaints.push_back(
          {"instrument", "sensor_pitch", "is no length on the detector (m, mm, um, nm, pm)"});
    }
  }
}

RecordingPlan make_recording_plan(const Settings& settings, const std::string& instrument,
                                  const SourceInfo& source, const std::string& configuration,
                                  Complaints& complaints) {
  RecordingPlan plan;
  plan.instrument = instrument;
  plan.base = base_of(settings, instrument);
  plan.source = source;
  const auto names = settings.names_of("product");
  ReductionSettings reductions(settings, source, complaints);
  for (const std::string& name : names) {
    auto product = plan_product(settings, instrument, name, source, reductions, complaints);
    if (product) plan.products.push_back(std::move(*product));
  }
  for (ProductPlan& product : plan.products) {
    if (!product.store) continue;
    product.store->description.configuration = configuration;
    product.store->description.lines = descriptions_of(line_settings(settings, complaints));
  }
  plan.ring = ring_of(settings, plan, complaints);
  plan.record = record_policy_of(settings, names, complaints);
  if (plan.products.size() == names.size()) {
    check_kept_frames(plan.record, source, plan.ring.slots, complaints);
  }
  const auto* lock = settings.get<bool>("ring", "lock");
  plan.retention = retention_of(settings);
  plan.lock_memory = lock != nullptr && *lock;
  plan.capture = capture_of(settings, source);
  const auto* interval = settings.get<nanoseconds>("files", "sync_interval");
  plan.sync_interval = interval == nullptr ? std::chrono::seconds(1) : *interval;
  return plan;
}

void set_run(RecordingPlan& plan, const RunIdentity& run) {
  for (ProductPlan& product : plan.products) {
    if (!product.store) continue;
    product.store->fields["run"] = run.number;
    product.store->fields["start"] = NameTime{run.start_utc_ns, false};
    SegmentDescription& d = product.store->description;
    d.run_uuid = run.uuid;
    d.run_number = run.number;
    d.run_start_utc_ns = run.start_utc_ns;
    d.run_start_monotonic_ns = run.start_monotonic_ns;
  }
}

}  // namespace framelog
