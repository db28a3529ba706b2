#include "export/export_frames.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <new>
#include <thread>
#include <utility>
#include <vector>

#include "reduce/plan.hpp"
#include "reduce/reducer.hpp"

namespace framelog {
namespace {

// Slices between two threads: so many that small ones, too, wake the other thread rarely.
constexpr std::size_t kLeastAhead = 4;
constexpr std::size_t kMostAhead = 256;
constexpr std::size_t kAheadBytes = std::size_t{4} << 20U;

/// A slice with pixels of its own.
struct KeptSlice {
  ResultSlice slice;
  std::vector<std::byte> pixels;
  std::vector<std::vector<std::byte>> layers;
};

void keep(ResultFrames& frames, const ResultSlice& slice, KeptSlice& kept) {
  if (!frames.exchange(kept.pixels)) {
    kept.pixels.assign(slice.pixels.begin(), slice.pixels.end());
  }
  kept.layers.resize(slice.layers.size());
  for (std::size_t i = 0; i < slice.layers.size(); ++i) {
    kept.layers[i].assign(slice.layers[i].begin(), slice.layers[i].end());
  }
  kept.slice = slice;
  kept.slice.pixels = kept.pixels;
  kept.slice.crc32c = checksum_of(kept.slice);
  for (std::size_t i = 0; i < kept.layers.size(); ++i) kept.slice.layers[i] = kept.layers[i];
}

/// One producer, one consumer; buffers go around.
class ReadAhead final : public ResultFrames {
 public:
  ReadAhead(ResultFrames& inner, std::size_t slices) : inner_(inner), free_(slices) {
    thread_ = std::jthread([this](const std::stop_token& token) { produce(token); });
  }
  ~ReadAhead() override {
    thread_.request_stop();
    thread_.join();  // Before what it uses goes.
  }
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  const ResultFacts& facts() const noexcept override { return inner_.facts(); }
  /// Behind the last slice, when the thread has ended.
  ResultEnd end() const noexcept override { return inner_.end(); }
  void rewind() override { inner_.rewind(); }

  Result<bool> next(ResultSlice& slice) override {
    std::unique_lock lock(mutex_);
    if (has_current_) free_.push_back(std::exchange(current_, KeptSlice{}));
    has_current_ = false;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !ready_.empty() || outcome_.has_value(); });
    if (ready_.empty()) return *outcome_ ? Result<bool>(false) : std::unexpected(outcome_->error());
    // The vectors' buffers move along, so that the spans stay right.
    current_ = std::move(ready_.front());
    ready_.pop_front();
    has_current_ = true;
    slice = current_.slice;
    return true;
  }

 private:
  void produce(const std::stop_token& token) {
    try {
      read_slices(token);
    } catch (const std::bad_alloc&) {
      const std::scoped_lock lock(mutex_);
      outcome_ = fail(ErrorCode::kNoMemory, "the memory of this machine does not hold a slice");
      changed_.notify_all();
    }
  }

  void read_slices(const std::stop_token& token) {
    while (true) {
      KeptSlice kept;
      {
        std::unique_lock lock(mutex_);
        if (!changed_.wait(lock, token, [this] { return !free_.empty(); })) return;
        kept = std::move(free_.back());
        free_.pop_back();
      }
      ResultSlice slice;
      const auto more = inner_.next(slice);
      if (more && *more) keep(inner_, slice, kept);
      const std::scoped_lock lock(mutex_);
      if (more && *more) {
        ready_.push_back(std::move(kept));
      } else {
        outcome_ = more ? Result<void>() : std::unexpected(more.error());
      }
      changed_.notify_all();
      if (outcome_) return;
    }
  }

  ResultFrames& inner_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<KeptSlice> free_;
  std::deque<KeptSlice> ready_;
  std::optional<Result<void>> outcome_;
  KeptSlice current_;  ///< Of the consumer.
  bool has_current_{};
  std::jthread thread_;  ///< Last: it uses all others.
};

/// The plan that changes nothing measures.
FrameStatistics measure(const DerivedImage& image) {
  const auto plan = make_plan(image.shape, ReductionSpec{}, std::nullopt);
  return plan ? Reducer(*plan).run(image.pixels, {}) : FrameStatistics{};
}

class ImageFrames final : public ResultFrames {
 public:
  ImageFrames(const ResultFacts& source, const DerivedImage& image, const ViewRequest& view)
      : image_(image), facts_(source) {
    facts_.axes = {image.axes[0], image.axes[1]};
    facts_.type = image.shape.type;
    facts_.slices = 1;
    facts_.slice = image.shape;
    facts_.frames_in_order = false;
    facts_.has_times = false;
    facts_.layers.clear();
    facts_.value_range.reset();
    for (std::size_t i = 0; i < facts_.pixel_size.size(); ++i) {
      const AxisFacts& axis = image.axes[i];
      facts_.pixel_size[i] = axis.unit.empty() ? Length{} : Length{axis.step, axis.unit};
    }
    ProcessStep step{"image", {{"name", image.name}}};
    if (view.kind == ViewRequest::Kind::kKymograph) {
      step.parameters.emplace_back("across", std::string(name_of(view.across)));
      step.parameters.emplace_back("line", static_cast<double>(view.line));
      step.parameters.emplace_back("lines", static_cast<double>(view.line_width));
    }
    facts_.steps.push_back(std::move(step));
  }
  const ResultFacts& facts() const noexcept override { return facts_; }
  Result<bool> next(ResultSlice& slice) override {
    if (std::exchange(is_given_, true)) return false;
    slice = ResultSlice{};
    slice.pixels = image_.pixels;
    slice.statistics = measure(image_);
    return true;
  }
  ResultEnd end() const noexcept override {
    return {1, static_cast<std::uint64_t>(std::ranges::count(image_.missing, 1)), 0};
  }
  void rewind() override { is_given_ = false; }

 private:
  const DerivedImage& image_;
  ResultFacts facts_;
  bool is_given_{};
};

}  // namespace

Result<void> ExportWatch::advance(std::int64_t bytes) {
  done_bytes_ += bytes;
  if (!progress_ || progress_(std::min(done_bytes_, all_bytes_), all_bytes_)) return {};
  return fail(ErrorCode::kTimeout, "interrupted");
}

Result<bool> WatchedFrames::next(ResultSlice& slice) {
  auto more = inner_.next(slice);
  if (!more || !*more) return more;
  auto told = watch_.advance(static_cast<std::int64_t>(slice.pixels.size()));
  if (!told) return std::unexpected(told.error());
  return true;
}

std::size_t slices_ahead(const ResultFacts& result, std::size_t memory_bytes) {
  std::size_t slice = std::max<std::size_t>(1, size_bytes(result.slice));
  for (const LayerFacts& layer : result.layers) slice += size_bytes(layer.shape);
  const std::size_t wanted = std::clamp(kAheadBytes / slice, kLeastAhead, kMostAhead);
  return std::clamp<std::size_t>(memory_bytes / slice, 1, wanted);
}

std::unique_ptr<ResultFrames> read_ahead(ResultFrames& inner, std::size_t slices) {
  return std::make_unique<ReadAhead>(inner, slices);
}

std::unique_ptr<ResultFrames> as_frames(const ResultFacts& source, const DerivedImage& image,
                                        const ViewRequest& view) {
  return std::make_unique<ImageFrames>(source, image, view);
}

}  // namespace framelog
