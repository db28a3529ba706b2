#pragma once

#include <optional>

#include "core/file_system.hpp"

namespace framelog {

/// What the board tells about itself; none where it does not.
struct BoardState {
  std::optional<double> temperature_celsius;
  std::optional<bool> undervoltage;  ///< At present. Raspberry Pi only.
};

/// Reads small files of the kernel. Threads: any.
[[nodiscard]] BoardState read_board(FileSystem& files);

}  // namespace framelog
