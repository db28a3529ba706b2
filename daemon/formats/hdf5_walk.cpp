#include "formats/hdf5_walk.hpp"

#include <cstring>
#include <unordered_set>

#include "formats/hdf5_tree.hpp"

namespace framelog::hdf5 {
namespace {

struct Walk {
  const ObjectVisit& visit;
  std::unordered_set<haddr_t> known;
  std::string wrong;
};

/// The library tells once of an object that says that it has several names; what comes twice says
/// that it has one. Only groups lead on from there.
herr_t step(hid_t /*group*/, const char* name, const H5O_info_t* info, void* context) {
  auto& walk = *static_cast<Walk*>(context);
  const std::string path = std::strcmp(name, ".") == 0 ? "/" : std::string("/") + name;
  if (walk.known.insert(info->addr).second) {
    walk.visit(path, info->type);
  } else if (info->type == H5O_TYPE_GROUP) {
    walk.wrong = "a group is there twice";
    return -1;
  }
  return 0;
}

}  // namespace

Result<void> walk_through(hid_t file, const ObjectVisit& visit) {
  Walk walk{visit, {}, {}};
  if (H5Ovisit2(file, H5_INDEX_NAME, H5_ITER_INC, step, &walk, H5O_INFO_BASIC) >= 0) return {};
  return fail(ErrorCode::kCorrupt,
              "cannot walk through the file:", walk.wrong.empty() ? last_error() : walk.wrong);
}

}  // namespace framelog::hdf5
