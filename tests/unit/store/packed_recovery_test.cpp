#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <functional>
#include <thread>

#include "formats/chunk_index.hpp"
#include "store/finish.hpp"
#include "store/provenance.hpp"
#include "store/recovery.hpp"
#include "store/verify.hpp"
#include "tests/fakes/faulty_files.hpp"
#include "tests/unit/formats/packed_recording.hpp"

namespace framelog {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kFrames = 40;

class PackedRecoveryTest : public PackedTest {
 protected:
  static SegmentDescription description(const Compression& compression = {Codec::kGzip, 4}) {
    auto d = packed_description(compression, {12, 20, PixelType::kUint16}, 100);
    d.detectors = {{"bright", {}, 12}, {"dark", {}, 34}};
    RunFacts run;
    run.driver = "simulator";
    d.provenance_json = start_provenance(run, d);
    return d;
  }

  static void zero(const fs::path& file, std::int64_t offset, std::size_t bytes) {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(offset);
    const std::string zeros(bytes, '\0');
    stream.write(zeros.data(), static_cast<std::streamsize>(bytes));
    ASSERT_TRUE(stream.good());
  }
  /// Keeps both files of a segment, to damage them again and again.
  void keep() {
    fs::copy_file(part(), directory_ / "kept.part");
    fs::copy_file(index(), directory_ / "kept.chunks");
    head_ = ChunkIndex::open(files_, index(), O_RDONLY).value().head();
  }
  void bring_back() {
    fs::remove(final_path());
    const auto over = fs::copy_options::overwrite_existing;
    fs::copy_file(directory_ / "kept.part", part(), over);
    fs::copy_file(directory_ / "kept.chunks", index(), over);
  }
  void expect_recovered(const std::string& what, std::uint64_t frames = kFrames) {
    const auto recovered = recover_part(files_, part());
    ASSERT_EQ(recovered.outcome, RecoveryOutcome::kFinished) << what << ": " << recovered.note;
    EXPECT_EQ(recovered.frames, static_cast<std::int64_t>(frames)) << what;
    EXPECT_EQ(verify_segment(files_, final_path()).problems, std::vector<std::string>{}) << what;
    SCOPED_TRACE(what);
    expect_frames(final_path(), description_, frames);
    EXPECT_FALSE(fs::exists(index())) << what;
  }
  void expect_quarantined(const std::string& what) {
    const auto before = fs::file_size(part());
    const auto recovered = recover_part(files_, part());
    ASSERT_EQ(recovered.outcome, RecoveryOutcome::kQuarantined) << what << ": " << recovered.note;
    EXPECT_EQ(fs::file_size(recovered.result), before) << what;
    EXPECT_FALSE(fs::exists(part())) << what;
    EXPECT_FALSE(fs::exists(index())) << what;
    EXPECT_TRUE(fs::exists(recovered.result.string() + ".why"));
    fs::remove_all(directory_ / "quarantine");
  }

  SegmentDescription description_ = description();
  ChunkIndexHead head_;
};

TEST_F(PackedRecoveryTest, WhateverIsLostOfHdf5sMetadataIsMadeAnew) {
  leave(description_, kFrames);
  keep();
  expect_recovered("nothing is damaged");
  const std::string whole = tree(final_path());
  EXPECT_NE(whole.find("provenance  NXnote"), std::string::npos);
  constexpr std::int64_t kPiece = 4096;
  for (std::int64_t offset = 0; offset < head_.pixels_begin; offset += kPiece) {
    bring_back();
    zero(part(), offset, static_cast<std::size_t>(kPiece));
    expect_recovered("zeros at " + std::to_string(offset));
    EXPECT_EQ(tree(final_path()), whole) << offset;
  }
  bring_back();
  zero(part(), 0, static_cast<std::size_t>(head_.pixels_begin));
  expect_recovered("no head at all");
  EXPECT_EQ(tree(final_path()), whole);
  // The end of the file is gone, but no frame.
  bring_back();
  fs::resize_file(part(), fs::file_size(part()) - 100);
  expect_recovered("shorter");
}

TEST_F(PackedRecoveryTest, WithoutItsIndexHdf5sMetadataTells) {
  leave(description_, kFrames);
  keep();
  expect_recovered("nothing is damaged");
  const std::string whole = tree(final_path());
  const auto rows = 4096 + (head_.image_bytes + 4095) / 4096 * 4096;
  const std::vector<std::pair<std::string, std::function<void()>>> damages{
      {"no index", [&] { fs::remove(index()); }},
      {"an empty index", [&] { fs::resize_file(index(), 0); }},
      {"no head", [&] { zero(index(), 0, 512); }},
      {"no counts", [&] { zero(index(), kChunkIndexCounts, 16); }},
      {"a damaged image", [&] { zero(index(), 5000, 100); }},
      {"no first row", [&] { zero(index(), rows, head_.row_bytes); }},
      {"rows missing in the middle",
       [&] { zero(index(), rows + 7 * head_.row_bytes, 5 * head_.row_bytes + 3); }},
      {"rows missing at the end",
       [&] { fs::resize_file(index(), static_cast<std::uintmax_t>(rows + 30 * head_.row_bytes)); }},
  };
  for (const auto& [what, damage] : damages) {
    bring_back();
    damage();
    expect_recovered(what);
    EXPECT_EQ(tree(final_path()), whole) << what;
    for (const auto& name : left()) {
      EXPECT_TRUE(name.starts_with("kept") || name == "a.h5" || name.ends_with(".damaged")) << name;
    }
    fs::remove(index().string() + ".damaged");
  }
}

TEST_F(PackedRecoveryTest, AnotherSegmentsIndexIsNotBelieved) {
  auto other = description_;
  other.segment_number = 7;
  const auto writer = begin(other, files_, "b");
  ASSERT_TRUE(PackedBatch(other, 3, 10).append_to(*writer));
  const auto empty = begin(other, files_, "c");
  leave(description_, kFrames);
  keep();
  for (const std::string name : {"b", "c"}) {
    bring_back();
    fs::copy_file(directory_ / (name + ".chunks.part"), index(),
                  fs::copy_options::overwrite_existing);
    expect_recovered("the index of " + name);
    bring_back();
    fs::copy_file(directory_ / (name + ".chunks.part"), index(),
                  fs::copy_options::overwrite_existing);
    zero(part(), 0, 4096);
    expect_quarantined("the index of " + name + " and a damaged head");
  }
}

TEST_F(PackedRecoveryTest, AnIndexBesideUncompressedFramesIsNotBelieved) {
  const auto empty = begin(description_, files_, "c");
  auto plain = description_;
  plain.compression = {};
  plain.detectors = {};
  auto writer = format_.prepare(files_, directory_ / "plain", plain);
  ASSERT_TRUE(writer && (*writer)->activate(part()));
  for (std::uint64_t i = 0; i < 5; ++i) {
    const auto pixels = packed_pixels_of(plain.shape, i);
    const auto record = packed_record_of(i, pixels);
    ASSERT_TRUE((*writer)->append(std::span(&record, 1), pixels, {}));
  }
  writer->reset();
  fs::copy_file(directory_ / "c.chunks.part", index());
  const auto recovered = recover_part(files_, part());
  ASSERT_EQ(recovered.outcome, RecoveryOutcome::kFinished) << recovered.note;
  EXPECT_EQ(recovered.frames, 5);
  expect_frames(final_path(), plain, 5);
}

TEST_F(PackedRecoveryTest, WhatNothingCanTellOfGoesToQuarantine) {
  leave(description_, kFrames);
  keep();
  zero(part(), 0, 4096);
  fs::remove(index());
  expect_quarantined("neither");
  bring_back();
  zero(part(), 0, 4096);
  zero(index(), 0, 512);
  expect_quarantined("two heads");
  bring_back();
  zero(part(), 0, static_cast<std::size_t>(fs::file_size(part())));
  expect_quarantined("all zeros");
  bring_back();
  fs::resize_file(part(), 10);
  expect_quarantined("ten bytes");
}

TEST_F(PackedRecoveryTest, FramesBehindTheLastSyncAreKeptUpToTheFirstThatIsNotWhole) {
  for (const auto& compression :
       {Compression{Codec::kGzip, 1}, Compression{Codec::kLz4, 0},
        Compression{Codec::kBitshuffleLz4, 0}, Compression{Codec::kZstd, 1}}) {
    description_ = description(compression);
    {
      const auto writer = begin(description_);
      ASSERT_TRUE(PackedBatch(description_, 0, 10).append_to(*writer));
      ASSERT_TRUE(writer->sync());
      ASSERT_TRUE(PackedBatch(description_, 10, 20).append_to(*writer));
    }
    const auto opened = ChunkIndex::open(files_, index(), O_RDONLY);
    const auto rows = opened->rows(0, 30).value().rows;
    zero(part(), rows[24].offset, static_cast<std::size_t>(rows[24].bytes));
    const auto recovered = recover_part(files_, part());
    ASSERT_EQ(recovered.outcome, RecoveryOutcome::kFinished) << recovered.note;
    EXPECT_EQ(recovered.frames, 24);
    EXPECT_EQ(recovered.lost, 6);
    EXPECT_EQ(verify_segment(files_, final_path()).problems, std::vector<std::string>{});
    expect_frames(final_path(), description_, 24);
    fs::remove(final_path());
  }
}

TEST_F(PackedRecoveryTest, FinishingIsRepeatedWhereverItFailed) {
  leave(description_, kFrames);
  keep();
  for (const bool with_index : {true, false}) {
    for (const Call call :
         {Call::kWrite, Call::kReserve, Call::kSync, Call::kRename, Call::kOpen}) {
      for (int first = 1;; ++first) {
        bring_back();
        if (!with_index) fs::remove(index());
        FaultyFiles faulty;
        faulty.add({.call = call, .first = first, .system_errno = EIO, .torn = true});
        const auto failed = recover_part(faulty, part());
        if (faulty.failed() == 0) break;
        ASSERT_LT(first, 100);
        if (fs::exists(final_path())) continue;  // What failed did not matter.
        ASSERT_EQ(failed.outcome, RecoveryOutcome::kFailed) << failed.note;
        expect_recovered("call " + std::to_string(static_cast<int>(call)) + " number " +
                         std::to_string(first));
        fs::remove(index().string() + ".damaged");
      }
    }
  }
}

/// What a process that is killed has told before.
class Told {
 public:
  Told()
      : frames_(static_cast<std::atomic<std::uint64_t>*>(
            ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {
    new (frames_) std::atomic<std::uint64_t>(0);
  }
  ~Told() { ::munmap(frames_, 4096); }
  Told(const Told&) = delete;
  Told& operator=(const Told&) = delete;
  std::atomic<std::uint64_t>& frames() { return *frames_; }

 private:
  std::atomic<std::uint64_t>* frames_;
};

/// Runs `work` in a process of its own and kills it when `when` returns.
void run_and_kill(const std::function<void()>& work, const std::function<void()>& when) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    work();
    ::_exit(0);
  }
  when();
  ::kill(child, SIGKILL);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
}

TEST_F(PackedRecoveryTest, AKillLosesNoFrameThatWasAppended) {
  description_.capacity_frames = 30'000;
  description_.capacity_bytes = 30'000 * 480;
  std::mt19937 random(7);
  const PackedBatch example(description_, 0, 1);
  for (int round = 0; round < 20; ++round) {
    Told told;
    const std::uint64_t enough = random() % 300;
    run_and_kill(
        [&] {
          const auto writer = begin(description_);
          std::jthread sync([&](const std::stop_token& stop) {
            while (!stop.stop_requested()) static_cast<void>(writer->sync());
          });
          for (std::uint64_t next = 0; next < 20'000;) {
            const std::size_t count = 1 + next % 5;
            if (!PackedBatch(description_, next, count).append_to(*writer)) break;
            next += count;
            told.frames() = next;
          }
          for (;;) ::pause();
        },
        [&] {
          while (told.frames() < enough + 1) std::this_thread::yield();
          std::this_thread::sleep_for(std::chrono::microseconds(random() % 3000));
        });
    const std::uint64_t frames = told.frames();
    const auto recovered = recover_part(files_, part());
    ASSERT_EQ(recovered.outcome, RecoveryOutcome::kFinished) << recovered.note;
    EXPECT_GE(recovered.frames, static_cast<std::int64_t>(frames));
    EXPECT_EQ(recovered.lost, 0);
    EXPECT_EQ(verify_segment(files_, final_path()).problems, std::vector<std::string>{});
    expect_frames(final_path(), description_, static_cast<std::uint64_t>(recovered.frames));
    fs::remove(final_path());
  }
}

TEST_F(PackedRecoveryTest, AKillWhileFinishingIsRepeated) {
  leave(description_, kFrames);
  keep();
  std::mt19937 random(11);
  int unfinished = 0;
  for (int round = 0; round < 60; ++round) {
    bring_back();
    if (round % 3 == 0) fs::remove(index());
    Told told;
    run_and_kill(
        [&] {
          told.frames() = 1;
          static_cast<void>(recover_part(files_, part()));
        },
        [&] {
          while (told.frames() == 0) std::this_thread::yield();
          std::this_thread::sleep_for(std::chrono::microseconds(random() % 30'000));
        });
    if (fs::exists(part())) {
      ++unfinished;
      expect_recovered("round " + std::to_string(round));
    } else {
      expect_frames(final_path(), description_, kFrames);
      // What belongs to a finished segment is cleared with the next walk.
      ASSERT_TRUE(recover(files_, directory_));
      EXPECT_FALSE(fs::exists(index()));
    }
  }
  EXPECT_GT(unfinished, 0);
}

}  // namespace
}  // namespace framelog
