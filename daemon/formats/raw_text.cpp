#include "formats/raw_text.hpp"

#include "formats/raw_description.hpp"

namespace framelog {

Result<std::string> raw_sidecar(const SegmentDescription& description, std::int64_t frames,
                                const SegmentEnd& end) {
  return raw::complete(raw::describe(description), frames, end);
}

}  // namespace framelog
