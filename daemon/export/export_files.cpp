#include "export/export_files.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/clock.hpp"
#include "core/version.hpp"
#include "formats/digest.hpp"

namespace framelog {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t kUnchanged = -1;  // Asks the progress whether to go on, and nothing else.

std::int64_t bytes_of(FileSystem& files, const std::filesystem::path& path) {
  const auto file = files.open(path, O_RDONLY);
  if (!file) return 0;
  return files.size_bytes(file->get()).value_or(0);
}

}  // namespace

Result<void> InterruptibleFiles::write_at(int fd, std::span<const std::byte> bytes,
                                          std::int64_t offset) {
  if (progress_ && !progress_(kUnchanged, kUnchanged)) {
    return fail(ErrorCode::kTimeout, "interrupted");
  }
  return inner_.write_at(fd, bytes, offset);
}

Result<std::size_t> InterruptibleFiles::read_at(int fd, std::span<std::byte> bytes,
                                                std::int64_t offset) {
  if (progress_ && !progress_(kUnchanged, kUnchanged)) {
    return fail(ErrorCode::kTimeout, "interrupted");
  }
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

std::string provenance_of(const RecordingFacts& recording, const ResultFacts& result,
                          std::int64_t export_utc_ns) {
  Json inputs = Json::array();
  for (const InputFile& input : recording.inputs) {
    inputs.push_back({{"path", input.path.string()}, {"frames", input.frames}});
  }
  Json steps = Json::array();
  for (const ProcessStep& step : result.steps) {
    Json parameters = Json::object();
    for (const auto& [name, value] : step.parameters) {
      std::visit([&](const auto& one) { parameters[name] = one; }, value);
    }
    steps.push_back({{"name", step.name}, {"parameters", std::move(parameters)}});
  }
  Json sources = Json::array();
  for (const std::string& text : recording.provenances) {
    Json parsed = Json::parse(text, nullptr, false);
    if (!text.empty()) sources.push_back(parsed.is_discarded() ? Json(text) : std::move(parsed));
  }
  const Json json{{"program", fmt::format("framelog {}", program_version())},
                  {"exported", iso_time(export_utc_ns)},
                  {"inputs", std::move(inputs)},
                  {"steps", std::move(steps)},
                  {"sources", std::move(sources)}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<std::string> digest_of(FileSystem& files, const std::filesystem::path& path) {
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
