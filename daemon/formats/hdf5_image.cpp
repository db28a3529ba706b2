#include <array>
#include <bit>

#include "core/clock.hpp"
#include "core/version.hpp"
#include "formats/frame_image.hpp"
#include "formats/hdf5_tree.hpp"

namespace framelog {
namespace {

constexpr std::size_t kGrowthBytes = std::size_t{1} << 20U;
constexpr const char* kFrame = "/frame";

/// A file that lives in memory only.
hdf5::Handle make_file() {
  const hdf5::Handle access(H5Pcreate(H5P_FILE_ACCESS));
  if (H5Pset_fapl_core(access.get(), kGrowthBytes, 0) < 0) return {};
  return hdf5::Handle(H5Fcreate("frame.h5", H5F_ACC_TRUNC, H5P_DEFAULT, access.get()));
}

void fill(hdf5::Tree& tree, const FrameImage& image) {
  const std::array<hsize_t, 2> sides{image.shape.height_px, image.shape.width_px};
  const hdf5::Handle space(H5Screate_simple(2, sides.data(), nullptr));
  tree.dataset(kFrame, hdf5::type_of(image.shape.type), space.get(), H5P_DEFAULT,
               image.pixels.data());
  tree.attribute(kFrame, "instrument", image.instrument);
  tree.attribute(kFrame, "product", image.product);
  tree.attribute(kFrame, "sequence", static_cast<std::int64_t>(image.sequence));
  tree.attribute(kFrame, "utc_ns", image.utc_ns);
  tree.attribute(kFrame, "time", iso_time(image.utc_ns));
  tree.attribute("/", "creator", "framelog " + std::string(program_version()));
}

}  // namespace

static_assert(std::endian::native == std::endian::little, "pixels are given as they are");

Result<std::vector<std::byte>> encode_hdf5(const FrameImage& image) {
  hdf5::set_up_library();
  hdf5::Handle file = make_file();
  if (!file.valid())
    return fail(ErrorCode::kNoMemory, "cannot make an HDF5 file:", hdf5::last_error());
  hdf5::Tree tree(std::move(file));
  fill(tree, image);
  tree.check(H5Fflush(tree.file(), H5F_SCOPE_LOCAL) >= 0, "cannot flush", kFrame);
  const ssize_t size = H5Fget_file_image(tree.file(), nullptr, 0);
  tree.check(size > 0, "cannot read", kFrame);
  std::vector<std::byte> bytes(size > 0 ? static_cast<std::size_t>(size) : 0);
  if (size > 0) {
    tree.check(H5Fget_file_image(tree.file(), bytes.data(), bytes.size()) == size, "cannot read",
               kFrame);
  }
  tree.close();
  if (!tree.good()) return fail(ErrorCode::kNoMemory, "cannot make an HDF5 file:", tree.error());
  return bytes;
}

}  // namespace framelog
