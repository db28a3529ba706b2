// Feeds any file that is opened as frames in HDF5, and as a segment of our own.

#include "formats/hdf5_frames.hpp"
#include "formats/segment.hpp"
#include "fuzz_files.hpp"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace framelog;
  static fuzz::FuzzFiles files;
  const auto path = files.write("a.h5", {data, size});
  const auto frames = open_hdf5_frames(system_files(), path);
  if (frames) fuzz::read_ends(**frames);
  const auto segment = find_format("hdf5")->open(system_files(), path);
  if (!segment || (*segment)->frames() > 100) return 0;
  static_cast<void>((*segment)->records((*segment)->frames()));
  static_cast<void>((*segment)->provenance());
  static_cast<void>((*segment)->gaps());
  static_cast<void>((*segment)->accounting());
  return 0;
}
