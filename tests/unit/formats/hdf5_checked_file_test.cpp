#include "formats/hdf5_checked_file.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "formats/hdf5_heap.hpp"
#include "formats/hdf5_tree.hpp"
#include "recording.hpp"

namespace framelog::hdf5 {
namespace {

namespace fs = std::filesystem;

/// A file with texts short and long, in datasets and in attributes, and its bytes.
class CheckedFile : public testing::Test {
 protected:
  void SetUp() override {
    set_up_library();
    Tree tree(Handle(H5Fcreate(path().c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT)));
    for (int i = 0; i < 100; ++i) tree.text(name(i), text(i));
    tree.attribute("/", "about", text(7));
    tree.attribute("/", "long", std::string(kLong, 'l'));
    tree.close();
    ASSERT_EQ(tree.error(), "");
    std::ifstream file(path(), std::ios::binary);
    bytes = {std::istreambuf_iterator<char>(file), {}};
  }

  static constexpr std::uint32_t kLong = 23'456;
  [[nodiscard]] fs::path path() const { return directory.path() / "texts.h5"; }
  static std::string name(int i) { return "/text_" + std::to_string(i); }
  static std::string text(int i) {
    const auto length = static_cast<std::size_t>(i == 50 ? 100'000 : i * 7);
    return std::string(length, static_cast<char>('a' + i % 26));
  }

  /// Where heaps lie.
  [[nodiscard]] std::vector<std::size_t> heaps() const {
    std::vector<std::size_t> places;
    for (std::size_t at = bytes.find("GCOL"); at != std::string::npos;
         at = bytes.find("GCOL", at + 1)) {
      places.push_back(at);
    }
    return places;
  }

  /// Where the reference to a text of a length that no other has is: the length, the heap, the
  /// number of the object.
  [[nodiscard]] std::size_t reference_to(std::uint32_t length) const {
    std::size_t reference = std::string::npos;
    for (const std::uint64_t heap : heaps()) {
      std::string begin(12, '\0');
      std::memcpy(begin.data(), &length, sizeof length);
      std::memcpy(begin.data() + 4, &heap, sizeof heap);
      reference = std::min(reference, bytes.find(begin));
    }
    return reference;
  }

  void write(const std::string& changed) const {
    std::ofstream(path(), std::ios::binary) << changed;
  }

  /// How many of the texts cannot be read; those that can are what was written.
  [[nodiscard]] int unreadable() const {
    auto file = open_file(path().string(), H5F_ACC_RDONLY);
    EXPECT_TRUE(file);
    int count = 0;
    for (int i = 0; i < 100; ++i) {
      const auto read = read_text(file->get(), name(i));
      if (!read) ++count;
    }
    for (const char* attribute : {"about", "long"}) {
      if (!read_text_attribute(file->get(), "/", attribute)) ++count;
    }
    return count;
  }

  ScratchDirectory directory;
  std::string bytes;
};

TEST_F(CheckedFile, ReadsTextsOfAnyLength) {
  auto file = open_file(path().string(), H5F_ACC_RDONLY);
  ASSERT_TRUE(file) << describe(file.error());
  for (int i = 0; i < 100; ++i) EXPECT_EQ(read_text(file->get(), name(i)).value(), text(i));
  EXPECT_EQ(read_text_attribute(file->get(), "/", "about").value(), text(7));
  EXPECT_GT(heaps().size(), 2U);
}

TEST_F(CheckedFile, ReadsNothingBehindTheEndOfADamagedHeap) {
  for (const std::size_t heap : heaps()) {
    std::string changed = bytes;
    const std::uint64_t object_bytes = 0xfff000;
    std::memcpy(&changed[heap + 16 + 8], &object_bytes, sizeof object_bytes);
    write(changed);
    EXPECT_GT(unreadable(), 0) << "heap at " << heap;
  }
}

TEST_F(CheckedFile, ReadsNoHeapThatIsLargerThanTheFile) {
  for (const std::size_t heap : heaps()) {
    for (const std::uint64_t heap_bytes : {std::uint64_t{1} << 40U, ~std::uint64_t{0}}) {
      std::string changed = bytes;
      std::memcpy(&changed[heap + 8], &heap_bytes, sizeof heap_bytes);
      write(changed);
      EXPECT_GT(unreadable(), 0) << "heap at " << heap;
    }
  }
}

TEST_F(CheckedFile, ReadsNoTextThatIsLongerThanItsObjectOrHasNone) {
  const auto length = static_cast<std::uint32_t>(text(99).size());
  const std::size_t reference = reference_to(length);
  ASSERT_NE(reference, std::string::npos);
  for (const auto& [offset, value] :
       {std::pair{0, 0xfffffff0U}, std::pair{0, length + 8}, std::pair{0, length - 1},
        std::pair{0, 7U}, std::pair{12, 60'000U}, std::pair{12, 0xffffffffU}}) {
    std::string changed = bytes;
    std::memcpy(&changed[reference + static_cast<std::size_t>(offset)], &value, sizeof value);
    write(changed);
    EXPECT_EQ(unreadable(), 1) << offset << ": " << value;
  }
}

// The library copies what the heap has to where the reference has room for less.
TEST_F(CheckedFile, ReadsNoTextThatIsShorterThanItsObject) {
  const std::size_t reference = reference_to(100'000);
  ASSERT_NE(reference, std::string::npos);
  for (const std::uint32_t length : {1U, 100U, 99'999U}) {
    std::string changed = bytes;
    std::memcpy(&changed[reference], &length, sizeof length);
    write(changed);
    EXPECT_EQ(unreadable(), 1) << length;
  }
}

// Headers of the first version have no checksum.
TEST_F(CheckedFile, ReadsNoTextOfAnAttributeThatIsDamaged) {
  const std::size_t reference = reference_to(kLong);
  ASSERT_NE(reference, std::string::npos);
  for (const auto& [offset, value] :
       {std::pair{0, 0xfffffff0U}, std::pair{0, 1U}, std::pair{0, 100U}, std::pair{0, kLong + 8},
        std::pair{4, 0xfffffff0U}, std::pair{12, 60'000U}, std::pair{12, 0xffffffffU}}) {
    std::string changed = bytes;
    std::memcpy(&changed[reference + static_cast<std::size_t>(offset)], &value, sizeof value);
    write(changed);
    auto file = open_file(path().string(), H5F_ACC_RDONLY);
    ASSERT_TRUE(file) << describe(file.error());
    EXPECT_FALSE(read_text_attribute(file->get(), "/", "long")) << offset << ": " << value;
    EXPECT_EQ(read_text_attribute(file->get(), "/", "about").value(), text(7));
  }
}

// The library walks for ever in a heap whose free space says that it has no bytes.
TEST_F(CheckedFile, EndsInAHeapWhoseFreeSpaceHasNoBytes) {
  int damaged = 0;
  for (const std::size_t heap : heaps()) {
    for (std::size_t at = heap + 16;
         at + 16 <= heap + kLeastHeapBytes && at + 16 <= bytes.size();) {
      std::uint16_t number = 0;
      std::uint64_t size = 0;
      std::memcpy(&number, &bytes[at], sizeof number);
      std::memcpy(&size, &bytes[at + 8], sizeof size);
      if (number != 0) {
        at += 16 + (size + 7) / 8 * 8;
        continue;
      }
      ++damaged;
      std::string changed = bytes;
      std::memset(&changed[at + 8], 0, 8);
      write(changed);
      EXPECT_EQ(unreadable(), 0) << "heap at " << heap;
      auto file = open_file(path().string(), H5F_ACC_RDWR);
      ASSERT_TRUE(file) << describe(file.error());
      Tree tree(std::move(*file));
      tree.remove(name(3));
      tree.text(name(3), "another");
      tree.attribute("/", "about", "another");
      tree.close();
      EXPECT_EQ(tree.error(), "");
      break;
    }
  }
  EXPECT_GT(damaged, 0);
}

// The library leaves what is behind a length of four bytes as it was.
TEST_F(CheckedFile, ReadsTextsOfAFileWithShortLengths) {
  for (const auto& [address, length] : {std::pair{8U, 4U}, std::pair{4U, 4U}}) {
    const Handle creation(H5Pcreate(H5P_FILE_CREATE));
    H5Pset_sizes(creation.get(), address, length);
    H5Pset_userblock(creation.get(), 512);
    Tree tree(Handle(H5Fcreate(path().c_str(), H5F_ACC_TRUNC, creation.get(), H5P_DEFAULT)));
    for (int i = 0; i < 40; ++i) tree.text(name(i), text(i));
    const Handle type(H5Tcopy(H5T_C_S1));
    H5Tset_size(type.get(), H5T_VARIABLE);
    std::map<int, std::string> last;
    for (int i = 0; i < 200; ++i) {  // What was there before is freed, and moved.
      const int changed = i * 7 % 40;
      const std::string& value = last[changed] = text((i * 13 + i / 40) % 40);
      const char* const pointer = value.c_str();
      const Handle set(H5Dopen2(tree.file(), name(changed).c_str(), H5P_DEFAULT));
      ASSERT_GE(H5Dwrite(set.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT,
                         static_cast<const void*>(&pointer)),
                0);
    }
    tree.close();
    ASSERT_EQ(tree.error(), "");
    auto file = open_file(path().string(), H5F_ACC_RDONLY);
    ASSERT_TRUE(file) << describe(file.error());
    for (int i = 0; i < 40; ++i) {
      EXPECT_EQ(read_text(file->get(), name(i)).value_or("none"), last[i]) << address << length;
    }
  }
}

TEST_F(CheckedFile, ReadsTextsBehindLinksToOtherFiles) {
  const fs::path linking = directory.path() / "linking.h5";
  {
    const Handle file(H5Fcreate(linking.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
    H5Lcreate_external("texts.h5", name(42).c_str(), file.get(), "/title", H5P_DEFAULT,
                       H5P_DEFAULT);
  }
  auto file = open_file(linking.string(), H5F_ACC_RDONLY);
  ASSERT_TRUE(file) << describe(file.error());
  EXPECT_EQ(read_text(file->get(), "/title").value_or("none"), text(42));
}

TEST_F(CheckedFile, TakesTextsOnWhenItIsOpenedForWriting) {
  auto file = open_file(path().string(), H5F_ACC_RDWR);
  ASSERT_TRUE(file) << describe(file.error());
  Tree tree(std::move(*file));
  tree.remove(name(3));
  tree.text(name(3), "another");
  tree.text("/more", text(90));
  tree.close();
  EXPECT_EQ(tree.error(), "");
  auto again = open_file(path().string(), H5F_ACC_RDONLY);
  ASSERT_TRUE(again);
  EXPECT_EQ(read_text(again->get(), name(3)).value(), "another");
  EXPECT_EQ(read_text(again->get(), "/more").value(), text(90));
  EXPECT_EQ(read_text(again->get(), name(99)).value(), text(99));
}

}  // namespace
}  // namespace framelog::hdf5
