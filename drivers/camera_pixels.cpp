#include "drivers/camera_pixels.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace framelog {
namespace {

using enum PixelType;
using enum PackedFormat;

// A mosaic is packed like mono: the standard packs values, whatever colour they have.
constexpr std::array kFormats{
    CameraFormat{"Mono8", 0x01080001, 8, kUint8, {}},
    CameraFormat{"Mono8s", 0x01080002, 7, kInt8, {}},
    CameraFormat{"Mono10", 0x01100003, 10, kUint16, {}},
    CameraFormat{"Mono10p", 0x010A0046, 10, kUint16, kMono10p},
    CameraFormat{"Mono10Packed", 0x010C0004, 10, kUint16, kMono10Packed},
    CameraFormat{"Mono12", 0x01100005, 12, kUint16, {}},
    CameraFormat{"Mono12p", 0x010C0047, 12, kUint16, kMono12p},
    CameraFormat{"Mono12Packed", 0x010C0006, 12, kUint16, kMono12Packed},
    CameraFormat{"Mono14", 0x01100025, 14, kUint16, {}},
    CameraFormat{"Mono16", 0x01100007, 16, kUint16, {}},
    CameraFormat{"BayerGR8", 0x01080008, 8, kUint8, {}},
    CameraFormat{"BayerRG8", 0x01080009, 8, kUint8, {}},
    CameraFormat{"BayerGB8", 0x0108000A, 8, kUint8, {}},
    CameraFormat{"BayerBG8", 0x0108000B, 8, kUint8, {}},
    CameraFormat{"BayerGR10", 0x0110000C, 10, kUint16, {}},
    CameraFormat{"BayerRG10", 0x0110000D, 10, kUint16, {}},
    CameraFormat{"BayerGB10", 0x0110000E, 10, kUint16, {}},
    CameraFormat{"BayerBG10", 0x0110000F, 10, kUint16, {}},
    CameraFormat{"BayerGR10p", 0x010A0056, 10, kUint16, kMono10p},
    CameraFormat{"BayerRG10p", 0x010A0058, 10, kUint16, kMono10p},
    CameraFormat{"BayerGB10p", 0x010A0054, 10, kUint16, kMono10p},
    CameraFormat{"BayerBG10p", 0x010A0052, 10, kUint16, kMono10p},
    CameraFormat{"BayerGR10Packed", 0x010C0026, 10, kUint16, kMono10Packed},
    CameraFormat{"BayerRG10Packed", 0x010C0027, 10, kUint16, kMono10Packed},
    CameraFormat{"BayerGB10Packed", 0x010C0028, 10, kUint16, kMono10Packed},
    CameraFormat{"BayerBG10Packed", 0x010C0029, 10, kUint16, kMono10Packed},
    CameraFormat{"BayerGR12", 0x01100010, 12, kUint16, {}},
    CameraFormat{"BayerRG12", 0x01100011, 12, kUint16, {}},
    CameraFormat{"BayerGB12", 0x01100012, 12, kUint16, {}},
    CameraFormat{"BayerBG12", 0x01100013, 12, kUint16, {}},
    CameraFormat{"BayerGR12p", 0x010C0057, 12, kUint16, kMono12p},
    CameraFormat{"BayerRG12p", 0x010C0059, 12, kUint16, kMono12p},
    CameraFormat{"BayerGB12p", 0x010C0055, 12, kUint16, kMono12p},
    CameraFormat{"BayerBG12p", 0x010C0053, 12, kUint16, kMono12p},
    CameraFormat{"BayerGR12Packed", 0x010C002A, 12, kUint16, kMono12Packed},
    CameraFormat{"BayerRG12Packed", 0x010C002B, 12, kUint16, kMono12Packed},
    CameraFormat{"BayerGB12Packed", 0x010C002C, 12, kUint16, kMono12Packed},
    CameraFormat{"BayerBG12Packed", 0x010C002D, 12, kUint16, kMono12Packed},
    CameraFormat{"BayerGR14", 0x01100109, 14, kUint16, {}},
    CameraFormat{"BayerRG14", 0x0110010A, 14, kUint16, {}},
    CameraFormat{"BayerGB14", 0x0110010B, 14, kUint16, {}},
    CameraFormat{"BayerBG14", 0x0110010C, 14, kUint16, {}},
    CameraFormat{"BayerGR16", 0x0110002E, 16, kUint16, {}},
    CameraFormat{"BayerRG16", 0x0110002F, 16, kUint16, {}},
    CameraFormat{"BayerGB16", 0x01100030, 16, kUint16, {}},
    CameraFormat{"BayerBG16", 0x01100031, 16, kUint16, {}},
};

std::size_t bytes_of(const CameraFormat& format, std::size_t pixels) noexcept {
  return format.packed ? packed_bytes(*format.packed, pixels) : pixels * size_bytes(format.type);
}

std::size_t pixels_of(const FrameShape& shape) noexcept {
  return std::size_t{shape.height_px} * shape.width_px;
}

void copy_run(const CameraFormat& format, std::span<const std::byte> sent,
              std::span<std::byte> pixels) noexcept {
  if (!format.packed) {
    std::memcpy(pixels.data(), sent.data(), pixels.size());
    return;
  }
  // Slots are aligned to more than a pixel, and rows of uint16 keep that.
  unpack(*format.packed, sent,
         {reinterpret_cast<std::uint16_t*>(pixels.data()), pixels.size() / sizeof(std::uint16_t)});
}

}  // namespace

const CameraFormat* find_camera_format(std::uint32_t code) noexcept {
  const auto* found = std::ranges::find(kFormats, code, &CameraFormat::code);
  return found == kFormats.end() ? nullptr : found;
}

const CameraFormat* find_camera_format(std::string_view name) noexcept {
  const auto* found = std::ranges::find(kFormats, name, &CameraFormat::name);
  return found == kFormats.end() ? nullptr : found;
}

std::string camera_formats_text() {
  std::string text;
  for (const CameraFormat& format : kFormats) {
    if (!text.empty()) text += ' ';
    text += format.name;
  }
  return text;
}

std::size_t camera_bytes(const CameraLayout& layout) noexcept {
  if (layout.row_padding_bytes == 0) return bytes_of(layout.format, pixels_of(layout.shape));
  return (bytes_of(layout.format, layout.shape.width_px) + layout.row_padding_bytes) *
         layout.shape.height_px;
}

void copy_camera_pixels(const CameraLayout& layout, std::span<const std::byte> sent,
                        std::span<std::byte> pixels) noexcept {
  if (layout.row_padding_bytes == 0) return copy_run(layout.format, sent, pixels);
  const std::size_t row_bytes = bytes_of(layout.format, layout.shape.width_px);
  const std::size_t slot_bytes = std::size_t{layout.shape.width_px} * size_bytes(layout.shape.type);
  for (std::size_t y = 0; y < layout.shape.height_px; ++y) {
    copy_run(layout.format, sent.subspan(y * (row_bytes + layout.row_padding_bytes), row_bytes),
             pixels.subspan(y * slot_bytes, slot_bytes));
  }
}

}  // namespace framelog
