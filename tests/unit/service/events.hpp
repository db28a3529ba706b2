#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "core/event.hpp"

namespace framelog {

/// Collects what is reported while it lives, and keeps it off standard error.
class Events {
 public:
  Events() {
    set_log_sink([](LogLevel, std::string_view, const Event*) {});
    set_event_listener([this](const Event& event) { all.push_back(event); });
  }
  Events(const Events&) = delete;
  Events& operator=(const Events&) = delete;
  ~Events() {
    set_event_listener({});
    set_log_sink(nullptr);
  }

  [[nodiscard]] std::vector<EventKind> kinds() const {
    std::vector<EventKind> found;
    for (const Event& event : all) found.push_back(event.kind);
    return found;
  }

  std::vector<Event> all;
};

}  // namespace framelog
