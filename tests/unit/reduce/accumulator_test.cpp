#include "reduce/accumulator.hpp"

#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "reference.hpp"
#include "tests/fakes/sanitizers.hpp"

namespace framelog {
namespace {

using testing::bytes_of;

ReductionPlan plan_of(const FrameShape& shape, std::uint32_t frames,
                      AccumulateMode mode = AccumulateMode::kSum) {
  ReductionSpec spec;
  spec.accumulate = frames;
  spec.accumulate_mode = mode;
  return make_plan(shape, spec, {}).value();
}

/// Memory of a group, aligned as it wants it.
class Memory {
 public:
  explicit Memory(const ReductionPlan& plan)
      : bytes_(Accumulator::memory_bytes(plan)),
        data_(static_cast<std::byte*>(std::aligned_alloc(64, (bytes_ + 63) / 64 * 64))) {
    std::memset(data_, 0, bytes_);
  }
  ~Memory() { std::free(data_); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  [[nodiscard]] std::span<std::byte> bytes() const { return {data_, bytes_}; }

 private:
  std::size_t bytes_;
  std::byte* data_;
};

template <class Pixel>
std::vector<Pixel> emitted(Reducer& reducer, const Accumulator& group) {
  std::vector<Pixel> pixels(size_bytes(reducer.plan().output) / sizeof(Pixel));
  static_cast<void>(reducer.emit(group, std::as_writable_bytes(std::span(pixels))));
  return pixels;
}

TEST(Accumulator, OfZeroedMemoryIsEmpty) {
  const auto plan = plan_of({2, 3, PixelType::kUint8}, 4);
  const Memory memory(plan);
  const Accumulator group(plan, memory.bytes());
  EXPECT_EQ(group.count(), 0U);
  EXPECT_EQ(group.next(), 0U);
  EXPECT_EQ(group.saturated(), 0U);
  EXPECT_EQ(group.note().size(), Accumulator::kNoteBytes);
  EXPECT_EQ(std::ranges::count(group.note(), std::byte{0}), Accumulator::kNoteBytes);
  EXPECT_FALSE(group.unfinished());
}

TEST(Accumulator, KeepsCountNoteAndNext) {
  const auto plan = plan_of({1, 2, PixelType::kUint16}, 3);
  const Memory memory(plan);
  Reducer reducer(plan);
  Accumulator group(plan, memory.bytes());
  group.clear(10);
  EXPECT_EQ(group.next(), 10U);
  const std::vector<std::byte> note(Accumulator::kNoteBytes, std::byte{7});
  reducer.add(bytes_of(std::vector<std::uint16_t>{1, 65535}), 12, note, group);
  EXPECT_EQ(group.count(), 1U);
  EXPECT_EQ(group.next(), 13U);
  EXPECT_TRUE(std::ranges::equal(group.note(), note));
  reducer.add(bytes_of(std::vector<std::uint16_t>{1, 65535}), 12, {}, group);  // In already.
  EXPECT_TRUE(std::ranges::equal(group.note(), note));
  reducer.add(bytes_of(std::vector<std::uint16_t>{5, 65535}), 13, std::span(note).first(1), group);
  EXPECT_EQ(group.note()[0], std::byte{7});
  EXPECT_EQ(group.note()[1], std::byte{0});
  const Accumulator again(plan, memory.bytes());
  EXPECT_EQ(again.count(), 2U);
  EXPECT_EQ(emitted<std::uint32_t>(reducer, again), (std::vector<std::uint32_t>{6, 131070}));
  group.clear(14);
  EXPECT_EQ(group.count(), 0U);
  EXPECT_EQ(group.next(), 14U);
  EXPECT_EQ(group.note()[0], std::byte{0});
  reducer.add(bytes_of(std::vector<std::uint16_t>{8, 9}), 14, {}, group);
  EXPECT_EQ(emitted<std::uint32_t>(reducer, group), (std::vector<std::uint32_t>{8, 9}));
}

TEST(Accumulator, HoldsTheMostFramesOfTheLargestPixels) {
  const auto plan = plan_of({1, 1, PixelType::kUint16}, kMostAccumulated);
  EXPECT_EQ(plan.combined.type, PixelType::kUint32);
  const Memory memory(plan);
  Reducer reducer(plan);
  Accumulator group(plan, memory.bytes());
  const auto frame = bytes_of(std::vector<std::uint16_t>{65535});
  for (std::uint32_t i = 0; i < kMostAccumulated; ++i) {
    ASSERT_TRUE(reducer.add(frame, i, {}, group));
  }
  EXPECT_FALSE(reducer.add(frame, kMostAccumulated, {}, group));
  EXPECT_EQ(group.next(), kMostAccumulated);
  EXPECT_EQ(emitted<std::uint32_t>(reducer, group).front(), 65535U * 65535U);
}

TEST(Accumulator, SumsOfUint64SaturateAndAreCounted) {
  const std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  const auto plan = plan_of({1, 3, PixelType::kUint64}, 3);
  const Memory memory(plan);
  Reducer reducer(plan);
  Accumulator group(plan, memory.bytes());
  for (std::uint64_t i = 0; i < 3; ++i) {
    reducer.add(bytes_of(std::vector<std::uint64_t>{most / 2, most / 4, i}), i, {}, group);
  }
  std::vector<std::uint64_t> sums(3);
  const auto statistics = reducer.emit(group, std::as_writable_bytes(std::span(sums)));
  EXPECT_EQ(sums, (std::vector<std::uint64_t>{most, most / 4 * 3, 3}));
  EXPECT_EQ(statistics.clipped, 1U);
}

TEST(Accumulator, MeansOfLargeUint64AreExact) {
  const std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  const auto plan = plan_of({1, 2, PixelType::kUint64}, 3, AccumulateMode::kMean);
  const Memory memory(plan);
  Reducer reducer(plan);
  Accumulator group(plan, memory.bytes());
  for (std::uint64_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(reducer.add(bytes_of(std::vector<std::uint64_t>{most - i, most}), i, {}, group));
  }
  EXPECT_EQ(emitted<std::uint64_t>(reducer, group), (std::vector<std::uint64_t>{most - 1, most}));
}

TEST(Accumulator, MeansRoundHalfAwayFromZero) {
  const auto plan = plan_of({1, 4, PixelType::kInt16}, 2, AccumulateMode::kMean);
  EXPECT_EQ(plan.combined.type, PixelType::kInt16);
  const Memory memory(plan);
  Reducer reducer(plan);
  Accumulator group(plan, memory.bytes());
  reducer.add(bytes_of(std::vector<std::int16_t>{-1, 1, -32768, 7}), 0, {}, group);
  reducer.add(bytes_of(std::vector<std::int16_t>{-2, 2, -32768, 7}), 1, {}, group);
  EXPECT_EQ(emitted<std::int16_t>(reducer, group), (std::vector<std::int16_t>{-2, 2, -32768, 7}));
}

TEST(Accumulator, SkipsNan) {
  for (const auto mode : {AccumulateMode::kSum, AccumulateMode::kMean}) {
    const auto plan = plan_of({1, 4, PixelType::kFloat32}, 3, mode);
    const Memory memory(plan);
    Reducer reducer(plan);
    Accumulator group(plan, memory.bytes());
    reducer.add(bytes_of(std::vector<float>{NAN, NAN, 1, INFINITY}), 0, {}, group);
    reducer.add(bytes_of(std::vector<float>{2, NAN, NAN, -INFINITY}), 1, {}, group);
    reducer.add(bytes_of(std::vector<float>{4, NAN, 5, 1}), 2, {}, group);
    const auto pixels = emitted<float>(reducer, group);
    EXPECT_EQ(pixels[0], mode == AccumulateMode::kSum ? 6.0F : 3.0F);
    EXPECT_TRUE(std::isnan(pixels[1]));
    EXPECT_EQ(pixels[2], mode == AccumulateMode::kSum ? 6.0F : 3.0F);
    EXPECT_TRUE(std::isnan(pixels[3]));  // Not 1: infinities of both signs were added.
  }
}

TEST(Accumulator, GoesOnBehindTheRowsThatAreIn) {
  const auto plan = plan_of({3, 2, PixelType::kUint8}, 9);
  const Memory memory(plan);
  Reducer reducer(plan);
  const std::vector<std::uint8_t> pixels{1, 2, 3, 4, 5, 6};
  const auto frame = bytes_of(pixels);
  {
    Accumulator group(plan, memory.bytes());
    reducer.add(frame, 0, {}, group);
    EXPECT_EQ(group.begin(1), 0U);
    group.add_row(0, std::span(frame).first(2));
    group.add_row(1, std::span(frame).subspan(2, 2));
  }
  Accumulator group(plan, memory.bytes());
  EXPECT_EQ(group.unfinished(), 1U);
  EXPECT_EQ(group.begin(1), 2U);
  EXPECT_FALSE(reducer.add(frame, 2, {}, group));  // Half of another one is in.
  EXPECT_EQ(group.count(), 1U);
  EXPECT_TRUE(reducer.add(frame, 1, {}, group));
  EXPECT_FALSE(group.unfinished());
  EXPECT_EQ(emitted<std::uint16_t>(reducer, group),
            (std::vector<std::uint16_t>{2, 4, 6, 8, 10, 12}));
  EXPECT_EQ(group.begin(2), 0U);
  group.add_row(0, std::span(frame).first(2));
  group.clear(7);
  EXPECT_FALSE(group.unfinished());
  reducer.add(frame, 7, {}, group);
  EXPECT_EQ(emitted<std::uint16_t>(reducer, group), (std::vector<std::uint16_t>{1, 2, 3, 4, 5, 6}));
}

std::vector<std::byte> random_frame(const FrameShape& shape, std::uint64_t sequence) {
  std::mt19937_64 random(sequence + 1);
  if (shape.type == PixelType::kFloat32) {
    std::vector<float> pixels(std::size_t{shape.height_px} * shape.width_px);
    for (float& pixel : pixels)
      pixel = random() % 5 == 0 ? NAN : static_cast<float>(random() % 100);
    return bytes_of(pixels);
  }
  std::vector<std::byte> bytes(size_bytes(shape));
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

/// A group in memory that forked processes share, and what they add to it.
class SharedGroup {
 public:
  SharedGroup(const ReductionPlan& plan, std::uint64_t frames) : plan_(plan) {
    for (std::uint64_t i = 0; i < frames; ++i) frames_.push_back(random_frame(plan.source, i));
    const int descriptor = memfd_create("group", MFD_CLOEXEC);
    bytes_ = Accumulator::memory_bytes(plan);
    EXPECT_EQ(ftruncate(descriptor, static_cast<off_t>(bytes_)), 0);
    data_ = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    EXPECT_NE(data_, MAP_FAILED);
    close(descriptor);
    // The children inherit what the linker resolves on the way: it would be most of their steps.
    const Memory memory(plan);
    Accumulator first(plan, memory.bytes());
    reducer_.add(frames_.front(), 0, {}, first);
    reducer_.add(frames_.front(), 1, {}, first);
    static_cast<void>(first.begin(2));
    first.add_row(0, frames_.front());
    static_cast<void>(first.begin(2));
  }
  ~SharedGroup() { munmap(data_, bytes_); }
  SharedGroup(const SharedGroup&) = delete;
  SharedGroup& operator=(const SharedGroup&) = delete;

  [[nodiscard]] Accumulator group() const {
    return {plan_, {static_cast<std::byte*>(data_), bytes_}};
  }
  /// Adds what is not in.
  void add_all() {
    Accumulator group = this->group();
    for (std::uint64_t i = 0; i < frames_.size(); ++i) {
      const auto note = std::as_bytes(std::span(&i, 1));
      reducer_.add(frames_[i], i, note, group);
    }
  }
  void expect_all_once() {
    const Accumulator group = this->group();
    EXPECT_EQ(group.count(), frames_.size());
    EXPECT_EQ(group.next(), frames_.size());
    std::uint64_t noted = 0;
    std::memcpy(&noted, group.note().data(), sizeof(noted));
    EXPECT_EQ(noted, frames_.size() - 1);
    std::vector<testing::Image> images;
    std::uint64_t saturated = 0;
    for (const auto& frame : frames_) {
      testing::Image image(plan_.source.height_px, plan_.source.width_px);
      image.values = testing::values_of(frame, plan_.source.type);
      saturated += testing::saturated_in(plan_, image);
      images.push_back(testing::binned(plan_, image));
    }
    std::vector<std::byte> output(size_bytes(plan_.output));
    const auto statistics = reducer_.emit(group, output);
    EXPECT_EQ(statistics.saturated, saturated);
    const auto values = testing::values_of(output, plan_.output.type);
    const auto expected = testing::combined(plan_, images);
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (std::isnan(expected.values[i]) && std::isnan(values[i])) continue;
      ASSERT_EQ(values[i], expected.values[i]) << "pixel " << i;
    }
  }

 private:
  ReductionPlan plan_;
  Reducer reducer_{plan_};
  std::vector<std::vector<std::byte>> frames_;
  std::size_t bytes_{};
  void* data_{};
};

/// Runs `process` until it has ended or made `steps` instructions, then kills it. True if it ended;
/// `steps` are then those that it made.
bool killed_after(pid_t process, std::uint64_t& steps) {
  int status = 0;
  waitpid(process, &status, 0);  // Stopped by itself.
  for (std::uint64_t i = 0; i < steps; ++i) {
    if (ptrace(PTRACE_SINGLESTEP, process, nullptr, nullptr) != 0) break;
    waitpid(process, &status, 0);
    if (WIFEXITED(status)) {
      steps = i;
      return true;
    }
  }
  kill(process, SIGKILL);
  waitpid(process, &status, 0);
  return false;
}

pid_t traced_child(SharedGroup& shared) {
  const pid_t child = fork();
  if (child != 0) return child;
  if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(77);
  static_cast<void>(raise(SIGSTOP));
  shared.add_all();
  _exit(0);
}

bool tracing_is_allowed() {
  const pid_t child = fork();
  if (child == 0) _exit(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0 ? 0 : 77);
  int status = 0;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/// Kills between any two instructions: in the middle of a row, of its copy, of the facts.
TEST(Accumulator, AddsEveryFrameOnceThoughItsProcessIsKilledAtAnyInstruction) {
  if (kIsAddressSanitized) {
    GTEST_SKIP() << "a sanitized frame has too many instructions to be made one by one";
  }
  if (!tracing_is_allowed()) GTEST_SKIP() << "ptrace is not allowed here";
  for (const PixelType type : {PixelType::kUint16, PixelType::kFloat32}) {
    ReductionSpec spec;
    spec.accumulate = 100;
    spec.bin = {1, 2};
    const auto plan = make_plan({3, 10, type}, spec, 50.0).value();
    // How many instructions it takes is the compiler's choice.
    SharedGroup undisturbed(plan, 4);
    std::uint64_t all_steps = 10'000'000;
    ASSERT_TRUE(killed_after(traced_child(undisturbed), all_steps));
    std::mt19937_64 random(3);
    int kills = 0;
    int kills_within_a_frame = 0;
    // Where a kill falls is the compiler's choice as well: some rounds hit a frame.
    for (int round = 0; round < 40 && (kills <= 20 || kills_within_a_frame == 0); ++round) {
      SharedGroup shared(plan, 4);
      for (int attempt = 0; attempt < 100; ++attempt) {
        std::uint64_t steps = random() % (all_steps / 2);
        if (killed_after(traced_child(shared), steps)) break;
        ++kills;
        if (shared.group().unfinished()) ++kills_within_a_frame;
      }
      shared.expect_all_once();
    }
    EXPECT_GT(kills, 20);
    EXPECT_GT(kills_within_a_frame, 0);
  }
}

/// Kills at random times while the group is larger than the caches.
TEST(Accumulator, AddsEveryFrameOnceThoughItsProcessIsKilledAtAnyTime) {
  ReductionSpec spec;
  spec.accumulate = 1000;
  const auto plan = make_plan({512, 1024, PixelType::kUint16}, spec, 60000.0).value();
  SharedGroup shared(plan, 12);
  std::mt19937 random(5);
  for (int i = 0; i < 60; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      shared.add_all();
      _exit(0);
    }
    usleep(static_cast<useconds_t>(random() % 1500));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
  }
  shared.add_all();
  shared.expect_all_once();
}

}  // namespace
}  // namespace framelog
