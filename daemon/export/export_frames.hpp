#pragma once

#include <functional>
#include <memory>

#include "export/exporter.hpp"

namespace framelog {

/// How far an export is, over all of its passes; false from the progress ends it.
class ExportWatch {
 public:
  ExportWatch(const ExportProgress& progress, std::int64_t all_bytes)
      : progress_(progress), all_bytes_(all_bytes) {}
  /// Errors: kTimeout "interrupted".
  [[nodiscard]] Result<void> advance(std::int64_t bytes);

 private:
  const ExportProgress& progress_;
  std::int64_t all_bytes_;
  std::int64_t done_bytes_{};
};

/// The result, with each slice told to the watch, whoever reads it: contrast and projections take
/// passes of their own. Both outlive it. Threads: one.
class WatchedFrames final : public ResultFrames {
 public:
  WatchedFrames(ResultFrames& inner, ExportWatch& watch) : inner_(inner), watch_(watch) {}
  const ResultFacts& facts() const noexcept override { return inner_.facts(); }
  Result<bool> next(ResultSlice& slice) override;
  bool exchange(std::vector<std::byte>& pixels) override { return inner_.exchange(pixels); }
  ResultEnd end() const noexcept override { return inner_.end(); }
  void rewind() override { inner_.rewind(); }

 private:
  ResultFrames& inner_;
  ExportWatch& watch_;
};

/// So many slices, with their layers, as `memory_bytes` hold, and as keep two threads apart.
[[nodiscard]] std::size_t slices_ahead(const ResultFacts& result, std::size_t memory_bytes);

/// Reads and prepares up to `slices` slices ahead in a thread of its own, and sums them up, so that
/// it overlaps with packing, drawing and writing. For one pass; the destructor ends the thread.
[[nodiscard]] std::unique_ptr<ResultFrames> read_ahead(ResultFrames& inner, std::size_t slices);

/// An image that was made of a recording as a result of one slice, borrowed.
[[nodiscard]] std::unique_ptr<ResultFrames> as_frames(const ResultFacts& source,
                                                      const DerivedImage& image,
                                                      const ViewRequest& view);

}  // namespace framelog
