#include "formats/hdf5_checked_file.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

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
    tree.close();
    ASSERT_EQ(tree.error(), "");
    std::ifstream file(path(), std::ios::binary);
    bytes = {std::istreambuf_iterator<char>(file), {}};
  }

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
  // A reference: the length, the heap, the number of the object.
  std::size_t reference = std::string::npos;
  const auto length = static_cast<std::uint32_t>(text(99).size());
  for (const std::size_t heap : heaps()) {
    std::string begin(12, '\0');
    std::memcpy(begin.data(), &length, sizeof length);
    const std::uint64_t place = heap;
    std::memcpy(begin.data() + 4, &place, sizeof place);
    reference = std::min(reference, bytes.find(begin));
  }
  ASSERT_NE(reference, std::string::npos);
  for (const auto& [offset, value] : {std::pair{0, 0xfffffff0U}, std::pair{0, length + 8},
                                      std::pair{12, 60'000U}, std::pair{12, 0xffffffffU}}) {
    std::string changed = bytes;
    std::memcpy(&changed[reference + static_cast<std::size_t>(offset)], &value, sizeof value);
    write(changed);
    EXPECT_EQ(unreadable(), 1) << offset << ": " << value;
  }
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
