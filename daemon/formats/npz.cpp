#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/crc32c.hpp"
#include "formats/bundle.hpp"
#include "formats/byte_order.hpp"
#include "formats/npy.hpp"
#include "formats/zip_reader.hpp"

namespace framelog {
namespace {

constexpr std::size_t kMostHeaderBytes = 65536 + 12;
// Texts and times are kept whole; a frame has some hundred bytes of metadata, as UTF-32.
constexpr std::uint64_t kMostKeptBytes = std::uint64_t{1} << 30U;
constexpr std::string_view kSuffix = ".npy";

std::unexpected<Error> wrong(ErrorCode code, const std::filesystem::path& path,
                             std::string_view reason) {
  return fail(code, "cannot read", fmt::format("{}: {}", path.string(), reason));
}

/// An array of the zip that is open.
struct Array {
  std::unique_ptr<ZipMemberReader> reader;
  NpyHeader header;
};

Result<Array> open_array(const ZipFile& zip, const ZipMember& member) {
  auto reader = ZipMemberReader::open(zip, member);
  if (!reader) return std::unexpected(reader.error());
  std::vector<std::byte> start(std::min<std::uint64_t>(member.bytes, kMostHeaderBytes));
  if (auto read = (*reader)->read(0, start); !read) return std::unexpected(read.error());
  auto header = read_npy_header(start);
  if (!header) return std::unexpected(header.error());
  return Array{std::move(*reader), std::move(*header)};
}

class ZippedFrames final : public StoredFrames {
 public:
  ZippedFrames(std::shared_ptr<const ZipFile> zip, Array array, const PixelLayout& layout)
      : zip_(std::move(zip)), reader_(std::move(array.reader)), layout_(layout) {
    facts_.shape = layout.shape;
    facts_.frames = layout.frames;
    facts_.scan = layout.scan;
  }
  StoredFacts& change() noexcept { return facts_; }
  [[nodiscard]] const StoredFacts& facts() const noexcept override { return facts_; }

  [[nodiscard]] Result<StoredInfo> info(std::uint64_t index) noexcept override {
    StoredInfo stored;
    stored.info.sequence = stored.info.source_sequence = index;
    return stored;
  }
  [[nodiscard]] Result<bool> read(std::uint64_t index, std::span<std::byte> pixels,
                                  std::optional<std::uint32_t> crc32c) noexcept override {
    const std::uint64_t offset =
        static_cast<std::uint64_t>(layout_.offset_bytes) + index * size_bytes(layout_.shape);
    if (auto done = reader_->read(offset, pixels); !done) return std::unexpected(done.error());
    const bool intact = !crc32c || framelog::crc32c(pixels) == *crc32c;
    if (layout_.big_endian) swap_bytes(pixels, size_bytes(layout_.shape.type));
    return intact;
  }

 private:
  std::shared_ptr<const ZipFile> zip_;  // Shared: the frames and all layers read one file.
  std::unique_ptr<ZipMemberReader> reader_;
  PixelLayout layout_;
  StoredFacts facts_;
};

/// Opens NPZ files; its parts share the zip.
class Opener {
 public:
  Opener(std::shared_ptr<const ZipFile> zip, std::filesystem::path path)
      : zip_(std::move(zip)), path_(std::move(path)) {}

  Result<std::unique_ptr<StoredFrames>> frames(const std::string& name) {
    auto array = open_array(*zip_, *zip_->find(name + std::string(kSuffix)));
    if (!array) return wrong(array.error().code, path_, name + ": " + describe(array.error()));
    if (array->header.fortran_order && array->header.shape.size() > 1) {
      return wrong(ErrorCode::kUnsupported, path_,
                   name + ": in Fortran order (allowed: C order; numpy.ascontiguousarray)");
    }
    auto layout = npy_layout(array->header);
    if (!layout) return wrong(layout.error().code, path_, name + ": " + describe(layout.error()));
    const std::uint64_t bytes = array->reader->bytes() - array->header.data_offset;
    if (bytes != layout->frames * size_bytes(layout->shape)) {
      return wrong(ErrorCode::kCorrupt, path_, name + ": of another size than its header says");
    }
    auto frames = std::make_unique<ZippedFrames>(zip_, std::move(*array), *layout);
    frames->change().description = fmt::format("NPZ, {}", name);
    frames->change().settings = {{"dataset", name}};
    frames->change().inputs = {path_};
    return frames;
  }

  /// "data", or the one array that can be frames.
  Result<std::string> name_of_frames() const {
    if (zip_->find("data.npy") != nullptr) return "data";
    std::vector<std::string> found;
    for (const ZipMember& member : zip_->members()) {
      if (!member.name.ends_with(kSuffix)) continue;
      const auto array = open_array(*zip_, member);
      if (!array || array->header.shape.size() < 2 || !npy_layout(array->header)) continue;
      found.push_back(member.name.substr(0, member.name.size() - kSuffix.size()));
    }
    if (found.size() == 1) return found.front();
    return wrong(found.empty() ? ErrorCode::kUnsupported : ErrorCode::kInvalid, path_,
                 found.empty() ? "it has no array of frames"
                               : "several arrays could be the frames (allowed: one named data)");
  }

  struct Values {
    std::string type;  ///< As NumPy has it.
    std::vector<std::byte> bytes;
  };
  /// All of a small array; empty where it is not there.
  Values values_of(const std::string& name) const {
    const ZipMember* member = zip_->find(name + std::string(kSuffix));
    if (member == nullptr || member->bytes > kMostKeptBytes) return {};
    const auto array = open_array(*zip_, *member);
    if (!array) return {};
    std::vector<std::byte> bytes(member->bytes - array->header.data_offset);
    if (!array->reader->read(array->header.data_offset, bytes)) return {};
    return {array->header.descr, std::move(bytes)};
  }

  /// A NumPy text, UTF-32 padded with zeros, as UTF-8.
  std::string text_of(const std::string& name) const {
    const auto [type, bytes] = values_of(name);
    std::string text;
    if (!type.starts_with("<U")) return text;
    text.reserve(bytes.size() / 4);
    for (std::size_t i = 0; i + 4 <= bytes.size(); i += 4) {
      std::uint32_t point = 0;
      std::memcpy(&point, &bytes[i], 4);
      if (point == 0) break;
      add_utf8(text, point);
    }
    return text;
  }

  /// Of any type: numpy.savez() makes int64 of a whole number.
  std::vector<double> numbers_of(const std::string& name) const {
    Values values = values_of(name);
    if (values.type.size() != 3) return {};
    const std::string kind = values.type.substr(1);
    if (values.type[0] == '>') swap_bytes(values.bytes, static_cast<std::size_t>(kind[1] - '0'));
    if (kind == "f8") return numbers_as<double>(values.bytes);
    if (kind == "f4") return numbers_as<float>(values.bytes);
    if (kind == "i8") return numbers_as<std::int64_t>(values.bytes);
    if (kind == "i4") return numbers_as<std::int32_t>(values.bytes);
    if (kind == "i2") return numbers_as<std::int16_t>(values.bytes);
    if (kind == "i1") return numbers_as<std::int8_t>(values.bytes);
    if (kind == "u8") return numbers_as<std::uint64_t>(values.bytes);
    if (kind == "u4") return numbers_as<std::uint32_t>(values.bytes);
    if (kind == "u2") return numbers_as<std::uint16_t>(values.bytes);
    if (kind == "u1") return numbers_as<std::uint8_t>(values.bytes);
    return {};
  }

  Result<void> add_layers(Bundle& bundle) {
    for (const ZipMember& member : zip_->members()) {
      for (const std::string_view prefix : {"processed__", "masks__"}) {
        if (!member.name.starts_with(prefix) || !member.name.ends_with(kSuffix)) continue;
        const std::string name = member.name.substr(0, member.name.size() - kSuffix.size());
        auto layer = frames(name);
        if (!layer) return std::unexpected(layer.error());
        if ((*layer)->facts().frames != bundle.frames->facts().frames) continue;
        bundle.layers.push_back({name.substr(prefix.size()), prefix[0] == 'm', std::move(*layer)});
      }
    }
    return {};
  }

 private:
  template <class Number>
  static std::vector<double> numbers_as(std::span<const std::byte> bytes) {
    std::vector<double> numbers(bytes.size() / sizeof(Number));
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      Number number{};
      std::memcpy(&number, &bytes[i * sizeof number], sizeof number);
      numbers[i] = static_cast<double>(number);
    }
    return numbers;
  }
  static void add_utf8(std::string& text, std::uint32_t point) {
    if (point < 0x80) {
      text += static_cast<char>(point);
    } else if (point < 0x800) {
      text += static_cast<char>(0xC0U | point >> 6U);
      text += static_cast<char>(0x80U | (point & 0x3FU));
    } else if (point < 0x10000) {
      text += static_cast<char>(0xE0U | point >> 12U);
      text += static_cast<char>(0x80U | (point >> 6U & 0x3FU));
      text += static_cast<char>(0x80U | (point & 0x3FU));
    } else {
      text += static_cast<char>(0xF0U | (point >> 18U & 0x07U));
      text += static_cast<char>(0x80U | (point >> 12U & 0x3FU));
      text += static_cast<char>(0x80U | (point >> 6U & 0x3FU));
      text += static_cast<char>(0x80U | (point & 0x3FU));
    }
  }

  std::shared_ptr<const ZipFile> zip_;
  std::filesystem::path path_;
};

}  // namespace

bool is_npz(FileSystem& files, const std::filesystem::path& path) {
  const auto zip = ZipFile::open(files, path);
  return zip && std::ranges::any_of(zip->members(), [](const ZipMember& member) {
           return member.name.ends_with(kSuffix);
         });
}

Result<Bundle> open_npz_bundle(FileSystem& files, const std::filesystem::path& path) {
  auto zip = ZipFile::open(files, path);
  if (!zip) return std::unexpected(zip.error());
  Opener opener(std::make_shared<const ZipFile>(std::move(*zip)), path);
  const auto name = opener.name_of_frames();
  if (!name) return std::unexpected(name.error());
  auto frames = opener.frames(*name);
  if (!frames) return std::unexpected(frames.error());
  const auto sizes = opener.numbers_of("pixel_size_nm");
  Bundle bundle;
  bundle.provenance_json = opener.text_of("provenance_json");
  bundle.frames = as_bundle(
      std::move(*frames), opener.numbers_of("timestamps"),
      {sizes.empty() ? 0 : sizes.front(), opener.text_of("channel"), bundle.provenance_json});
  bundle.frame_metadata =
      split_metadata(opener.text_of("frame_metadata_json"), bundle.frames->facts().frames);
  if (auto added = opener.add_layers(bundle); !added) return std::unexpected(added.error());
  return bundle;
}

Result<std::unique_ptr<StoredFrames>> open_npz(FileSystem& files,
                                               const std::filesystem::path& path) {
  auto bundle = open_npz_bundle(files, path);
  if (!bundle) return std::unexpected(bundle.error());
  return std::move(bundle->frames);
}

}  // namespace framelog
