// Feeds any file that is opened as a TIFF.

#include "formats/tiff_frames.hpp"
#include "fuzz_files.hpp"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace framelog;
  static fuzz::FuzzFiles files;
  const auto path = files.write("a.tiff", {data, size});
  const auto frames = open_tiff(system_files(), path);
  if (frames) fuzz::read_ends(**frames);
  return 0;
}
