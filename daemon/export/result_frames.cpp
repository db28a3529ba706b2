#include "export/result_frames.hpp"

#include <algorithm>
#include <utility>

#include "core/crc32c.hpp"
#include "export/result_grid.hpp"
#include "export/result_losses.hpp"
#include "export/result_pixels.hpp"
#include "export/result_plan.hpp"
#include "export/result_slabs.hpp"

namespace framelog {
namespace {

/// Slices that are frames, in time or with the axes before y and x in another order.
class FrameSlices final : public ResultFrames {
 public:
  FrameSlices(Recording& recording, ResultPlan plan)
      : recording_(recording),
        plan_(std::move(plan)),
        grid_(recording, plan_.grid),
        losses_(recording, plan_.grid),
        maker_(plan_.pixels, plan_.facts.layers) {}

  [[nodiscard]] const ResultFacts& facts() const noexcept override { return plan_.facts; }

  Result<bool> next(ResultSlice& slice) override {
    if (next_ == plan_.facts.slices) return false;
    const auto frame = grid_.find(plan_.facts.frames_in_order ? next_ : grid_index(next_));
    if (!frame) return std::unexpected(frame.error());
    slice = ResultSlice{};
    slice.index = next_;
    slice.missing = !*frame;
    if (slice.missing) {
      maker_.make_missing(done_);
      ++end_.missing;
    } else {
      if (auto told = take_note(**frame, slice); !told) return std::unexpected(told.error());
      if (auto made = maker_.make(recording_, **frame, done_); !made) {
        return std::unexpected(made.error());
      }
      end_.clipped += done_.statistics.clipped;
    }
    slice.pixels = done_.pixels;
    slice.statistics = done_.statistics;
    slice.layers = done_.layers;
    end_.slices = ++next_;
    if (auto ended = next_ == plan_.facts.slices ? finish() : Result<void>{}; !ended) {
      return std::unexpected(ended.error());
    }
    return true;
  }

  bool exchange(std::vector<std::byte>& pixels) override { return maker_.exchange(done_, pixels); }
  [[nodiscard]] ResultEnd end() const noexcept override { return end_; }
  void rewind() override {
    next_ = 0;
    end_ = {};
    losses_.rewind();
  }

 private:
  Result<void> take_note(std::uint64_t frame, ResultSlice& slice) {
    const auto note = recording_.note(frame);
    if (!note) return std::unexpected(note.error());
    slice.frame = frame;
    slice.note = *note;
    add_to_span(*note);
    if (!plan_.facts.frames_in_order) return {};
    return losses_.take(frame, slice.note);
  }

  Result<void> finish() {
    if (!plan_.facts.frames_in_order) return {};
    auto losses = losses_.finish();
    if (!losses) return std::unexpected(losses.error());
    end_.losses = std::move(*losses);
    return {};
  }

  void add_to_span(const FrameNote& note) noexcept {
    if (is_torn(note)) return;
    const FrameInfo& info = note.info;
    if (!end_.frames) end_.frames = {info.sequence, info.sequence, info.utc_ns, info.utc_ns};
    end_.frames->last_sequence = info.sequence;
    end_.frames->last_utc_ns = info.utc_ns;
  }

  /// Where in the grid the frame of a slice is.
  [[nodiscard]] std::uint64_t grid_index(std::uint64_t slice) const noexcept {
    const auto n = plan_.grid.sizes();
    std::array<std::uint64_t, 3> place{};
    const auto& axes = plan_.facts.axes;
    for (std::size_t i = axes.size() - 2; i-- > 0;) {
      const std::uint64_t at = slice % axes[i].size;
      slice /= axes[i].size;
      if (axes[i].axis == Axis::kTime) place[0] = at;
      if (axes[i].axis == Axis::kScanY) place[1] = at;
      if (axes[i].axis == Axis::kScanX) place[2] = at;
    }
    return (place[0] * n[1] + place[1]) * n[2] + place[2];
  }

  Recording& recording_;
  ResultPlan plan_;
  GridFrames grid_;
  LossTracker losses_;
  FrameMaker maker_;
  DoneFrame done_;
  std::uint64_t next_{};
  ResultEnd end_;
};

/// Slices of any other two axes.
class SlabSlices final : public ResultFrames {
 public:
  SlabSlices(Recording& recording, ResultPlan plan, std::size_t memory_bytes)
      : plan_(std::move(plan)),
        grid_(recording, plan_.grid),
        maker_(plan_.pixels, plan_.facts.layers),
        filler_(recording, plan_, grid_, maker_, memory_bytes),
        observer_(*make_plan(plan_.facts.slice, {}, std::nullopt)) {}

  [[nodiscard]] const ResultFacts& facts() const noexcept override { return plan_.facts; }

  Result<bool> next(ResultSlice& slice) override {
    if (next_ == plan_.facts.slices) return false;
    if (next_ == 0 || next_ == filler_.first() + filler_.count()) {
      if (auto filled = filler_.fill(next_); !filled) return std::unexpected(filled.error());
    }
    slice = ResultSlice{};
    slice.index = next_;
    slice.pixels = filler_.slice(next_);
    slice.statistics = observer_.run(slice.pixels, {});
    end_.slices = ++next_;
    return true;
  }

  [[nodiscard]] ResultEnd end() const noexcept override {
    ResultEnd end = end_;
    end.missing = filler_.missing();
    end.clipped = filler_.clipped();
    return end;
  }
  void rewind() override {
    next_ = 0;
    end_ = {};
    filler_.rewind();
  }

 private:
  ResultPlan plan_;
  GridFrames grid_;
  FrameMaker maker_;
  SlabFiller filler_;
  Reducer observer_;
  std::uint64_t next_{};
  ResultEnd end_;
};

}  // namespace

std::uint32_t checksum_of(const ResultSlice& slice) noexcept {
  return slice.crc32c ? *slice.crc32c : crc32c(slice.pixels);
}

Result<std::unique_ptr<ResultFrames>> open_result(Recording& recording,
                                                  const TransformRequest& request,
                                                  std::size_t memory_bytes) {
  auto plan = make_result_plan(recording, request);
  if (!plan) return std::unexpected(plan.error());
  if (plan->order.whole_frames) {
    return std::make_unique<FrameSlices>(recording, std::move(*plan));
  }
  return std::make_unique<SlabSlices>(recording, std::move(*plan), memory_bytes);
}

}  // namespace framelog
