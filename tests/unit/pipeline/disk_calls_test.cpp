#include <gtest/gtest.h>
#include <pthread.h>

#include <array>
#include <atomic>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>

#include "core/health.hpp"
#include "recording.hpp"

namespace framelog {
namespace {

/// A disk that stands still is no reason for the watchdog to end the process: the stage that waits
/// for it says so.
TEST(DiskCalls, AreToldByTheWritingStage) {
  Recording recording;
  recording.set("roll", "max_frames", "25");
  std::atomic<const Health*> health{nullptr};
  std::mutex mutex;
  std::set<std::string> untold;
  int seen = 0;
  recording.files.watch([&](Call, const std::filesystem::path& path) {
    std::array<char, 16> name{};
    ::pthread_getname_np(::pthread_self(), name.data(), name.size());
    const Health* known = health.load();
    if (known == nullptr || std::string_view(name.data()) != "write") return;
    const std::scoped_lock lock(mutex);
    ++seen;
    if (!known->write.in_disk_call.load()) untold.insert(path.filename().string());
  });
  recording.source.then([&] {
    while (health.load() == nullptr) std::this_thread::yield();
  });
  recording.source.frames(60).lose(3).frames(60);
  ASSERT_TRUE(recording.start());
  health = &recording.session->health();
  recording.finish();
  EXPECT_EQ(untold, std::set<std::string>{});
  EXPECT_GT(seen, 10);
  EXPECT_EQ(recording.accounting("raw").recorded, 120U);
}

}  // namespace
}  // namespace framelog
