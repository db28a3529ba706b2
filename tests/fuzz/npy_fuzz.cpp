// Feeds any file that is opened as an NPY array.

#include "formats/npy.hpp"
#include "fuzz_files.hpp"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace framelog;
  static fuzz::FuzzFiles files;
  const auto path = files.write("a.npy", {data, size});
  const auto frames = open_npy(system_files(), path);
  if (frames) fuzz::read_ends(**frames);
  return 0;
}
