// Feeds any sidecar to the two readers of them: that of whole segments, and that of the frames of a
// RAW of 64 bytes.

#include <array>

#include "formats/raw_description.hpp"
#include "formats/raw_file.hpp"
#include "fuzz_files.hpp"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace framelog;
  static fuzz::FuzzFiles files;
  static constexpr std::array<std::uint8_t, 64> kPixels{};
  static const auto raw_path = files.write("a.raw", kPixels);
  static_cast<void>(raw::read({reinterpret_cast<const char*>(data), size}));
  static_cast<void>(files.write("a.json", {data, size}));
  const auto frames = open_raw(system_files(), raw_path);
  if (frames) fuzz::read_ends(**frames);
  return 0;
}
