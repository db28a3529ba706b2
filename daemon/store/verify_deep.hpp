#pragma once

#include "core/file_system.hpp"
#include "store/catalog.hpp"
#include "store/verify.hpp"

namespace framelog {

/// What verify_segment() does not look at: that replay's reader decodes every frame to the pixels
/// that were recorded, and that the file has the digest of the SHA256SUMS beside it and of the
/// catalog (null: of none). Adds to the problems. Returns whether there was a digest to compare.
/// Threads: any.
bool verify_deeply(FileSystem& files, const Catalog* catalog, VerifiedSegment& segment,
                   const VerifyProgress& progress = {});

}  // namespace framelog
