#include "store/calibration_image.hpp"

#include <fmt/format.h>

#include <cstring>
#include <memory>
#include <string>

#include "formats/frame_files.hpp"

namespace framelog {
namespace {

template <class Pixel>
void add_pixels(std::span<const std::byte> pixels, std::vector<double>& sums) {
  for (std::size_t i = 0; i < sums.size(); ++i) {
    Pixel pixel{};
    std::memcpy(&pixel, pixels.data() + i * sizeof pixel, sizeof pixel);
    sums[i] += static_cast<double>(pixel);
  }
}

void add_frame(PixelType type, std::span<const std::byte> pixels, std::vector<double>& sums) {
  switch (type) {
    case PixelType::kUint8:
      return add_pixels<std::uint8_t>(pixels, sums);
    case PixelType::kInt8:
      return add_pixels<std::int8_t>(pixels, sums);
    case PixelType::kUint16:
      return add_pixels<std::uint16_t>(pixels, sums);
    case PixelType::kInt16:
      return add_pixels<std::int16_t>(pixels, sums);
    case PixelType::kUint32:
      return add_pixels<std::uint32_t>(pixels, sums);
    case PixelType::kInt32:
      return add_pixels<std::int32_t>(pixels, sums);
    case PixelType::kUint64:
      return add_pixels<std::uint64_t>(pixels, sums);
    case PixelType::kFloat32:
      return add_pixels<float>(pixels, sums);
    case PixelType::kFloat64:
      return add_pixels<double>(pixels, sums);
  }
}

}  // namespace

Result<CalibrationImage> read_calibration(FileSystem& files, std::string_view source) {
  constexpr std::string_view kSeparator = "::";
  const std::size_t at = source.find(kSeparator);
  CalibrationImage image;
  image.path = source.substr(0, at);
  FrameFileRequest request;
  if (at != std::string_view::npos) request.dataset = source.substr(at + kSeparator.size());
  auto frames = open_frame_file(files, image.path, request);
  if (!frames) return std::unexpected(frames.error());
  const StoredFacts& facts = (*frames)->facts();
  image.height_px = facts.shape.height_px;
  image.width_px = facts.shape.width_px;
  image.frames = facts.frames;
  image.values.resize(std::size_t{image.height_px} * image.width_px);
  std::vector<std::byte> pixels(size_bytes(facts.shape));
  for (std::uint64_t i = 0; i < facts.frames; ++i) {
    const auto info = (*frames)->info(i);
    if (!info) return std::unexpected(info.error());
    const auto intact = (*frames)->read(i, pixels, info->crc32c);
    if (!intact) return std::unexpected(intact.error());
    if (!*intact) {
      return fail(ErrorCode::kCorrupt, "cannot use",
                  fmt::format("{}: frame {} does not fit its checksum", image.path.string(), i));
    }
    add_frame(facts.shape.type, pixels, image.values);
  }
  for (double& value : image.values) value /= static_cast<double>(facts.frames);
  return image;
}

}  // namespace framelog
