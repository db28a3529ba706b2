#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/clock.hpp"
#include "core/version.hpp"
#include "export/write_hdf5.hpp"
#include "export/write_series.hpp"
#include "export/write_tables.hpp"
#include "formats/byte_order.hpp"

namespace framelog {
namespace {

const std::string kEntry = "/entry";
const std::string kInstrument = "/entry/instrument";
const std::string kDetector = "/entry/instrument/detector";
const std::string kReadout = kDetector + "/readout";
const std::string kData = "/entry/data";
const std::string kStatistics = "/entry/statistics";

constexpr double kNoNumber = std::numeric_limits<double>::quiet_NaN();

/// NeXus calls the axes of scans and frames so.
std::string axis_name(Axis axis) {
  switch (axis) {
    case Axis::kTime:
      return "time";
    case Axis::kScanY:
      return "scan_y";
    case Axis::kScanX:
      return "scan_x";
    default:
      return std::string(name_of(axis));
  }
}

double seconds(std::int64_t ns) { return ns < 0 ? kNoNumber : static_cast<double>(ns) * 1e-9; }

/// The layout of a segment (design page files.md, "HDF5 layout"; NXentry, NXdetector and NXdata of
/// https://manual.nexusformat.org), so that every reader of segments reads it. Its columns are of
/// known length and written as the slices come.
class NexusWriter final : public DatasetWriter {
 public:
  NexusWriter(const WritePlan& plan, std::unique_ptr<Hdf5ArrayFile> file)
      : plan_(plan),
        file_(std::move(file)),
        described_(describe_as_segment(plan)),
        start_utc_ns_(start_utc_ns(plan)),
        sums_(plan) {}

  Result<void> begin() {
    write_entry();
    write_detector();
    write_axes();
    write_steps();
    make_columns();
    pixels_ = file_->array(pixels_of(plan_, kDetector + "/data"));
    describe_pixels();
    file_->hard_link(kDetector + "/data", kData + "/data");
    return file_->good();
  }

  Result<void> write(const ResultSlice& slice) override {
    range_.add(slice.statistics);
    auto done = file_->append(pixels_, slice.pixels);
    if (!done || !plan_.result->frames_in_order) return done;
    return write_row(slice);
  }

  Result<void> finish(const ResultEnd& end) override {
    const SegmentEnd ending = end_as_segment(plan_, end);
    file_->attribute(kDetector + "/data", "drange", range_.values());
    if (plan_.result->frames_in_order) {
      file_->gaps(kReadout + "/gaps", ending.gaps);
      write_events(ending.events);
    }
    file_->accounting(kReadout + "/accounting", ending.accounting);
    file_->dataset(kReadout + "/missing_frames", static_cast<std::int64_t>(end.missing));
    file_->dataset(kReadout + "/clipped_pixels", static_cast<std::int64_t>(end.clipped));
    file_->dataset(kReadout + "/stop_reason", ending.stop_reason);
    file_->dataset(kEntry + "/end_time",
                   iso_time(last_utc_ns_ >= 0 ? last_utc_ns_ : start_utc_ns_));
    file_->dataset(kEntry + "/duration", std::isnan(last_seconds_) ? 0.0 : last_seconds_, "s");
    return file_->finish();
  }

 private:
  using Columns = std::vector<std::size_t>;

  void text(const std::string& path, const std::string& value) {
    if (!value.empty()) file_->dataset(path, value);
  }

  void write_entry() {
    const SegmentDescription& d = described_;
    file_->attribute("/", "NX_class", std::string("NXroot"));
    file_->attribute("/", "default", std::string("entry"));
    write_root(*file_, plan_);
    file_->group(kEntry, "NXentry");
    file_->attribute(kEntry, "default", std::string("data"));
    const std::string title = d.title.empty() ? d.instrument + " " + d.product : d.title;
    file_->dataset(kEntry + "/title", title);
    file_->dataset(kEntry + "/start_time", iso_time(start_utc_ns_));
    text(kEntry + "/entry_identifier_uuid", d.run_uuid);
    file_->dataset(kEntry + "/collection_identifier", fmt::format("run-{:04}", d.run_number));
    file_->dataset(kEntry + "/program_name", std::string("framelog"));
    file_->attribute(kEntry + "/program_name", "version", d.program_version);
    file_->attribute(kEntry + "/program_name", "configuration", d.configuration_sha256);
    text(kEntry + "/notes", d.notes);
    if (!d.operator_name.empty()) {
      file_->group(kEntry + "/operator", "NXuser");
      text(kEntry + "/operator/name", d.operator_name);
    }
    if (!d.sample.empty()) {
      file_->group(kEntry + "/sample", "NXsample");
      text(kEntry + "/sample/name", d.sample);
    }
    file_->group(kEntry + "/marks", "NXcollection");
    note(kEntry + "/provenance", "application/json", plan_.provenance_json);
    note(kEntry + "/configuration", "text/plain", d.configuration);
    file_->group(kInstrument, "NXinstrument");
    file_->dataset(kInstrument + "/name", d.instrument);
  }

  void note(const std::string& path, const std::string& type, const std::string& data) {
    file_->group(path, "NXnote");
    file_->dataset(path + "/type", type);
    file_->dataset(path + "/data", data);
  }

  void write_detector() {
    const SegmentDescription& d = described_;
    file_->group(kDetector, "NXdetector");
    file_->dataset(kDetector + "/description", d.detector_description);
    file_->dataset(kDetector + "/local_name", d.channel);
    text(kDetector + "/serial_number", d.serial_number);
    if (d.bit_depth) {
      file_->dataset(kDetector + "/bit_depth_readout", std::int64_t{*d.bit_depth});
    }
    if (d.saturation) file_->dataset(kDetector + "/saturation_value", *d.saturation);
    const Region& roi = d.region;
    file_->group(kReadout, "NXcollection");
    integers("roi_origin_yx", {roi.y_start, roi.x_start});
    integers("roi_size_yx", {roi.height_px(), roi.width_px()});
    integers("binning_yx", {d.bin.rows, d.bin.columns});
    file_->dataset(kReadout + "/binning_mode", d.bin_mode);
    integers("sensor_size_yx", {d.sensor.height_px, d.sensor.width_px});
    file_->dataset(kReadout + "/segment_number", std::int64_t{0});
    file_->dataset(kReadout + "/run_start_utc_ns", start_utc_ns_, "ns");
    file_->dataset(kReadout + "/run_start_monotonic_ns", std::int64_t{0}, "ns");
    const auto slices = static_cast<std::int64_t>(plan_.result->slices);
    if (!plan_.result->frames_in_order) return;
    file_->dataset(kReadout + "/valid", slices);
    file_->dataset(kReadout + "/synced", slices);
    if (!d.scan) return;
    integers("scan_shape_yx", {d.scan->rows, d.scan->columns});
    file_->dataset(kReadout + "/scan_flyback", std::int64_t{d.scan->flyback});
    file_->dataset(kReadout + "/scan_first_number",
                   static_cast<std::int64_t>(d.scan->first_number));
    if (d.scan_step.size() != 2) return;
    file_->dataset(kReadout + "/scan_step_y", d.scan_step[0].value, d.scan_step[0].unit);
    file_->dataset(kReadout + "/scan_step_x", d.scan_step[1].value, d.scan_step[1].unit);
  }

  void integers(const std::string& name, const std::vector<std::int64_t>& values) {
    file_->dataset(kReadout + "/" + name, values);
  }

  void write_axes() {
    const ResultFacts& result = *plan_.result;
    file_->group(kData, "NXdata");
    file_->attribute(kData, "signal", std::string("data"));
    std::vector<std::string> names;
    for (std::size_t i = 0; i < result.axes.size(); ++i) {
      const AxisFacts& axis = result.axes[i];
      const std::string name = axis_name(axis.axis);
      names.push_back(name);
      file_->attribute(kData, name + "_indices", static_cast<std::int64_t>(i));
      if (is_time_column(i)) continue;  // The frames' own times.
      file_->dataset(kData + "/" + name, scale_of(axis), axis.unit);
    }
    file_->attribute(kData, "axes", names);
  }
  /// The frames' times are the scale of the first axis.
  [[nodiscard]] bool is_time_column(std::size_t axis) const {
    return axis == 0 && plan_.result->axes[0].axis == Axis::kTime &&
           plan_.result->frames_in_order && plan_.result->axes[0].size == plan_.result->slices;
  }

  void write_steps() {
    std::size_t index = 0;
    for (const ProcessStep& step : described_.steps) {
      const std::string path = fmt::format("{}/process_{}_{}", kEntry, ++index, step.name);
      file_->group(path, "NXprocess");
      file_->dataset(path + "/program", std::string("framelog"));
      file_->dataset(path + "/version", described_.program_version);
      file_->dataset(path + "/date", iso_time(plan_.export_utc_ns));
      file_->dataset(path + "/sequence_index", static_cast<std::int64_t>(index));
      nlohmann::json json = nlohmann::json::object();
      file_->group(path + "/parameters", "NXparameters");
      for (const auto& [name, value] : step.parameters) {
        std::visit(
            [&, &key = name](const auto& held) {
              json[key] = held;
              file_->dataset(path + "/parameters/" + key, Hdf5Value(held));
            },
            value);
      }
      note(path + "/parameters_json", "application/json", json.dump());
    }
  }

  void make_columns() {
    const std::uint64_t rows = plan_.result->slices;
    if (!plan_.result->frames_in_order) return;
    records_ = file_->frame_table(kReadout + "/frame_table", rows);
    const auto column = [&](const std::string& path, PixelType type, std::string_view unit = {}) {
      const std::size_t made = file_->column(path, type, rows);
      if (!unit.empty()) file_->attribute(path, "units", std::string(unit));
      return made;
    };
    const bool is_axis = is_time_column(0);
    const std::string time = (is_axis ? kData : kReadout) + "/time";
    time_ = column(time, PixelType::kFloat64, "s");
    file_->attribute(time, "start", iso_time(start_utc_ns_));
    start_ = column(kDetector + "/start_time", PixelType::kFloat64, "s");
    file_->attribute(kDetector + "/start_time", "start", iso_time(start_utc_ns_));
    count_time_ = column(kDetector + "/count_time", PixelType::kFloat64, "s");
    sequence_ = column(kDetector + "/sequence_number", PixelType::kUint64);
    file_->group(kStatistics, "NXdata");
    file_->attribute(kStatistics, "signal", std::string("mean"));
    file_->attribute(kStatistics, "axes", std::vector<std::string>{"time"});
    file_->attribute(kStatistics, "time_indices", std::int64_t{0});
    for (const char* name : {"min", "max", "mean", "std", "sum"}) {
      statistics_.push_back(column(kStatistics + "/" + name, PixelType::kFloat64));
    }
    saturated_ = column(kStatistics + "/saturated", PixelType::kUint32);
    file_->hard_link(time, kStatistics + "/time");
    make_sums();
  }

  /// As a segment has the series of its virtual detectors.
  void make_sums() {
    if (sums_.size() == 0) return;
    const std::string group = kEntry + "/virtual_detectors";
    file_->group(group, "NXdata");
    file_->dataset(kReadout + "/virtual_detectors",
                   fmt::format("{}", fmt::join(plan_.recording->series, "\n")));
    for (const std::string& name : plan_.recording->series) {
      series_.push_back(
          file_->column(group + "/" + name, PixelType::kFloat64, plan_.result->slices));
    }
  }

  void describe_pixels() {
    const std::string path = kDetector + "/data";
    file_->attribute(path, "units", described_.value_unit);
    file_->attribute(path, "long_name", described_.value_unit);
    file_->attribute(path, "target", path);
    file_->attribute(path, "axistags", axistags(*plan_.result));
    file_->attribute(path, "axis_units", axis_units(*plan_.result));
    file_->attribute(path, "drange", std::vector<double>{0, 0});
  }

  Result<void> write_row(const ResultSlice& slice) {
    const FrameInfo& info = slice.note.info;
    const double time = times_.seconds(slice);
    const double exposure = slice.missing ? kNoNumber : seconds(info.exposure_ns);
    if (!std::isnan(time)) last_seconds_ = time;
    if (!slice.missing && info.utc_ns >= 0) last_utc_ns_ = info.utc_ns;
    std::span<const std::byte> bytes = slice.pixels;
    if (plan_.request->big_endian) {
      swapped_.assign(bytes.begin(), bytes.end());
      swap_bytes(swapped_, size_bytes(plan_.result->type));
      bytes = swapped_;
    }
    FrameRecord record = record_of(*plan_.result, slice, bytes);
    auto done = sums_.read(slice, row_);
    record.detectors_check = detectors_check(row_);
    seal(record);
    if (done) done = file_->append_value(records_, record);
    const auto put = [&](std::size_t column, auto value) {
      if (done) done = file_->append_value(column, value);
    };
    put(time_, time);
    put(start_, time - (std::isnan(exposure) ? 0.0 : exposure));
    put(count_time_, exposure);
    put(sequence_, record.sequence);
    const FrameStatistics& of = slice.statistics;
    const std::array<double, 5> values{of.min, of.max, of.mean, of.std, of.sum};
    for (std::size_t i = 0; i < values.size(); ++i) put(statistics_[i], values[i]);
    put(saturated_, of.saturated);
    for (std::size_t i = 0; i < series_.size(); ++i) put(series_[i], row_[i]);
    return done;
  }

  void write_events(const std::vector<EventEntry>& events) {
    std::size_t index = 0;
    for (const EventEntry& event : events) {
      const std::string path = fmt::format("{}/marks/event_{}", kEntry, ++index);
      note(path, "text/plain", event.text);
      file_->dataset(path + "/date", iso_time(event.utc_ns));
      text(path + "/author", event.author);
    }
  }

  WritePlan plan_;
  std::unique_ptr<Hdf5ArrayFile> file_;
  SegmentDescription described_;
  std::int64_t start_utc_ns_;
  DetectorSums sums_;
  FrameTimes times_;
  ValueRange range_;
  std::size_t pixels_{}, records_{}, time_{}, start_{}, count_time_{}, sequence_{}, saturated_{};
  Columns statistics_;
  Columns series_;
  std::vector<double> row_;
  std::vector<std::byte> swapped_;
  std::int64_t last_utc_ns_{-1};
  double last_seconds_{kNoNumber};
};

}  // namespace

Result<std::unique_ptr<DatasetWriter>> create_nexus(FileSystem& files, const WritePlan& plan) {
  auto file = Hdf5ArrayFile::create(files, plan.part);
  if (!file) return std::unexpected(file.error());
  auto writer = std::make_unique<NexusWriter>(plan, std::move(*file));
  if (auto begun = writer->begin(); !begun) return std::unexpected(begun.error());
  return writer;
}

}  // namespace framelog
