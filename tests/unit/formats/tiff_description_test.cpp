#include "formats/tiff_description.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace framelog {
namespace {

std::string ome(const std::string& pixels, const std::string& inside) {
  return "<OME><Image><Pixels SizeX=\"4\" SizeY=\"3\" " + pixels + ">" + inside +
         "</Pixels></Image><Image><Pixels SizeX=\"9\"/></Image></OME>";
}

std::string plane(int c, int z, int t, const std::string& delta) {
  return fmt::format("<Plane TheC=\"{}\" TheZ=\"{}\" TheT=\"{}\" DeltaT=\"{}\"/>", c, z, t, delta);
}

TEST(TiffDescription, OrdersPlanesAsTheFileDoes) {
  std::string planes;
  for (int c = 0; c < 2; ++c) {
    for (int z = 0; z < 3; ++z) {
      for (int t = 0; t < 4; ++t) planes += plane(c, z, t, fmt::format("{}", 100 * c + 10 * z + t));
    }
  }
  const std::string sizes = "SizeC=\"2\" SizeZ=\"3\" SizeT=\"4\" DimensionOrder=";
  const auto czt = parse_tiff_description(ome(sizes + "\"XYCZT\"", planes), 24);
  const auto tzc = parse_tiff_description(ome(sizes + "\"XYTZC\"", planes), 24);
  ASSERT_EQ(czt.delta_ns.size(), 24U);
  ASSERT_EQ(tzc.delta_ns.size(), 24U);
  EXPECT_EQ(czt.delta_ns[1], 100'000'000'000);
  EXPECT_EQ(czt.delta_ns[2], 10'000'000'000);
  EXPECT_EQ(tzc.delta_ns[1], 1'000'000'000);
  EXPECT_EQ(tzc.delta_ns[4], 10'000'000'000);
  EXPECT_EQ(czt.delta_ns[23], 123'000'000'000);
  EXPECT_EQ(czt.width_px, 4U);
}

TEST(TiffDescription, FollowsThePagesThatPlanesAreSaidToBeOn) {
  const std::string text =
      ome("SizeC=\"1\" SizeZ=\"1\" SizeT=\"3\" DimensionOrder=\"XYZCT\"",
          "<TiffData IFD=\"2\" FirstT=\"0\"/><TiffData IFD=\"0\" FirstT=\"1\" PlaneCount=\"2\"/>" +
              plane(0, 0, 0, "5") + plane(0, 0, 1, "6") + plane(0, 0, 2, "7"));
  EXPECT_EQ(parse_tiff_description(text, 3).delta_ns,
            (std::vector<std::int64_t>{6'000'000'000, 7'000'000'000, 5'000'000'000}));
}

TEST(TiffDescription, TellsNoTimesWhereAPlaneHasNone) {
  const std::string sizes = "SizeC=\"1\" SizeZ=\"1\" SizeT=\"2\" DimensionOrder=\"XYZCT\"";
  for (const std::string bad : {"", "-1", "nan", "inf", "1e300", "1 s", "0x1"}) {
    const std::string text = ome(sizes, plane(0, 0, 0, "1") + plane(0, 0, 1, bad));
    EXPECT_TRUE(parse_tiff_description(text, 2).delta_ns.empty()) << bad;
  }
  EXPECT_TRUE(parse_tiff_description(ome(sizes, plane(0, 0, 0, "1")), 2).delta_ns.empty());
}

TEST(TiffDescription, BelievesNoCounts) {
  const std::string many = "SizeC=\"4294967296\" SizeZ=\"4294967296\" SizeT=\"4294967296\" ";
  const std::string huge = "18446744073709551615";
  for (const std::string& text :
       {ome(many + "DimensionOrder=\"XYZCT\"", plane(0, 0, 0, "1")),
        ome("SizeC=\"1\" SizeZ=\"1\" SizeT=\"1\" DimensionOrder=\"XYZZZ\"", plane(0, 0, 0, "1")),
        ome("SizeC=\"1\" SizeZ=\"1\" SizeT=\"1\" DimensionOrder=\"XYZCT\"",
            "<TiffData IFD=\"" + huge + "\"/><TiffData PlaneCount=\"" + huge +
                "\"/><TiffData FirstT=\"" + huge + "\"/>" + plane(7, 8, 9, "1")),
        ome("", plane(0, 0, 0, "1")), std::string("<OME><Plane DeltaT=\"1\"/>")}) {
    EXPECT_TRUE(parse_tiff_description(text, 2).delta_ns.empty());
    EXPECT_LE(parse_tiff_description(text, 1).delta_ns.size(), 1U);
  }
}

TEST(TiffDescription, KeepsABoundedNumberOfSettings) {
  std::string text = "ImageJ=1.53t\nimages=7\n";
  for (int i = 0; i < 10'000; ++i) text += fmt::format("key{}=value\n", i);
  const auto description = parse_tiff_description(text + "long=" + std::string(1 << 20, 'x'), 1);
  EXPECT_EQ(description.imagej_images, 7U);
  EXPECT_EQ(description.settings.size(), 256U);
  const auto plain = parse_tiff_description(std::string(1 << 20, '\n'), 1);
  ASSERT_EQ(plain.settings.size(), 1U);
  EXPECT_EQ(plain.settings[0].second.size(), 4096U);  // As \x0a, on one line.
}

}  // namespace
}  // namespace framelog
