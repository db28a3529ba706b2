#include "export/recording_files.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <new>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>
#include <tuple>
#include <utility>

#include "core/text.hpp"
#include "export/recording_holes.hpp"
#include "formats/frame_files.hpp"
#include "formats/frame_series.hpp"
#include "formats/hdf5_master.hpp"
#include "store/provenance.hpp"

namespace framelog {
namespace {

namespace fs = std::filesystem;

std::unexpected<Error> wrong(ErrorCode code, const std::string& reason) {
  return fail(code, "cannot export", reason);
}

/// Segments below a directory by their names; masters left out, which are the same frames again.
void add_below(FileSystem& files, const fs::path& directory, std::vector<fs::path>& found) {
  const auto names = files.list(directory);
  if (!names) return;
  for (const std::string& name : *names) {
    const fs::path path = directory / name;
    std::error_code ignored;
    const auto status = fs::symlink_status(path, ignored);
    if (fs::is_directory(status) && !name.starts_with('.')) add_below(files, path, found);
    if (fs::is_regular_file(status) && format_of(path) != nullptr && !is_master(path)) {
      found.push_back(path);
    }
  }
}

/// NAME.json and NAME.frames, with or without .part, stand for NAME.raw.
fs::path segment_of(FileSystem& files, const fs::path& file) {
  const bool part = file.extension() == ".part";
  fs::path name = part ? fs::path(file).replace_extension() : file;
  if (name.extension() != ".json" && name.extension() != ".frames") return file;
  name.replace_extension(".raw");
  if (part) name += ".part";
  return files.exists(name) ? name : file;
}

Result<SegmentFile> look(FileSystem& files, const fs::path& path) {
  const SegmentFormat* format = format_of(path);
  if (format == nullptr) return std::unexpected(not_a_segment(path));
  auto reader = format->open(files, path);
  if (!reader) return std::unexpected(reader.error());
  const auto text = (*reader)->provenance();
  if (!text) return std::unexpected(text.error());
  const auto about = (*reader)->description();
  if (!about) return std::unexpected(about.error());
  SegmentFile file;
  file.path = path;
  file.run_uuid = about->run_uuid;
  file.product = about->product;
  file.run_number = about->run_number;
  file.segment_number = about->segment_number;
  // An export of a file that we have not recorded has a provenance without a run.
  if (const auto provenance = summarise_provenance(*text)) {
    file.run_uuid = provenance->run_uuid;
    file.product = provenance->product;
    file.run_number = provenance->run_number;
    file.segment_number = provenance->segment;
  }
  file.run_start_utc_ns = about->run_start_utc_ns;
  file.first_sequence = -1;
  file.shape = (*reader)->shape();
  file.growing = !(*reader)->finished();
  file.is_export = tells_of_export(*text);
  const std::int64_t there = (*reader)->frames();
  const std::int64_t frames =
      file.growing ? std::clamp((*reader)->valid(), std::int64_t{0}, there) : there;
  file.frames = static_cast<std::uint64_t>(frames);
  if (frames == 0) return file;
  const auto first = (*reader)->record(0);
  if (!first) return std::unexpected(first.error());
  if (is_intact(*first)) file.first_sequence = static_cast<std::int64_t>(first->sequence);
  return file;
}

Result<SegmentFile> look_safely(FileSystem& files, const fs::path& path) {
  try {
    return look(files, path);
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::kNoMemory,
                "it describes more than the memory of this machine holds:", path.string());
  }
}

/// What one path of the request leads to.
struct Expanded {
  std::vector<fs::path> files;
  bool is_series{};  ///< A directory or a pattern.
};

Result<Expanded> expand(FileSystem& files, const fs::path& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    Expanded found{{}, true};
    add_below(files, path, found.files);
    return found;
  }
  if (is_series(files, path)) {
    auto paths = list_series(files, path, {});
    if (!paths) return std::unexpected(paths.error());
    return Expanded{std::move(*paths), true};
  }
  if (is_master(path)) {
    auto sources = read_master_sources(path);
    if (!sources) return std::unexpected(sources.error());
    return Expanded{std::move(*sources), false};
  }
  return Expanded{{segment_of(files, path)}, false};
}

/// Says that segments [first, last] of the run are missing, if there are any.
void add_hole(SegmentRun& run, std::int64_t first, std::int64_t last) {
  if (first > last) return;
  const std::string which = first == last ? fmt::format("segment {}", first)
                                          : fmt::format("segments {} to {}", first, last);
  run.warnings.push_back(fmt::format("{} of run {} ({}) not found, or not readable: left out",
                                     which, run.run_number, run.product));
}

/// Of one run and product; a segment that is there twice, in two places, counts once.
SegmentRun in_order(std::vector<SegmentFile> segments) {
  const auto order = [](const SegmentFile& file) {
    return std::tuple(file.segment_number, file.first_sequence, file.growing, file.path);
  };
  std::ranges::sort(segments, {}, order);
  const auto copies = std::ranges::unique(segments, [](const auto& a, const auto& b) {
    return a.segment_number == b.segment_number && a.first_sequence == b.first_sequence;
  });
  segments.erase(copies.begin(), copies.end());
  const SegmentFile& first = segments.front();
  SegmentRun run{first.run_uuid, first.product, first.run_number, std::move(segments), {}};
  for (std::size_t i = 1; i < run.segments.size(); ++i) {
    add_hole(run, run.segments[i - 1].segment_number + 1, run.segments[i].segment_number - 1);
  }
  std::erase_if(run.segments, [](const SegmentFile& segment) { return segment.frames == 0; });
  return run;
}

std::vector<SegmentRun> group(std::vector<SegmentFile> segments) {
  // Each exported file is a recording of its own.
  std::map<std::tuple<std::string, std::string, fs::path>, std::vector<SegmentFile>> groups;
  for (SegmentFile& segment : segments) {
    const fs::path own = segment.is_export ? segment.path : fs::path();
    groups[{segment.run_uuid, segment.product, own}].push_back(std::move(segment));
  }
  std::vector<SegmentRun> runs;
  for (auto& [key, members] : groups) {
    SegmentRun run = in_order(std::move(members));
    if (!run.segments.empty()) runs.push_back(std::move(run));
  }
  std::ranges::sort(runs, {}, [](const SegmentRun& run) {
    return std::tie(run.segments.front().run_start_utc_ns, run.run_number, run.run_uuid,
                    run.product);
  });
  return runs;
}

/// A directory may hold what was made of its recordings.
void leave_exports_out(std::vector<SegmentFile>& segments) {
  if (std::ranges::all_of(segments, &SegmentFile::is_export)) return;
  std::erase_if(segments, [](const SegmentFile& file) { return file.is_export; });
}

struct Unreadable {
  fs::path path;
  Error reason;
};

/// Of a directory or a pattern, which may hold other things as well. A segment that is not readable
/// has no number, so that nothing else tells of it where it is the last.
void add_left_out(const std::vector<Unreadable>& files, std::vector<std::string>& warnings) {
  constexpr std::size_t kMostNamed = 4;
  for (std::size_t i = 0; i < std::min(files.size(), kMostNamed); ++i) {
    warnings.push_back(fmt::format("{} is left out, with the frames that it may have: {}",
                                   one_line(files[i].path.string()),
                                   one_line(describe(files[i].reason))));
  }
  if (files.size() > kMostNamed) {
    warnings.push_back(fmt::format("{} more files are left out, which are not readable",
                                   files.size() - kMostNamed));
  }
}

bool is_chosen(const SegmentRun& run, const InputRequest& request) {
  const bool this_run = request.run.empty() || request.run == std::to_string(run.run_number) ||
                        (request.run.size() >= 4 && run.run_uuid.starts_with(request.run));
  return this_run && (request.product.empty() || request.product == run.product);
}

Result<std::vector<SegmentRun>> choose(std::vector<SegmentRun> runs, const InputRequest& request) {
  if (runs.empty()) return wrong(ErrorCode::kInvalid, "none of the segments has a frame");
  std::vector<SegmentRun> chosen;
  for (const SegmentRun& run : runs) {
    if (is_chosen(run, request)) chosen.push_back(run);
  }
  if (!chosen.empty()) return chosen;
  return wrong(ErrorCode::kInvalid,
               fmt::format("no such run or product (there are: {})", list_runs(runs)));
}

}  // namespace

std::filesystem::path finished_name(std::filesystem::path segment) {
  return segment.extension() == ".part" ? segment.replace_extension() : segment;
}

std::string list_runs(const std::vector<SegmentRun>& runs) {
  std::vector<std::string> texts;
  for (const SegmentRun& run : runs) {
    const SegmentFile& first = run.segments.front();
    texts.push_back(first.is_export ? first.path.string()
                                    : fmt::format("--run {} ({}) --product {}", run.run_number,
                                                  run.run_uuid.substr(0, 8), run.product));
  }
  return fmt::format("{}", fmt::join(texts, ", "));
}

Result<FoundFiles> find_files(FileSystem& files, const InputRequest& request) {
  std::vector<SegmentFile> segments;
  std::vector<std::string> warnings;
  bool any_series = false;
  FoundFiles found;
  for (const fs::path& path : request.paths) {
    auto expanded = expand(files, path);
    if (!expanded) return std::unexpected(expanded.error());
    std::vector<SegmentFile> ours;
    std::vector<Unreadable> unreadable;
    for (const fs::path& file : expanded->files) {
      auto segment = look_safely(files, file);
      if (segment) {
        ours.push_back(std::move(*segment));
      } else {
        unreadable.push_back({file, segment.error()});
      }
    }
    if (!ours.empty()) add_left_out(unreadable, warnings);
    any_series = any_series || expanded->is_series;
    if (expanded->is_series) leave_exports_out(ours);
    const bool part = !expanded->files.empty() && path.extension() == ".part";
    if (ours.empty() && part) return std::unexpected(unreadable.front().reason);
    if (ours.empty()) found.foreign.push_back(path);
    if (!ours.empty() && !unreadable.empty() && !expanded->is_series) {
      return std::unexpected(unreadable.front().reason);
    }
    std::ranges::move(ours, std::back_inserter(segments));
  }
  if (segments.empty()) return found;
  if (!found.foreign.empty()) {
    return wrong(ErrorCode::kInvalid, found.foreign.front().string() +
                                          ": no segment of framelog, as others are (allowed: "
                                          "segments, or foreign files, but not both)");
  }
  auto chosen = choose(group(std::move(segments)), request);
  if (!chosen) return std::unexpected(chosen.error());
  found.runs = std::move(*chosen);
  for (SegmentRun& run : found.runs) {
    const SegmentFile& first = run.segments.front();
    // Who names segments one by one knows which.
    if (any_series && !first.is_export) add_hole(run, 1, first.segment_number - 1);
    run.warnings.insert(run.warnings.end(), warnings.begin(), warnings.end());
  }
  return found;
}

std::vector<std::string> left_out_of(FileSystem& files, const InputRequest& request) {
  const auto found = find_files(files, request);
  if (!found || found->runs.size() != 1) return {};
  return found->runs.front().warnings;
}

}  // namespace framelog
