#include "formats/npy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <vector>

#include "formats/contiguous_frames.hpp"
#include "formats/fortran_frames.hpp"

namespace framelog {
namespace {

constexpr std::string_view kMagic("\x93NUMPY", 6);
constexpr std::size_t kVersionBytes = 2;
// NumPy itself refuses to read headers beyond 10 000 bytes unless it is told to.
constexpr std::uint32_t kMaxHeaderBytes = 65536;
struct Problem {
  ErrorCode code{};
  std::string reason;
};
template <class T>
using Parsed = std::expected<T, Problem>;

std::unexpected<Problem> corrupt(std::string reason) {
  return std::unexpected(Problem{ErrorCode::kCorrupt, std::move(reason)});
}

std::unexpected<Problem> unsupported(std::string reason) {
  return std::unexpected(Problem{ErrorCode::kUnsupported, std::move(reason)});
}

/// The three entries of the header's dictionary.
struct Header {
  std::optional<std::string> descr;
  std::optional<bool> fortran_order;
  std::optional<std::vector<std::uint64_t>> shape;
};

/// Reads the literal of a Python dictionary, as far as NPY headers go.
class HeaderParser {
 public:
  explicit HeaderParser(std::string_view text) noexcept : rest_(text) {}

  Parsed<Header> parse() {
    Header header;
    if (!take('{')) return corrupt("the header is no dictionary");
    while (!take('}')) {
      if (auto read = read_entry(header); !read) return std::unexpected(read.error());
      if (take(',')) continue;
      if (!take('}')) return corrupt("the header's dictionary has no end");
      break;
    }
    skip_blanks();
    if (!rest_.empty()) return corrupt("the header has something behind its dictionary");
    return header;
  }

 private:
  void skip_blanks() noexcept {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\n"), rest_.size()));
  }

  bool take(char wanted) noexcept {
    skip_blanks();
    if (!rest_.starts_with(wanted)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool take_word(std::string_view word) noexcept {
    skip_blanks();
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }

  std::optional<std::string> take_string() {
    skip_blanks();
    if (rest_.empty() || (rest_[0] != '\'' && rest_[0] != '"')) return std::nullopt;
    const std::size_t end = rest_.find(rest_[0], 1);
    if (end == std::string_view::npos) return std::nullopt;
    std::string text(rest_.substr(1, end - 1));
    rest_.remove_prefix(end + 1);
    return text;
  }

  Parsed<void> read_entry(Header& header) {
    const auto key = take_string();
    if (!key || !take(':')) return corrupt("the header's dictionary is malformed");
    if (*key == "descr" && !header.descr) return read_descr(header);
    if (*key == "fortran_order" && !header.fortran_order) return read_order(header);
    if (*key == "shape" && !header.shape) return read_shape(header);
    return corrupt("the header's dictionary has a wrong or repeated key '" + *key + "'");
  }

  Parsed<void> read_descr(Header& header) {
    if (take('[')) return unsupported(fmt::format("structured pixels ({})", kNumpyTypesAllowed));
    header.descr = take_string();
    if (!header.descr) return corrupt("the header's 'descr' is no text");
    return {};
  }

  Parsed<void> read_order(Header& header) {
    const bool fortran = take_word("True");
    if (!fortran && !take_word("False")) {
      return corrupt("the header's 'fortran_order' is neither True nor False");
    }
    header.fortran_order = fortran;
    return {};
  }

  Parsed<void> read_shape(Header& header) {
    if (!take('(')) return corrupt("the header's 'shape' is no tuple");
    std::vector<std::uint64_t> shape;
    while (!take(')')) {
      skip_blanks();
      std::uint64_t side = 0;
      const auto [stop, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), side);
      if (error == std::errc::result_out_of_range) return corrupt("an absurd array");
      if (error != std::errc()) return corrupt("the header's 'shape' is malformed");
      rest_.remove_prefix(static_cast<std::size_t>(stop - rest_.data()));
      take_word("L");  // Written by Python 2.
      shape.push_back(side);
      if (take(',')) continue;
      if (!take(')')) return corrupt("the header's 'shape' is malformed");
      break;
    }
    header.shape = std::move(shape);
    return {};
  }

  std::string_view rest_;
};

struct ArrayLayout {
  PixelLayout pixels;
  bool fortran_order{};
};

Parsed<NumpyType> type_of_header(const std::string& descr) {
  if (descr == "|b1") return NumpyType{PixelType::kUint8, false};
  const auto type = parse_numpy_type(descr);
  if (!type) return unsupported(type.error());
  return *type;
}

Parsed<ArrayLayout> layout_of_header(std::string_view text) {
  const auto header = HeaderParser(text).parse();
  if (!header) return std::unexpected(header.error());
  if (!header->descr || !header->fortran_order || !header->shape) {
    return corrupt("the header lacks 'descr', 'fortran_order' or 'shape'");
  }
  const auto type = type_of_header(*header->descr);
  if (!type) return std::unexpected(type.error());
  auto layout = layout_of(*header->shape, type->type, type->big_endian);
  if (!layout && header->shape->size() > kMostDimensions) return unsupported(layout.error());
  if (!layout) return corrupt(layout.error());
  if (*header->fortran_order && header->shape->size() == kMostDimensions) {
    return unsupported(
        "several scans in Fortran order (allowed: C order; numpy.ascontiguousarray)");
  }
  return ArrayLayout{*layout, *header->fortran_order && header->shape->size() > 1};
}

/// Where the header's text begins and how long it is.
struct HeaderPlace {
  std::size_t offset_bytes{};
  std::uint32_t length_bytes{};
};

Parsed<HeaderPlace> header_place(std::span<const std::byte> start) {
  const auto number = [&](std::size_t at, std::size_t bytes) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i) {
      value |= std::to_integer<std::uint32_t>(start[at + i]) << (8U * i);
    }
    return value;
  };
  if (start.empty()) return corrupt("empty");
  if (start.size() < kMagic.size() ||
      !std::ranges::equal(start.first(kMagic.size()), std::as_bytes(std::span(kMagic)))) {
    return corrupt("wrong magic bytes (an NPY file begins with \\x93NUMPY)");
  }
  const std::size_t behind_version = kMagic.size() + kVersionBytes;
  if (start.size() < behind_version) return corrupt("the header is cut off");
  const std::uint32_t major = number(kMagic.size(), 1);
  const std::uint32_t minor = number(kMagic.size() + 1, 1);
  if (major < 1 || major > 3 || minor != 0) {
    return unsupported(fmt::format("NPY version {}.{} (allowed: 1.0, 2.0, 3.0)", major, minor));
  }
  const std::size_t length_bytes = major == 1 ? 2 : 4;
  if (start.size() < behind_version + length_bytes) return corrupt("the header is cut off");
  const HeaderPlace place{behind_version + length_bytes, number(behind_version, length_bytes)};
  if (place.length_bytes > kMaxHeaderBytes) {
    return corrupt(
        fmt::format("a header of {} bytes (allowed: {})", place.length_bytes, kMaxHeaderBytes));
  }
  return place;
}

std::unexpected<Error> as_error(const std::filesystem::path& path, const Problem& problem) {
  return fail(problem.code, "cannot read", fmt::format("{}: {}", path.string(), problem.reason));
}

}  // namespace

bool looks_like_npy(FileSystem& files, const std::filesystem::path& path) {
  const auto fd = open_regular_file(files, path);
  if (!fd) return false;
  std::array<std::byte, kMagic.size()> start{};
  const auto got = files.read_at(fd->get(), start, 0);
  return got && *got == start.size() && std::ranges::equal(start, std::as_bytes(std::span(kMagic)));
}

Result<std::unique_ptr<StoredFrames>> open_npy(FileSystem& files,
                                               const std::filesystem::path& path) {
  auto fd = open_regular_file(files, path);
  if (!fd) return std::unexpected(fd.error());
  std::array<std::byte, 12> start{};
  const auto got = files.read_at(fd->get(), start, 0);
  if (!got) return fail_errno(got.error().system_errno, "cannot read", path.string());
  const auto place = header_place(std::span(start).first(*got));
  if (!place) return as_error(path, place.error());

  std::string text(place->length_bytes, '\0');
  const auto filled = files.read_at(fd->get(), std::as_writable_bytes(std::span(text)),
                                    static_cast<std::int64_t>(place->offset_bytes));
  if (!filled) return fail_errno(filled.error().system_errno, "cannot read", path.string());
  if (*filled < text.size()) {
    return as_error(path, {ErrorCode::kCorrupt,
                           fmt::format("the header is cut off ({} bytes described, {} found)",
                                       text.size(), *filled)});
  }
  auto layout = layout_of_header(text);
  if (!layout) return as_error(path, layout.error());
  PixelLayout& pixels = layout->pixels;
  pixels.offset_bytes = static_cast<std::int64_t>(place->offset_bytes + text.size());
  const std::string order = pixels.big_endian ? ", big-endian" : "";
  if (layout->fortran_order) {
    return FortranFrames::over(files, std::move(*fd), path, pixels, "NPY, Fortran order" + order,
                               FortranFrames::Memory());
  }
  return ContiguousFrames::over(files, std::move(*fd), path, pixels, "NPY" + order);
}

Result<NpyHeader> read_npy_header(std::span<const std::byte> start) {
  const auto wrong = [](const Problem& problem) {
    return fail(problem.code, "cannot read an array:", problem.reason);
  };
  const auto place = header_place(start);
  if (!place) return wrong(place.error());
  if (start.size() < place->offset_bytes + place->length_bytes) {
    return wrong({ErrorCode::kCorrupt, "the header is cut off"});
  }
  const auto text = start.subspan(place->offset_bytes, place->length_bytes);
  auto header = HeaderParser({reinterpret_cast<const char*>(text.data()), text.size()}).parse();
  if (!header) return wrong(header.error());
  if (!header->descr || !header->fortran_order || !header->shape) {
    return wrong({ErrorCode::kCorrupt, "the header lacks 'descr', 'fortran_order' or 'shape'"});
  }
  return NpyHeader{std::move(*header->descr), *header->fortran_order, std::move(*header->shape),
                   place->offset_bytes + place->length_bytes};
}

Result<PixelLayout> npy_layout(const NpyHeader& header) {
  const auto type = type_of_header(header.descr);
  if (!type) return fail(type.error().code, "cannot read an array:", type.error().reason);
  auto layout = layout_of(header.shape, type->type, type->big_endian);
  if (!layout) {
    return fail(
        header.shape.size() > kMostDimensions ? ErrorCode::kUnsupported : ErrorCode::kCorrupt,
        "cannot read an array:", layout.error());
  }
  layout->offset_bytes = static_cast<std::int64_t>(header.data_offset);
  return *layout;
}

}  // namespace framelog
