#include "core/version.hpp"

namespace framelog {

std::string_view program_version() noexcept { return FRAMELOG_VERSION; }
std::string_view git_commit() noexcept { return FRAMELOG_GIT_COMMIT; }
std::string_view build_kind() noexcept { return FRAMELOG_BUILD; }

}  // namespace framelog
