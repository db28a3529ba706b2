#include "formats/fortran_frames.hpp"

#include <gtest/gtest.h>

#include <random>

#include "formats/byte_order.hpp"
#include "recording.hpp"

namespace framelog {
namespace {

using Sides = std::vector<std::uint64_t>;

/// The bytes of an array of random pixels, first index fastest, and the same last index fastest.
struct Arrays {
  std::string fortran;
  std::string c;
};

Arrays random_arrays(const Sides& sides, std::size_t pixel_bytes, std::mt19937& random) {
  std::size_t count = 1;
  for (const std::uint64_t side : sides) count *= side;
  Arrays arrays{std::string(count * pixel_bytes, '\0'), std::string(count * pixel_bytes, '\0')};
  for (char& byte : arrays.c) byte = static_cast<char>(random());
  for (std::size_t at = 0; at < count; ++at) {
    std::size_t rest = at;
    std::size_t step = count;
    std::size_t in_c = 0;
    for (const std::uint64_t side : sides) {
      step /= side;
      in_c += rest % side * step;
      rest /= side;
    }
    arrays.fortran.replace(at * pixel_bytes, pixel_bytes, arrays.c, in_c * pixel_bytes,
                           pixel_bytes);
  }
  return arrays;
}

Result<std::unique_ptr<StoredFrames>> open(const std::filesystem::path& path,
                                           const PixelLayout& layout,
                                           const FortranFrames::Memory& memory) {
  auto fd = open_regular_file(system_files(), path);
  if (!fd) return std::unexpected(fd.error());
  return FortranFrames::over(system_files(), std::move(*fd), path, layout, "test", memory);
}

void expect_equal(StoredFrames& frames, const std::string& c, std::size_t swapped_bytes) {
  std::vector<std::byte> pixels(size_bytes(frames.facts().shape));
  for (std::uint64_t i = 0; i < frames.facts().frames; ++i) {
    const auto read = frames.read(i, pixels, std::nullopt);
    ASSERT_TRUE(read) << describe(read.error());
    swap_bytes(pixels, swapped_bytes);
    ASSERT_EQ(std::memcmp(pixels.data(), c.data() + i * pixels.size(), pixels.size()), 0)
        << "frame " << i;
  }
}

TEST(FortranFrames, AreThoseOfTheArrayInCOrderWhateverItsShapeAndTheMemory) {
  const ScratchDirectory scratch;
  std::mt19937 random(7);
  const auto below = [&](unsigned limit) { return random() % limit; };
  constexpr PixelType kTypes[]{PixelType::kUint8, PixelType::kInt16, PixelType::kFloat32,
                               PixelType::kFloat64};
  for (int round = 0; round < 200; ++round) {
    Sides sides;
    for (unsigned i = 0; i < 2U + static_cast<unsigned>(round) % 3; ++i) {
      sides.push_back(1 + below(i == 0 ? 40 : 9));
    }
    const PixelType type = kTypes[below(4)];
    const Arrays arrays = random_arrays(sides, size_bytes(type), random);
    auto layout = layout_of(sides, type, below(2) == 0);
    ASSERT_TRUE(layout);
    layout->offset_bytes = static_cast<std::int64_t>(below(3));
    const std::string head(static_cast<std::size_t>(layout->offset_bytes), 'x');
    const auto path = scratch.write("a", head + arrays.fortran);
    const auto frames = open(path, *layout, {1 + below(3000), 1 + below(600)});
    ASSERT_TRUE(frames) << describe(frames.error());
    EXPECT_EQ((*frames)->facts().scan.has_value(), sides.size() == 4);
    expect_equal(**frames, arrays.c, layout->big_endian ? size_bytes(type) : 1);
  }
}

TEST(FortranFrames, AreGatheredFromLongRunsAsWell) {
  const ScratchDirectory scratch;
  std::mt19937 random(8);
  for (const Sides& sides : {Sides{9000, 2, 3}, Sides{60, 150, 2, 1}}) {
    const Arrays arrays = random_arrays(sides, 2, random);
    const auto layout = layout_of(sides, PixelType::kUint16, false);
    const auto path = scratch.write("a", arrays.fortran);
    for (const std::size_t piece_bytes : {512U, 8192U, 65536U}) {
      const auto frames = open(path, *layout, {36000, piece_bytes});
      ASSERT_TRUE(frames);
      expect_equal(**frames, arrays.c, 1);
    }
  }
}

TEST(FortranFrames, AreReadInAnyOrder) {
  const ScratchDirectory scratch;
  std::mt19937 random(9);
  const Sides sides{20, 3, 2};
  const Arrays arrays = random_arrays(sides, 1, random);
  const auto layout = layout_of(sides, PixelType::kUint8, false);
  const auto frames = open(scratch.write("a", arrays.fortran), *layout, {24, 100});
  ASSERT_TRUE(frames);
  std::vector<std::byte> pixels(6);
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t index = random() % 20;
    ASSERT_TRUE((*frames)->read(index, pixels, std::nullopt));
    EXPECT_EQ(std::memcmp(pixels.data(), arrays.c.data() + index * 6, 6), 0);
    EXPECT_EQ((*frames)->info(index)->info.source_sequence, index);
  }
}

TEST(FortranFrames, SayWhenTheFileHasBecomeShorter) {
  const ScratchDirectory scratch;
  const auto layout = layout_of(Sides{4, 2, 2}, PixelType::kUint8, false);
  const auto path = scratch.write("a", std::string(16, 'x'));
  const auto frames = open(path, *layout, {4, 100});
  ASSERT_TRUE(frames);
  std::filesystem::resize_file(path, 15);
  std::vector<std::byte> pixels(4);
  EXPECT_EQ((*frames)->read(0, pixels, std::nullopt).error().code, ErrorCode::kCorrupt);
  std::filesystem::resize_file(path, 16);
  EXPECT_TRUE((*frames)->read(0, pixels, std::nullopt));
  EXPECT_EQ(open(path, *layout_of(Sides{4, 2, 3}, PixelType::kUint8, false), {4, 100}).error().code,
            ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace framelog
