#include <fcntl.h>
#include <fmt/format.h>

#include <cmath>

#include "core/clock.hpp"
#include "export/write_facts.hpp"
#include "export/write_series.hpp"
#include "export/write_tables.hpp"
#include "formats/byte_stream.hpp"

namespace framelog {
namespace {

constexpr std::uint64_t kMostRowBytes = 420;

/// As short as it can be read back exactly; empty where there is none.
std::string number(double value) { return std::isnan(value) ? "" : fmt::format("{}", value); }

std::string known(std::int64_t value) { return value < 0 ? "" : fmt::format("{}", value); }

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char character : text) {
    if (character == '"') result += '"';
    result += character;
  }
  return result + '"';
}

/// A row for each slice: where it is, when it was, and what its pixels come to. Line ends and
/// quotes are those of RFC 4180; the first row has the names, with the units in brackets.
class CsvWriter final : public DatasetWriter {
 public:
  CsvWriter(FileSystem& files, const WritePlan& plan, UniqueFd fd)
      : files_(files),
        plan_(plan),
        fd_(std::move(fd)),
        stream_(files, fd_.get(), 0),
        series_(plan) {}

  Result<void> begin() {
    std::string row = "slice";
    for (const AxisFacts& axis : outer()) {
      row += fmt::format(",{}{}", name_of(axis.axis),
                         axis.unit.empty() ? "" : fmt::format(" [{}]", axis.unit));
    }
    if (plan_.result->frames_in_order) {
      row +=
          ",frame,sequence,source_sequence,time [s],utc,utc_ns [ns],monotonic_ns [ns],exposure [s],"
          "gpio,flags,lost_before,accumulated";
    }
    const std::string unit =
        plan_.recording->value_unit.empty() ? "" : " [" + plan_.recording->value_unit + "]";
    for (const std::string_view name : {"min", "max", "mean", "std", "sum"}) {
      row += quoted_if_needed(fmt::format("{}{}", name, unit));
    }
    row += ",saturated [px],clipped [px],missing";
    for (std::size_t i = 0; i < series_.size(); ++i) {
      row += quoted_if_needed("sum of " + plan_.recording->series[i]);
    }
    return put(row);
  }

  Result<void> write(const ResultSlice& slice) override {
    std::string row = fmt::format("{}", slice.index);
    add_place(row, slice);
    if (plan_.result->frames_in_order) add_frame(row, slice);
    const FrameStatistics& of = slice.statistics;
    row += fmt::format(",{},{},{},{},{},{},{},{}", number(of.min), number(of.max), number(of.mean),
                       number(of.std), number(of.sum), of.saturated, of.clipped,
                       slice.missing ? 1 : 0);
    if (auto read = series_.read(slice, sums_); !read) return read;
    for (const double sum : sums_) row += "," + number(sum);
    ++slices_;
    return put(row);
  }

  Result<void> finish(const ResultEnd& /*end*/) override {
    if (slices_ != plan_.result->slices) return fail(ErrorCode::kInvalid, "slices are missing");
    if (auto done = stream_.flush(); !done) return done;
    return files_.sync(fd_.get());
  }

 private:
  [[nodiscard]] std::span<const AxisFacts> outer() const {
    const auto& axes = plan_.result->axes;
    return std::span(axes).first(axes.size() < 2 ? 0 : axes.size() - 2);
  }
  static std::string quoted_if_needed(std::string_view name) {
    const bool plain = name.find_first_of(",\"\r\n") == std::string_view::npos;
    return "," + (plain ? std::string(name) : quoted(name));
  }

  /// The scale of each axis before the last two.
  void add_place(std::string& row, const ResultSlice& slice) const {
    const auto axes = outer();
    std::vector<std::uint64_t> at(axes.size());
    std::uint64_t rest = slice.index;
    for (std::size_t i = axes.size(); i-- > 0;) {
      at[i] = rest % axes[i].size;
      rest /= axes[i].size;
    }
    for (std::size_t i = 0; i < axes.size(); ++i) {
      row += "," + number(axes[i].origin + static_cast<double>(at[i]) * axes[i].step);
    }
  }
  void add_frame(std::string& row, const ResultSlice& slice) {
    const FrameInfo& info = slice.note.info;
    if (slice.missing) {
      row += ",,,,,,,,,,,,";
      return;
    }
    row += fmt::format(
        ",{},{},{},{},{},{},{},{},{},{},{},{}", slice.frame, info.sequence, info.source_sequence,
        number(times_.seconds(slice)), info.utc_ns < 0 ? "" : iso_time(info.utc_ns),
        known(info.utc_ns), known(info.monotonic_ns),
        info.exposure_ns < 0 ? "" : number(static_cast<double>(info.exposure_ns) * 1e-9), info.gpio,
        info.flags, slice.note.lost_before, slice.note.accumulated);
  }
  Result<void> put(std::string& row) {
    row += "\r\n";
    return stream_.append(std::as_bytes(std::span(row)));
  }

  FileSystem& files_;
  WritePlan plan_;
  UniqueFd fd_;
  ByteStream stream_;
  FrameTimes times_;
  DetectorSums series_;
  std::vector<double> sums_;
  std::uint64_t slices_{};
};

}  // namespace

Result<void> check_csv(const RecordingFacts& /*recording*/, const ResultFacts& /*result*/,
                       const WriteRequest& request, std::vector<std::string>& /*notes*/) {
  if (request.compression.codec != Codec::kNone) {
    return cannot_write("csv", "it has no compression (allowed: none)");
  }
  if (request.big_endian) return cannot_write("csv", "it is text (allowed: little)");
  return {};
}

std::int64_t estimate_csv(const RecordingFacts& recording, const ResultFacts& result,
                          const WriteRequest& /*request*/) {
  const std::uint64_t row = kMostRowBytes + 26 * (result.axes.size() + recording.series.size());
  return static_cast<std::int64_t>((result.slices + 4) * row);
}

Result<std::unique_ptr<DatasetWriter>> create_csv(FileSystem& files, const WritePlan& plan) {
  auto fd = files.open(plan.part, O_RDWR | O_CREAT | O_EXCL);
  if (!fd) return std::unexpected(fd.error());
  auto writer = std::make_unique<CsvWriter>(files, plan, std::move(*fd));
  if (auto begun = writer->begin(); !begun) return std::unexpected(begun.error());
  return writer;
}

}  // namespace framelog
