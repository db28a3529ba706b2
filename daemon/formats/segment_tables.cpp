#include "formats/segment_tables.hpp"

#include <algorithm>
#include <array>

#include "core/clock.hpp"

namespace framelog {
namespace {

/// `value(i)` for the i-th of `count` frames, from frame `first` of the column on.
template <class Value>
Result<void> write_column(FileSystem& files, int fd, std::int64_t place, std::int64_t first,
                          std::size_t count, Value value) {
  std::array<double, 512> values{};
  for (std::size_t done = 0; done < count;) {
    const std::size_t part = std::min(count - done, values.size());
    for (std::size_t i = 0; i < part; ++i) values[i] = value(done + i);
    const std::int64_t offset = place + (first + static_cast<std::int64_t>(done)) *
                                            static_cast<std::int64_t>(sizeof(double));
    const auto bytes = std::as_bytes(std::span(values).first(part));
    if (auto written = files.write_at(fd, bytes, offset); !written) return written;
    done += part;
  }
  return {};
}

}  // namespace

Result<void> write_tables(FileSystem& files, int fd, const SegmentPlaces& places,
                          std::int64_t first, std::span<const FrameRecord> records,
                          std::span<const double> detectors) {
  auto written =
      files.write_at(fd, std::as_bytes(records),
                     places.records + first * static_cast<std::int64_t>(kFrameRecordBytes));
  if (written && places.time >= 0) {
    written = write_column(files, fd, places.time, first, records.size(), [&](std::size_t i) {
      return static_cast<double>(
                 elapsed_ns(places.run_start_monotonic_ns, records[i].monotonic_ns)) *
             1e-9;
    });
  }
  const std::size_t columns = places.detectors.size();
  for (std::size_t k = 0; k < columns && written; ++k) {
    written = write_column(files, fd, places.detectors[k], first, records.size(),
                           [&](std::size_t i) { return detectors[i * columns + k]; });
  }
  return written;
}

}  // namespace framelog
