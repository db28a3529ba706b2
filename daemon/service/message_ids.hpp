#pragma once

#include <string_view>

#include "core/event.hpp"

namespace framelog {

/// The journal's MESSAGE_ID of a kind of event: 128 bits as 32 hexadecimal digits, by which
/// systemd/framelog.catalog explains it. They never change. Threads: any.
[[nodiscard]] std::string_view message_id(EventKind kind) noexcept;

}  // namespace framelog
