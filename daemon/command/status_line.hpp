#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "pipeline/session.hpp"

namespace framelog {

/// The line that shows how a recording is doing: "recording 29.97 fps, 12.4 MB/s, 0 dropped, 312 GB
/// free". Rates are over the time since the call before.
class StatusLine {
 public:
  explicit StatusLine(std::filesystem::path base) : base_(std::move(base)) {}
  [[nodiscard]] std::string text(const SessionStatus& status, std::int64_t now_ns);

 private:
  std::filesystem::path base_;
  std::int64_t last_ns_{-1};
  std::uint64_t last_received_{};
  std::uint64_t last_bytes_{};
};

/// What became of the frames of a finished recording: a line per product.
[[nodiscard]] std::string describe_accounting(const SessionStatus::Product& product);

}  // namespace framelog
