#include "formats/undo.hpp"

#include <fcntl.h>

#include <algorithm>
#include <vector>

#include "core/crc32c.hpp"

namespace framelog {
namespace {

struct UndoHead {
  char magic[8]{'f', 'r', 'l', 'g', 'u', 'n', 'd', 'o'};
  std::uint32_t version{1};
  std::uint32_t crc{};  ///< CRC-32C of the bytes behind this head.
  std::int64_t head_bytes{};
  std::int64_t file_bytes{};
};
static_assert(sizeof(UndoHead) == 32);

constexpr std::int64_t kStepBytes = std::int64_t{1} << 20U;
constexpr auto kHeadBytes = static_cast<std::int64_t>(sizeof(UndoHead));

/// Copies `length` bytes and returns their CRC. With to < 0 it only reads.
Result<std::uint32_t> copy(FileSystem& files, int from, std::int64_t from_offset, int to,
                           std::int64_t to_offset, std::int64_t length) {
  std::vector<std::byte> buffer(static_cast<std::size_t>(std::min(length, kStepBytes)));
  std::uint32_t crc = 0;
  for (std::int64_t done = 0; done < length;) {
    const auto step =
        std::span(buffer).first(static_cast<std::size_t>(std::min(length - done, kStepBytes)));
    const auto got = files.read_at(from, step, from_offset + done);
    if (!got) return std::unexpected(got.error());
    if (*got != step.size()) return fail(ErrorCode::kCorrupt, "file ends early");
    crc = crc32c(step, crc);
    if (to >= 0) {
      if (auto written = files.write_at(to, step, to_offset + done); !written) {
        return std::unexpected(written.error());
      }
    }
    done += static_cast<std::int64_t>(step.size());
  }
  return crc;
}

}  // namespace

Result<void> save_undo(FileSystem& files, const std::filesystem::path& part,
                       std::int64_t head_bytes, const std::filesystem::path& reserve,
                       const std::filesystem::path& undo) {
  auto source = files.open(part, O_RDONLY);
  if (!source) return std::unexpected(source.error());
  auto target = files.open(reserve, O_WRONLY | O_CREAT);
  if (!target) return std::unexpected(target.error());
  const auto size = files.size_bytes(source->get());
  if (!size) return std::unexpected(size.error());
  const auto crc = copy(files, source->get(), 0, target->get(), kHeadBytes, head_bytes);
  if (!crc) return std::unexpected(crc.error());
  UndoHead head;
  head.crc = *crc;
  head.head_bytes = head_bytes;
  head.file_bytes = *size;
  if (auto done = files.write_at(target->get(), std::as_bytes(std::span(&head, 1)), 0); !done)
    return done;
  if (auto done = files.sync(target->get()); !done) return done;
  if (auto done = files.rename(reserve, undo); !done) return done;
  return files.sync_directory(undo.parent_path());
}

Result<void> apply_undo(FileSystem& files, const std::filesystem::path& undo,
                        const std::filesystem::path& part) {
  auto source = files.open(undo, O_RDONLY);
  if (!source) return std::unexpected(source.error());
  UndoHead head;
  const UndoHead expected;
  const auto got = files.read_at(source->get(), std::as_writable_bytes(std::span(&head, 1)), 0);
  if (!got) return std::unexpected(got.error());
  if (*got != sizeof head || !std::ranges::equal(head.magic, expected.magic) || head.version != 1 ||
      head.head_bytes <= 0 || head.head_bytes > head.file_bytes) {
    return fail(ErrorCode::kCorrupt, "not a whole undo file:", undo.string());
  }
  const auto crc = copy(files, source->get(), kHeadBytes, -1, 0, head.head_bytes);
  if (!crc) return std::unexpected(crc.error());
  if (*crc != head.crc) return fail(ErrorCode::kCorrupt, "damaged undo file:", undo.string());

  auto target = files.open(part, O_WRONLY);
  if (!target) return std::unexpected(target.error());
  if (auto done = files.resize(target->get(), head.file_bytes); !done) return done;
  if (auto copied = copy(files, source->get(), kHeadBytes, target->get(), 0, head.head_bytes);
      !copied) {
    return std::unexpected(copied.error());
  }
  if (auto done = files.sync(target->get()); !done) return done;
  if (auto done = files.remove(undo); !done) return done;
  return files.sync_directory(undo.parent_path());
}

}  // namespace framelog
