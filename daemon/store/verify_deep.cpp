#include "store/verify_deep.hpp"

#include <fmt/format.h>

#include <utility>

#include "formats/frame_files.hpp"
#include "store/checksum_list.hpp"
#include "store/input_digests.hpp"

namespace framelog {
namespace {

constexpr std::size_t kMostProblems = 20;

void note(VerifiedSegment& segment, std::string problem) {
  if (segment.problems.size() < kMostProblems) {
    segment.problems.push_back(std::move(problem));
  } else {
    ++segment.more_problems;
  }
}

void read_frame(StoredFrames& stored, std::uint64_t index, std::span<std::byte> pixels,
                VerifiedSegment& segment) {
  const auto info = stored.info(index);
  if (!info) {
    return note(segment, fmt::format("replay cannot read the record of frame {}: {}", index,
                                     describe(info.error())));
  }
  const auto read = stored.read(index, pixels, info->crc32c);
  if (!read) {
    note(segment, fmt::format("replay cannot decode frame {}: {}", index, describe(read.error())));
  } else if (!*read) {
    note(segment, fmt::format("replay decodes frame {} to other pixels", index));
  }
}

void decode(FileSystem& files, const VerifyProgress& progress, VerifiedSegment& segment) {
  const auto stored = open_frame_file(files, segment.path);
  if (!stored) return note(segment, "replay cannot open it: " + describe(stored.error()));
  const StoredFacts& facts = (*stored)->facts();
  if (std::cmp_not_equal(facts.frames, segment.frames)) {
    note(segment, fmt::format("replay finds {} frames, not {}", facts.frames, segment.frames));
  }
  std::vector<std::byte> pixels(size_bytes(facts.shape));
  for (std::uint64_t i = 0; i < facts.frames; ++i) {
    if (progress) progress(static_cast<std::int64_t>(pixels.size()));
    read_frame(**stored, i, pixels, segment);
  }
}

void compare(const std::string& is, const std::string& said, const char* who,
             VerifiedSegment& segment) {
  if (said != is) {
    note(segment, fmt::format("its SHA-256 is {}, {} says {}", is, who, said));
  }
}

}  // namespace

bool verify_deeply(FileSystem& files, const Catalog* catalog, VerifiedSegment& segment,
                   const VerifyProgress& progress) {
  decode(files, progress, segment);
  std::string listed;
  std::string catalogued;
  if (const auto list = read_checksums(files, segment.path.parent_path())) {
    const auto line = list->find(segment.path.filename().string());
    if (line != list->end()) listed = line->second;
  } else {
    note(segment, describe(list.error()));
  }
  if (catalog != nullptr) {
    std::error_code error;
    const auto entry =
        catalog->find(std::filesystem::absolute(segment.path, error).lexically_normal());
    if (!entry) {
      note(segment, describe(entry.error()));
    } else if (*entry) {
      catalogued = (*entry)->sha256;
    }
  }
  if (listed.empty() && catalogued.empty()) return false;
  InputDigests digest(files, {segment.path});
  while (!digest.done()) digest.step();
  const auto is = digest.digests().find(segment.path.string());
  if (is == digest.digests().end()) {
    note(segment, "its SHA-256 cannot be worked out: it cannot be read");
    return true;
  }
  if (!listed.empty()) compare(is->second, listed, kChecksumList, segment);
  if (!catalogued.empty()) compare(is->second, catalogued, "the catalog", segment);
  return true;
}

}  // namespace framelog
