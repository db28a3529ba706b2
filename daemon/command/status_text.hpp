#pragma once

#include <string>
#include <string_view>

namespace framelog {

/// What the control socket says of an instrument, for people: a headline, a table of products, the
/// ring, the disk and what is wrong. `json`: the result of `status`. Throws where that is not what
/// it should be.
[[nodiscard]] std::string status_text(std::string_view json);

/// One line as monitoring plugins print it, and their status: 0 recording, 1 degraded, 2 not
/// recording.
struct StatusCheck {
  int exit_status{};
  std::string line;
};
[[nodiscard]] StatusCheck status_check(std::string_view json);

}  // namespace framelog
