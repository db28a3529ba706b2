#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>

#include "export/media/media_interface.hpp"
#include "export/movie_clock.hpp"
#include "export/movie_palette.hpp"
#include "export/picture.hpp"
#include "formats/zip_writer.hpp"

namespace framelog {
namespace {

class Folder {
 public:
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "movie_test.XXXXXX";
    path_ = mkdtemp(name.data());
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::filesystem::path operator/(const char* name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

std::string contents_of(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

TEST(MovieClock, RoundingDoesNotAddUp) {
  MovieClock clock(100);
  std::int64_t now_ns = 0;
  std::int64_t expected_start = 0;
  std::minstd_rand random(1);
  for (int frame = 0; frame < 20'000; ++frame) {
    const auto duration = static_cast<std::int64_t>(20'000'000 + random() % 30'000'000);
    const auto span = clock.show(duration);
    ASSERT_TRUE(span.has_value());
    EXPECT_EQ(span->start, expected_start);
    EXPECT_EQ(span->start, std::llround(static_cast<double>(now_ns) / 1e7));
    expected_start += span->length;
    now_ns += duration;
  }
}

TEST(MovieClock, RefusesFramesThatLastLongerThanTheFileCanTell) {
  MovieClock clock(100, 65535);
  EXPECT_TRUE(clock.show(655'350'000'000));
  const auto longer = clock.show(655'360'000'000);
  ASSERT_FALSE(longer);
  EXPECT_NE(describe(longer.error()).find("655.35 s at most"), std::string::npos);
}

TEST(MovieClock, RefusesFramesThatTheFileCannotTell) {
  MovieClock clock(100);
  EXPECT_TRUE(clock.show(6'000'000).has_value());
  const auto span = clock.show(2'000'000);
  ASSERT_FALSE(span.has_value());
  EXPECT_NE(describe(span.error()).find("lasts 2 ms, and this format counts in 1/100 s"),
            std::string::npos);
  EXPECT_FALSE(clock.show(0).has_value());
  EXPECT_FALSE(clock.show(-5).has_value());
}

std::uint32_t pixel_of(const RgbImage& image, std::size_t index) {
  const std::uint8_t* at = image.rgb.data() + 3 * index;
  return static_cast<std::uint32_t>(at[0] << 16U | at[1] << 8U | at[2]);
}

TEST(MoviePalette, KeepsUpTo256ColoursExactly) {
  std::minstd_rand random(3);
  for (const std::uint32_t colours : {1U, 2U, 200U, 256U}) {
    std::vector<std::uint32_t> known(colours);
    for (std::uint32_t& colour : known) colour = static_cast<std::uint32_t>(random() & 0xFFFFFFU);
    RgbImage image{40, 50, {}};
    for (std::size_t pixel = 0; pixel < 2000; ++pixel) {
      const std::uint32_t colour = known[pixel < colours ? pixel : random() % colours];
      for (const unsigned shift : {16U, 8U, 0U}) {
        image.rgb.push_back(static_cast<std::uint8_t>(colour >> shift));
      }
    }
    const IndexedImage indexed = make_indexed(image);
    ASSERT_EQ(indexed.indices.size(), 2000U);
    for (std::size_t pixel = 0; pixel < 2000; ++pixel) {
      ASSERT_EQ(indexed.palette[indexed.indices[pixel]], pixel_of(image, pixel));
    }
  }
}

TEST(MoviePalette, OfManyColoursItIsNear) {
  std::minstd_rand random(3);
  RgbImage image{100, 100, std::vector<std::uint8_t>(30'000)};
  for (std::uint8_t& value : image.rgb) value = static_cast<std::uint8_t>(random() >> 7U);
  const IndexedImage indexed = make_indexed(image);
  double squares = 0;
  for (std::size_t pixel = 0; pixel < 10'000; ++pixel) {
    const std::uint32_t chosen = indexed.palette[indexed.indices[pixel]];
    for (const unsigned shift : {16U, 8U, 0U}) {
      const double difference = static_cast<double>(chosen >> shift & 0xFFU) -
                                static_cast<double>(pixel_of(image, pixel) >> shift & 0xFFU);
      squares += difference * difference;
    }
  }
  // 256 equal boxes of the whole cube have sides of about 256 / 6.3, so a deviation of 11.7 in each
  // channel.
  EXPECT_LT(std::sqrt(squares / 30'000), 13);
  EXPECT_EQ(make_indexed(image).indices, indexed.indices);
}

TEST(MovieZip, RefusesNamesAndSizesThatAreNone) {
  const Folder folder;
  auto zip = ZipWriter::create(system_files(), folder / "a.zip");
  ASSERT_TRUE(zip.has_value());
  const std::array<std::byte, 3> bytes{};
  EXPECT_TRUE(zip->add("one.bin", bytes).has_value());
  EXPECT_FALSE(zip->add("one.bin", bytes).has_value());
  EXPECT_FALSE(zip->add("/one.bin", bytes).has_value());
  EXPECT_FALSE(zip->add("../one.bin", bytes).has_value());
  EXPECT_FALSE(zip->add("", bytes).has_value());
  ASSERT_TRUE(zip->begin("two.bin", 2).has_value());
  EXPECT_FALSE(zip->append(bytes).has_value());
  EXPECT_FALSE(zip->finish().has_value());
  EXPECT_FALSE(ZipWriter::create(system_files(), folder / "a.zip").has_value());
}

RgbImage gray_frame(int t, std::uint32_t height, std::uint32_t width) {
  RgbImage image{height, width, {}};
  for (std::size_t pixel = 0; pixel < std::size_t{height} * width; ++pixel) {
    const auto level = static_cast<std::uint8_t>(pixel % width * 4 + static_cast<std::size_t>(t));
    image.rgb.insert(image.rgb.end(), 3, level);
  }
  return image;
}

Result<void> make_movie(const MovieFormat& format, const std::filesystem::path& file) {
  auto movie = create_movie(system_files(), format, file, {}, {});
  if (!movie) return std::unexpected(movie.error());
  for (int t = 0; t < 12; ++t) {
    if (auto added = (*movie)->add(gray_frame(t, 50, 71), 40'000'000); !added) return added;
  }
  return (*movie)->finish();
}

TEST(Movie, TheSameFramesGiveTheSameBytes) {
  const Folder folder;
  for (const MovieFormat& format : movie_formats()) {
    if (format.needs_media && !media_module("a test")) continue;
    const auto first = folder / (std::string("first") + std::string(format.extension)).c_str();
    const auto second = folder / (std::string("second") + std::string(format.extension)).c_str();
    const auto made = make_movie(format, first);
    ASSERT_TRUE(made.has_value()) << format.name << ": " << describe(made.error());
    ASSERT_TRUE(make_movie(format, second).has_value());
    EXPECT_GT(contents_of(first).size(), 100U) << format.name;
    EXPECT_EQ(contents_of(first), contents_of(second)) << format.name;
  }
}

TEST(Movie, FramesOfOtherSizesAreRefused) {
  const Folder folder;
  if (!media_module("a test")) GTEST_SKIP() << describe(media_module("a test").error());
  for (const char* name : {"gif", "webm", "mp4"}) {
    auto movie = create_movie(system_files(), *find_movie_format(name), folder / name, {}, {});
    ASSERT_TRUE(movie.has_value());
    EXPECT_TRUE((*movie)->add(gray_frame(0, 50, 70), 40'000'000).has_value());
    EXPECT_FALSE((*movie)->add(gray_frame(0, 50, 71), 40'000'000).has_value());
    EXPECT_FALSE((*movie)->add_file("a", {}).has_value());
  }
}

TEST(Movie, QualityIsRefusedWhereThereIsNone) {
  const Folder folder;
  MovieRequest request;
  request.quality = 60;
  for (const char* name : {"gif", "zip", "mp4"}) {
    const auto movie =
        create_movie(system_files(), *find_movie_format(name), folder / name, request, {});
    ASSERT_FALSE(movie.has_value()) << name;
    EXPECT_EQ(movie.error().code, ErrorCode::kInvalid);
    EXPECT_FALSE(std::filesystem::exists(folder / name));
  }
}

TEST(Movie, WhatIsNoModuleIsRefused) {
  const Folder folder;
  std::ofstream(folder / "not.so") << "text";
  const auto module = load_media_module(folder / "not.so");
  ASSERT_FALSE(module.has_value());
  EXPECT_NE(describe(module.error()).find("framelog-media"), std::string::npos);
}

}  // namespace
}  // namespace framelog
