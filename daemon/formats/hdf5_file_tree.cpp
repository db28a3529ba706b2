#include "formats/file_tree.hpp"
#include "formats/hdf5_layout.hpp"

namespace framelog {

Result<std::string> describe_hdf5_file(const std::filesystem::path& path) {
  hdf5::set_up_library();
  auto file = hdf5::open_file(path.string(), H5F_ACC_RDONLY);
  if (!file) return std::unexpected(file.error());
  return hdf5::describe_tree(file->get());
}

}  // namespace framelog
