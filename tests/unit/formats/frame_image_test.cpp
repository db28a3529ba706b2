#include "formats/frame_image.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <array>

#include "core/file_system.hpp"
#include "formats/tiff_file.hpp"

namespace framelog {
namespace {

constexpr std::array kTypes{PixelType::kUint8,  PixelType::kInt8,    PixelType::kUint16,
                            PixelType::kInt16,  PixelType::kUint32,  PixelType::kInt32,
                            PixelType::kUint64, PixelType::kFloat32, PixelType::kFloat64};

/// 300 rows, so that a TIFF of wide ones has several strips.
struct Frame {
  explicit Frame(PixelType type, std::uint32_t width_px = 700) {
    image.shape = {300, width_px, type};
    pixels.resize(size_bytes(image.shape));
    for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::byte>(i * 7 % 61);
    image.pixels = pixels;
    image.instrument = "camera";
    image.product = "frames";
    image.sequence = 41;
    image.utc_ns = 0;
  }
  std::vector<std::byte> pixels;
  FrameImage image;
};

TEST(FrameImageTest, ATiffHoldsThePixelsOfEveryTypeAsTheyAre) {
  for (const PixelType type : kTypes) {
    const Frame frame(type);
    const auto bytes = encode_tiff(frame.image);
    ASSERT_TRUE(bytes) << name_of(type);
    UniqueFd memory(::memfd_create("frame.tif", MFD_CLOEXEC));
    ASSERT_TRUE(system_files().write_at(memory.get(), *bytes, 0));
    const auto tiff = TiffFile::open(system_files(), std::move(memory), "frame.tif");
    ASSERT_TRUE(tiff) << name_of(type) << ": " << describe(tiff.error());
    const auto page = (*tiff)->page();
    ASSERT_TRUE(page) << name_of(type) << ": " << describe(page.error());
    EXPECT_EQ(page->shape, frame.image.shape);
    std::vector<std::byte> read(frame.pixels.size());
    ASSERT_TRUE((*tiff)->read(*page, read));
    EXPECT_EQ(read, frame.pixels) << name_of(type);
    EXPECT_EQ((*tiff)->description(), "camera frames, frame 41, 1970-01-01T00:00:00.000000Z");
  }
}

TEST(FrameImageTest, APngHoldsUnsignedIntegersOf8And16Bit) {
  for (const PixelType type : kTypes) {
    const Frame frame(type, 5);
    const auto bytes = encode_image("a.PNG", frame.image);
    const bool fits = type == PixelType::kUint8 || type == PixelType::kUint16;
    EXPECT_EQ(bytes.has_value(), fits) << name_of(type);
    if (fits) continue;
    EXPECT_EQ(bytes.error().code, ErrorCode::kUnsupported);
    EXPECT_NE(describe(bytes.error()).find(name_of(type)), std::string::npos);
  }
}

TEST(FrameImageTest, AnHdf5FileIsMadeOfEveryType) {
  for (const PixelType type : kTypes) {
    const Frame frame(type);
    const auto bytes = encode_image("a.h5", frame.image);
    ASSERT_TRUE(bytes) << name_of(type) << ": " << describe(bytes.error());
    EXPECT_GE(bytes->size(), frame.pixels.size());
    EXPECT_EQ((*bytes)[1], std::byte{'H'});
  }
}

TEST(FrameImageTest, OtherNamesAndOtherPixelsAreRefused) {
  Frame frame(PixelType::kUint8);
  for (const char* name : {"a.jpg", "a", "png", ".png"}) {
    EXPECT_FALSE(is_image_name(name)) << name;
    EXPECT_FALSE(encode_image(name, frame.image)) << name;
  }
  frame.image.pixels = std::span(frame.pixels).first(7);
  EXPECT_FALSE(encode_image("a.tif", frame.image));
}

}  // namespace
}  // namespace framelog
