#include "service/drain_progress.hpp"

#include <utility>

namespace framelog {

bool DrainProgress::moved(const RecorderStatus& status) {
  Work now;
  if (status.session) {
    for (const auto& product : status.session->products) {
      now.accounted += product.accounting.received - product.accounting.in_flight();
      now.bytes += product.bytes;
    }
    now.ring_used_slots = status.session->ring_used_slots;
    now.unfinished_segments = status.session->unfinished_segments;
  }
  const auto before = std::exchange(last_, now);
  return !before || *before != now;
}

}  // namespace framelog
