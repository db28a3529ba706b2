#include <fmt/format.h>

#include <array>
#include <cmath>
#include <optional>

#include "core/clock.hpp"
#include "export/write_hdf5.hpp"
#include "export/write_pymodaq.hpp"
#include "export/write_series.hpp"
#include "export/write_tables.hpp"

namespace framelog {
namespace {

constexpr double kNanosecond = 1e-9;

/// What PyMoDAQ's own continuous saving leaves (facts: PyMoDAQ 4's h5modules/saving.py,
/// data_saving.py and backends.py): arrays that grow in time, one for the frames and one for each
/// of their statistics, with the navigation axis beside them.
class PymodaqWriter final : public DatasetWriter {
 public:
  PymodaqWriter(const WritePlan& plan, std::unique_ptr<Hdf5ArrayFile> file)
      : plan_(plan), file_(std::move(file)), nodes_(*file_) {}

  Result<void> begin() {
    const std::int64_t now = plan_.export_utc_ns;
    nodes_.describe_root(plan_.final_name, now);
    nodes_.group("/RawData", "Data from PyMoDAQ modules");
    nodes_.attribute("/RawData", "type", python_text(several() ? "scan" : "detector"));
    return begin_run();
  }

  Result<void> next_run(const ResultEnd& end, const WritePlan& plan) override {
    if (!several()) return DatasetWriter::next_run(end, plan);
    if (auto ended = end_run(end); !ended) return ended;
    plan_ = plan;
    return begin_run();
  }

  Result<void> write(const ResultSlice& slice) override {
    ++slices_;
    const FrameStatistics& of = slice.statistics;
    auto done = file_->append(frames_, slice.pixels);
    const auto put = [&](std::size_t array, double value) {
      if (done) done = file_->append_value(array, value);
    };
    put(time_, epoch_seconds(slice));
    const std::array<double, 5> values{of.min, of.max, of.mean, of.std, of.sum};
    for (std::size_t i = 0; i < values.size(); ++i) put(scalars_[i], values[i]);
    if (done) done = sums_->read(slice, row_);
    for (std::size_t i = 0; i < row_.size(); ++i) put(scalars_[values.size() + i], row_[i]);
    return done;
  }

  Result<void> finish(const ResultEnd& end) override {
    if (auto ended = end_run(end); !ended) return ended;
    nodes_.log("/RawData/Logger", log_);
    return file_->finish();
  }

 private:
  [[nodiscard]] bool several() const noexcept { return plan_.request->runs > 1; }

  Result<void> begin_run() {
    const RecordingFacts& recording = *plan_.recording;
    const std::string detector = pymodaq_detector(*plan_.request);
    const std::string title = recording.title.empty() ? recording.instrument : recording.title;
    if (several()) {
      const std::string scan = detector.substr(0, detector.rfind('/'));
      nodes_.typed_group(scan, title, "scan", pymodaq_settings(plan_));
    }
    nodes_.typed_group(detector, title, "detector", pymodaq_settings(plan_));
    slices_ = 0;
    times_ = FrameTimes();
    sums_.emplace(plan_);
    scalars_.clear();
    add_time(detector);
    add_frames(detector);
    add_scalars(detector);
    return file_->good();
  }

  Result<void> end_run(const ResultEnd& end) {
    if (slices_ != plan_.result->slices) return fail(ErrorCode::kInvalid, "slices are missing");
    add_provenance();
    add_log(end_as_segment(plan_, end));
    return {};
  }

  /// The run as its own logger would have told it: its start, its events, what was lost.
  void add_log(const SegmentEnd& end) {
    const RecordingFacts& recording = *plan_.recording;
    if (recording.start_utc_ns >= 0) {
      log_.push_back(fmt::format("{} run {} of {} begins, {}", iso_time(recording.start_utc_ns),
                                 recording.run_number, recording.instrument, recording.product));
    }
    for (const EventEntry& event : end.events) {
      log_.push_back(iso_time(event.utc_ns) + " " +
                     (event.author.empty() ? "" : event.author + ": ") + event.text);
    }
    for (const GapEntry& gap : end.gaps) {
      const std::string lost = gap.frames < 0    ? "an unknown number of frames"
                               : gap.frames == 1 ? "1 frame"
                                                 : fmt::format("{} frames", gap.frames);
      const std::string place = gap.after_sequence < 0
                                    ? "before the first frame"
                                    : fmt::format("behind frame {}", gap.after_sequence);
      log_.push_back(fmt::format("{}: {} lost ({}: {})", place, lost, gap.stage, gap.reason));
    }
  }

  void add_time(const std::string& detector) {
    const std::string group = detector + "/NavAxes";
    nodes_.group(group, "");
    const std::uint64_t rows = plan_.result->slices;
    time_ = nodes_.growing(group + "/Axis00", "time", PixelType::kFloat64, {rows}, {});
    nodes_.describe_axis(group + "/Axis00", {"time", "s", 0, rows, 0, 1, false});
  }

  void add_frames(const std::string& detector) {
    const ResultFacts& result = *plan_.result;
    const bool lines = result.slice.height_px == 1;
    const std::string dimension = lines ? "Data1D" : "Data2D";
    const std::string channel = detector + "/" + dimension + "/CH00";
    const std::string name = bundle_name();
    nodes_.group(detector + "/" + dimension, "");
    nodes_.group(channel, name);
    std::vector<std::uint64_t> shape{result.slices};
    if (!lines) shape.push_back(result.slice.height_px);
    shape.push_back(result.slice.width_px);
    frames_ = nodes_.growing(channel + "/EnlData00", name, result.type, shape, *plan_.request);
    nodes_.describe_data(channel + "/EnlData00",
                         {dimension, name, plan_.recording->value_unit, start_seconds()});
    const std::size_t first = lines ? 2 : 1;
    for (std::size_t i = first; i < 3; ++i) {
      const AxisFacts& axis = result.axes[i];
      const std::string path = fmt::format("{}/Axis{:02}", channel, i - first);
      nodes_.fixed(path, std::string(name_of(axis.axis)), scale_of(axis));
      nodes_.describe_axis(path, {std::string(name_of(axis.axis)), axis.unit, i - first + 1,
                                  axis.size, axis.origin, axis.step, true});
    }
  }

  void add_scalars(const std::string& detector) {
    const std::string group = detector + "/Data0D";
    nodes_.group(group, "");
    std::vector<std::string> names{"min", "max", "mean", "std", "sum"};
    for (std::size_t i = 0; i < sums_->size(); ++i) names.push_back(plan_.recording->series[i]);
    for (std::size_t i = 0; i < names.size(); ++i) {
      const std::string channel = fmt::format("{}/CH{:02}", group, i);
      nodes_.group(channel, names[i]);
      scalars_.push_back(nodes_.growing(channel + "/EnlData00", names[i], PixelType::kFloat64,
                                        {plan_.result->slices}, {}));
      nodes_.describe_data(channel + "/EnlData00",
                           {"Data0D", names[i], plan_.recording->value_unit, start_seconds()});
    }
  }

  void add_provenance() {
    nodes_.text(pymodaq_detector(*plan_.request) + "/Provenance", plan_.provenance_json);
  }

  [[nodiscard]] std::string bundle_name() const {
    const RecordingFacts& recording = *plan_.recording;
    if (!recording.channel.empty()) return recording.channel;
    return recording.product.empty() ? "frames" : recording.product;
  }
  [[nodiscard]] double start_seconds() const {
    return static_cast<double>(start_utc_ns(plan_)) * kNanosecond;
  }
  /// Of frames without a time: their numbers.
  [[nodiscard]] double epoch_seconds(const ResultSlice& slice) {
    const double since = times_.seconds(slice);
    if (!slice.missing && slice.note.info.utc_ns >= 0) {
      return static_cast<double>(slice.note.info.utc_ns) * kNanosecond;
    }
    if (std::isnan(since)) {
      return plan_.result->has_times ? since : static_cast<double>(slice.index);
    }
    return start_seconds() + since;
  }

  WritePlan plan_;
  std::unique_ptr<Hdf5ArrayFile> file_;
  PymodaqNodes nodes_;
  FrameTimes times_;
  std::optional<DetectorSums> sums_;
  std::vector<double> row_;
  std::vector<std::string> log_;
  std::size_t frames_{}, time_{};
  std::vector<std::size_t> scalars_;
  std::uint64_t slices_{};
};

}  // namespace

Result<std::unique_ptr<DatasetWriter>> create_pymodaq(FileSystem& files, const WritePlan& plan) {
  auto file = Hdf5ArrayFile::create(files, plan.part);
  if (!file) return std::unexpected(file.error());
  auto writer = std::make_unique<PymodaqWriter>(plan, std::move(*file));
  if (auto begun = writer->begin(); !begun) return std::unexpected(begun.error());
  return writer;
}

}  // namespace framelog
