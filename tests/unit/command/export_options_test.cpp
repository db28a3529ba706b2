#include "command/export_options.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace framelog {
namespace {

using Kind = ContrastRequest::Kind;

std::expected<ExportCall, std::string> read(const std::vector<std::string>& words) {
  const auto given = read_options(export_options(), words);
  if (!given) return std::unexpected(given.error());
  return read_export(*given, 1'700'000'000'000'000'000);
}

ExportCall good(const std::vector<std::string>& words) {
  auto call = read(words);
  EXPECT_TRUE(call) << call.error();
  return call.value_or(ExportCall{});
}

std::string refusal(const std::vector<std::string>& words) {
  const auto call = read(words);
  EXPECT_FALSE(call) << words.back();
  return call ? "" : call.error();
}

TEST(ExportOptions, OptionsAndOperandsMix) {
  const auto call = good({"a.h5", "--to", "npy,png", "--every=3", "b.h5", "--zmin", "-5"});
  EXPECT_EQ(call.request.input.paths.size(), 2U);
  EXPECT_EQ(call.request.formats, (std::vector<std::string>{"npy", "png"}));
  EXPECT_EQ(call.request.transform.every, 3U);
  EXPECT_EQ(call.request.picture.contrast.zmin, -5.0);
}

TEST(ExportOptions, ValuesThatMayBeLeftOutStandBehindAnEqualsSign) {
  const auto call = good({"--to", "png", "--scale-bar", "a.h5"});
  EXPECT_TRUE(call.request.picture.scale_bar.shown);
  EXPECT_FALSE(call.request.picture.scale_bar.length);
  EXPECT_EQ(call.request.input.paths.size(), 1U);
  const auto given = good({"--to", "png", "--scale-bar=100 nm"});
  EXPECT_EQ(given.request.picture.scale_bar.length, 100.0);
  EXPECT_EQ(given.request.picture.scale_bar.unit, "nm");
}

TEST(ExportOptions, BlackAndWhiteAreFoundEachInItsWay) {
  const auto call = good({"--to", "png", "--zmin", "2", "--zmax", "percentile"});
  EXPECT_EQ(call.request.picture.contrast.kind, Kind::kValues);
  EXPECT_EQ(call.request.picture.contrast.zmin, 2.0);
  ASSERT_TRUE(call.request.white);
  EXPECT_EQ(call.request.white->kind, Kind::kPercentile);
  EXPECT_FALSE(good({"--to", "png", "--zmin", "1", "--zmax", "9"}).request.white);
}

TEST(ExportOptions, WhatMeansNothingIsRefused) {
  EXPECT_NE(refusal({"--to", "npy", "--fps", "3"}).find("npy (allowed: gif, webm"),
            std::string::npos);
  EXPECT_NE(refusal({"--to", "npy", "--layout", "nexus"}).find("hdf5"), std::string::npos);
  EXPECT_NE(refusal({"--to", "npy", "--outlines"}).find("npy (allowed: png"), std::string::npos);
  EXPECT_NE(refusal({"--to", "npy", "--compat", "ilastik"}).find("renormalise"), std::string::npos);
  EXPECT_NE(refusal({"--to", "npy", "--bin-mode", "mean"}).find("--bin,"), std::string::npos);
  EXPECT_NE(refusal({"--to", "png", "--endian", "big"}).find("allowed: raw"), std::string::npos);
  EXPECT_NE(refusal({"--to", "png", "--compression", "none"}).find("ome-tiff"), std::string::npos);
  EXPECT_NE(refusal({"--to", "zip", "--jpeg-quality", "9"}).find("jpg"), std::string::npos);
  good({"--to", "zip", "--zip-of", "jpg", "--jpeg-quality", "9"});
  EXPECT_NE(refusal({"--to", "png", "--time-unit", "s"}).find("--time-step"), std::string::npos);
  EXPECT_NE(refusal({"--to", "png", "--projection", "max", "--timestamps"}).find("frames"),
            std::string::npos);
  EXPECT_NE(refusal({"--to", "tif", "--images", "raw", "--scale-bar"}).find("displayed"),
            std::string::npos);
  EXPECT_NE(refusal({"--to", "png", "--composite", "a=red,b=blue", "--color-map", "gray"})
                .find("--composite"),
            std::string::npos);
  EXPECT_NE(refusal({"--to", "npy", "--bim", "2x2"}).find("did you mean --bin"), std::string::npos);
  EXPECT_NE(refusal({"--to", "npy", "--to", "raw"}).find("2 times"), std::string::npos);
}

TEST(ExportOptions, NoColourIsLostInAGreyMap) {
  for (const char* formats : {"pgm", "png,pgm", "gif,pgm", "hdf5,png,pgm"}) {
    EXPECT_NE(refusal({"--to", formats, "--colour-map", "viridis"}).find("viridis is not for"),
              std::string::npos)
        << formats;
    EXPECT_NE(refusal({"--to", formats, "--timestamps", "--ink", "red"}).find("red is not for"),
              std::string::npos)
        << formats;
    good({"--to", formats, "--colour-map", "gray", "--timestamps"});
  }
  good({"--to", "pgm,gif", "--images", "raw", "--colour-map", "viridis"});
  good({"--to", "hdf5,png", "--colour-map", "viridis"});
}

TEST(ExportOptions, WhatIsWrittenWithoutFormatsIsKnown) {
  good({"--image", "bf", "--images", "both", "--colour-map", "viridis"});
  good({"--image", "bf", "--images", "displayed", "--title", "x"});
  good({"--image", "bf", "--images", "raw"});
  EXPECT_NE(refusal({"--image", "bf", "--images", "raw", "--title", "x"}).find("displayed"),
            std::string::npos);
}

TEST(ExportOptions, WhatKeepsNoValuesIsShownBesideValues) {
  good({"--to", "tif,gif", "--images", "raw", "--colour-map", "viridis"});
  good({"--to", "tif,zip", "--images", "raw", "--zip-of", "jpg", "--title", "x"});
  EXPECT_NE(refusal({"--to", "tif,zip", "--images", "raw", "--title", "x"}).find("displayed"),
            std::string::npos);
}

TEST(ExportOptions, DetectorsAreInPixelsAndInTheMiddleByDefault) {
  const auto read = read_detectors("BF disc outer=12; R rectangle y=0:8 x=2:9");
  ASSERT_TRUE(read) << read.error();
  ASSERT_EQ(read->size(), 2U);
  const auto& disc = std::get<Disc>(read->front().area);
  EXPECT_TRUE(std::isnan(disc.center_y));
  EXPECT_EQ(disc.outer, 12);
  EXPECT_EQ(std::get<Rectangle>(read->back().area).region, (Region{0, 8, 2, 9}));
  for (const char* wrong :
       {"", "a", "a disc", "a disc outer=0", "a disc outer=3 inner=1", "a annulus inner=5 outer=5",
        "a rectangle y=3:3 x=0:1", "a disc outer=3 center=1", "a disc outer=3; a disc outer=4"}) {
    EXPECT_FALSE(read_detectors(wrong)) << wrong;
  }
}

TEST(ExportOptions, ColoursAreNamesOrNumbers) {
  EXPECT_EQ(*read_colour("red"), (Rgb{255, 0, 0}));
  EXPECT_EQ(*read_colour("#10a0Ff"), (Rgb{16, 160, 255}));
  for (const char* wrong : {"", "#12345", "#12345g", "Red1"}) {
    EXPECT_FALSE(read_colour(wrong)) << wrong;
  }
}

TEST(ExportOptions, RawBytesOfFourAxesAreAScan) {
  const auto call = good({"a.raw", "--to", "npy", "--input-shape", "4x5x8x12"});
  EXPECT_EQ(call.request.scan, (std::array<std::uint64_t, 2>{4, 5}));
  EXPECT_EQ(call.request.input.geometry->shape, (std::vector<std::uint64_t>{20, 8, 12}));
  EXPECT_EQ(call.request.input.geometry->type, PixelType::kFloat32);
}

TEST(ExportOptions, TheHelpFitsItsColumns) {
  for (const std::string& text :
       {options_at_a_glance(export_options()), options_in_full(export_options())}) {
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find('\n', at);
      EXPECT_LE(end - at, 98U) << text.substr(at, end - at);
      at = end + 1;
    }
  }
}

}  // namespace
}  // namespace framelog
