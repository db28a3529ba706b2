#include "store/master_files.hpp"

#include <chrono>

#include "formats/hdf5_master.hpp"
#include "segment_fixture.hpp"

namespace framelog {
namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

class MasterFilesTest : public SegmentTest {
 protected:
  MasterFilesTest() : catalog_(open()) {}
  Catalog open() {
    auto catalog =
        Catalog::open(files_, directory_ / "state" / "catalog.sqlite", Catalog::Mode::kWrite);
    EXPECT_TRUE(catalog);
    return std::move(*catalog);
  }
  void add(const std::string& name, std::uint64_t first, std::int64_t number) {
    auto recording = start("hdf5", name, first, number);
    record(recording, 10);
    const auto entry = catalog_entry(files_, finish(recording));
    ASSERT_TRUE(entry);
    ASSERT_TRUE(catalog_.add(*entry));
    run_ = entry->run_uuid;
    masters_.changed(run_, "whole", steady_clock::now());
  }
  bool step(bool all = true) {
    for (bool any = false;; any = true) {
      const auto done = masters_.step(catalog_, steady_clock::now(), all);
      EXPECT_TRUE(done) << describe(done.error());
      if (!done.value_or(false)) return any;
    }
  }
  [[nodiscard]] fs::path master() const { return directory_ / "a_master.h5"; }

  Catalog catalog_;
  MasterFiles masters_{files_, "bench", {directory_}};
  std::string run_;
};

TEST_F(MasterFilesTest, IsWrittenWhenThereAreSeveralSegments) {
  add("a_0001", 0, 1);
  EXPECT_TRUE(step());
  EXPECT_FALSE(fs::exists(master()));
  add("a_0002", 10, 2);
  EXPECT_TRUE(step());
  EXPECT_TRUE(is_master(master()));
  EXPECT_EQ(read_master(master()).value(), (MasterIdentity{run_, "whole"}));
  EXPECT_EQ(catalog_.master_of(run_, "whole").value(), master());
  EXPECT_FALSE(step());
  // It is no segment, whatever its name.
  EXPECT_FALSE(catalog_entry(files_, master()));
}

TEST_F(MasterFilesTest, AGrowingRunIsWrittenSeldom) {
  add("a_0001", 0, 1);
  add("a_0002", 10, 2);
  EXPECT_FALSE(step(false));
  EXPECT_GT(masters_.next(), steady_clock::now() + std::chrono::seconds(30));
  EXPECT_TRUE(step());
  EXPECT_EQ(masters_.next(), kNoDeadline);
  add("a_0003", 20, 3);
  EXPECT_GT(masters_.next(), steady_clock::now() + std::chrono::seconds(30));
}

TEST_F(MasterFilesTest, OpensAFewSegmentsAtATimeAndEachOnce) {
  const auto steps = [&] {
    int count = 0;
    while (masters_.step(catalog_, steady_clock::now(), true).value()) ++count;
    return count;
  };
  for (int i = 0; i < 9; ++i) {
    add("a_000" + std::to_string(i + 1), static_cast<std::uint64_t>(10 * i), i + 1);
  }
  EXPECT_EQ(steps(), 1 + 3 + 1) << "the list, four segments each, the file";
  masters_.changed(run_, "whole", steady_clock::now());
  EXPECT_EQ(steps(), 1 + 1 + 1) << "all of them are known";
  EXPECT_TRUE(is_master(master()));
}

TEST_F(MasterFilesTest, GoesWithItsLastSegment) {
  add("a_0001", 0, 1);
  add("a_0002", 10, 2);
  EXPECT_TRUE(step());
  for (const char* name : {"a_0001.h5", "a_0002.h5"}) {
    fs::remove(directory_ / name);
    ASSERT_TRUE(catalog_.remove(directory_ / name));
    masters_.changed(run_, "whole", steady_clock::now());
    EXPECT_TRUE(step());
    EXPECT_EQ(fs::exists(master()), std::string(name) == "a_0001.h5");
  }
}

TEST_F(MasterFilesTest, NeverReplacesAnotherFile) {
  std::ofstream(master()) << "mine";
  add("a_0001", 0, 1);
  add("a_0002", 10, 2);
  EXPECT_TRUE(step());
  EXPECT_EQ(read_text(files_, master()).value(), "mine");
  EXPECT_TRUE(is_master(directory_ / "a_2_master.h5"));
  // The name that it has got stays.
  add("a_0003", 20, 3);
  EXPECT_TRUE(step());
  EXPECT_FALSE(fs::exists(directory_ / "a_3_master.h5"));
}

TEST_F(MasterFilesTest, ASegmentThatIsCalledMasterIsASegment) {
  auto recording = start("hdf5", "0001_master", 0, 1);
  record(recording, 10);
  const auto path = finish(recording);
  EXPECT_FALSE(is_master(path));
  EXPECT_TRUE(catalog_entry(files_, path));
}

}  // namespace
}  // namespace framelog
