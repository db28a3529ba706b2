#include "formats/bundle.hpp"

#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "export/recording.hpp"
#include "formats/frame_files.hpp"
#include "memory_recording.hpp"

namespace framelog {
namespace {

namespace fs = std::filesystem;

template <class Number>
void put(std::string& text, Number number) {
  text.append(reinterpret_cast<const char*>(&number), sizeof number);
}

/// An array as numpy.save() writes it.
template <class Number>
std::string array_of(const std::string& descr, const std::string& shape,
                     const std::vector<Number>& values) {
  std::string header =
      "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (" + shape + "), }\n";
  std::string text("\x93NUMPY\x01\0", 8);
  put(text, static_cast<std::uint16_t>(header.size()));
  text += header;
  for (const Number value : values) put(text, value);
  return text;
}

std::string text_array(const std::u32string& value) {
  return array_of("<U" + std::to_string(value.size()), "",
                  std::vector<char32_t>(value.begin(), value.end()));
}

std::string deflated(const std::string& plain) {
  std::string packed(compressBound(plain.size()) + 64, '\0');
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

/// A zip as others write it: with local sizes, without zip64.
void write_zip(const fs::path& path, const std::map<std::string, std::string>& members,
               bool packs) {
  std::string zip;
  std::string directory;
  for (const auto& [name, plain] : members) {
    const std::string bytes = packs ? deflated(plain) : plain;
    std::string common;
    put(common, std::uint16_t{20});
    put(common, std::uint16_t{0});
    put(common, static_cast<std::uint16_t>(packs ? 8 : 0));
    put(common, std::uint32_t{0});  // Time.
    put(common, static_cast<std::uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(plain.data()),
                                                 static_cast<uInt>(plain.size()))));
    put(common, static_cast<std::uint32_t>(bytes.size()));
    put(common, static_cast<std::uint32_t>(plain.size()));
    put(common, static_cast<std::uint16_t>(name.size()));
    put(common, std::uint16_t{0});
    directory += std::string("PK\x01\x02\x14\0", 6) + common + std::string(10, '\0');
    put(directory, static_cast<std::uint32_t>(zip.size()));
    directory += name;
    zip += "PK\x03\x04" + common + name + bytes;
  }
  std::string end("PK\x05\x06\0\0\0\0", 8);
  put(end, static_cast<std::uint16_t>(members.size()));
  put(end, static_cast<std::uint16_t>(members.size()));
  put(end, static_cast<std::uint32_t>(directory.size()));
  put(end, static_cast<std::uint32_t>(zip.size()));
  put(end, std::uint16_t{3});
  std::ofstream(path, std::ios::binary) << zip << directory << end << "end";
}

class BundleTest : public testing::TestWithParam<bool> {
 protected:
  BundleTest() {
    std::string name = (fs::temp_directory_path() / "framelog-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
    file_ = directory_ / "x.npz";
    std::vector<float> data(24);
    std::vector<float> step(24);
    for (std::size_t i = 0; i < 24; ++i) {
      data[i] = static_cast<float>(i);
      step[i] = static_cast<float>(i) + 100;
    }
    members_ = {
        {"data.npy", array_of("<f4", "2, 3, 4", data)},
        {"processed__step_1_remove_plane.npy", array_of("<f4", "2, 3, 4", step)},
        {"masks__step_2_mask.npy", array_of("|b1", "2, 3, 4", std::vector<std::uint8_t>(24, 1))},
        {"timestamps.npy", array_of("<f8", "2,", std::vector<double>{0.5, 1.25})},
        {"pixel_size_nm.npy", array_of("<f8", "", std::vector<double>{2.5})},
        {"channel.npy", text_array(U"H\u00f6he \u20ac \U0001D11E")},
        {"frame_metadata_json.npy",
         text_array(U"[{\"timestamp\": 0.5, \"a\": \"}]\"}, {\"timestamp\": 1.25, "
                    U"\"utc_ns\": 7, \"b\": {\"c\": []}}]")},
        {"provenance_json.npy", text_array(U"{\"processing\": {}}")},
        {"notes.txt", "no array"}};
  }
  ~BundleTest() override { fs::remove_all(directory_); }
  Result<std::unique_ptr<Recording>> try_open() {
    InputRequest request;
    request.paths = {file_};
    return open_recording(system_files(), request);
  }
  std::unique_ptr<Recording> open() {
    auto recording = try_open();
    EXPECT_TRUE(recording) << describe(recording.error());
    return recording ? std::move(*recording) : nullptr;
  }

  fs::path directory_, file_;
  std::map<std::string, std::string> members_;
};

TEST_P(BundleTest, MetadataOfOtherProgramsAreTakenWhereTheyCanBeTrue) {
  members_["frame_metadata_json.npy"] = text_array(
      U"[{\"accumulated\": 0, \"lost_before\": -3, \"gpio\": -1, \"utc_ns\": -5}, "
      U"{\"accumulated\": 0, \"flags\": 2, \"sequence\": 4, \"lost_before\": 4294967296, "
      U"\"source_sequence\": -7}]");
  write_zip(file_, members_, GetParam());
  const auto recording = open();
  ASSERT_TRUE(recording);
  for (std::uint64_t frame = 0; frame < 2; ++frame) {
    const auto note = recording->note(frame);
    ASSERT_TRUE(note);
    EXPECT_EQ(note->accumulated, 1U) << frame;  // It is a frame.
    EXPECT_EQ(note->lost_before, 0U) << frame;
    EXPECT_EQ(note->info.gpio, 0U) << frame;
    EXPECT_EQ(note->info.utc_ns, -1) << frame;
    EXPECT_EQ(note->info.source_sequence, frame == 0 ? 0U : 4U);
  }
}

TEST_P(BundleTest, AnNpzIsReadWithAllThatBelongsToIt) {
  write_zip(file_, members_, GetParam());
  const auto recording = open();
  ASSERT_TRUE(recording);
  const RecordingFacts& facts = recording->facts();
  EXPECT_EQ(facts.shape, (FrameShape{3, 4, PixelType::kFloat32}));
  ASSERT_EQ(facts.frames, 2U);
  EXPECT_EQ(facts.pixel_size[0], (Length{2.5, "nm"}));
  EXPECT_EQ(facts.channel, "H\u00f6he \u20ac \U0001D11E");
  EXPECT_EQ(facts.provenances, (std::vector<std::string>{"{\"processing\": {}}"}));
  ASSERT_EQ(facts.frame_metadata.size(), 2U);
  EXPECT_EQ(facts.frame_metadata[0], "{\"timestamp\": 0.5, \"a\": \"}]\"}");
  EXPECT_EQ(facts.frame_metadata[1], "{\"timestamp\": 1.25, \"utc_ns\": 7, \"b\": {\"c\": []}}");
  EXPECT_TRUE(facts.has_times);
  const auto note = recording->note(1);
  ASSERT_TRUE(note);
  EXPECT_EQ(note->info.monotonic_ns, 1'250'000'000);
  EXPECT_EQ(note->info.utc_ns, 7);
  // In any order, packed or not.
  std::vector<std::byte> pixels(size_bytes(facts.shape));
  for (const std::uint64_t frame : {1U, 0U, 1U}) {
    ASSERT_TRUE(recording->read(frame, pixels));
    const auto values = numbers_of(PixelType::kFloat32, pixels);
    EXPECT_EQ(values[5], static_cast<double>(frame * 12 + 5));
  }
  ASSERT_EQ(facts.layers.size(), 2U);
  EXPECT_EQ(facts.layers[0].name, "step_2_mask");
  EXPECT_TRUE(facts.layers[0].is_mask);
  EXPECT_EQ(facts.layers[0].shape.type, PixelType::kUint8);
  EXPECT_EQ(facts.layers[1].name, "step_1_remove_plane");
  ASSERT_TRUE(recording->read_layer(1, 1, pixels));
  EXPECT_EQ(numbers_of(PixelType::kFloat32, pixels)[11], 123);
}

TEST_P(BundleTest, NumbersMayBeOfAnyType) {
  members_["pixel_size_nm.npy"] = array_of("<i8", "", std::vector<std::int64_t>{5});
  members_["timestamps.npy"] = array_of("<f4", "2,", std::vector<float>{0.5F, 1.25F});
  write_zip(file_, members_, GetParam());
  const auto recording = open();
  ASSERT_TRUE(recording);
  EXPECT_EQ(recording->facts().pixel_size[1], (Length{5, "nm"}));
  ASSERT_TRUE(recording->facts().has_times);
  EXPECT_EQ(recording->note(1)->info.monotonic_ns, 1'250'000'000);
  members_["pixel_size_nm.npy"] =
      array_of(">u2", "", std::vector<std::uint8_t>{1, 0});  // 256, big-endian.
  write_zip(file_, members_, GetParam());
  EXPECT_EQ(open()->facts().pixel_size[1], (Length{256, "nm"}));
}

TEST_P(BundleTest, ItsFramesCanBeReplayed) {
  members_.erase("data.npy");
  members_["stack.npy"] = array_of("<u2", "2, 1, 2", std::vector<std::uint16_t>{1, 2, 3, 4});
  members_.erase("processed__step_1_remove_plane.npy");
  members_.erase("masks__step_2_mask.npy");
  write_zip(file_, members_, GetParam());
  const auto frames = open_frame_file(system_files(), file_);
  ASSERT_TRUE(frames) << describe(frames.error());
  EXPECT_EQ((*frames)->facts().shape, (FrameShape{1, 2, PixelType::kUint16}));
  EXPECT_EQ((*frames)->info(1)->info.monotonic_ns, 1'250'000'000);
}

TEST_P(BundleTest, DamagedZipsAreSaid) {
  write_zip(file_, members_, GetParam());
  fs::resize_file(file_, fs::file_size(file_) - 40);
  EXPECT_FALSE(open_frame_file(system_files(), file_));
  members_["data.npy"].resize(members_["data.npy"].size() - 4);
  write_zip(file_, members_, GetParam());
  const auto cut = open_frame_file(system_files(), file_);
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code, ErrorCode::kCorrupt);
  members_.clear();
  members_["a.npy"] = array_of("<u2", "1, 1, 2", std::vector<std::uint16_t>{1, 2});
  members_["b.npy"] = members_["a.npy"];
  write_zip(file_, members_, GetParam());
  const auto two = open_frame_file(system_files(), file_);
  ASSERT_FALSE(two);
  EXPECT_EQ(two.error().code, ErrorCode::kInvalid);
}

// How much of a packed array is left over when the last packed byte is taken depends on its size.
TEST_P(BundleTest, ArraysOfAllSizesAreRead) {
  for (std::uint64_t frames = 1; frames < 260; ++frames) {
    members_ = {{"data.npy", array_of("<u2", std::to_string(frames) + ", 8, 8",
                                      std::vector<std::uint16_t>(frames * 64))}};
    write_zip(file_, members_, GetParam());
    const auto recording = open();
    ASSERT_TRUE(recording) << frames;
    ASSERT_EQ(recording->facts().frames, frames);
    std::vector<std::byte> pixels(size_bytes(recording->facts().shape));
    for (std::uint64_t frame = 0; frame < frames; ++frame) {
      const auto read = recording->read(frame, pixels);
      ASSERT_TRUE(read) << frames << ": " << describe(read.error());
    }
  }
}

// Whoever has given all frames has also compared the checksum.
TEST_P(BundleTest, ByteThatIsAnotherIsAnErrorAtTheEndAtTheLatest) {
  std::vector<std::uint16_t> values(20 * 64);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<std::uint16_t>(i * i * 31 % 251);
  }
  const std::string array = array_of("<u2", "20, 8, 8", values);
  members_ = {{"data.npy", array}};
  write_zip(file_, members_, GetParam());
  std::ifstream whole_file(file_, std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(whole_file), {}};
  const std::size_t begin = 30 + std::string("data.npy").size() + 128;  // Behind the header of NPY.
  const std::size_t end = whole.find(std::string("PK\1\2", 4));
  for (std::size_t at = GetParam() ? begin - 100 : begin; at < end; at += 7) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 4);
    std::ofstream(file_, std::ios::binary) << changed;
    const auto recording = try_open();
    if (!recording) continue;  // What was hit is the packed header.
    std::vector<std::byte> pixels(size_bytes((*recording)->facts().shape));
    bool is_read = true;
    for (std::uint64_t frame = 0; is_read && frame < (*recording)->facts().frames; ++frame) {
      is_read = (*recording)->read(frame, pixels).has_value();
    }
    EXPECT_FALSE(is_read) << "byte " << at;
  }
}

INSTANTIATE_TEST_SUITE_P(StoredAndPacked, BundleTest, testing::Bool());

}  // namespace
}  // namespace framelog
