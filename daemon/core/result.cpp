#include "core/result.hpp"

#include <cerrno>
#include <system_error>

namespace framelog {

ErrorCode code_of_errno(int system_errno) noexcept {
  switch (system_errno) {
    case ENOENT:
    case ENOTDIR:
    case ENODEV:
      return ErrorCode::kNotFound;
    case EACCES:
    case EPERM:
    case EROFS:
      return ErrorCode::kDenied;
    case EEXIST:
      return ErrorCode::kExists;
    case EBUSY:
    case EAGAIN:
      return ErrorCode::kBusy;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return ErrorCode::kNoSpace;
    case ENOMEM:
      return ErrorCode::kNoMemory;
    case EOPNOTSUPP:
    case ENOSYS:
      return ErrorCode::kUnsupported;
    case EINVAL:
      return ErrorCode::kInvalid;
    default:
      return ErrorCode::kIo;
  }
}

std::string describe(const Error& error) {
  std::string text = error.what;
  if (!error.context.empty()) {
    if (!text.empty()) text += ' ';
    text += error.context;
  }
  if (error.system_errno != 0) text += ": " + std::generic_category().message(error.system_errno);
  return text;
}

}  // namespace framelog
