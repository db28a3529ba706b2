#include "formats/stored_zip.hpp"

#include <fcntl.h>
#include <zlib.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "formats/byte_stream.hpp"
#include "formats/stored_zip_records.hpp"

namespace framelog {
namespace {

constexpr std::size_t kEntryBufferBytes = std::size_t{256} << 10U;

std::uint32_t crc_of(std::uint32_t before, std::span<const std::byte> bytes) noexcept {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes as zlib has them
  const auto* data = reinterpret_cast<const Bytef*>(bytes.data());
  return static_cast<std::uint32_t>(::crc32_z(before, data, bytes.size()));
}

struct Open {
  StoredZipEntry entry;
  std::int64_t header{};
  std::optional<ByteStream> stream;
  std::uint64_t put{};
  bool sized{true};
  std::string head;
};

}  // namespace

struct StoredZipWriter::State {
  FileSystem& files;
  UniqueFd fd;
  std::vector<Open> entries;
  std::int64_t end{};

  std::size_t open(std::string name, std::uint64_t bytes, bool sized) {
    Open made;
    made.header = end;
    made.entry.name = std::move(name);
    made.entry.offset = end + stored_zip::local_bytes(made.entry.name);
    made.entry.bytes = bytes;
    made.sized = sized;
    made.stream.emplace(files, fd.get(), made.entry.offset, kEntryBufferBytes);
    end = made.entry.offset + static_cast<std::int64_t>(bytes);
    entries.push_back(std::move(made));
    return entries.size() - 1;
  }
};

StoredZipWriter::StoredZipWriter(std::unique_ptr<State> state) noexcept
    : state_(std::move(state)) {}
StoredZipWriter::~StoredZipWriter() = default;

Result<std::unique_ptr<StoredZipWriter>> StoredZipWriter::create(
    FileSystem& files, const std::filesystem::path& path) {
  auto fd = files.open(path, O_RDWR | O_CREAT | O_EXCL);
  if (!fd) return std::unexpected(fd.error());
  auto state = std::unique_ptr<State>(new State{files, std::move(*fd), {}, 0});
  return std::unique_ptr<StoredZipWriter>(new StoredZipWriter(std::move(state)));
}

std::size_t StoredZipWriter::reserve(std::string name, std::uint64_t bytes) {
  return state_->open(std::move(name), bytes, true);
}

std::size_t StoredZipWriter::open_last(std::string name, std::size_t head_bytes) {
  const std::size_t entry = state_->open(std::move(name), 0, false);
  Open& made = state_->entries[entry];
  made.head.assign(head_bytes, '\0');
  made.stream.emplace(state_->files, state_->fd.get(),
                      made.entry.offset + static_cast<std::int64_t>(head_bytes), kEntryBufferBytes);
  return entry;
}

Result<void> StoredZipWriter::append(std::size_t entry, std::span<const std::byte> bytes) {
  Open& open = state_->entries.at(entry);
  if (open.sized && bytes.size() > open.entry.bytes - open.put) {
    return fail(ErrorCode::kInvalid, "more than the entry has room for:", open.entry.name);
  }
  open.put += bytes.size();
  open.entry.crc32 = crc_of(open.entry.crc32, bytes);
  auto done = open.stream->append(bytes);
  // A full one needs no buffer any more: there may be thousands.
  if (done && open.sized && open.put == open.entry.bytes) {
    done = open.stream->flush();
    open.stream.reset();
  }
  return done;
}

void StoredZipWriter::set_head(std::size_t entry, std::string_view head) {
  Open& open = state_->entries.at(entry);
  open.head = std::string(head).substr(0, open.head.size());
}

Result<void> StoredZipWriter::add(std::string name, std::span<const std::byte> bytes) {
  return append(reserve(std::move(name), bytes.size()), bytes);
}

std::uint64_t StoredZipWriter::bytes(std::size_t entry) const {
  return state_->entries.at(entry).put;
}

Result<void> StoredZipWriter::finish() {
  State& state = *state_;
  std::string directory;
  for (Open& open : state.entries) {
    if (open.stream) {
      if (auto done = open.stream->flush(); !done) return done;
    }
    if (open.sized && open.put != open.entry.bytes) {
      return fail(ErrorCode::kInvalid, "an entry is not full:", open.entry.name);
    }
    if (!open.sized) {
      const auto head = std::as_bytes(std::span(open.head));
      open.entry.crc32 = static_cast<std::uint32_t>(
          ::crc32_combine(crc_of(0, head), open.entry.crc32, static_cast<z_off_t>(open.put)));
      open.entry.bytes = open.head.size() + open.put;
      state.end = open.entry.offset + static_cast<std::int64_t>(open.entry.bytes);
      if (auto done = state.files.write_at(state.fd.get(), head, open.entry.offset); !done) {
        return done;
      }
    }
    const std::string header = stored_zip::local_header(open.entry);
    if (auto done =
            state.files.write_at(state.fd.get(), std::as_bytes(std::span(header)), open.header);
        !done) {
      return done;
    }
    directory += stored_zip::directory_entry(open.entry, open.header);
  }
  directory += stored_zip::end_of(state.entries.size(), directory.size(), state.end);
  if (auto done =
          state.files.write_at(state.fd.get(), std::as_bytes(std::span(directory)), state.end);
      !done) {
    return done;
  }
  return state.files.sync(state.fd.get());
}

}  // namespace framelog
