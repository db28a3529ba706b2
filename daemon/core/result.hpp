#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <utility>

namespace framelog {

enum class ErrorCode : std::uint8_t {
  kInvalid,  ///< What was asked for makes no sense; the context says what is allowed.
  kNotFound,
  kDenied,
  kExists,
  kBusy,  ///< In use by a living process.
  kUnsupported,
  kIo,
  kNoSpace,
  kNoMemory,
  kTimeout,       ///< Nothing within the deadline; call again.
  kCorrupt,       ///< Bytes that are not what their description says.
  kDisconnected,  ///< The instrument went away; open() again.
  kGeometry,      ///< The instrument delivered a frame of another shape than announced.
  kEnd,           ///< The source has no more frames.
  kLayout,        ///< A ring of another version or layout.
};

/// Why something failed. On the hot path `context` stays empty, so that no error allocates there.
struct Error {
  ErrorCode code{ErrorCode::kIo};
  int system_errno{};    ///< 0 where the operating system was not involved.
  const char* what{""};  ///< Static text.
  std::string context;   ///< Where, and what is allowed: one line.
};

template <class T>
using Result = std::expected<T, Error>;

[[nodiscard]] inline std::unexpected<Error> fail(ErrorCode code, const char* what,
                                                 std::string context = {}) {
  return std::unexpected(Error{code, 0, what, std::move(context)});
}

/// The code that an errno of the operating system belongs to.
[[nodiscard]] ErrorCode code_of_errno(int system_errno) noexcept;

[[nodiscard]] inline std::unexpected<Error> fail_errno(int system_errno, const char* what,
                                                       std::string context = {}) {
  return std::unexpected(
      Error{code_of_errno(system_errno), system_errno, what, std::move(context)});
}

/// One line for people: "cannot open /x/y: Permission denied".
[[nodiscard]] std::string describe(const Error& error);

}  // namespace framelog
