// Lists of exports, and how one export becomes several.

#include <fmt/format.h>

#include <algorithm>
#include <expected>
#include <filesystem>
#include <iostream>
#include <string>
#include <string_view>

#include "command/export_command.hpp"
#include "command/instrument.hpp"
#include "command/interrupt.hpp"
#include "command/time_text.hpp"
#include "core/clock.hpp"
#include "core/text.hpp"
#include "export/export_input.hpp"

namespace framelog {
namespace {

namespace fs = std::filesystem;

/// The words of a line as a shell parts them: blanks, '...', "..." and backslashes. The error says
/// what is not closed.
std::expected<std::vector<std::string>, std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  bool has_word = false;
  char quote = 0;
  for (std::size_t at = 0; at < line.size(); ++at) {
    const char character = line[at];
    if (quote != 0 && character == quote) {
      quote = 0;
    } else if (character == '\\' && quote != '\'') {
      if (++at == line.size()) return std::unexpected(std::string("ends in a backslash"));
      word += line[at];
      has_word = true;
    } else if (quote == 0 && (character == '\'' || character == '"')) {
      quote = character;
      has_word = true;
    } else if (quote == 0 && (character == ' ' || character == '\t')) {
      if (has_word) words.push_back(std::move(word));
      word.clear();
      has_word = false;
    } else if (quote == 0 && character == '#' && !has_word) {
      break;
    } else {
      word += character;
      has_word = true;
    }
  }
  if (quote != 0) return std::unexpected(fmt::format("a {} is not closed", quote));
  if (has_word) words.push_back(std::move(word));
  return words;
}

/// In single quotes where a shell, or words_of(), would read it otherwise.
std::string quoted(const std::string& word) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=,:+@%";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string text = "'";
  for (const char character : word) {
    if (character == '\'') {
      text += "'\\''";
    } else {
      text += character;
    }
  }
  return text + "'";
}

int wrong_line(const fs::path& file, std::size_t number, const std::string& what) {
  std::cerr << fmt::format("framelog: {}:{}: {}\n", one_line(file.string()), number,
                           one_line(what));
  return kExitUsage;
}

/// The arguments of one line: "framelog export" in front may be left out.
std::vector<std::string> arguments_of(std::vector<std::string> words) {
  if (!words.empty() && words.front() == "framelog") words.erase(words.begin());
  if (!words.empty() && words.front() == "export") words.erase(words.begin());
  return words;
}

struct Job {
  std::size_t number{};
  std::vector<std::string> arguments;
};

/// Every line is understood before the first one runs.
std::expected<std::vector<Job>, int> read_jobs(const ExportCall& call) {
  const auto text = read_text(system_files(), call.jobs);
  if (!text) return std::unexpected(fail_export(text.error()));
  std::vector<Job> jobs;
  std::size_t number = 0;
  for (const std::string_view line : split(*text, '\n')) {
    ++number;
    auto words = words_of(line);
    if (!words) return std::unexpected(wrong_line(call.jobs, number, words.error()));
    if (words->empty()) continue;
    Job job{number, arguments_of(std::move(*words))};
    const auto given = read_options(export_options(), job.arguments);
    if (!given) return std::unexpected(wrong_line(call.jobs, number, given.error()));
    if (given->has("jobs") || given->has("split")) {
      return std::unexpected(wrong_line(call.jobs, number, "--jobs and --split are not for jobs"));
    }
    const auto read = read_export(*given, system_clock().utc_ns());
    if (!read) return std::unexpected(wrong_line(call.jobs, number, read.error()));
    for (const auto& [flag, is_set] :
         {std::pair{"--json", call.json}, {"--yes", call.yes}, {"--dry-run", call.dry_run}}) {
      if (is_set && !given->has(std::string_view(flag).substr(2))) job.arguments.emplace_back(flag);
    }
    jobs.push_back(std::move(job));
  }
  return jobs;
}

struct Lot {
  std::vector<InputFile> files;
  std::uint64_t frames{};
};

/// Segments in their order, in lots of about as many frames each; none is split.
std::vector<Lot> lots_of(const std::vector<InputFile>& inputs, std::uint32_t count) {
  std::uint64_t all = 0;
  for (const InputFile& input : inputs) all += input.frames;
  std::vector<Lot> lots(std::min<std::size_t>(count, inputs.size()));
  std::uint64_t before = 0;
  std::size_t at = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const std::uint64_t middle = before + inputs[i].frames / 2;
    const auto wanted = all == 0 ? 0 : static_cast<std::size_t>(middle * lots.size() / all);
    // No lot stays empty: as many segments have to be left as there are lots behind.
    const std::size_t left = inputs.size() - i;
    if (!lots[at].files.empty() && at + 1 < lots.size() &&
        (wanted > at || left <= lots.size() - at - 1)) {
      ++at;
    }
    lots[at].files.push_back(inputs[i]);
    lots[at].frames += inputs[i].frames;
    before += inputs[i].frames;
  }
  return lots;
}

std::string refusal_of_split(const ExportCall& call, const RecordingFacts& facts) {
  const TransformRequest& transform = call.request.transform;
  if (call.request.view.kind != ViewRequest::Kind::kFrames || !call.request.composite.empty()) {
    return "one picture of a whole recording cannot be split";
  }
  if (facts.scan && !transform.flat) return "a scan is exported as a whole (--flat: its frames)";
  const bool cuts_time = std::ranges::any_of(transform.cutout, [](const AxisCut& cut) {
    return cut.axis != Axis::kY && cut.axis != Axis::kX;
  });
  if (cuts_time || transform.every > 1) {
    return "--cutout of t and --every count frames over all segments (--since and --until do not)";
  }
  const std::string& name = call.request.name;
  if (!name.empty() && name.find("{nickname}") == std::string::npos) {
    return "--output-name needs {nickname}, so that the segments' names do not meet";
  }
  if (facts.inputs.size() < 2) return "the recording has one segment";
  return "";
}

/// Whether a segment's frames are not all outside of --since and --until.
Result<bool> is_in_time(Recording& recording, const InputFile& file,
                        const TransformRequest& transform) {
  if (!transform.since_utc_ns && !transform.until_utc_ns) return true;
  for (std::uint64_t i = 0; i < file.frames; ++i) {
    const auto note = recording.note(file.first_frame + i);
    if (!note) return std::unexpected(note.error());
    const std::int64_t utc_ns = note->info.utc_ns;
    if (utc_ns >= 0 && utc_ns >= transform.since_utc_ns.value_or(utc_ns) &&
        utc_ns < transform.until_utc_ns.value_or(utc_ns + 1)) {
      return true;
    }
  }
  return false;
}

/// The segments that give a job.
Result<std::vector<InputFile>> files_to_split(Recording& recording,
                                              const TransformRequest& transform) {
  std::vector<InputFile> files;
  for (const InputFile& file : recording.facts().inputs) {
    const auto is_in = is_in_time(recording, file, transform);
    if (!is_in) return std::unexpected(is_in.error());
    if (*is_in) files.push_back(file);
  }
  if (!files.empty()) return files;
  return fail(ErrorCode::kInvalid, "--since, --until:", "no frame is in this range of time");
}

/// A path as seen from the folder of the jobs.
std::string seen_from(const fs::path& folder, const fs::path& path) {
  std::error_code error;
  const fs::path seen = fs::proximate(fs::absolute(path, error), folder, error);
  return error ? path.string() : seen.string();
}

std::string text_of(const Lot& lot, const std::string& options, const fs::path& folder) {
  std::string text;
  for (const InputFile& file : lot.files) {
    text += fmt::format("export {}{}\n", quoted(seen_from(folder, file.path)), options);
  }
  return text;
}

fs::path file_of(const fs::path& jobs, std::size_t number, std::size_t count) {
  return jobs.parent_path() / fmt::format("{}-{}-of-{}{}", jobs.stem().string(), number, count,
                                          jobs.extension().string());
}

}  // namespace

int run_export_jobs(const ExportCall& call) {
  const auto jobs = read_jobs(call);
  if (!jobs) return jobs.error();
  std::error_code error;
  const fs::path folder = fs::absolute(call.jobs, error).parent_path();
  fs::current_path(folder, error);
  if (error)
    return fail_export(
        Error{code_of_errno(error.value()), error.value(), "cannot change to", folder.string()});
  int status = kExitDone;
  for (const Job& job : *jobs) {
    const int ended = export_command(job.arguments);
    if (ended != kExitDone) {
      std::cerr << fmt::format("framelog: {}:{}: this export failed\n",
                               one_line(call.jobs.string()), job.number);
      status = ended;
    }
    if (interrupted()) break;
  }
  return status;
}

int split_export(const ExportCall& call, const GivenOptions& given) {
  const auto recording = open_export_input(system_files(), call.request);
  if (!recording) return fail_export(recording.error());
  const RecordingFacts& facts = (*recording)->facts();
  if (const std::string refusal = refusal_of_split(call, facts); !refusal.empty()) {
    return fail_export(Error{ErrorCode::kInvalid, 0, "--split:", refusal});
  }
  const auto files = files_to_split(**recording, call.request.transform);
  if (!files) return fail_export(files.error());
  std::error_code error;
  const fs::path folder = fs::absolute(call.jobs, error).parent_path();
  constexpr std::string_view kNotPassedOn[] = {"split", "jobs",    "dry-run",       "json",
                                               "yes",   "product", "output-folder", "run",
                                               "mask",  "since",   "until"};
  std::string options;
  for (const std::string& word : given.words_without(kNotPassedOn)) options += " " + quoted(word);
  for (const char* path : {"output-folder", "mask"}) {
    if (!given.has(path)) continue;
    options += " " + quoted(fmt::format("--{}={}", path, seen_from(folder, given.text(path))));
  }
  // "2 h ago", and local time, would mean another time where and when the job runs.
  const TransformRequest& part = call.request.transform;
  for (const auto& [name, utc_ns] :
       {std::pair{"since", part.since_utc_ns}, {"until", part.until_utc_ns}}) {
    if (utc_ns) options += fmt::format(" --{}={}", name, lasting_time(*utc_ns));
  }
  const auto lots = lots_of(*files, call.split);
  for (std::size_t i = 0; i < lots.size(); ++i) {
    const std::string text = text_of(lots[i], options, folder);
    if (call.jobs.empty() || call.dry_run) {
      std::cout << fmt::format("# {} of {}, {} frames\n", i + 1, lots.size(), lots[i].frames)
                << text;
      continue;
    }
    const fs::path file = file_of(call.jobs, i + 1, lots.size());
    const auto written = write_new_file(system_files(), file, std::as_bytes(std::span(text)));
    if (!written) return fail_export(written.error());
    std::cout << one_line(file.string()) << '\n';
  }
  return kExitDone;
}

}  // namespace framelog
