#include "command/export_command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <iostream>

#include "command/export_report.hpp"
#include "command/instrument.hpp"
#include "command/interrupt.hpp"
#include "command/output.hpp"
#include "core/clock.hpp"
#include "core/text.hpp"
#include "export/export_input.hpp"

namespace framelog {
namespace {

int usage(const std::string& text) {
  std::cerr << "framelog: export: " << text << " (see framelog export --help)\n";
  return kExitUsage;
}

/// What --preview, --list-images and the like exclude.
int list_all_images(const ExportCall& call) {
  auto recording = open_export_input(system_files(), call.request);
  if (!recording) return fail_export(recording.error());
  ViewRequest view = call.request.view;
  view.detectors = centred(view.detectors, (*recording)->facts().shape);
  const auto names = list_images(**recording, view);
  print_names(names, call.json);
  if (!names.empty()) return kExitDone;
  std::cerr << "framelog: the recording has no scan, which images are of\n";
  return kExitFoundWrong;
}

int write_preview(const ExportCall& call) {
  if (call.preview.extension() != ".png") return usage("--preview: is a PNG (allowed: FILE.png)");
  ExportRequest request = call.request;
  if (request.formats.empty() && request.view.kind == ViewRequest::Kind::kFrames) {
    request.formats = {"npy"};  // Nothing is written but the preview.
  }
  const auto picture = preview_picture(system_files(), request);
  if (!picture) return fail_export(picture.error());
  const auto written = write_new_file(system_files(), call.preview, *picture);
  if (written) return kExitDone;
  std::error_code ignored;
  // A part of a picture is worth nothing; another's file stays.
  if (written.error().code != ErrorCode::kExists) std::filesystem::remove(call.preview, ignored);
  return fail_export(written.error());
}

bool confirmed(std::size_t count) {
  if (::isatty(STDIN_FILENO) == 0) return false;
  std::cerr << fmt::format("Delete {}? [y/N] ", counted(static_cast<std::int64_t>(count), "file"));
  std::string answer;
  return std::getline(std::cin, answer) && (answer == "y" || answer == "yes");
}

int delete_earlier(const ExportCall& call) {
  const auto found = find_earlier(system_files(), call.request);
  if (!found) return fail_export(found.error());
  std::vector<std::string> names;
  for (const auto& path : *found) names.push_back(path.string());
  print_names(names, call.json);
  std::cout.flush();
  if (found->empty() && !call.json) std::cout << "nothing of this export is there\n";
  if (found->empty() || call.dry_run) return kExitDone;
  if (!call.yes && !confirmed(found->size())) {
    std::cerr << "framelog: nothing was deleted (--yes does it without asking)\n";
    return kExitFoundWrong;
  }
  for (const auto& path : *found) {
    if (auto removed = system_files().remove(path); !removed) return fail_export(removed.error());
  }
  return kExitDone;
}

int run_call(const ExportCall& call) {
  if (call.list_images) return list_all_images(call);
  if (!call.preview.empty()) return write_preview(call);
  const bool has_images = call.request.view.kind == ViewRequest::Kind::kImages;
  if (call.request.formats.empty() && !has_images) return usage("--to is missing");
  if (call.delete_earlier) return delete_earlier(call);
  return run_one_export(call);
}

int run_every(const ExportCall& call) {
  const auto requests = every_recording(system_files(), call.request);
  if (!requests) return fail_export(requests.error());
  int status = kExitDone;
  for (const ExportRequest& request : *requests) {
    ExportCall one = call;
    one.request = request;
    const int ended = run_call(one);
    if (ended != kExitDone) status = ended;
    if (interrupted()) break;
  }
  return status;
}

}  // namespace

int fail_export(const Error& error) {
  std::cerr << "framelog: " << one_line(describe(error)) << '\n';
  const bool is_wrong = error.code == ErrorCode::kInvalid || error.code == ErrorCode::kUnsupported;
  return is_wrong ? kExitUsage : exit_status_of(error);
}

int run_one_export(const ExportCall& call) {
  FileSystem& files = system_files();
  end_on_interrupt();
  const auto preview = preview_export(files, call.request);
  if (!preview) return fail_export(preview.error());
  if (call.dry_run) {
    print_preview(*preview, call.json);
    return kExitDone;
  }
  print_plan(*preview);
  std::int64_t told = 0;
  ProgressLine line(pass_bytes(*preview));
  const auto report = run_export(files, call.request, [&](std::int64_t done, std::int64_t /*all*/) {
    if (done > told) line.advance(done - told);
    told = std::max(told, done);
    return !interrupted();
  });
  line.clear();
  if (!report) return fail_export(report.error());
  print_report(*report, call.json);
  return kExitDone;
}

int export_command(const std::vector<std::string>& arguments) {
  const auto given = read_options(export_options(), arguments);
  if (!given) return usage(given.error());
  if (given->has("help")) {
    print_export_help();
    return kExitDone;
  }
  const auto call = read_export(*given, system_clock().utc_ns());
  if (!call) return usage(call.error());
  if (!call->jobs.empty() && call->split == 0) {
    constexpr std::string_view kAlone[] = {"jobs", "json", "yes", "dry-run"};
    if (!given->operands.empty() || !given->words_without(kAlone).empty()) {
      return usage("--jobs: the exports are in the file, with all of their options");
    }
    return run_export_jobs(*call);
  }
  if (given->operands.empty()) return usage("takes INPUT...");
  if (call->split > 0) return split_export(*call, *given);
  return call->all ? run_every(*call) : run_call(*call);
}

}  // namespace framelog
