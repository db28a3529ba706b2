// Makes pictures and movies of known frames in a folder, for system/export_media_test.py to read
// back and for people to look at.
//
// Usage: picture_samples FOLDER

#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <functional>
#include <random>

#include "export/picture.hpp"
#include "formats/zip_writer.hpp"

namespace framelog {
namespace {

using Bytes = std::vector<std::byte>;

constexpr std::uint32_t kHeight = 240;
constexpr std::uint32_t kWidth = 321;  // Odd, for the formats that mind.

[[noreturn]] void give_up(const Error& error) {
  fmt::print(stderr, "picture_samples: {}\n", describe(error));
  std::exit(1);
}
template <class T>
T need(Result<T> result) {
  if (!result) give_up(result.error());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

void save(const std::filesystem::path& file, const Bytes& bytes) {
  need(write_new_file(system_files(), file, bytes));
}

/// Frame t of every movie: pixel (y, x) is (3 x + 5 y + 7 t) mod 256.
Bytes ramp(std::uint32_t t, std::uint32_t height, std::uint32_t width) {
  Bytes pixels(std::size_t{height} * width);
  for (std::uint32_t y = 0; y < height; ++y) {
    for (std::uint32_t x = 0; x < width; ++x) {
      pixels[std::size_t{y} * width + x] = static_cast<std::byte>(3 * x + 5 * y + 7 * t);
    }
  }
  return pixels;
}

RgbImage coloured(const Bytes& pixels, std::uint32_t height, std::uint32_t width, ColourMap map) {
  RgbImage image;
  colour({height, width, PixelType::kUint8}, pixels, {0, 255}, map, image);
  return image;
}

void save_shown(const std::filesystem::path& folder) {
  PictureRequest request;
  request.dpi = 300;
  for (const ColourMap map : {ColourMap::kGray, ColourMap::kViridis}) {
    request.colour_map = map;
    const char* name = map == ColourMap::kGray ? "gray" : "viridis";
    const RgbImage image = coloured(ramp(0, kHeight, kWidth), kHeight, kWidth, map);
    for (const PictureFormat& format : picture_formats()) {
      if (format.name == "pgm" && map != ColourMap::kGray) continue;
      save(folder / fmt::format("shown_{}{}", name, format.extension),
           need(format.encode(image, request)));
    }
  }
}

/// Bytes of a ramp as values of every type; floats stay finite.
void save_raw(const std::filesystem::path& folder) {
  for (const PixelType type : {PixelType::kUint8, PixelType::kInt8, PixelType::kUint16,
                               PixelType::kInt16, PixelType::kUint32, PixelType::kInt32,
                               PixelType::kUint64, PixelType::kFloat32, PixelType::kFloat64}) {
    const FrameShape shape{7, 5, type};
    Bytes pixels(size_bytes(shape));
    for (std::size_t at = 0; at < pixels.size(); ++at) pixels[at] = static_cast<std::byte>(at % 64);
    for (const PictureFormat& format : picture_formats()) {
      const auto bytes = format.encode_raw(shape, pixels, {});
      if (!bytes && bytes.error().code == ErrorCode::kUnsupported) continue;
      save(folder / fmt::format("raw_{}{}", name_of(type), format.extension), need(bytes));
    }
  }
}

void save_maps(const std::filesystem::path& folder) {
  Bytes levels(256);
  for (std::size_t level = 0; level < 256; ++level) levels[level] = static_cast<std::byte>(level);
  const std::array<const char*, 7> names{"gray",    "afmhot", "viridis", "magma",
                                         "inferno", "plasma", "cividis"};
  PictureRequest request;
  request.colour_map = ColourMap::kViridis;  // Not grey, so that the file is RGB.
  for (std::size_t map = 0; map < names.size(); ++map) {
    const RgbImage image = coloured(levels, 1, 256, static_cast<ColourMap>(map));
    save(folder / fmt::format("map_{}.ppm", names[map]),
         need(find_picture_format("ppm")->encode(image, request)));
  }
}

PictureFacts facts_of(std::uint32_t height, std::uint32_t width) {
  PictureFacts facts;
  facts.timestamp = "12.345 s";
  facts.axes = {AxisFacts{Axis::kY, height, 0, 0.65, "um"},
                AxisFacts{Axis::kX, width, 0, 0.65, "um"}};
  const double y = 0.45 * height;
  const double x = 0.6 * width;
  facts.detectors = {{"BF", Disc{y, x, 0.08 * height}},
                     {"ADF", Annulus{y, x, 0.15 * height, 0.3 * height}}};
  facts.regions = {{height / 4, height / 2, width / 16, width / 4}};
  return facts;
}

RgbImage ground(const std::string& name, std::uint32_t height, std::uint32_t width) {
  Bytes pixels(std::size_t{height} * width);
  std::minstd_rand random(1);
  for (std::byte& pixel : pixels) {
    const auto noise = static_cast<std::byte>(random() >> 8U);
    pixel = name == "black" ? std::byte{0} : name == "white" ? std::byte{255} : noise;
  }
  return coloured(pixels, height, width, ColourMap::kGray);
}

void save_drawn(const std::filesystem::path& folder) {
  for (const std::uint32_t size : {128U, 512U}) {
    for (const char* name : {"black", "white", "noise"}) {
      for (const bool axes : {false, true}) {
        RgbImage image = ground(name, size, size * 5 / 4);
        PictureRequest request;
        request.timestamps = request.outlines = request.scale_bar.shown = true;
        request.axes = axes;
        request.title = "Lamella 3, 300 kV";
        need(annotate(image, facts_of(size, size * 5 / 4), request));
        save(folder / fmt::format("drawn_{}_{}{}.png", name, size, axes ? "_axes" : ""),
             need(find_picture_format("png")->encode(image, request)));
      }
    }
  }
}

/// Frame t lasts 20, 35 or 52 ms.
std::int64_t duration_ns(std::uint32_t t) {
  constexpr std::array<std::int64_t, 3> kDurations{20'000'000, 35'000'000, 52'000'000};
  return kDurations[t % 3];
}

void save_movies(const std::filesystem::path& folder) {
  for (const MovieFormat& format : movie_formats()) {
    const auto path = folder / fmt::format("movie{}", format.extension);
    auto movie = need(create_movie(system_files(), format, path, {}, {}));
    for (std::uint32_t t = 0; t < 30; ++t) {
      const RgbImage image = coloured(ramp(t, 120, 161), 120, 161, ColourMap::kGray);
      need(movie->add(image, duration_ns(t)));
    }
    need(movie->finish());
    for (const std::string& note : movie->notes()) fmt::print("{}\n", note);
  }
}

void save_many_entries(const std::filesystem::path& file) {
  auto zip = need(ZipWriter::create(system_files(), file));
  for (int number = 0; number < 70'000; ++number) {
    const std::string text = std::to_string(number);
    need(zip.add(fmt::format("file_{}", number), std::as_bytes(std::span(text))));
  }
  need(zip.finish());
}

}  // namespace
}  // namespace framelog

int main(int count, char** arguments) {
  if (count != 2) {
    std::fputs("usage: picture_samples FOLDER\n", stderr);
    return 2;
  }
  const std::filesystem::path folder = arguments[1];
  std::filesystem::create_directories(folder);
  framelog::save_shown(folder);
  framelog::save_raw(folder);
  framelog::save_maps(folder);
  framelog::save_many_entries(folder / "many.zip");
  framelog::save_drawn(folder);
  framelog::save_movies(folder);
  return 0;
}
