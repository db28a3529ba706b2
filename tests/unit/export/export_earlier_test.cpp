#include <gtest/gtest.h>

#include <fstream>

#include "export/export_proof.hpp"
#include "exporter_fixture.hpp"
#include "formats/hdf5_array_file.hpp"

namespace framelog {
namespace {

namespace fs = std::filesystem;

/// What --delete takes, and what it leaves.
class EarlierTest : public ExporterTest {
 protected:
  /// Three frames, recorded.
  fs::path recorded(const std::string& format, const std::string& name) {
    auto recording = start(format, name, 0);
    record(recording, 3);
    return finish(recording);
  }
  /// What would be removed; nothing where it is refused with this text.
  std::size_t found(const std::string& format, const std::string& name, const std::string& text) {
    if (input_.empty()) input_ = write_npy("input", 4);
    auto wanted = request(input_, format, name);
    if (format == "tif") wanted.view.kind = ViewRequest::Kind::kProjection;  // One picture.
    const auto earlier = find_earlier(files_, wanted);
    if (earlier) return earlier->size();
    EXPECT_EQ(earlier.error().code, ErrorCode::kInvalid);
    EXPECT_NE(describe(earlier.error()).find(text), std::string::npos) << describe(earlier.error());
    return 0;
  }
  fs::path input_;
};

TEST_F(EarlierTest, RecordingsThatCannotBeOpenedStay) {
  fs::remove(recorded("raw", "no_json").replace_extension(".json"));
  EXPECT_EQ(found("raw", "no_json", "no_json.raw is not readable"), 0U);
  fs::remove(recorded("raw", "no_frames").replace_extension(".frames"));
  EXPECT_EQ(found("raw", "no_frames", "no_frames.raw is a recording"), 0U);
  fs::remove(recorded("raw", "no_raw"));
  EXPECT_EQ(found("raw", "no_raw", "has no no_raw.raw beside it"), 0U);
  std::fstream(recorded("hdf5", "zeroed"), std::ios::in | std::ios::out | std::ios::binary)
      << std::string(4096, '\0');
  EXPECT_EQ(found("hdf5", "zeroed", "zeroed.h5 is not readable"), 0U);
  fs::resize_file(recorded("hdf5", "short"), 9000);
  EXPECT_EQ(found("hdf5", "short", "short.h5 is not readable"), 0U);
  for (const char* format : {"tiff", "imagej-tiff"}) {
    const auto path = recorded(format, std::string("short_") + format);
    fs::resize_file(path, fs::file_size(path) - 600);
    const std::string exported = std::string(format) == "tiff" ? "ome-tiff" : format;
    EXPECT_EQ(found(exported, std::string("short_") + format, " is "), 0U) << format;
    EXPECT_TRUE(fs::exists(path));
  }
  EXPECT_EQ(found("tif", "short_imagej-tiff", " is "), 0U);
}

TEST_F(EarlierTest, FilesOfOthersStay) {
  std::ofstream(directory_ / "calib.json") << R"({"gain": 3})";
  EXPECT_EQ(found("raw", "calib", "has no calib.raw beside it"), 0U);
  std::ofstream(directory_ / "calib.raw") << "pixels";
  EXPECT_EQ(found("raw", "calib", "calib.raw is not readable"), 0U);
  auto foreign = Hdf5ArrayFile::create(files_, directory_ / "foreign.h5");
  ASSERT_TRUE(foreign);
  (*foreign)->dataset("/title", std::string("mine"));
  ASSERT_TRUE((*foreign)->finish());
  EXPECT_EQ(found("hdf5", "foreign", "foreign.h5 is no export of framelog"), 0U);
  std::ofstream(directory_ / "other.tif") << "II*";
  EXPECT_EQ(found("tif", "other", "other.tif is not readable"), 0U);
}

TEST_F(EarlierTest, ExportsOfEveryFormatGo) {
  const auto input = recorded("hdf5", "run");
  struct Case {
    std::string format, layout;
    std::size_t files;
  };
  for (const auto& [format, layout, files] :
       {Case{"hdf5", "nexus", 1}, Case{"hdf5", "playnano", 1}, Case{"hdf5", "pymodaq", 1},
        Case{"hdf5", "ilastik", 1}, Case{"raw", "", 3}, Case{"ome-tiff", "", 1},
        Case{"imagej-tiff", "", 1}, Case{"npz", "", 1}, Case{"npy", "", 1}, Case{"csv", "", 1}}) {
    const std::string name = format + "_" + layout;
    auto wanted = request(input, format, name);
    if (!layout.empty()) wanted.write.layout = layout;
    done(wanted);
    const auto earlier = find_earlier(files_, wanted);
    ASSERT_TRUE(earlier) << describe(earlier.error());
    EXPECT_EQ(earlier->size(), files) << name;
  }
  auto picture = request(input, "tif", "picture_{slice_index}");
  done(picture);
  const auto pictures = find_earlier(files_, picture);
  ASSERT_TRUE(pictures) << describe(pictures.error());
  EXPECT_EQ(pictures->size(), 3U);
  auto colours = request(input, "tif", "colours_{slice_index}");
  colours.picture.colour_map = ColourMap::kViridis;
  colours.images = ImageValues::kDisplayed;
  done(colours);
  const auto coloured = find_earlier(files_, colours);
  ASSERT_TRUE(coloured) << describe(coloured.error());
  EXPECT_EQ(coloured->size(), 3U);
}

}  // namespace
}  // namespace framelog
