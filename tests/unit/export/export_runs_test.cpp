#include "export/export_runs.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "exporter_fixture.hpp"
#include "tests/fakes/faulty_files.hpp"

namespace framelog {
namespace {

namespace fs = std::filesystem;

/// Two runs of one product, which --layout pymodaq puts into one file.
class SeveralRunsTest : public ExporterTest {
 protected:
  SeveralRunsTest() {
    for (std::int64_t run = 1; run <= 2; ++run) {
      auto d = description(1);
      d.run_number = run;
      d.run_uuid.back() = static_cast<char>('0' + run);
      d.provenance_json = provenance_of(d);
      fs::create_directories(directory_ / "runs");
      auto recording = start("hdf5", "runs/" + std::to_string(run), 0, d);
      record(recording, 3);
      finish(recording);
    }
    request_ = request(directory_ / "runs", "hdf5", "both");
    request_.folder = directory_ / "to";
    request_.write.layout = "pymodaq";
  }
  ExportRequest request_;
};

TEST_F(SeveralRunsTest, ThePartOfAnotherExportIsLeftToIt) {
  const fs::path part = directory_ / "to" / "both.h5.part";
  fs::create_directories(directory_ / "to");
  FaultyFiles files;
  files.hold(Call::kOpen, part.filename().string());
  {
    const std::jthread other([&] {
      files.await_held();
      std::ofstream(part) << "of another export";
      files.release();
    });
    const auto report = run_export(files, request_, {});
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, ErrorCode::kExists) << describe(report.error());
  }
  EXPECT_TRUE(fs::exists(part));
}

TEST_F(SeveralRunsTest, TheFirstOfThemIsPreviewed) {
  const auto picture = preview_picture(files_, request_);
  EXPECT_TRUE(picture) << describe(picture.error());
}

}  // namespace
}  // namespace framelog
