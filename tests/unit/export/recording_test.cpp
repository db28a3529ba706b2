#include "export/recording.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <fstream>

#include "export/export_input.hpp"
#include "export/recording_holes.hpp"
#include "tests/unit/store/segment_fixture.hpp"

namespace framelog {
namespace {

namespace fs = std::filesystem;

/// Real segments, made as the daemon makes them, opened for export.
class RecordingTest : public SegmentTest {
 protected:
  SegmentDescription described(std::int64_t number) {
    SegmentDescription d = description(number);
    d.title = "A title";
    d.operator_name = "somebody";
    d.sample = "gold";
    d.notes = "two\nlines";
    d.channel = "height";
    d.detector_description = "a detector";
    d.serial_number = "SN-7";
    d.bit_depth = 12;
    d.saturation = 4095;
    d.pixel_size = {{0.5, "um"}, {0.25, "um"}};
    d.sensor = {40, 40, PixelType::kUint16};
    d.region = {4, 20, 8, 40};
    d.bin = {2, 2};
    d.configuration = "[instrument]\ndriver = simulator\n";
    d.provenance_json = provenance_of(d);
    return d;
  }

  InputRequest request(const std::vector<fs::path>& paths) {
    InputRequest request;
    request.paths = paths;
    return request;
  }

  std::unique_ptr<framelog::Recording> open(const InputRequest& request) {
    auto opened = open_recording(files_, request);
    EXPECT_TRUE(opened) << describe(opened.error());
    return opened ? std::move(*opened) : nullptr;
  }

  std::string refusal(const InputRequest& request) {
    const auto opened = open_recording(files_, request);
    return opened ? "accepted" : describe(opened.error());
  }

  /// Numbers `first` to `first + count`, one after the other, from frame `at` on.
  static void expect_frames(framelog::Recording& recording, std::uint64_t at, std::uint64_t first,
                            std::uint64_t count) {
    std::vector<std::byte> pixels(size_bytes(recording.facts().shape));
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto note = recording.note(at + i);
      ASSERT_TRUE(note) << describe(note.error());
      EXPECT_EQ(note->info.sequence, first + i);
      EXPECT_EQ(note->info.utc_ns,
                1'795'190'400'000'000'000 + static_cast<std::int64_t>(first + i) * 10'000'000);
      EXPECT_TRUE(note->statistics);
      const auto read = recording.read(at + i, pixels);
      ASSERT_TRUE(read) << describe(read.error());
      EXPECT_EQ(pixels, pixels_of(first + i));
    }
  }
};

TEST_F(RecordingTest, TheFramesOfHdf5SegmentsMayBeNamed) {
  auto one = start("hdf5", "a", 0, described(1));
  record(one, 5);
  auto named = request({finish(one)});
  for (const char* name : {"/entry/data/data", "entry/instrument/detector/data"}) {
    named.dataset = name;
    const auto recording = open(named);
    ASSERT_TRUE(recording);
    expect_frames(*recording, 0, 0, 5);
    EXPECT_EQ(recording->facts().title, "A title");
  }
  named.dataset = "/entry/statistics/min";
  EXPECT_NE(refusal(named).find("only the frames are read"), std::string::npos) << refusal(named);
  auto other = start("raw", "b", 0, described(1));
  record(other, 5);
  auto without = request({finish(other)});
  without.dataset = "/entry/data/data";
  EXPECT_NE(refusal(without).find("--dataset"), std::string::npos);
}

class FormatRecordingTest : public RecordingTest,
                            public testing::WithParamInterface<const char*> {};

TEST_P(FormatRecordingTest, SegmentsOfARunAreOneRecording) {
  auto one = start(GetParam(), "a", 0, described(1));
  record(one, 5);
  one.events.gaps.push_back({4, 2, -1, "write", "disk-full"});
  one.events.events.push_back({1'795'190'400'500'000'000, "a mark", "me"});
  const auto first = finish(one);
  auto two = start(GetParam(), "b", 5, described(2));
  record(two, 7);
  const auto second = finish(two);
  // In any order, or by their directory.
  for (const auto& paths : {std::vector<fs::path>{second, first}, {directory_}}) {
    const auto recording = open(request(paths));
    ASSERT_TRUE(recording);
    const RecordingFacts& facts = recording->facts();
    ASSERT_EQ(facts.frames, 12U);
    expect_frames(*recording, 0, 0, 12);
    expect_frames(*recording, 3, 3, 1);
    EXPECT_EQ(facts.shape, (FrameShape{8, 16, PixelType::kUint16}));
    EXPECT_EQ(facts.title, "A title");
    EXPECT_EQ(facts.operator_name, "somebody");
    EXPECT_EQ(facts.sample, "gold");
    EXPECT_EQ(facts.notes, "two\nlines");
    EXPECT_EQ(facts.channel, "height");
    EXPECT_EQ(facts.detector_description, "a detector");
    EXPECT_EQ(facts.serial_number, "SN-7");
    EXPECT_EQ(facts.instrument, "bench");
    EXPECT_EQ(facts.product, "whole");
    EXPECT_EQ(facts.run_number, 1);
    EXPECT_EQ(facts.bit_depth, 12);
    EXPECT_EQ(facts.saturation, 4095);
    EXPECT_EQ(facts.value_unit, "counts");
    EXPECT_EQ(facts.start_utc_ns, 1'795'190'400'000'000'000);
    EXPECT_EQ(facts.pixel_size[0], (Length{1.0, "um"}));
    EXPECT_EQ(facts.pixel_size[1], (Length{0.5, "um"}));
    EXPECT_EQ(facts.origin, (std::array<double, 2>{2.25, 2.125}));
    EXPECT_EQ(facts.configuration, "[instrument]\ndriver = simulator\n");
    ASSERT_EQ(facts.gaps.size(), 1U);
    EXPECT_EQ(facts.gaps[0].reason, "disk-full");
    ASSERT_EQ(facts.events.size(), 1U);
    EXPECT_EQ(facts.events[0].text, "a mark");
    EXPECT_EQ(facts.events[0].utc_ns, 1'795'190'400'500'000'000);
    ASSERT_EQ(facts.inputs.size(), 2U);
    EXPECT_EQ(facts.inputs[1].first_frame, 5U);
    EXPECT_FALSE(facts.inputs[1].growing);
    EXPECT_EQ(facts.provenances.size(), 2U);
  }
}

TEST_P(FormatRecordingTest, AGrowingSegmentIsReadUpToItsLastFrame) {
  auto growing = start(GetParam(), "a", 0, described(1));
  record(growing, 5);
  const auto recording = open(request({growing.part}));
  ASSERT_TRUE(recording);
  ASSERT_EQ(recording->facts().frames, 5U);
  expect_frames(*recording, 0, 0, 5);
  EXPECT_TRUE(recording->facts().inputs[0].growing);
  EXPECT_EQ(recording->facts().title, "A title");
  kill(growing);
}

TEST_P(FormatRecordingTest, ASegmentThatIsFinishedWhileItIsReadIsReadOn) {
  auto one = start(GetParam(), "a", 0, described(1));
  record(one, 3);
  static_cast<void>(finish(one));
  auto growing = start(GetParam(), "b", 3, described(2));
  record(growing, 4);
  const auto recording = open(request({directory_}));
  ASSERT_TRUE(recording);
  ASSERT_EQ(recording->facts().frames, 7U);
  expect_frames(*recording, 0, 0, 1);
  record(growing, 5);
  static_cast<void>(finish(growing));
  expect_frames(*recording, 0, 0, 7);
}

TEST_P(FormatRecordingTest, AScanIsKnown) {
  auto d = described(1);
  d.scan = Scan{2, 3, 1, 2};
  d.scan_step = {{2.0, "nm"}, {3.0, "nm"}};
  auto scan = start(GetParam(), "a", 0, d);
  record(scan, 12);
  const auto recording = open(request({finish(scan)}));
  ASSERT_TRUE(recording);
  EXPECT_EQ(recording->facts().scan, d.scan);
  EXPECT_EQ(recording->facts().scans, 2U);
  EXPECT_EQ(recording->facts().scan_step[1], (Length{3.0, "nm"}));
}

TEST_P(FormatRecordingTest, DamagedPixelsAreCorrupt) {
  auto one = start(GetParam(), "a", 0, described(1));
  record(one, 5);
  const auto file = finish(one);
  const auto place = place_of(file, 3);
  flip_byte(file, place + 5);
  const auto recording = open(request({file}));
  ASSERT_TRUE(recording);
  std::vector<std::byte> pixels(size_bytes(recording->facts().shape));
  EXPECT_TRUE(recording->read(2, pixels));
  const auto read = recording->read(3, pixels);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(describe(read.error()).find(file.string()), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(All, FormatRecordingTest,
                         testing::Values("hdf5", "hdf5 gzip", "raw", "tiff", "imagej-tiff"),
                         [](const auto& instance) {
                           std::string name = instance.param;
                           std::erase_if(name, [](char c) { return c == ' ' || c == '-'; });
                           return name;
                         });

TEST_F(RecordingTest, SeveralRunsHaveToBeChosenFrom) {
  auto one = start("hdf5", "a", 0, described(1));
  record(one, 2);
  static_cast<void>(finish(one));
  auto d = described(1);
  d.product = "small";
  d.provenance_json = provenance_of(d);
  auto two = start("hdf5", "b", 0, d);
  record(two, 3);
  static_cast<void>(finish(two));
  d = described(1);
  d.run_uuid = "11111111-6a4e-4e0a-9d2b-0c1f6c7d8e9f";
  d.run_number = 2;
  d.run_start_utc_ns += 1'000'000'000;
  d.provenance_json = provenance_of(d);
  auto three = start("raw", "c", 0, d);
  record(three, 4);
  static_cast<void>(finish(three));
  InputRequest all = request({directory_});
  const std::string text = refusal(all);
  EXPECT_NE(text.find("--run 1 (0b7f2f3e) --product small"), std::string::npos) << text;
  EXPECT_NE(text.find("--run 2 (11111111) --product whole"), std::string::npos) << text;
  all.run = "2";
  EXPECT_EQ(open(all)->facts().frames, 4U);
  all.run = "0b7f";
  all.product = "small";
  EXPECT_EQ(open(all)->facts().frames, 3U);
  all.product = "none";
  EXPECT_NE(refusal(all).find("no such run or product"), std::string::npos);
  const auto runs = split_runs(files_, request({directory_}));
  ASSERT_TRUE(runs);
  ASSERT_EQ(runs->size(), 3U);
  EXPECT_EQ((*runs)[2].product, "whole");
  EXPECT_EQ(open((*runs)[2])->facts().frames, 4U);
}

TEST_F(RecordingTest, ExportsBesideTheirRecordingAreLeftOut) {
  auto one = start("hdf5", "a", 0, described(1));
  record(one, 2);
  static_cast<void>(finish(one));
  auto d = described(0);
  d.provenance_json.insert(d.provenance_json.find('{') + 1, "\"export\": {},");
  auto exported = start("hdf5", "a_exported", 0, d);
  record(exported, 1);
  const auto file = finish(exported);
  EXPECT_EQ(open(request({directory_}))->facts().frames, 2U);
  EXPECT_EQ(open(request({file}))->facts().frames, 1U);
  EXPECT_NE(refusal(request({file, directory_ / "a.h5"})).find("a_exported.h5"), std::string::npos);
}

TEST_F(RecordingTest, CopiesOfASegmentCountOnce) {
  auto one = start("hdf5", "a", 0, described(1));
  record(one, 2);
  const auto file = finish(one);
  fs::create_directory(directory_ / "copy");
  fs::copy_file(file, directory_ / "copy" / "a.h5");
  EXPECT_EQ(open(request({directory_}))->facts().frames, 2U);
}

TEST_F(RecordingTest, SegmentsThatAreLeftOutAreTold) {
  std::vector<fs::path> segments;
  for (std::int64_t number = 1; number <= 6; ++number) {
    const auto first = static_cast<std::uint64_t>(2 * (number - 1));
    auto one = start("hdf5", fmt::format("s{}", number), first, described(number));
    record(one, number == 5 ? 0 : 2);
    segments.push_back(finish(one));
  }
  EXPECT_TRUE(left_out_of(files_, request({directory_})).empty());
  EXPECT_TRUE(left_out_of(files_, request({segments[5]})).empty());
  fs::remove(segments[0]);
  flip_byte(segments[2], 1);
  const auto recording = open(request({directory_}));
  ASSERT_TRUE(recording);
  EXPECT_EQ(recording->facts().frames, 6U);
  const auto warnings = left_out_of(files_, request({directory_}));
  ASSERT_EQ(warnings.size(), 3U) << fmt::format("{}", fmt::join(warnings, "\n"));
  EXPECT_NE(warnings[0].find("segment 3 of run 1 (whole) not found"), std::string::npos);
  EXPECT_NE(warnings[1].find("segment 1 of run 1"), std::string::npos);
  EXPECT_NE(warnings[2].find(" is left out"), std::string::npos);
  EXPECT_NE(warnings[2].find(segments[2].filename().string()), std::string::npos);
}

TEST_F(RecordingTest, SegmentsAreOpenedAgainWhateverCameAndWentBesideThem) {
  auto one = start("hdf5", "a", 0, described(1));
  record(one, 2);
  const auto first = finish(one);
  auto growing = start("hdf5", "b", 2, described(2));
  record(growing, 3);
  ExportRequest asked;
  asked.input = request({directory_});
  const auto recording = open(asked.input);
  ASSERT_TRUE(recording);
  record(growing, 2);
  static_cast<void>(finish(growing));
  auto next = start("hdf5", "c", 7, described(3));
  record(next, 1);
  static_cast<void>(finish(next));
  const auto again = open_segments_again(files_, asked, recording->facts());
  ASSERT_TRUE(again) << describe(again.error());
  EXPECT_EQ((*again)->facts().frames, 7U);
  expect_frames(**again, 0, 0, 7);
  // Another file has the name of the first segment.
  auto other = start("hdf5", "d", 0, described(1));
  record(other, 1);
  fs::rename(finish(other), first);
  const auto changed = open_segments_again(files_, asked, recording->facts());
  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error().code, ErrorCode::kCorrupt);
}

TEST_F(RecordingTest, DetectorsAreToldInPixelsOfTheFrames) {
  auto d = described(1);
  d.detectors = {
      {"BF", {{"shape", "disc"}, {"outer", "6 px"}}, 5},
      {"DF",
       {{"shape", "annulus"}, {"center", "5 px, 9 px"}, {"inner", "2 px"}, {"outer", "8 px"}},
       5},
      {"box", {{"shape", "rectangle"}, {"roi", "y=6:10, x=9:13"}}, 5}};
  auto one = start("hdf5", "a", 0, d);
  record(one, 4, 0, 0, {1.5, 2.5, 3.5});
  const auto recording = open(request({finish(one)}));
  ASSERT_TRUE(recording);
  const auto& detectors = recording->facts().detectors;
  ASSERT_EQ(detectors.size(), 3U);
  const auto& disc = std::get<Disc>(detectors[0].area);
  EXPECT_EQ(disc.center_y, (19.5 - 4.5) / 2);
  EXPECT_EQ(disc.center_x, (19.5 - 8.5) / 2);
  EXPECT_EQ(disc.outer, 3);
  const auto& annulus = std::get<Annulus>(detectors[1].area);
  EXPECT_EQ(annulus.center_y, 0.25);
  EXPECT_EQ(annulus.inner, 1);
  EXPECT_EQ(std::get<Rectangle>(detectors[2].area).region, (Region{1, 3, 1, 3}));
  EXPECT_EQ(recording->facts().series, (std::vector<std::string>{"BF", "DF", "box"}));
  std::vector<double> sums(3);
  ASSERT_TRUE(recording->read_series(1, 1, sums));
  EXPECT_EQ(sums, (std::vector<double>{2.5, 2.5, 2.5}));
}

TEST_F(RecordingTest, ForeignFilesAreRead) {
  const auto file = directory_ / "x.npy";
  std::string header = "{'descr': '<u2', 'fortran_order': False, 'shape': (2, 3, 1, 2), }";
  header.resize(117, ' ');
  header += '\n';
  std::ofstream stream(file, std::ios::binary);
  stream << "\x93NUMPY" << '\x01' << '\0' << static_cast<char>(header.size()) << '\0' << header;
  for (std::uint16_t i = 0; i < 12; ++i) stream.write(reinterpret_cast<const char*>(&i), 2);
  stream.close();
  const auto recording = open(request({file}));
  ASSERT_TRUE(recording);
  EXPECT_EQ(recording->facts().frames, 6U);
  EXPECT_EQ(recording->facts().scan, (Scan{2, 3, 0, 0}));
  std::vector<std::byte> pixels(4);
  ASSERT_TRUE(recording->read(5, pixels));
  EXPECT_EQ(pixels[0], std::byte{10});
  auto mixed = start("hdf5", "a", 0, described(1));
  record(mixed, 1);
  EXPECT_NE(refusal(request({file, finish(mixed)})).find("not both"), std::string::npos);
}

TEST_F(RecordingTest, WhatIsNotThereIsSaid) {
  EXPECT_NE(refusal({}).find("there is no input"), std::string::npos);
  EXPECT_NE(refusal(request({directory_ / "no.h5"})).find("no.h5"), std::string::npos);
  fs::create_directory(directory_ / "empty");
  EXPECT_NE(refusal(request({directory_ / "empty"})).find("empty"), std::string::npos);
}

}  // namespace
}  // namespace framelog
