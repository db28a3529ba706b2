#include "formats/raw_segment.hpp"

#include <fcntl.h>

#include <array>
#include <cstddef>
#include <utility>

#include "formats/direct_io.hpp"
#include "formats/plain_segment.hpp"
#include "formats/raw_description.hpp"

namespace framelog {
namespace {

using std::filesystem::path;

constexpr std::array<std::string_view, 3> kExtensions{".frames", ".json", ".raw"};

path with_stage(const path& stem, std::string_view extension, std::string_view stage) {
  return stem.string() + std::string(extension) + std::string(stage);
}

/// "DIR/NAME.raw.part" -> "DIR/NAME", and the same without .part.
path stem_of(const path& raw) {
  std::string text = raw.string();
  for (const std::string_view suffix : {".part", ".raw"}) {
    if (text.ends_with(suffix)) text.resize(text.size() - suffix.size());
  }
  return text;
}

class RawSegment final : public SegmentWriter {
 public:
  RawSegment(FileSystem& files, const SegmentPlaces& places, SegmentFiles open_files, path stem)
      : files_(files), plain_(files, places, std::move(open_files)), stem_(std::move(stem)) {}

  Result<void> activate(const path& part) override {
    const path target = stem_of(part);
    for (const std::string_view extension : kExtensions) {
      if (files_.exists(with_stage(target, extension, "")) ||
          files_.exists(with_stage(target, extension, ".part"))) {
        return fail_errno(EEXIST, "cannot rename to",
                          with_stage(target, extension, ".part").string());
      }
    }
    for (const std::string_view extension : kExtensions) {
      if (auto moved = files_.rename(with_stage(stem_, extension, ".ready"),
                                     with_stage(target, extension, ".part"));
          !moved) {
        move_back(target, extension);
        return moved;
      }
    }
    return {};
  }
  [[nodiscard]] Result<PlainSegment::Left> resume() { return plain_.resume(); }
  Result<void> append(std::span<const FrameRecord> records, std::span<const std::byte> pixels,
                      std::span<const double> detectors) override {
    return plain_.append(records, pixels, detectors);
  }
  Result<void> sync() override { return plain_.sync(); }
  [[nodiscard]] std::int64_t frames() const noexcept override { return plain_.frames(); }
  [[nodiscard]] std::int64_t capacity_frames() const noexcept override {
    return plain_.places().capacity_frames;
  }
  void close_pixels() noexcept override { plain_.close_pixels(); }

 private:
  /// What was moved before `failed`, so that nobody finds half a segment at its new place.
  void move_back(const path& target, std::string_view failed) {
    for (const std::string_view extension : kExtensions) {
      if (extension == failed) return;
      static_cast<void>(files_.rename(with_stage(target, extension, ".part"),
                                      with_stage(stem_, extension, ".ready")));
    }
  }

  FileSystem& files_;
  PlainSegment plain_;
  path stem_;
};

SegmentPlaces places_of(const SegmentDescription& d) {
  SegmentPlaces places;
  places.frame_bytes = static_cast<std::int64_t>(size_bytes(d.shape));
  places.frames_per_run = d.capacity_frames;
  places.run_stride = places.frame_bytes * d.capacity_frames;
  places.capacity_frames = d.capacity_frames;
  places.records = kFramesFileHeadBytes;
  places.valid = offsetof(FramesFileHead, valid);
  places.synced = offsetof(FramesFileHead, synced);
  places.run_start_monotonic_ns = d.run_start_monotonic_ns;
  return places;
}

Result<UniqueFd> create_reserved(FileSystem& files, const path& file, std::int64_t bytes) {
  auto fd = files.open(file, O_RDWR | O_CREAT | O_EXCL);
  if (!fd) return fd;
  if (auto done = files.reserve(fd->get(), bytes, 0); !done) return std::unexpected(done.error());
  return fd;
}

Result<SegmentFiles> create_files(FileSystem& files, const path& stem, const SegmentDescription& d,
                                  const SegmentPlaces& places) {
  const std::string text = raw::describe(d);
  const path raw_path = with_stage(stem, ".raw", ".new");
  if (auto done =
          write_new_file(files, with_stage(stem, ".json", ".new"), std::as_bytes(std::span(text)));
      !done) {
    return std::unexpected(done.error());
  }
  const std::int64_t table_bytes =
      kFramesFileHeadBytes + d.capacity_frames * std::int64_t{kFrameRecordBytes};
  auto table = create_reserved(files, with_stage(stem, ".frames", ".new"), table_bytes);
  if (!table) return std::unexpected(table.error());
  if (auto locked = files.lock(table->get()); !locked) return std::unexpected(locked.error());
  FramesFileHead head;
  head.frame_bytes = static_cast<std::uint64_t>(places.frame_bytes);
  head.capacity = static_cast<std::uint64_t>(d.capacity_frames);
  if (auto done = files.write_at(table->get(), std::as_bytes(std::span(&head, 1)), 0); !done) {
    return std::unexpected(done.error());
  }
  if (auto done = files.sync(table->get()); !done) return std::unexpected(done.error());
  auto created = create_reserved(files, raw_path, places.run_stride);
  if (!created) return std::unexpected(created.error());
  if (auto done = files.sync(created->get()); !done) return std::unexpected(done.error());
  auto pixels =
      open_for_pixels(files, raw_path, d.direct_io && is_direct_io_fit(0, places.frame_bytes), 0);
  if (!pixels) return std::unexpected(pixels.error());
  SegmentFiles open_files;
  open_files.pixels = std::move(pixels->fd);
  open_files.direct = pixels->direct;
  open_files.table = std::move(*table);
  return open_files;
}

class RawReader final : public SegmentReader {
 public:
  RawReader(FileSystem& files, raw::Facts facts, UniqueFd pixels, UniqueFd table,
            FramesFileHead head, std::int64_t frames)
      : files_(files),
        facts_(std::move(facts)),
        pixels_(std::move(pixels)),
        table_(std::move(table)),
        head_(head),
        frames_(frames) {}

  [[nodiscard]] FrameShape shape() const override { return facts_.shape; }
  [[nodiscard]] bool big_endian() const override { return facts_.big_endian; }
  [[nodiscard]] std::int64_t frames() const override { return frames_; }
  [[nodiscard]] std::int64_t valid() const override { return head_.valid; }
  [[nodiscard]] std::int64_t synced() const override { return head_.synced; }
  [[nodiscard]] bool finished() const override { return facts_.finished; }

  Result<std::vector<FrameRecord>> records(std::int64_t count) override {
    return records(0, count);
  }

  Result<std::vector<FrameRecord>> records_from(std::int64_t first, std::int64_t count) override {
    return records(first, count);
  }

  Result<FrameRecord> record(std::int64_t frame) override {
    const auto one = records(frame, 1);
    if (!one) return std::unexpected(one.error());
    return one->front();
  }

  Result<void> pixels(std::int64_t frame, std::span<std::byte> into) override {
    const auto got =
        files_.read_at(pixels_.get(), into, frame * static_cast<std::int64_t>(into.size()));
    if (!got) return std::unexpected(got.error());
    if (*got != into.size()) return fail(ErrorCode::kCorrupt, "the .raw file ends early");
    return {};
  }

  Result<std::string> provenance() override { return facts_.provenance_json; }
  Result<std::vector<GapEntry>> gaps() override { return facts_.gaps; }
  Result<std::optional<Accounting>> accounting() override { return facts_.accounting; }
  std::optional<Scan> scan() override { return facts_.about.scan; }
  Result<SegmentDescription> description() override { return facts_.about; }
  Result<std::string> tree() override { return facts_.provenance_json; }

 private:
  Result<std::vector<FrameRecord>> records(std::int64_t first, std::int64_t count) {
    const auto size = files_.size_bytes(table_.get());
    const auto bytes = count * std::int64_t{kFrameRecordBytes};
    if (!size || first < 0 || count < 0 ||
        count > (*size - kFramesFileHeadBytes) / std::int64_t{kFrameRecordBytes}) {
      return fail(ErrorCode::kCorrupt, "the .frames file is shorter than the frames");
    }
    std::vector<FrameRecord> records(static_cast<std::size_t>(count));
    const auto got = files_.read_at(table_.get(), std::as_writable_bytes(std::span(records)),
                                    kFramesFileHeadBytes + first * std::int64_t{kFrameRecordBytes});
    if (!got) return std::unexpected(got.error());
    if (std::cmp_not_equal(*got, bytes))
      return fail(ErrorCode::kCorrupt, "the .frames file ends early");
    return records;
  }

  FileSystem& files_;
  raw::Facts facts_;
  UniqueFd pixels_;
  UniqueFd table_;
  FramesFileHead head_;
  std::int64_t frames_;
};

/// The companion beside a finished or a .part file; a publishing cut short can have renamed it
/// already.
path companion_there(FileSystem& files, const path& raw_path, std::string_view extension) {
  path companion = raw_companion(raw_path, extension);
  if (!files.exists(companion) && companion.extension() == ".part") companion.replace_extension();
  return companion;
}

}  // namespace

path raw_companion(const path& raw_path, std::string_view extension) {
  const bool part = raw_path.extension() == ".part";
  return with_stage(stem_of(raw_path), extension, part ? ".part" : "");
}

path raw_table(FileSystem& files, const path& raw_path) {
  return companion_there(files, raw_path, ".frames");
}

Result<std::unique_ptr<SegmentWriter>> prepare_raw(FileSystem& files, const path& stem,
                                                   const SegmentDescription& description) {
  const SegmentPlaces places = places_of(description);
  auto made = create_files(files, stem, description, places);
  for (const std::string_view extension : kExtensions) {
    const path fresh = with_stage(stem, extension, ".new");
    if (!made) {
      static_cast<void>(files.remove(fresh));
    } else if (auto moved = files.rename(fresh, with_stage(stem, extension, ".ready")); !moved) {
      return std::unexpected(moved.error());
    }
  }
  if (!made) return std::unexpected(made.error());
  return std::make_unique<RawSegment>(files, places, std::move(*made), stem);
}

Result<ResumedSegment> resume_raw(FileSystem& files, const path& part,
                                  const SegmentDescription& description) {
  const path stem = stem_of(part);
  if (!files.exists(with_stage(stem, ".frames", ".part")) ||
      files.exists(with_stage(stem, ".json", ".new"))) {
    return fail(ErrorCode::kInvalid, "its finishing had begun:", part.string());
  }
  auto table = files.open(with_stage(stem, ".frames", ".part"), O_RDWR);
  if (!table) return std::unexpected(table.error());
  if (auto locked = files.lock(table->get()); !locked) return std::unexpected(locked.error());
  const SegmentPlaces places = places_of(description);
  FramesFileHead head;
  const FramesFileHead expected;
  const auto got = files.read_at(table->get(), std::as_writable_bytes(std::span(&head, 1)), 0);
  if (!got) return std::unexpected(got.error());
  if (*got != sizeof head || !std::ranges::equal(head.magic, expected.magic)) {
    return fail(ErrorCode::kCorrupt, "bad head in the .frames file of", part.string());
  }
  if (std::cmp_not_equal(head.frame_bytes, places.frame_bytes) ||
      std::cmp_not_equal(head.capacity, places.capacity_frames)) {
    return fail(ErrorCode::kLayout, "it was prepared for other frames:", part.string());
  }
  const bool direct = description.direct_io && is_direct_io_fit(0, places.frame_bytes) &&
                      head.valid >= 0 && head.valid < places.capacity_frames;
  auto pixels =
      open_for_pixels(files, part, direct, direct ? offset_of_frame(places, head.valid) : 0);
  if (!pixels) return std::unexpected(pixels.error());
  SegmentFiles open_files;
  open_files.pixels = std::move(pixels->fd);
  open_files.direct = pixels->direct;
  open_files.table = std::move(*table);
  auto segment = std::make_unique<RawSegment>(files, places, std::move(open_files), stem);
  const auto left = segment->resume();
  if (!left) return std::unexpected(left.error());
  return ResumedSegment{std::move(segment), left->first, left->last};
}

Result<std::unique_ptr<SegmentReader>> open_raw(FileSystem& files, const path& raw_path) {
  auto pixels = files.open(raw_path, O_RDONLY);
  if (!pixels) return std::unexpected(pixels.error());
  const path json = companion_there(files, raw_path, ".json");
  const auto text = read_text(files, json);
  if (!text) return std::unexpected(text.error());
  auto facts = raw::read(*text);
  if (!facts) {
    facts.error().context += " in " + json.string();
    return std::unexpected(facts.error());
  }
  auto table = files.open(raw_table(files, raw_path), O_RDONLY);
  if (!table) return std::unexpected(table.error());
  FramesFileHead head;
  const FramesFileHead expected;
  const auto got = files.read_at(table->get(), std::as_writable_bytes(std::span(&head, 1)), 0);
  if (!got || *got != sizeof head || !std::ranges::equal(head.magic, expected.magic) ||
      head.record_bytes != kFrameRecordBytes || head.frame_bytes == 0 ||
      head.frame_bytes != size_bytes(facts->shape)) {
    return fail(ErrorCode::kCorrupt, "bad head in the .frames file of", raw_path.string());
  }
  const auto size = files.size_bytes(pixels->get());
  if (!size) return std::unexpected(size.error());
  const std::int64_t there = *size / static_cast<std::int64_t>(head.frame_bytes);
  return std::make_unique<RawReader>(files, std::move(*facts), std::move(*pixels),
                                     std::move(*table), head, there);
}

// A publishing cut short has renamed .json and perhaps .frames: the names go back, so that it can
// be repeated.
Result<void> undo_raw(FileSystem& files, const path& part) {
  if (!files.exists(part)) return {};
  const path stem = stem_of(part);
  const path frames = with_stage(stem, ".frames", "");
  const path json = with_stage(stem, ".json", "");
  if (files.exists(frames) && !files.exists(with_stage(stem, ".frames", ".part"))) {
    if (auto moved = files.rename(frames, with_stage(stem, ".frames", ".part")); !moved)
      return moved;
  }
  if (files.exists(json) && !files.exists(with_stage(stem, ".json", ".new"))) {
    return files.rename(json, with_stage(stem, ".json", ".new"));
  }
  return {};
}

Result<SegmentSummary> finalise_raw(FileSystem& files, const path& part, std::int64_t frames,
                                    const SegmentEnd& end) {
  const path stem = stem_of(part);
  const auto started = read_text(files, with_stage(stem, ".json", ".part"));
  if (!started) return std::unexpected(started.error());
  const auto facts = raw::read(*started);
  if (!facts) return std::unexpected(facts.error());
  const auto completed = raw::complete(*started, frames, end);
  if (!completed) return std::unexpected(completed.error());

  const std::int64_t bytes = frames * static_cast<std::int64_t>(size_bytes(facts->shape));
  auto pixels = files.open(part, O_RDWR);
  auto table = files.open(with_stage(stem, ".frames", ".part"), O_RDWR);
  if (!pixels) return std::unexpected(pixels.error());
  if (!table) return std::unexpected(table.error());
  const std::array<std::int64_t, 2> counts{frames, frames};  // valid, synced
  auto done = files.resize(pixels->get(), bytes);
  if (done)
    done =
        files.resize(table->get(), kFramesFileHeadBytes + frames * std::int64_t{kFrameRecordBytes});
  if (done)
    done = files.write_at(table->get(), std::as_bytes(std::span(counts)),
                          offsetof(FramesFileHead, valid));
  if (done) done = files.sync(pixels->get());
  if (done) done = files.sync(table->get());
  const path final_json = with_stage(stem, ".json", ".new");
  if (done && files.exists(final_json)) done = files.remove(final_json);
  if (done) done = write_new_file(files, final_json, std::as_bytes(std::span(*completed)));
  if (!done) return std::unexpected(done.error());
  return SegmentSummary{frames, bytes};
}

Result<void> publish_raw(FileSystem& files, const path& part, const path& final_path) {
  const path from = stem_of(part);
  const path to = stem_of(final_path);
  for (const std::string_view extension : kExtensions) {
    const path target = with_stage(to, extension, "");
    if (files.exists(target)) return fail_errno(EEXIST, "cannot rename to", target.string());
  }
  auto done = files.rename(with_stage(from, ".json", ".new"), with_stage(to, ".json", ""));
  if (done)
    done = files.rename(with_stage(from, ".frames", ".part"), with_stage(to, ".frames", ""));
  if (done) done = files.rename(part, final_path);
  if (!done) return done;
  // Behind the rename nothing is a failure: the segment is there. What stays is cleared at the next
  // start.
  if (files.sync_directory(final_path.parent_path())) {
    static_cast<void>(files.remove(with_stage(from, ".json", ".part")));
  }
  return {};
}

}  // namespace framelog
