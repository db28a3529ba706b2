#include "core/file_system.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace framelog {
namespace {

class FileSystemTest : public testing::Test {
 protected:
  FileSystemTest() {
    std::string name = (std::filesystem::temp_directory_path() / "framelog-test-XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    base = name;
  }
  ~FileSystemTest() override { std::filesystem::remove_all(base); }

  void put(const std::string& name, std::string_view text) {
    const auto done = write_new_file(files, base / name, std::as_bytes(std::span(text)));
    ASSERT_TRUE(done) << describe(done.error());
  }
  std::string text(const std::string& name) {
    const auto read = read_text(files, base / name);
    return read ? *read : describe(read.error());
  }
  UniqueFd open(const std::string& name, int flags = O_RDWR | O_CREAT) {
    auto fd = files.open(base / name, flags);
    EXPECT_TRUE(fd) << describe(fd.error());
    return std::move(*fd);
  }

  FileSystem& files{system_files()};
  std::filesystem::path base;
};

TEST_F(FileSystemTest, OpensFilesThatChildrenDoNotInherit) {
  const UniqueFd fd = open("a");
  EXPECT_NE(::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(FileSystemTest, SaysWhichFileCouldNotBeOpened) {
  const auto fd = files.open(base / "missing", O_RDONLY);
  ASSERT_FALSE(fd);
  EXPECT_EQ(fd.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(fd.error().system_errno, ENOENT);
  EXPECT_EQ(fd.error().context, (base / "missing").string());
}

TEST_F(FileSystemTest, WritesAndReadsAtAnyPlace) {
  const UniqueFd fd = open("a");
  const std::string_view word = "frame";
  ASSERT_TRUE(files.write_at(fd.get(), std::as_bytes(std::span(word)), 10));
  EXPECT_EQ(files.size_bytes(fd.get()).value(), 15);
  std::string back(8, '?');
  const auto got = files.read_at(fd.get(), std::as_writable_bytes(std::span(back)), 12);
  EXPECT_EQ(got.value(), 3U) << "up to the end of the file";
  EXPECT_EQ(back.substr(0, 3), "ame");
  EXPECT_EQ(files.read_at(fd.get(), std::as_writable_bytes(std::span(back)), 15).value(), 0U);
}

TEST_F(FileSystemTest, WritesNothingIntoAFileThatIsThere) {
  put("a", "old");
  const std::string_view fresh = "new";
  const auto done = write_new_file(files, base / "a", std::as_bytes(std::span(fresh)));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kExists);
  EXPECT_EQ(text("a"), "old");
}

TEST_F(FileSystemTest, RenamesButNeverOverAnything) {
  put("a", "first");
  put("b", "second");
  const auto done = files.rename(base / "a", base / "b");
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kExists);
  EXPECT_EQ(text("a"), "first");
  EXPECT_EQ(text("b"), "second");
  std::filesystem::create_symlink("nowhere", base / "link");
  EXPECT_FALSE(files.rename(base / "a", base / "link")) << "not over a link that leads nowhere";
  ASSERT_TRUE(files.rename(base / "a", base / "c"));
  EXPECT_EQ(text("c"), "first");
  EXPECT_FALSE(files.exists(base / "a"));
  ASSERT_TRUE(files.replace(base / "c", base / "b"));
  EXPECT_EQ(text("b"), "first");
}

TEST_F(FileSystemTest, TakesALinkThatLeadsNowhereForAnExistingName) {
  std::filesystem::create_symlink("nowhere", base / "link");
  EXPECT_TRUE(files.exists(base / "link"));
}

TEST_F(FileSystemTest, ReservesSpaceAndMoreBehindTheEndThatNobodySees) {
  const UniqueFd fd = open("a");
  const auto done = files.reserve(fd.get(), 1 << 20, 1 << 20);
  ASSERT_TRUE(done) << describe(done.error());
  EXPECT_EQ(files.size_bytes(fd.get()).value(), 1 << 20);
  struct stat status {};
  ASSERT_EQ(::fstat(fd.get(), &status), 0);
  EXPECT_GE(status.st_blocks * 512, 2 << 20);
}

TEST_F(FileSystemTest, ReservingLeavesWhatIsThere) {
  put("a", "kept");
  const UniqueFd fd = open("a", O_RDWR);
  ASSERT_TRUE(files.reserve(fd.get(), 4096, 0));
  EXPECT_EQ(text("a"), "kept" + std::string(4092, '\0'));
  ASSERT_TRUE(files.reserve(fd.get(), 100, 0));
  EXPECT_EQ(files.size_bytes(fd.get()).value(), 4096) << "never shorter";
}

TEST_F(FileSystemTest, ReportsAFullDiskWhenReserving) {
  const UniqueFd fd = open("a");
  const auto space = files.space(base);
  ASSERT_TRUE(space);
  const auto done = files.reserve(fd.get(), space->total_bytes + (std::int64_t{1} << 40U), 0);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kNoSpace);
}

TEST_F(FileSystemTest, PunchesHolesThatReadAsZeros) {
  const UniqueFd fd = open("a");
  const std::string word(3 * 4096, 'x');
  ASSERT_TRUE(files.write_at(fd.get(), std::as_bytes(std::span(word)), 0));
  if (const auto done = files.punch_hole(fd.get(), 4096, 4096); !done) {
    ASSERT_EQ(done.error().system_errno, EOPNOTSUPP);
    GTEST_SKIP() << "this file system has no holes";
  }
  EXPECT_EQ(text("a"), std::string(4096, 'x') + std::string(4096, '\0') + std::string(4096, 'x'));
}

TEST_F(FileSystemTest, MakesDirectoriesWithTheirParentsAndIsHappyWithExistingOnes) {
  EXPECT_TRUE(files.make_directories(base / "x/y/z"));
  EXPECT_TRUE(files.make_directories(base / "x/y/z"));
  EXPECT_TRUE(files.sync_directory(base / "x/y/z"));
  put("plain", "");
  EXPECT_FALSE(files.make_directories(base / "plain"));
  EXPECT_FALSE(files.make_directories(base / "plain/below"));
}

TEST_F(FileSystemTest, ListsNamesInOrder) {
  for (const char* name : {"c", "a", "b"}) put(name, "");
  EXPECT_EQ(files.list(base).value(), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(files.list(base / "missing").error().code, ErrorCode::kNotFound);
}

TEST_F(FileSystemTest, RemovesFiles) {
  put("a", "");
  EXPECT_TRUE(files.remove(base / "a"));
  EXPECT_EQ(files.remove(base / "a").error().code, ErrorCode::kNotFound);
}

TEST_F(FileSystemTest, ReadsTextUpToItsLimit) {
  put("a", std::string(100'000, 'x'));
  EXPECT_EQ(read_text(files, base / "a", 100'000).value().size(), 100'000U);
  const auto text = read_text(files, base / "a", 99'999);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, ErrorCode::kInvalid);
  put("empty", "");
  EXPECT_EQ(read_text(files, base / "empty", 0).value(), "");
  put("step", std::string(65'536, 'y'));
  EXPECT_EQ(read_text(files, base / "step").value().size(), 65'536U);
}

/// Whether another process gets the lock: 0 yes, 1 busy, 2 another error.
int lock_in_child(FileSystem& files, const std::filesystem::path& path) {
  const pid_t child = ::fork();
  if (child == 0) {
    auto fd = files.open(path, O_RDWR);
    if (!fd) ::_exit(2);
    const auto locked = files.lock(fd->get());
    ::_exit(locked ? 0 : locked.error().code == ErrorCode::kBusy ? 1 : 2);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 3;
}

TEST_F(FileSystemTest, LocksOutOtherProcessesUntilTheDescriptorIsClosed) {
  {
    const UniqueFd fd = open("lock");
    ASSERT_TRUE(files.lock(fd.get()));
    EXPECT_TRUE(files.lock(fd.get())) << "it is ours already";
    EXPECT_EQ(lock_in_child(files, base / "lock"), 1);
    const UniqueFd again = open("lock");
    EXPECT_EQ(files.lock(again.get()).error().code, ErrorCode::kBusy) << "not twice in a process";
  }
  EXPECT_EQ(lock_in_child(files, base / "lock"), 0);
}

TEST_F(FileSystemTest, FreesTheLocksOfAProcessThatDied) {
  { const UniqueFd fd = open("lock"); }
  EXPECT_EQ(lock_in_child(files, base / "lock"), 0);
  EXPECT_EQ(lock_in_child(files, base / "lock"), 0) << "the one before has died with it";
}

}  // namespace
}  // namespace framelog
