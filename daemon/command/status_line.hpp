#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "pipeline/session.hpp"

namespace framelog {

/// The line that shows how a recording is doing: "recording 29.97 fps, 12.4 MB/s, 0 dropped, 312 GB
/// free", where `doing` is "recording". Rates are over the time since the call before.
class StatusLine {
 public:
  explicit StatusLine(std::filesystem::path base) : base_(std::move(base)) {}
  [[nodiscard]] std::string text(const SessionStatus& status, std::string_view doing,
                                 std::int64_t now_ns);

 private:
  std::filesystem::path base_;
  std::int64_t last_ns_{-1};
  std::uint64_t last_received_{};
  std::uint64_t last_bytes_{};
};

}  // namespace framelog
