#include "formats/frame_files.hpp"

#include <gtest/gtest.h>

#include "recording.hpp"

namespace framelog {
namespace {

constexpr const char* kSidecar =
    R"({"format":"framelog-raw","version":1,"shape":[4,1,1],"dtype":"|u1","endianness":"little"})";

class FrameFiles : public testing::Test {
 protected:
  Result<std::unique_ptr<StoredFrames>> open(const std::string& name,
                                             const FrameFileRequest& request = {}) {
    return open_frame_file(system_files(), scratch.path() / name, request);
  }
  void expect_failure(const std::string& name, ErrorCode code, std::string_view part,
                      const FrameFileRequest& request = {}) {
    const auto frames = open(name, request);
    ASSERT_FALSE(frames) << name;
    const std::string text = describe(frames.error());
    EXPECT_EQ(frames.error().code, code) << text;
    EXPECT_NE(text.find(part), std::string::npos) << text;
    EXPECT_NE(text.find((scratch.path() / name).string()), std::string::npos) << text;
  }

  ScratchDirectory scratch;
  const std::string npy =
      npy_of("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 1, 1)}", "ab");
  const FrameFileRequest headerless{RawGeometry{PixelType::kUint8, {1, 2}}, {}};
};

TEST_F(FrameFiles, AreKnownByContentWhateverTheirName) {
  scratch.write("a.raw", npy);
  EXPECT_EQ((*open("a.raw"))->facts().description, "NPY");
  scratch.write("b.bin", "wxyz");
  scratch.write("b.json", kSidecar);
  EXPECT_EQ((*open("b.bin"))->facts().description, "RAW");
  expect_failure("b.json", ErrorCode::kUnsupported, "unknown format");
}

TEST_F(FrameFiles, AreElseKnownByTheirExtension) {
  scratch.write("a.npy", "abcd");
  expect_failure("a.npy", ErrorCode::kCorrupt, "\\x93NUMPY");
  scratch.write("b.H5", "abcd");
  expect_failure("b.H5", ErrorCode::kCorrupt, "\\x89HDF");
  scratch.write("c.nxs.part", "abcd");
  expect_failure("c.nxs.part", ErrorCode::kCorrupt, "\\x89HDF");
  scratch.write("d.raw", "abcd");
  expect_failure("d.raw", ErrorCode::kInvalid, "d.json");
}

TEST_F(FrameFiles, OfNoFormatNeedAGeometry) {
  scratch.write("a.bin", "abcd");
  expect_failure("a.bin", ErrorCode::kUnsupported,
                 "allowed: HDF5 (.h5 .hdf5 .hdf .nxs .emd .cxi), Merlin (.mib), TIFF (.tif .tiff), "
                 "NPY (.npy)");
  EXPECT_EQ((*open("a.bin", headerless))->facts().frames, 2U);
  expect_failure("none.bin", ErrorCode::kNotFound, "none.bin", headerless);
}

TEST_F(FrameFiles, RefuseWhatTheyContradict) {
  scratch.write("a.npy", npy);
  expect_failure("a.npy", ErrorCode::kInvalid, "contradicts", headerless);
  expect_failure("a.npy", ErrorCode::kInvalid, "no datasets, such as \"x\"", {{}, "x"});
  scratch.write("b.raw", "ab");
  expect_failure("b.raw", ErrorCode::kInvalid, "no datasets",
                 {RawGeometry{PixelType::kUint8, {1, 1}}, "x"});
}

TEST_F(FrameFiles, OfADirectoryAreOneRecording) {
  scratch.write("x2.npy", npy);
  scratch.write("x10.npy", npy);
  scratch.write("notes.txt", "");
  const auto frames = open("");
  ASSERT_TRUE(frames) << describe(frames.error());
  EXPECT_EQ((*frames)->facts().frames, 4U);
  EXPECT_EQ((*frames)->facts().inputs[0].filename(), "x2.npy");
  EXPECT_EQ((*open("x1*.npy"))->facts().frames, 2U);
  scratch.write("y.raw", "wxyz");
  scratch.write("y.json", kSidecar);
  const auto mixed = open("");
  ASSERT_FALSE(mixed);
  EXPECT_NE(describe(mixed.error()).find("y.raw: RAW among files of NPY"), std::string::npos);
}

TEST_F(FrameFiles, HaveOneRowPerFormat) {
  for (const FrameFileFormat& format : frame_file_formats()) {
    EXPECT_FALSE(format.name.empty());
    EXPECT_FALSE(format.extensions.empty());
    EXPECT_NE(frame_file_formats_text().find(format.name), std::string::npos);
    EXPECT_FALSE(format.recognises(system_files(), scratch.write("a.txt", "some words")));
    EXPECT_FALSE(format.recognises(system_files(), scratch.path() / "none"));
  }
}

}  // namespace
}  // namespace framelog
