#include "export/export_runs.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "export/export_files.hpp"
#include "export/export_frames.hpp"
#include "export/export_input.hpp"
#include "export/export_parts.hpp"
#include "export/export_plan.hpp"
#include "export/provenance.hpp"

namespace framelog {
namespace {

bool takes_several_runs(const ExportRequest& request) {
  return request.formats == std::vector<std::string>{"hdf5"} && request.write.layout == "pymodaq" &&
         request.write.runs == 1 && request.composite.empty() &&
         request.view.kind == ViewRequest::Kind::kFrames;
}

/// One run while it is written. At a fixed address: the writer is told where its parts are.
struct ScanRun {
  const ExportRequest* request{};
  ExportPlan plan;
  std::unique_ptr<Recording> series;
  std::unique_ptr<ResultFrames> result;
  std::vector<std::uint32_t> checksums;
};

class ScansExport {
 public:
  ScansExport(FileSystem& files, const std::vector<ExportRequest>& requests,
              const ExportProgress& progress)
      : inner_(files), files_(files, progress), requests_(requests), parts_(files) {}

  Result<ExportReport> run(const ExportProgress& progress) {
    if (auto planned = plan(); !planned) return std::unexpected(planned.error());
    if (output().is_skipped) return report();
    std::int64_t all = 0;
    for (const auto& one : runs_) all += all_bytes(one->plan);
    ExportWatch watch(progress, all);
    for (const auto& one : runs_) {
      if (auto written = write(*one, watch); !written) return std::unexpected(written.error());
    }
    auto done = writer_->finish(runs_.back()->result->end());
    writer_.reset();
    if (done) done = verify();
    if (done) done = watch.advance(0);
    if (done) done = parts_.keep();
    if (!done) return std::unexpected(done.error());
    return report();
  }

 private:
  [[nodiscard]] const ExportPlan& first() const { return runs_.front()->plan; }
  [[nodiscard]] const PlannedOutput& output() const { return first().outputs.front(); }

  Result<void> plan() {
    auto plans = plan_scans(inner_, requests_);
    if (!plans) return std::unexpected(plans.error());
    for (std::size_t i = 0; i < plans->size(); ++i) {
      runs_.push_back(std::make_unique<ScanRun>());
      runs_.back()->request = &requests_[i];
      runs_.back()->plan = std::move((*plans)[i]);
    }
    return {};
  }

  Result<void> write(ScanRun& run, ExportWatch& watch) {
    auto opened = open_export_input(inner_, *run.request);
    if (!opened) return std::unexpected(opened.error());
    run.series = std::move(*opened);
    auto result =
        open_result(run.plan.recording(), run.plan.transform, run.request->memory_bytes / 4);
    if (!result) return std::unexpected(result.error());
    run.result = std::move(*result);
    if (auto begun = begin(run); !begun) return begun;
    WatchedFrames watched(*run.result, watch);
    const auto frames = read_ahead(watched, 1);
    ResultSlice slice;
    while (true) {
      const auto more = frames->next(slice);
      if (!more) return std::unexpected(more.error());
      if (!*more) break;
      run.checksums.push_back(checksum_of(slice));
      if (auto written = writer_->write(slice); !written) return written;
    }
    end_.slices += run.result->end().slices;
    end_.missing += run.result->end().missing;
    end_.clipped += run.result->end().clipped;
    return {};
  }

  /// The first one creates the file.
  Result<void> begin(ScanRun& run) {
    const RecordingFacts& facts = run.plan.recording().facts();
    auto provenance =
        export_provenance(files_, facts, run.result->facts(), run.request->export_utc_ns);
    if (!provenance) return std::unexpected(provenance.error());
    const auto path = first().path(output());
    if (!writer_) {
      if (auto made = parts_.make_folder(path.parent_path()); !made) return made;
      auto part = parts_.add(path);
      if (!part) return std::unexpected(part.error());
    }
    WritePlan plan;
    plan.part = part_of(path);
    plan.final_name = path.filename().string();
    plan.recording = &facts;
    plan.result = &run.result->facts();
    plan.request = &run.request->write;
    plan.source = run.series.get();
    plan.provenance_json = std::move(*provenance);
    plan.export_utc_ns = run.request->export_utc_ns;
    if (writer_) return writer_->next_run(runs_[run.request->write.run - 1]->result->end(), plan);
    auto writer = output().dataset->create(files_, plan);
    if (!writer) {
      parts_.leave_to_others(path, writer.error());
      return std::unexpected(writer.error());
    }
    writer_ = std::move(*writer);
    return {};
  }

  Result<void> verify() {
    const DatasetFormat& format = *output().dataset;
    if (!requests_.front().verify || format.verify == nullptr) return {};
    for (const auto& run : runs_) {
      auto verified = format.verify(files_, part_of(first().path(output())), run->result->facts(),
                                    run->request->write, run->checksums);
      if (!verified) return verified;
    }
    return {};
  }

  Result<ExportReport> report() {
    ExportReport report;
    report.end = end_;
    for (const auto& run : runs_) {
      for (const std::string& note : run->plan.notes) {
        if (std::ranges::find(report.notes, note) == report.notes.end()) {
          report.notes.push_back(note);
        }
      }
    }
    auto described = describe_output(inner_, first(), output());
    if (requests_.front().digests && !described.skipped) {
      auto digest = file_digest(inner_, described.path);
      if (!digest) return std::unexpected(digest.error());
      described.sha256 = std::move(*digest);
    }
    report.outputs.push_back(std::move(described));
    return report;
  }

  FileSystem& inner_;
  InterruptibleFiles files_;
  const std::vector<ExportRequest>& requests_;
  PartFiles parts_;
  std::vector<std::unique_ptr<ScanRun>> runs_;
  std::unique_ptr<DatasetWriter> writer_;
  ResultEnd end_;
};

}  // namespace

Result<std::vector<ExportRequest>> split_into_scans(FileSystem& files,
                                                    const ExportRequest& request) {
  std::vector<ExportRequest> alone{request};
  if (!takes_several_runs(request)) return alone;
  auto runs = split_runs(files, request.input);
  // What is wrong with the inputs is told when they are opened.
  if (!runs) return alone;
  if (!request.input.product.empty()) {
    std::erase_if(*runs, [&](const auto& run) { return run.product != request.input.product; });
  }
  const bool is_one_product = std::ranges::all_of(
      *runs, [&](const auto& run) { return run.product == runs->front().product; });
  if (runs->size() < 2 || !is_one_product || !request.input.run.empty()) return alone;
  std::vector<ExportRequest> scans;
  for (InputRequest& input : *runs) {
    scans.push_back(request);
    scans.back().input = std::move(input);
    scans.back().write.run = static_cast<std::uint32_t>(scans.size() - 1);
    scans.back().write.runs = static_cast<std::uint32_t>(runs->size());
  }
  return scans;
}

Result<std::vector<ExportPlan>> plan_scans(FileSystem& files,
                                           const std::vector<ExportRequest>& requests) {
  std::vector<ExportPlan> plans;
  for (const ExportRequest& request : requests) {
    auto planned = plan_export(files, request, plans.empty());
    if (!planned) return std::unexpected(planned.error());
    if (!plans.empty()) {
      plans.front().outputs.front().estimate += planned->outputs.front().estimate;
    }
    plans.push_back(std::move(*planned));
  }
  if (auto fits = check_space(files, plans.front()); !fits) return std::unexpected(fits.error());
  return plans;
}

Result<ExportReport> run_scans(FileSystem& files, const std::vector<ExportRequest>& requests,
                               const ExportProgress& progress) {
  return ScansExport(files, requests, progress).run(progress);
}

}  // namespace framelog
