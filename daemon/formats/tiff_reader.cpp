#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "formats/compression.hpp"
#include "formats/tiff_account.hpp"
#include "formats/tiff_segment.hpp"
#include "formats/tiff_strips.hpp"

namespace framelog {
namespace {

using namespace tiff;
using std::filesystem::path;

/// A file that has been opened, with what its head says.
struct Source {
  FileSystem& files;
  UniqueFd fd;
  Layout layout;
  std::int64_t size{};
  std::vector<Entry> first;  ///< Of a finished file.

  [[nodiscard]] bool finished() const noexcept { return !first.empty(); }
  [[nodiscard]] Result<std::string> text(std::int64_t offset, std::uint64_t bytes) const {
    if (offset < 0 || offset > size || std::cmp_greater(bytes, size - offset)) {
      return fail(ErrorCode::kCorrupt, "a text of the TIFF is not in the file");
    }
    std::string text(bytes, '\0');
    const auto got = files.read_at(fd.get(), std::as_writable_bytes(std::span(text)), offset);
    if (!got) return std::unexpected(got.error());
    if (*got != text.size()) return fail(ErrorCode::kCorrupt, "the TIFF ends early");
    text.erase(std::min(text.size(), text.find('\0')));
    return text;
  }
  [[nodiscard]] const Entry* entry(std::uint16_t tag) const noexcept {
    const auto found = std::ranges::find(first, tag, &Entry::tag);
    return found == first.end() ? nullptr : &*found;
  }
  [[nodiscard]] Result<std::string> text_of(std::uint16_t tag) const {
    const Entry* found = entry(tag);
    if (found == nullptr || found->type != Type::kAscii) {
      return fail(ErrorCode::kCorrupt, "the TIFF lacks a tag of ours");
    }
    return text(static_cast<std::int64_t>(found->value), found->count);
  }
};

class TiffReader final : public SegmentReader {
 public:
  TiffReader(Source source, AccountFacts account, std::string provenance, std::int64_t frames)
      : source_(std::move(source)),
        account_(std::move(account)),
        provenance_(std::move(provenance)),
        frames_(frames) {}

  [[nodiscard]] FrameShape shape() const override { return source_.layout.shape; }
  [[nodiscard]] bool big_endian() const override { return false; }
  [[nodiscard]] std::int64_t frames() const override { return frames_; }
  [[nodiscard]] std::int64_t valid() const override {
    return finished() ? block().finished_frames : block().valid;
  }
  [[nodiscard]] std::int64_t synced() const override {
    return finished() ? block().finished_frames : block().synced;
  }
  [[nodiscard]] bool finished() const override { return source_.finished(); }
  [[nodiscard]] bool packed() const override { return source_.layout.codec != Codec::kNone; }

  Result<std::vector<FrameRecord>> records(std::int64_t count) override {
    return records_from(0, count);
  }

  Result<FrameRecord> record(std::int64_t frame) override {
    const auto one = records_from(frame, 1);
    if (!one) return std::unexpected(one.error());
    return one->front();
  }

  Result<std::vector<FrameRecord>> records_from(std::int64_t first, std::int64_t count) override {
    const std::int64_t most =
        std::min(std::int64_t{block().capacity},
                 (source_.size - block().records) / std::int64_t{kFrameRecordBytes});
    if (first < 0 || count < 0 || first > most || count > most - first) {
      return fail(ErrorCode::kCorrupt, "the frame table is shorter than the frames");
    }
    std::vector<FrameRecord> records(static_cast<std::size_t>(count));
    const auto bytes = std::as_writable_bytes(std::span(records));
    const auto got = source_.files.read_at(
        source_.fd.get(), bytes, block().records + first * std::int64_t{kFrameRecordBytes});
    if (!got) return std::unexpected(got.error());
    if (*got != bytes.size()) return fail(ErrorCode::kCorrupt, "the frame table ends early");
    return records;
  }

  Result<void> pixels(std::int64_t frame, std::span<std::byte> into) override {
    if (frame < 0 || frame >= frames_) return fail(ErrorCode::kInvalid, "no such frame");
    Strip strip = plain_strip(source_.layout, frame);
    if (source_.layout.codec != Codec::kNone) {
      const auto told = read_strip(source_.files, source_.fd.get(), source_.layout, frame);
      if (!told) return std::unexpected(told.error());
      strip = *told;
    }
    if (!strip.is_packed) return read(strip, into);
    packed_.resize(static_cast<std::size_t>(strip.bytes));
    if (auto done = read(strip, packed_); !done) return done;
    return decode_frame(source_.layout.codec, source_.layout.shape, packed_, into);
  }

  Result<std::string> provenance() override { return provenance_; }
  Result<std::vector<GapEntry>> gaps() override { return account_.facts.gaps; }
  Result<std::optional<Accounting>> accounting() override { return account_.facts.accounting; }
  std::optional<Scan> scan() override { return account_.scan; }
  Result<SegmentDescription> description() override { return account_.facts.about; }
  Result<std::string> tree() override;

 private:
  [[nodiscard]] const Block& block() const noexcept { return source_.layout.block; }
  [[nodiscard]] Result<void> read(const Strip& strip, std::span<std::byte> into) const {
    if (std::cmp_not_equal(into.size(), strip.bytes)) {
      return fail(ErrorCode::kInvalid, "a frame of another size");
    }
    const auto got = source_.files.read_at(source_.fd.get(), into, strip.offset);
    if (!got) return std::unexpected(got.error());
    if (*got != into.size()) return fail(ErrorCode::kCorrupt, "the TIFF ends early");
    return {};
  }

  Source source_;
  AccountFacts account_;
  std::string provenance_;
  std::int64_t frames_;
  std::vector<std::byte> packed_;
};

std::string_view name_of_tag(std::uint16_t tag) noexcept {
  struct Name {
    std::uint16_t tag;
    std::string_view name;
  };
  constexpr std::array<Name, 19> kNames{{{kImageWidth, "ImageWidth"},
                                         {kImageLength, "ImageLength"},
                                         {kBitsPerSample, "BitsPerSample"},
                                         {kCompression, "Compression"},
                                         {kPhotometric, "PhotometricInterpretation"},
                                         {kImageDescription, "ImageDescription"},
                                         {kStripOffsets, "StripOffsets"},
                                         {kSamplesPerPixel, "SamplesPerPixel"},
                                         {kRowsPerStrip, "RowsPerStrip"},
                                         {kStripByteCounts, "StripByteCounts"},
                                         {kXResolution, "XResolution"},
                                         {kYResolution, "YResolution"},
                                         {kResolutionUnit, "ResolutionUnit"},
                                         {kSoftware, "Software"},
                                         {kDateTime, "DateTime"},
                                         {kSampleFormat, "SampleFormat"},
                                         {kProvenance, "provenance"},
                                         {kFrameTable, "frame table"},
                                         {kDescription, "description"}}};
  const auto* found = std::ranges::find(kNames, tag, &Name::tag);
  return found == kNames.end() ? "unknown" : found->name;
}

/// The directories, the first one with its tags, and the texts.
Result<std::string> TiffReader::tree() {
  std::string text =
      fmt::format("{} of {} directories\n", source_.layout.big() ? "BigTIFF" : "TIFF",
                  finished() ? frames_ : std::clamp(valid(), std::int64_t{0}, frames_));
  for (const Entry& entry : source_.first) {
    text += fmt::format("  {} {} ", entry.tag, name_of_tag(entry.tag));
    if (entry.count == 1 && entry.type != Type::kRational) {
      text += fmt::format("{}\n", entry.value);
    } else {
      text += fmt::format("[{}] at {}\n", entry.count, entry.value);
    }
  }
  if (const Entry* description = source_.entry(kImageDescription); description != nullptr) {
    const auto told = source_.text_of(kImageDescription);
    if (!told) return std::unexpected(told.error());
    text += *told + (told->ends_with('\n') ? "" : "\n");
  }
  return text + provenance_;
}

/// Where the header leads to; none where it is no header.
Result<std::int64_t> first_directory(const Source& source) {
  std::array<std::byte, 16> header{};
  std::array<std::byte, 16> expected{};
  const bool big = source.layout.big();
  const auto size = static_cast<std::size_t>(header_bytes(big));
  const auto bytes = std::span(header).first(size);
  const auto got = source.files.read_at(source.fd.get(), bytes, 0);
  if (!got) return std::unexpected(got.error());
  const std::int64_t first =
      get_link(std::span(header).subspan(static_cast<std::size_t>(first_link(big))), big);
  put_header(expected, big, first);
  if (*got != size || header != expected) {
    return fail(ErrorCode::kCorrupt, "the header is not that of a TIFF");
  }
  return first;
}

Result<void> read_first(Source& source) {
  const bool big = source.layout.big();
  std::vector<std::byte> bytes(
      static_cast<std::size_t>(entries_bytes(big, kFirstTags) + link_bytes(big)));
  const auto got =
      source.files.read_at(source.fd.get(), bytes, source.layout.block.first_directory);
  if (!got) return std::unexpected(got.error());
  if (*got != bytes.size()) return fail(ErrorCode::kCorrupt, "the TIFF ends early");
  auto entries = get_entries(bytes, big);
  if (!entries) return std::unexpected(entries.error());
  if (entries->size() != kFirstTags) {
    return fail(ErrorCode::kCorrupt, "the first directory of the TIFF is damaged");
  }
  source.first = std::move(*entries);
  return {};
}

/// Of a finished file, as its tags say. Errors: kCorrupt.
Result<std::int64_t> finished_frames(const Source& source) {
  const Block& block = source.layout.block;
  const Entry* table = source.entry(kFrameTable);
  if (table == nullptr || table->type != Type::kUndefined ||
      table->count % kFrameRecordBytes != 0 || std::cmp_not_equal(table->value, block.records)) {
    return fail(ErrorCode::kCorrupt, "the frame table of the TIFF is not where it was");
  }
  const auto frames = static_cast<std::int64_t>(table->count / kFrameRecordBytes);
  if (frames < 1 || frames > block.capacity) {
    return fail(ErrorCode::kCorrupt, "an impossible number of frames");
  }
  if (source.layout.codec == Codec::kNone &&
      plain_strip(source.layout, frames).offset > source.size) {
    return fail(ErrorCode::kCorrupt, "the TIFF ends before its last frame");
  }
  return frames;
}

Result<std::unique_ptr<SegmentReader>> open_source(Source source) {
  const Block& block = source.layout.block;
  const auto first = first_directory(source);
  if (!first) return std::unexpected(first.error());
  if (*first == 0 || *first == block.directories) {
    const auto started =
        source.text(block.description, static_cast<std::uint64_t>(block.description_bytes));
    if (!started) return std::unexpected(started.error());
    auto account = read_account(*started);
    if (!account) return std::unexpected(account.error());
    std::string provenance = account->facts.provenance_json;
    return std::make_unique<TiffReader>(std::move(source), std::move(*account),
                                        std::move(provenance), block.capacity);
  }
  if (*first != block.first_directory) {
    return fail(ErrorCode::kCorrupt, "the header leads to a directory of others");
  }
  if (auto read = read_first(source); !read) return std::unexpected(read.error());
  const auto frames = finished_frames(source);
  if (!frames) return std::unexpected(frames.error());
  auto provenance = source.text_of(kProvenance);
  if (!provenance) return std::unexpected(provenance.error());
  const auto text = source.text_of(kDescription);
  if (!text) return std::unexpected(text.error());
  auto account = read_account(*text);
  if (!account) return std::unexpected(account.error());
  return std::make_unique<TiffReader>(std::move(source), std::move(*account),
                                      std::move(*provenance), *frames);
}

}  // namespace

Result<std::unique_ptr<SegmentReader>> open_tiff_segment(FileSystem& files, const path& tiff) {
  auto fd = files.open(tiff, O_RDONLY);
  if (!fd) return std::unexpected(fd.error());
  const auto layout = read_layout(files, fd->get(), tiff);
  if (!layout) return std::unexpected(layout.error());
  const auto size = files.size_bytes(fd->get());
  if (!size) return std::unexpected(size.error());
  auto reader = open_source(Source{files, std::move(*fd), *layout, *size, {}});
  if (!reader && reader.error().context.empty()) reader.error().context = "in " + tiff.string();
  return reader;
}

}  // namespace framelog
