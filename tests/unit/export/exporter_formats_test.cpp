#include <gtest/gtest.h>

#include "exporter_fixture.hpp"

namespace framelog {
namespace {

namespace fs = std::filesystem;
using Kind = ViewRequest::Kind;
using Texts = std::vector<std::string>;

/// Several formats in one call, of which some know an option.
class FormatsTest : public ExporterTest {
 protected:
  ExportRequest several(const Texts& formats, std::uint64_t frames = 3) {
    auto wanted = request(write_npy("a", frames), "", "x_{format}");
    wanted.formats = formats;
    return wanted;
  }
  Texts names_of(const ExportRequest& request) {
    Texts names;
    const auto preview = preview_export(files_, request);
    EXPECT_TRUE(preview) << describe(preview.error());
    if (!preview) return names;
    for (const auto& output : preview->outputs) names.push_back(output.path.filename().string());
    return names;
  }
};

TEST_F(FormatsTest, CompressionIsForThoseThatHaveIt) {
  auto packed = several({"npz", "hdf5", "raw", "npy", "csv", "imagej-tiff", "ome-tiff"});
  packed.write.compression = {Codec::kGzip, 3};
  const auto report = done(packed);
  ASSERT_EQ(report.outputs.size(), 7U);
  for (const auto& output : report.outputs) {
    if (output.format == "csv") continue;
    EXPECT_EQ(values_in(output.path), values_of(3)) << output.format;
  }
  EXPECT_TRUE(
      tell(report.notes, "ome-tiff: written without compression, because it has no gzip-3"));
  EXPECT_FALSE(tell(report.notes, "npz: written"));
  packed.formats = {"ome-tiff", "npz"};
  EXPECT_NE(refusal(packed).find("ome-tiff: it has no compression gzip-3"), std::string::npos)
      << refusal(packed);
  packed.formats = {"npz"};
  EXPECT_NE(refusal(packed).find("no compression"), std::string::npos);
}

TEST_F(FormatsTest, TheOrderOfBytesIsForThoseThatHaveAChoice) {
  auto turned = several({"raw", "ome-tiff", "npz", "csv"});
  turned.write.big_endian = true;
  const auto report = done(turned);
  ASSERT_EQ(report.outputs.size(), 4U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(values_in(report.outputs[i].path), values_of(3)) << report.outputs[i].format;
  }
  std::ifstream file(report.outputs.front().path, std::ios::binary);
  char first[4]{};
  file.read(first, sizeof first);
  EXPECT_EQ(first[3], value_of(0, 0, 1));
  turned.formats = {"npz", "csv"};
  EXPECT_NE(refusal(turned).find("little"), std::string::npos);
}

TEST_F(FormatsTest, QualityIsForTheMoviesThatHaveOne) {
  auto shown = several({"gif", "webm", "zip"});
  shown.movie.fps = 10;
  shown.movie.quality = 60;
  EXPECT_EQ(names_of(shown), (Texts{"x_gif.gif", "x_webm.webm", "x_zip.zip"}));
  shown.formats = {"gif", "zip"};
  EXPECT_NE(refusal(shown).find("60 of gif"), std::string::npos) << refusal(shown);
  shown.formats = {"webm", "mp4"};  // It is a worse one than mp4 has.
  EXPECT_NE(refusal(shown).find("60 of mp4 (allowed: 1 to 51"), std::string::npos);
}

TEST_F(FormatsTest, WhatKeepsNoValuesShowsThem) {
  auto raw = several({"tif", "jpg", "bmp"}, 1);
  raw.images = ImageValues::kRaw;
  ASSERT_EQ(done(raw).outputs.size(), 3U);
  EXPECT_EQ(values_in(directory_ / "x_tif.tif"), values_of(1));
  auto moving = several({"zip", "gif"});
  moving.movie.fps = 10;
  moving.images = ImageValues::kRaw;
  EXPECT_EQ(names_of(moving), (Texts{"x_zip.zip", "x_gif.gif"}));
  moving.movie.zip_of = "jpg";
  EXPECT_NE(refusal(moving).find("as displayed"), std::string::npos) << refusal(moving);
  auto both = several({"png", "jpg"}, 1);
  both.images = ImageValues::kBoth;
  both.name = "y_{format}";
  EXPECT_EQ(names_of(both), (Texts{"y_png_raw.png", "y_png.png", "y_jpg.jpg"}));
  both.formats = {"jpg"};
  EXPECT_FALSE(run_export(files_, both, {}));
}

/// 12 frames as two scans of 2 x 3 points.
class ScanFormatsTest : public FormatsTest {
 protected:
  ExportRequest images(const Texts& names, const Texts& formats = {}) {
    auto wanted = several(formats, 12);
    wanted.name = "{result_type}_{format}";
    wanted.scan = std::array<std::uint64_t, 2>{2, 3};
    wanted.view.kind = Kind::kImages;
    wanted.view.images = names;
    return wanted;
  }
};

TEST_F(ScanFormatsTest, WithoutFormatsValuesAndPicturesHaveOneEach) {
  auto sum = images({"sum"});
  const Texts both{"sum_tif.tif", "sum_png.png"};
  EXPECT_EQ(names_of(sum), both);
  sum.images = ImageValues::kBoth;
  EXPECT_EQ(names_of(sum), both);
  EXPECT_EQ(done(sum).outputs.size(), 2U);
  sum.on_exists = OnExists::kRename;
  sum.images = ImageValues::kRaw;
  EXPECT_EQ(names_of(sum), Texts{"sum_tif_1.tif"});
  EXPECT_EQ(done(sum).outputs.size(), 1U);
  sum.on_exists = OnExists::kFail;
  sum.name = "x_{result_type}";
  sum.images = ImageValues::kDisplayed;
  EXPECT_EQ(names_of(sum), Texts{"x_sum.png"});
  EXPECT_EQ(done(sum).outputs.size(), 1U);
}

TEST_F(ScanFormatsTest, ValuesGoWhereTheirTypeHasAPlace) {
  auto sum = images({"sum"}, {"tif", "png"});
  sum.name = "{result_type}_{format}";
  sum.images = ImageValues::kRaw;
  EXPECT_EQ(names_of(sum), (Texts{"sum_tif.tif", "sum_png.png"}));
  EXPECT_EQ(done(sum).outputs.size(), 2U);
  sum.formats = {"png"};  // The plan refuses what nobody can hold.
  EXPECT_FALSE(preview_export(files_, sum));
  sum.view.images = {"pattern_1_1"};
  const auto pattern = preview_export(files_, sum);
  EXPECT_TRUE(pattern) << describe(pattern.error());
}

TEST_F(ScanFormatsTest, DetectorsAreNotMistakenForThoseThatTheirNamesBegin) {
  auto one = images({"BF"}, {"npy"});
  one.view.detectors = {
      {"BF_x", Disc{3.5, 3.5, 2}}, {"BF", Disc{3.5, 3.5, 3}}, {"BF_0", Rectangle{{0, 2, 0, 2}}}};
  one.name = "{result_type}_of_{detector}";
  EXPECT_EQ(names_of(one), (Texts{"BF_0-3px_t0_of_BF.npy", "BF_0-3px_t1_of_BF.npy"}));
  one.view.images = {"BF_x_0-2px", "BF_0"};
  EXPECT_EQ(names_of(one), (Texts{"BF_x_0-2px_t0_of_BF_x.npy", "BF_x_0-2px_t1_of_BF_x.npy",
                                  "BF_0_t0_of_BF_0.npy", "BF_0_t1_of_BF_0.npy"}));
  for (const char* none : {"B", "BF_0-3", "BF_x_0", "pattern", "pattern_SY_SX"}) {
    one.view.images = {none};
    EXPECT_NE(refusal(one).find("no such image"), std::string::npos) << none;
  }
}

TEST_F(ScanFormatsTest, PatternsOutsideOfThePartAreRefusedBeforeAnythingIsRead) {
  auto one = images({"pattern_1_2"}, {"npy"});
  one.transform.cutout = {{Axis::kScanX, 0, 2}};
  EXPECT_NE(refusal(one).find("pattern_1_2: the point is not within the cutout"), std::string::npos)
      << refusal(one);
  one.transform.cutout = {{Axis::kScanY, 1, 2}};
  EXPECT_EQ(refusal(one), "accepted");
}

TEST_F(FormatsTest, LayersAreMadeWhereAFormatHoldsThem) {
  auto processed = several({"png", "npy", "hdf5"}, 1);
  processed.transform.filters = {{"zero_mean", {}}};
  const auto layers = [&] {
    return preview_export(files_, processed).value().result.layers.size();
  };
  EXPECT_EQ(layers(), 0U);
  processed.formats = {"png", "npz"};
  EXPECT_EQ(layers(), 2U);
  processed.formats = {"hdf5"};
  processed.write.layout = "playnano";
  EXPECT_EQ(layers(), 2U);
}

}  // namespace
}  // namespace framelog
