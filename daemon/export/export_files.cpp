#include "export/export_files.hpp"

#include <fcntl.h>

#include "formats/digest.hpp"

namespace framelog {
namespace {

constexpr std::int64_t kUnchanged = -1;  // Asks the progress whether to go on, and nothing else.

std::int64_t bytes_of(FileSystem& files, const std::filesystem::path& path) {
  const auto file = files.open(path, O_RDONLY);
  if (!file) return 0;
  return files.size_bytes(file->get()).value_or(0);
}

}  // namespace

bool InterruptibleFiles::goes_on() {
  if (!progress_ || progress_(kUnchanged, kUnchanged)) return true;
  interrupted_ = true;
  return false;
}

Result<void> InterruptibleFiles::write_at(int fd, std::span<const std::byte> bytes,
                                          std::int64_t offset) {
  if (!goes_on()) return fail(ErrorCode::kTimeout, "interrupted");
  return inner_.write_at(fd, bytes, offset);
}

Result<std::size_t> InterruptibleFiles::read_at(int fd, std::span<std::byte> bytes,
                                                std::int64_t offset) {
  if (!goes_on()) return fail(ErrorCode::kTimeout, "interrupted");
  return inner_.read_at(fd, bytes, offset);
}

ExportOutput describe_output(FileSystem& files, const ExportPlan& plan,
                             const PlannedOutput& output) {
  ExportOutput described;
  described.format = output.format;
  described.path = plan.path(output);
  described.skipped = output.is_skipped;
  described.files = output.is_sequence ? plan.result.slices : 1;
  if (output.is_sequence) described.last = plan.path(output, described.files - 1);
  for (std::uint64_t slice = 0; slice < described.files; ++slice) {
    const auto path = plan.path(output, slice);
    described.bytes += bytes_of(files, path);
    for (const auto& companion : ExportPlan::companions(output, path)) {
      described.bytes += bytes_of(files, companion);
    }
  }
  return described;
}

Result<std::string> file_digest(FileSystem& files, const std::filesystem::path& path) {
  const auto file = files.open(path, O_RDONLY);
  if (!file) return std::unexpected(file.error());
  Sha256 digest;
  std::vector<std::byte> bytes(std::size_t{1} << 20U);
  for (std::int64_t offset = 0;;) {
    const auto count = files.read_at(file->get(), bytes, offset);
    if (!count) return std::unexpected(count.error());
    if (*count == 0) return digest.hex();
    digest.update(std::span(bytes).first(*count));
    offset += static_cast<std::int64_t>(*count);
  }
}

}  // namespace framelog
