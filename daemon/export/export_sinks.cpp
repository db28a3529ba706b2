#include "export/export_sinks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "export/export_input.hpp"

namespace framelog {
namespace {

/// HDF5, RAW, TIFF and their like.
class DatasetSink final : public Sink {
 public:
  /// `request` and `source` are what the writer's plan has; there may be no source.
  DatasetSink(const SinkSurroundings& around, const DatasetFormat& format,
              std::unique_ptr<WriteRequest> request, std::unique_ptr<Recording> source,
              std::unique_ptr<DatasetWriter> writer, std::filesystem::path part)
      : around_(around),
        format_(format),
        request_(std::move(request)),
        source_(std::move(source)),
        writer_(std::move(writer)),
        part_(std::move(part)) {
    verifies_ = around.request.verify && format.verify != nullptr;
    if (verifies_) checksums_.reserve(around.result.slices);
  }
  Result<void> take(PaintedSlice& slice) override {
    if (verifies_) checksums_.push_back(checksum_of(slice.slice()));
    return writer_->write(slice.slice());
  }
  Result<void> finish(const ResultEnd& end) override {
    auto done = writer_->finish(end);
    writer_.reset();
    return done;
  }
  Result<void> verify() override {
    if (!verifies_) return {};
    return format_.verify(around_.files, part_, around_.result, *request_, checksums_);
  }

 private:
  const SinkSurroundings& around_;
  const DatasetFormat& format_;
  std::unique_ptr<WriteRequest> request_;
  std::unique_ptr<Recording> source_;
  std::unique_ptr<DatasetWriter> writer_;
  std::filesystem::path part_;
  bool verifies_{};
  std::vector<std::uint32_t> checksums_;
};

Result<std::vector<std::byte>> encode(const PictureFormat& format, bool raw, PaintedSlice& slice,
                                      const FrameShape& shape, const ExportRequest& request) {
  if (raw) return format.encode_raw(shape, slice.slice().pixels, request.picture);
  const auto picture = slice.picture();
  if (!picture) return std::unexpected(picture.error());
  return format.encode(**picture, request.picture);
}

Result<void> write_part(const SinkSurroundings& around, const std::filesystem::path& path,
                        std::span<const std::byte> bytes) {
  const auto part = around.parts.add(path);
  if (!part) return std::unexpected(part.error());
  auto written = write_new_file(around.files, *part, bytes);
  if (!written) around.parts.leave_to_others(path, written.error());
  return written;
}

/// A picture of each slice, or of the only one.
class PictureSink final : public Sink {
 public:
  PictureSink(const SinkSurroundings& around, const PlannedOutput& output)
      : around_(around), output_(output) {}
  Result<void> take(PaintedSlice& slice) override {
    const auto bytes =
        encode(*output_.picture, output_.raw_values, slice, around_.result.slice, around_.request);
    if (!bytes) return std::unexpected(bytes.error());
    const auto path = around_.plan.path(output_, slice.slice().index);
    if (path.has_parent_path() && path.parent_path() != folder_) {
      folder_ = path.parent_path();
      if (auto made = around_.parts.make_folder(folder_); !made) return made;
    }
    return write_part(around_, path, *bytes);
  }
  Result<void> finish(const ResultEnd& /*end*/) override { return {}; }

 private:
  const SinkSurroundings& around_;
  PlannedOutput output_;
  std::filesystem::path folder_;
};

/// A movie. A picture is added when it is known how long it is shown: when the next one comes.
class MovieSink final : public Sink {
 public:
  MovieSink(const SinkSurroundings& around, const PlannedOutput& output,
            std::unique_ptr<MovieWriter> writer)
      : around_(around), output_(output), writer_(std::move(writer)) {
    if (const auto fps = around.request.movie.fps) {
      duration_ns_ = static_cast<std::int64_t>(static_cast<double>(kSecond) / *fps);
    }
  }

  Result<void> take(PaintedSlice& slice) override {
    if (output_.raw_values) return add_raw(slice);
    const auto picture = slice.picture();
    if (!picture) return std::unexpected(picture.error());
    const std::int64_t now_ns = slice.slice().note.info.utc_ns;
    if (has_held_) {
      if (auto added = add_held(now_ns); !added) return added;
    }
    held_ = **picture;
    held_ns_ = now_ns;
    has_held_ = true;
    return {};
  }

  Result<void> finish(const ResultEnd& /*end*/) override {
    if (has_held_) {
      if (auto added = writer_->add(held_, duration_ns_); !added) return added;
    }
    auto done = writer_->finish();
    notes_ = writer_->notes();
    writer_.reset();
    return done;
  }
  [[nodiscard]] std::vector<std::string> notes() const override { return notes_; }

 private:
  static constexpr std::int64_t kSecond = 1'000'000'000;
  static constexpr std::int64_t kLeast = 1'000'000;  // Of frames whose clock stood or was set back.

  Result<void> add_raw(PaintedSlice& slice) {
    const PictureFormat* format = find_picture_format(around_.request.movie.zip_of);
    if (format == nullptr) {
      return fail(ErrorCode::kInvalid, "--zip-of", "no picture format (allowed: png, tif, ...)");
    }
    const auto bytes = encode(*format, true, slice, around_.result.slice, around_.request);
    if (!bytes) return std::unexpected(bytes.error());
    const std::string stem = around_.plan.path(output_).stem().string();
    return writer_->add_file(
        fmt::format("{}_{:05}{}", stem, slice.slice().index, format->extension), *bytes);
  }

  Result<void> add_held(std::int64_t now_ns) {
    const bool is_timed = !around_.request.movie.fps && around_.result.has_times;
    if (is_timed && now_ns >= 0 && held_ns_ >= 0) {
      duration_ns_ = std::max(kLeast, now_ns - held_ns_);
    }
    return writer_->add(held_, duration_ns_);
  }

  const SinkSurroundings& around_;
  PlannedOutput output_;
  std::unique_ptr<MovieWriter> writer_;
  std::vector<std::string> notes_;
  RgbImage held_;
  std::int64_t held_ns_{-1};
  bool has_held_{};
  std::int64_t duration_ns_{kSecond / 10};
};

/// Pictures beside each other.
class SheetSink final : public Sink {
 public:
  SheetSink(const SinkSurroundings& around, const PlannedOutput& output)
      : around_(around), output_(output) {}
  Result<void> take(PaintedSlice& slice) override {
    const auto picture = slice.picture();
    if (!picture) return std::unexpected(picture.error());
    pictures_.push_back(**picture);
    return {};
  }
  Result<void> finish(const ResultEnd& /*end*/) override {
    const auto sheet = contact_sheet(pictures_, around_.plan.view.columns);
    if (!sheet) return std::unexpected(sheet.error());
    const auto bytes = output_.picture->encode(*sheet, around_.request.picture);
    if (!bytes) return std::unexpected(bytes.error());
    return write_part(around_, around_.plan.path(output_), *bytes);
  }

 private:
  const SinkSurroundings& around_;
  PlannedOutput output_;
  std::vector<RgbImage> pictures_;
};

Result<std::unique_ptr<Sink>> open_dataset(const SinkSurroundings& around,
                                           const PlannedOutput& output) {
  const std::filesystem::path path = around.plan.path(output);
  for (const auto& companion : ExportPlan::companions(output, path)) {
    if (auto added = around.parts.add(companion, true); !added)
      return std::unexpected(added.error());
  }
  const auto part = around.parts.add(path);
  if (!part) return std::unexpected(part.error());
  auto request = std::make_unique<WriteRequest>(output.write);
  WritePlan plan;
  plan.part = *part;
  plan.final_name = path.filename().string();
  plan.recording = &around.recording;
  plan.result = &around.result;
  plan.request = request.get();
  plan.source = around.series;
  plan.provenance_json = around.provenance_json;
  plan.export_utc_ns = around.request.export_utc_ns;
  // The sums of detectors are read beside the frames, which another thread reads.
  std::unique_ptr<Recording> source;
  if (!around.recording.series.empty() && around.result.frames_in_order) {
    auto opened = open_segments_again(around.files, around.request, around.recording);
    if (!opened) return std::unexpected(opened.error());
    source = std::move(*opened);
    plan.source = source.get();
  }
  auto writer = output.dataset->create(around.files, plan);
  if (!writer) {
    around.parts.leave_to_others(path, writer.error());
    for (const auto& companion : ExportPlan::companions(output, path)) {
      around.parts.leave_to_others(companion, writer.error());
    }
    return std::unexpected(writer.error());
  }
  return std::make_unique<DatasetSink>(around, *output.dataset, std::move(request),
                                       std::move(source), std::move(*writer), *part);
}

Result<std::unique_ptr<Sink>> open_movie(const SinkSurroundings& around,
                                         const PlannedOutput& output) {
  const auto part = around.parts.add(around.plan.path(output));
  if (!part) return std::unexpected(part.error());
  auto writer = create_movie(around.files, *output.movie, *part, output.movie_request,
                             around.request.picture);
  if (!writer) {
    around.parts.leave_to_others(around.plan.path(output), writer.error());
    return std::unexpected(writer.error());
  }
  return std::make_unique<MovieSink>(around, output, std::move(*writer));
}

}  // namespace

Result<const RgbImage*> PaintedSlice::picture() {
  if (!is_painted_) {
    auto painted = image_ != nullptr ? painter_->paint(*image_) : painter_->paint(layers_);
    if (!painted) return std::unexpected(painted.error());
    picture_ = std::move(*painted);
    is_painted_ = true;
  }
  return &picture_;
}

Result<std::unique_ptr<Sink>> open_sink(const SinkSurroundings& around,
                                        const PlannedOutput& output) {
  const auto folder = around.plan.path(output).parent_path();
  if (!folder.empty()) {
    if (auto made = around.parts.make_folder(folder); !made) return std::unexpected(made.error());
  }
  if (output.dataset != nullptr) return open_dataset(around, output);
  if (output.movie != nullptr) return open_movie(around, output);
  if (around.plan.view.kind == ViewRequest::Kind::kContactSheet) {
    return std::make_unique<SheetSink>(around, output);
  }
  return std::make_unique<PictureSink>(around, output);
}

}  // namespace framelog
