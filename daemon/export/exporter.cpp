#include "export/exporter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "export/export_files.hpp"
#include "export/export_frames.hpp"
#include "export/export_input.hpp"
#include "export/export_painter.hpp"
#include "export/export_parts.hpp"
#include "export/export_plan.hpp"
#include "export/export_runs.hpp"
#include "export/export_sinks.hpp"
#include "export/provenance.hpp"
#include "formats/digest.hpp"

namespace framelog {
namespace {

using Kind = ViewRequest::Kind;
using Sinks = std::vector<std::unique_ptr<Sink>>;

bool is_derived(const ViewRequest& view) noexcept {
  return view.kind != Kind::kFrames && view.kind != Kind::kContactSheet;
}

/// The layers of a pass, read side by side.
class LayerReader {
 public:
  explicit LayerReader(std::vector<std::unique_ptr<ResultFrames>> frames)
      : frames_(std::move(frames)), slices_(frames_.size()) {}
  Result<bool> next() {
    for (std::size_t i = 0; i < frames_.size(); ++i) {
      auto more = frames_[i]->next(slices_[i]);
      if (!more || !*more) return more;
    }
    return true;
  }
  [[nodiscard]] std::span<const ResultSlice> slices() const noexcept { return slices_; }
  /// The reader's thread has come to its end before this is asked.
  [[nodiscard]] ResultEnd end() const noexcept { return frames_.front()->end(); }

 private:
  std::vector<std::unique_ptr<ResultFrames>> frames_;
  std::vector<ResultSlice> slices_;
};

/// One export, from the plan to the files' names.
class ExportRun {
 public:
  ExportRun(FileSystem& files, const ExportRequest& request, const ExportProgress& progress,
            ExportPlan plan)
      : files_(files, progress),
        request_(request),
        plan_(std::move(plan)),
        parts_(files),
        watch_(progress, all_bytes(plan_) * passes()) {}

  Result<ExportReport> run() {
    auto opened = open_results();
    if (opened && !active().empty()) {
      opened = is_derived(plan_.view) ? run_images() : run_frames();
    }
    if (!opened && files_.interrupted()) return fail(ErrorCode::kTimeout, "interrupted");
    if (!opened) return std::unexpected(opened.error());
    if (auto kept = parts_.keep(); !kept) return std::unexpected(kept.error());
    return report();
  }

 private:
  std::vector<PlannedOutput> active() const {
    std::vector<PlannedOutput> outputs;
    std::ranges::copy_if(plan_.outputs, std::back_inserter(outputs),
                         [](const PlannedOutput& output) { return !output.is_skipped; });
    return outputs;
  }

  bool is_drawn() const {
    return std::ranges::any_of(plan_.outputs, [](const PlannedOutput& output) {
      return !output.is_skipped && output.dataset == nullptr && !output.raw_values;
    });
  }

  bool needs_stack_limits() const {
    return !is_derived(plan_.view) && is_drawn() &&
           request_.picture.contrast.kind != ContrastRequest::Kind::kPerFrame &&
           request_.picture.contrast.kind != ContrastRequest::Kind::kNone;
  }

  std::int64_t passes() const {
    std::int64_t count = std::ssize(plan_.recordings);
    if (needs_stack_limits()) count *= 2;
    return count;
  }

  Result<void> open_results() {
    for (const auto& recording : plan_.recordings) {
      auto opened = open_result(*recording, plan_.transform, request_.memory_bytes / 4);
      if (!opened) return std::unexpected(opened.error());
      results_.push_back(std::move(*opened));
      watched_.push_back(std::make_unique<WatchedFrames>(*results_.back(), watch_));
    }
    return {};
  }

  Result<Painter> make_painter() {
    std::vector<std::optional<ContrastLimits>> limits(results_.size());
    if (!is_derived(plan_.view) && is_drawn()) {
      for (std::size_t i = 0; i < results_.size(); ++i) {
        auto found = stack_limits(*watched_[i], request_);
        if (!found) return std::unexpected(found.error());
        limits[i] = *found;
      }
    }
    return Painter(request_, plan_, std::move(limits));
  }

  /// Opened one after the other, so that the first error has the fewest files to remove.
  Result<Sinks> open_sinks(const SinkSurroundings& around, std::span<const PlannedOutput> outputs) {
    Sinks sinks;
    for (const PlannedOutput& output : outputs) {
      auto sink = open_sink(around, output);
      if (!sink) return std::unexpected(sink.error());
      sinks.push_back(std::move(*sink));
    }
    return sinks;
  }

  /// The frames are read in a thread of their own, so that sums are read from another opening.
  Result<void> open_series() {
    if (plan_.recording().facts().series.empty() || !request_.composite.empty()) return {};
    auto opened = open_segments_again(files_.inner(), request_, plan_.recording().facts());
    if (!opened) return std::unexpected(opened.error());
    series_ = std::move(*opened);
    return {};
  }

  Result<SinkSurroundings> surroundings(const ResultFacts& result) {
    const RecordingFacts& facts = plan_.recording().facts();
    if (!digests_) digests_ = digest_inputs(files_, facts);
    auto provenance = export_provenance(facts, result, *digests_, request_.export_utc_ns);
    if (!provenance) return std::unexpected(provenance.error());
    return SinkSurroundings{files_, parts_, request_,      plan_,
                            facts,  result, series_.get(), std::move(*provenance)};
  }

  Result<void> run_frames() {
    auto painter = make_painter();
    if (!painter) return std::unexpected(painter.error());
    if (auto opened = open_series(); !opened) return opened;
    const auto around = surroundings(results_.front()->facts());
    if (!around) return std::unexpected(around.error());
    auto sinks = open_sinks(*around, active());
    if (!sinks) return std::unexpected(sinks.error());
    std::vector<std::unique_ptr<ResultFrames>> ahead;
    const std::size_t room = request_.memory_bytes / 4 / watched_.size();
    for (auto& frames : watched_) {
      ahead.push_back(read_ahead(*frames, slices_ahead(frames->facts(), room)));
    }
    LayerReader reader(std::move(ahead));
    auto done = pump(reader, *painter, *sinks);
    if (!done) return done;
    end_ = reader.end();
    return finish(*sinks);
  }

  static Result<void> pump(LayerReader& reader, const Painter& painter, Sinks& sinks) {
    while (true) {
      const auto more = reader.next();
      if (!more) return std::unexpected(more.error());
      if (!*more) return {};
      PaintedSlice slice(reader.slices(), &painter);
      for (const auto& sink : sinks) {
        if (auto taken = sink->take(slice); !taken) return taken;
      }
    }
  }

  Result<void> finish(Sinks& sinks) {
    for (const auto& sink : sinks) {
      if (auto finished = sink->finish(end_); !finished) return finished;
      std::ranges::move(sink->notes(), std::back_inserter(plan_.notes));
    }
    for (const auto& sink : sinks) {
      if (auto verified = sink->verify(); !verified) return verified;
    }
    // The watch may have been asked for the last time long ago.
    return watch_.advance(0);
  }

  Result<void> run_images() {
    auto images = derive_images(plan_.recording(), *watched_.front(), plan_.view);
    if (!images) return std::unexpected(images.error());
    const auto painter = make_painter();
    if (!painter) return std::unexpected(painter.error());
    end_ = results_.front()->end();
    if (auto whole = check_images(*images); !whole) return whole;
    for (const DerivedImage& image : *images) {
      const auto& missing = image.missing;
      if (!missing.empty() && std::ranges::find(missing, 0) == missing.end()) {
        plan_.notes.push_back(image.name + ": empty, because there is no frame that it is of");
      }
      if (auto done = run_image(image, *painter); !done) return done;
    }
    return {};
  }

  /// A file that nothing would be written to is not to be told of.
  Result<void> check_images(const std::vector<DerivedImage>& images) const {
    if (plan_.view.kind != Kind::kImages) return {};
    for (const PlannedOutput& output : active()) {
      if (std::ranges::find(images, output.image, &DerivedImage::name) != images.end()) continue;
      return fail(ErrorCode::kInvalid, "--image",
                  output.image + ": the result has no frames of which it is made");
    }
    return {};
  }

  Result<void> run_image(const DerivedImage& image, const Painter& painter) {
    std::vector<PlannedOutput> outputs = active();
    if (plan_.view.kind == Kind::kImages) {
      std::erase_if(outputs, [&image](const auto& output) { return output.image != image.name; });
    }
    const auto frames = as_frames(results_.front()->facts(), image, plan_.view);
    const auto around = surroundings(frames->facts());
    if (!around) return std::unexpected(around.error());
    auto sinks = open_sinks(*around, outputs);
    if (!sinks) return std::unexpected(sinks.error());
    ResultSlice slice;
    const auto more = frames->next(slice);
    if (!more) return std::unexpected(more.error());
    PaintedSlice painted(std::span(&slice, 1), &painter, &image);
    for (const auto& sink : *sinks) {
      if (auto taken = sink->take(painted); !taken) return taken;
    }
    return finish(*sinks);
  }

  Result<ExportReport> report() {
    ExportReport report;
    report.end = end_;
    report.notes = plan_.notes;
    if (end_.missing > 0) {
      report.notes.push_back(fmt::format("{} points of the scan have no frame", end_.missing));
    }
    if (end_.clipped > 0) {
      report.notes.push_back(
          fmt::format("{} pixels did not fit their type and were clipped", end_.clipped));
    }
    for (const PlannedOutput& planned : plan_.outputs) {
      auto output = describe_output(files_.inner(), plan_, planned);
      if (request_.digests && !planned.is_sequence && !planned.is_skipped) {
        auto digest = file_digest(files_.inner(), output.path);
        if (!digest) return std::unexpected(digest.error());
        output.sha256 = std::move(*digest);
      }
      report.outputs.push_back(std::move(output));
    }
    return report;
  }

  InterruptibleFiles files_;
  const ExportRequest& request_;
  ExportPlan plan_;
  PartFiles parts_;
  ExportWatch watch_;
  std::unique_ptr<Recording> series_;
  std::optional<std::vector<InputDigest>> digests_;
  std::vector<std::unique_ptr<ResultFrames>> results_;
  std::vector<std::unique_ptr<WatchedFrames>> watched_;
  ResultEnd end_;
};

}  // namespace

Result<ExportPreview> preview_export(FileSystem& files, const ExportRequest& request) {
  const auto scans = split_into_scans(files, request);
  if (!scans) return std::unexpected(scans.error());
  const auto plans = plan_scans(files, *scans);
  if (!plans) return std::unexpected(plans.error());
  const ExportPlan* const plan = &plans->front();
  ExportPreview preview;
  preview.recording = plan->recording().facts();
  preview.result = plan->result;
  preview.notes = plan->notes;
  if (scans->size() > 1) {
    preview.notes.push_back(
        fmt::format("{} runs become Scan000, Scan001 ... of one file; this is the first of them",
                    scans->size()));
  }
  for (const PlannedOutput& planned : plan->outputs) {
    ExportOutput output;
    output.format = planned.format;
    output.path = plan->path(planned);
    output.bytes = planned.estimate;
    output.skipped = planned.is_skipped;
    if (planned.is_sequence) {
      output.files = plan->result.slices;
      output.last = plan->path(planned, output.files - 1);
    }
    preview.outputs.push_back(std::move(output));
  }
  const auto free = free_bytes(files, plan->folder());
  if (!free) return std::unexpected(free.error());
  preview.free_bytes = *free;
  return preview;
}

Result<std::vector<std::byte>> preview_picture(FileSystem& files, const ExportRequest& request) {
  const auto scans = split_into_scans(files, request);
  if (!scans) return std::unexpected(scans.error());
  auto plan = plan_export(files, scans->front(), false);
  if (!plan) return std::unexpected(plan.error());
  ExportRequest shown = request;
  shown.picture.outlines = !plan->detectors.empty() || !request.regions.empty();
  std::vector<std::unique_ptr<ResultFrames>> results;
  std::vector<ResultSlice> slices(plan->recordings.size());
  for (std::size_t i = 0; i < slices.size(); ++i) {
    auto opened = open_result(*plan->recordings[i], plan->transform, request.memory_bytes / 4);
    if (!opened) return std::unexpected(opened.error());
    results.push_back(std::move(*opened));
    const auto more = results.back()->next(slices[i]);
    if (!more) return std::unexpected(more.error());
  }
  const Painter painter(shown, *plan, std::vector<std::optional<ContrastLimits>>(slices.size()));
  const auto picture = painter.paint(slices);
  if (!picture) return std::unexpected(picture.error());
  return find_picture_format("png")->encode(*picture, shown.picture);
}

Result<ExportReport> run_export(FileSystem& files, const ExportRequest& request,
                                const ExportProgress& progress) {
  const auto scans = split_into_scans(files, request);
  if (!scans) return std::unexpected(scans.error());
  if (scans->size() > 1) return run_scans(files, *scans, progress);
  auto plan = plan_export(files, request, true);
  if (!plan) return std::unexpected(plan.error());
  return ExportRun(files, request, progress, std::move(*plan)).run();
}

}  // namespace framelog
