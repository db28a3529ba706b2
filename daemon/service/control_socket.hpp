#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "core/settings.hpp"
#include "core/unique_fd.hpp"

namespace framelog {

/// Where sockets of instruments are when nothing is configured: /run/framelogd, and
/// $XDG_RUNTIME_DIR/framelogd where that is set. A socket is FOLDER/INSTRUMENT/control. Threads:
/// any.
[[nodiscard]] std::vector<std::filesystem::path> control_folders();
[[nodiscard]] std::filesystem::path control_path(const std::filesystem::path& folder,
                                                 std::string_view instrument);

/// The socket of [control]; where none is configured the first of control_folders() in which this
/// process can make one. Empty: off, or nowhere.
[[nodiscard]] std::filesystem::path control_path(const Settings& settings,
                                                 std::string_view instrument);

/// A listening Unix stream socket that everybody may connect to, not blocking. Makes its directory.
/// A socket that a dead process has left is replaced. Threads: any. Errors: kBusy when a living
/// process listens there, kInvalid when the path is too long for a socket, kExists when it is
/// something else than a socket, kDenied.
[[nodiscard]] Result<UniqueFd> listen_at(const std::filesystem::path& path);

/// Connects; the socket does not block. Errors: kNotFound when it is absent, kDenied, kBusy when
/// it does not accept at the moment, kDisconnected when nobody listens, kInvalid when the path is
/// too long.
[[nodiscard]] Result<UniqueFd> connect_to(const std::filesystem::path& path);

}  // namespace framelog
