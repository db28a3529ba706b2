#include "formats/raw_file.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "formats/contiguous_frames.hpp"
#include "formats/numpy_type.hpp"

namespace framelog {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kFormat = "framelog-raw";
constexpr std::uint64_t kVersion = 1;
constexpr std::size_t kMaxSidecarBytes = std::size_t{64} << 20U;

std::unexpected<Error> wrong(ErrorCode code, const std::filesystem::path& path,
                             std::string_view reason) {
  return fail(code, "cannot read", fmt::format("{}: {}", path.string(), reason));
}

const std::string* text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() ? nullptr : found->get_ptr<const std::string*>();
}

std::optional<std::vector<std::uint64_t>> shape_of(const Json& object) {
  const auto found = object.find("shape");
  if (found == object.end() || !found->is_array()) return std::nullopt;
  std::vector<std::uint64_t> shape;
  for (const Json& side : *found) {
    if (!side.is_number_unsigned()) return std::nullopt;
    shape.push_back(side.get<std::uint64_t>());
  }
  return shape;
}

struct Sidecar {
  PixelLayout layout;
  std::string frames_name;  // Empty: none.
};

/// Empty where there is no sidecar of ours; an error where there is one that is wrong.
Result<std::optional<Json>> load(FileSystem& files, const std::filesystem::path& path) {
  if (!files.exists(path)) return std::nullopt;
  if (auto regular = open_regular_file(files, path); !regular) {
    return std::unexpected(regular.error());
  }
  const auto text = read_text(files, path, kMaxSidecarBytes);
  if (!text) return std::unexpected(text.error());
  Json json = Json::parse(*text, nullptr, false);
  if (json.is_discarded() || !json.is_object()) {
    return wrong(ErrorCode::kCorrupt, path, "not a JSON object");
  }
  const std::string* format = text_of(json, "format");
  if (format == nullptr || *format != kFormat) {
    return wrong(ErrorCode::kUnsupported, path,
                 "does not describe a RAW of framelog (expected: \"format\": \"framelog-raw\")");
  }
  return json;
}

Result<Sidecar> understand(const Json& json, const std::filesystem::path& path) {
  const auto version = json.find("version");
  if (version == json.end() || *version != kVersion) {
    return wrong(ErrorCode::kUnsupported, path, "wrong or missing \"version\" (allowed: 1)");
  }
  const auto shape = shape_of(json);
  if (!shape) {
    return wrong(ErrorCode::kCorrupt, path,
                 "wrong or missing \"shape\" (expected: [n, height, width])");
  }
  const std::string* dtype = text_of(json, "dtype");
  if (dtype == nullptr) return wrong(ErrorCode::kCorrupt, path, "wrong or missing \"dtype\"");
  const auto type = parse_numpy_type(*dtype);
  if (!type) return wrong(ErrorCode::kUnsupported, path, type.error());
  const std::string* endianness = text_of(json, "endianness");
  if (endianness == nullptr || (*endianness != "little" && *endianness != "big")) {
    return wrong(ErrorCode::kCorrupt, path,
                 "wrong or missing \"endianness\" (allowed: little, big)");
  }
  const bool big_endian = *endianness == "big";
  if (size_bytes(type->type) > 1 && big_endian != type->big_endian) {
    return wrong(
        ErrorCode::kCorrupt, path,
        fmt::format("\"dtype\": \"{}\" contradicts \"endianness\": \"{}\"", *dtype, *endianness));
  }
  const auto layout = layout_of(*shape, type->type, big_endian);
  if (!layout) return wrong(ErrorCode::kCorrupt, path, layout.error());
  Sidecar sidecar{*layout, {}};
  if (const auto frames = json.find("frames"); frames != json.end()) {
    const std::string* name = text_of(json, "frames");
    if (name == nullptr || name->empty() || name->find('/') != std::string::npos) {
      return wrong(ErrorCode::kCorrupt, path, "\"frames\" is not the name of a file beside it");
    }
    sidecar.frames_name = *name;
  }
  return sidecar;
}

std::string to_text(const RawGeometry& geometry) {
  std::string text;
  for (const std::uint64_t side : geometry.shape) text += fmt::format("{} x ", side);
  return fmt::format("{} {}", text.substr(0, text.size() - 3), name_of(geometry.type));
}

/// The layout by `geometry` alone, for a file of `size` bytes.
Result<PixelLayout> layout_by_user(const RawGeometry& geometry, const std::filesystem::path& path,
                                   std::int64_t size) {
  auto layout = layout_of(geometry.shape, geometry.type, false);
  if (!layout) return wrong(ErrorCode::kInvalid, path, layout.error());
  if (geometry.shape.size() == 3) return *layout;
  const auto bytes = static_cast<std::uint64_t>(size);
  const std::uint64_t frame_bytes = size_bytes(layout->shape);
  if (bytes == 0 || bytes % frame_bytes != 0) {
    return wrong(ErrorCode::kCorrupt, path,
                 fmt::format("{} bytes are not a whole number of frames of {} ({} bytes each)",
                             bytes, to_string(layout->shape), frame_bytes));
  }
  layout->frames = bytes / frame_bytes;
  return *layout;
}

Result<std::unique_ptr<StoredFrames>> open_described(FileSystem& files, UniqueFd fd,
                                                     const std::filesystem::path& path,
                                                     const std::filesystem::path& sidecar_path,
                                                     const Json& json) {
  const auto sidecar = understand(json, sidecar_path);
  if (!sidecar) return std::unexpected(sidecar.error());
  auto frames = ContiguousFrames::over(files, std::move(fd), path, sidecar->layout, "RAW");
  if (!frames) return std::unexpected(frames.error());
  (*frames)->add_input(sidecar_path);
  const auto records_path = path.parent_path() / sidecar->frames_name;
  if (!sidecar->frames_name.empty() && files.exists(records_path)) {
    if (auto added = (*frames)->add_records(records_path); !added) {
      return std::unexpected(added.error());
    }
  }
  return std::move(*frames);
}

std::filesystem::path sidecar_of(const std::filesystem::path& path) {
  auto sidecar = path;
  return sidecar.replace_extension(".json");
}

}  // namespace

Result<std::string> raw_provenance(FileSystem& files, const std::filesystem::path& path) {
  const auto beside = std::filesystem::path(path).replace_extension(".json");
  const auto json = load(files, beside);
  if (!json) return std::unexpected(json.error());
  if (!*json) return wrong(ErrorCode::kNotFound, beside, "it would tell what the bytes are");
  const auto provenance = (*json)->find("provenance");
  return provenance == (*json)->end() ? std::string() : provenance->dump();
}

bool has_raw_sidecar(FileSystem& files, const std::filesystem::path& path) {
  const auto sidecar = sidecar_of(path);
  if (sidecar == path) return false;
  const auto json = load(files, sidecar);
  return json && *json;
}

Result<void> check_agreement(const StoredFacts& facts, const RawGeometry& geometry) {
  const auto given = layout_of(geometry.shape, geometry.type, false);
  const bool same_frame = given && given->shape == facts.shape;
  if (same_frame && (geometry.shape.size() != 3 || given->frames == facts.frames)) return {};
  return wrong(ErrorCode::kInvalid, facts.inputs.front(),
               fmt::format("it describes itself as {} frames of {}, which {} contradicts",
                           facts.frames, to_string(facts.shape), to_text(geometry)));
}

Result<std::unique_ptr<StoredFrames>> open_raw(FileSystem& files, const std::filesystem::path& path,
                                               const std::optional<RawGeometry>& geometry) {
  auto fd = open_regular_file(files, path);
  if (!fd) return std::unexpected(fd.error());
  const auto sidecar_path = sidecar_of(path);
  const auto json = load(files, sidecar_path);
  if (json && *json) {
    auto frames = open_described(files, std::move(*fd), path, sidecar_path, **json);
    if (!frames || !geometry) return frames;
    if (auto checked = check_agreement((*frames)->facts(), *geometry); !checked) {
      return std::unexpected(checked.error());
    }
    return frames;
  }
  // With the user's word a file named like a sidecar, but of somebody else, does not matter.
  if (!geometry && !json) return std::unexpected(json.error());
  if (!geometry) {
    return wrong(ErrorCode::kInvalid, path,
                 fmt::format("there is no {} that describes it (say its shape and pixel_type)",
                             sidecar_path.filename().string()));
  }
  const auto size = files.size_bytes(fd->get());
  if (!size) return fail_errno(size.error().system_errno, "cannot read", path.string());
  const auto layout = layout_by_user(*geometry, path, *size);
  if (!layout) return std::unexpected(layout.error());
  return ContiguousFrames::over(files, std::move(*fd), path, *layout, "headerless");
}

}  // namespace framelog
