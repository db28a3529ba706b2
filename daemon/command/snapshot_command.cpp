#include "command/snapshot_command.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <iostream>
#include <nlohmann/json.hpp>
#include <utility>

#include "command/export_command.hpp"
#include "command/instrument.hpp"
#include "command/output.hpp"
#include "command/pin_files.hpp"
#include "command/snapshot_export.hpp"
#include "command/time_text.hpp"
#include "core/clock.hpp"
#include "core/option.hpp"
#include "core/text.hpp"
#include "export/export_input.hpp"
#include "export/snapshots.hpp"

namespace framelog {
namespace {

namespace fs = std::filesystem;

constexpr std::array kOptions{
    OptionRow{"name", "NAME", "Snapshot", "add: its name, which no other has; edit: its new name"},
    OptionRow{"description", "TEXT", "Snapshot", "add, edit: what is there to see"},
    OptionRow{"tags", "WORDS", "Snapshot", "add, edit: words separated by commas"},
    OptionRow{"rectangle", "REGION", "Snapshot",
              "add, edit: \"y=16:112, x=16:112\" in pixels, or whole; by default the whole frame"},
    OptionRow{"frame", "N", "Snapshot", "add, edit: which frame, from 0; by default the first"},
    OptionRow{"time", "TIME", "Snapshot", "add, edit: the first frame from this time on"},
    OptionRow{"contrast", "HOW", "Snapshot", "add, edit: as of framelog export"},
    OptionRow{"tag", "WORD", "Snapshot", "list, delete, export: those with this tag"},
    OptionRow{"all", "", "Snapshot", "delete, export: all of them"},
    OptionRow{"product", "NAME", "Snapshot", "where a directory holds several products"},
    OptionRow{"run", "RUN", "Snapshot", "of which run"},
    OptionRow{"instrument,i", "NAME", "Snapshot",
              "add: whose catalog keeps the segments; by default the one that recorded them"},
    OptionRow{"config", "FILE", "Snapshot", "add: the instrument of another file"},
    OptionRow{"json", "", "Snapshot", "print JSON"},
    OptionRow{"help", "", "Snapshot", "print this"},
};

/// The verbs of the options that not all of them take.
constexpr std::array<std::pair<std::string_view, std::string_view>, 12> kVerbs{
    {{"name", "add, edit"},
     {"description", "add, edit"},
     {"tags", "add, edit"},
     {"rectangle", "add, edit"},
     {"frame", "add, edit"},
     {"time", "add, edit"},
     {"contrast", "add, edit"},
     {"tag", "list, show, delete"},
     {"all", "list, show, delete"},
     {"instrument", "add"},
     {"config", "add"},
     {"json", "list, show"}}};

int usage(const std::string& text) {
  std::cerr << "framelog: snapshot: " << text << " (see framelog snapshot --help)\n";
  return kExitUsage;
}

void print_help() {
  std::cout << "framelog snapshot add|list|show|edit|delete|export INPUT [NAME...] [options]\n\n"
               "bookmarks places in recordings, and exports them as pictures\n\n"
               "  add        INPUT --name NAME: keeps it in NAME.snapshots.json beside the\n"
               "             recording, and pins the recording's segments in the catalog\n"
               "  list       INPUT: all of them, one a line\n"
               "  show       INPUT NAME...: all that is known of them\n"
               "  edit       INPUT NAME: changes what is given\n"
               "  delete     INPUT NAME...|--all: the bookmarks, never the recording\n"
               "  export     INPUT NAME...|--all: pictures, with the options of framelog export\n"
               "             and --whole (not only the rectangle), --layers PRODUCTS|all (a file\n"
               "             of each) and --zip FILE (all of them in one file)\n\n"
            << options_at_a_glance(kOptions);
}

/// The recording that a word leads to, and where its snapshots are.
struct Place {
  std::unique_ptr<Recording> recording;
  fs::path file;
};

Result<Place> find_place(const GivenOptions& given) {
  ExportRequest request;
  request.input.paths = {given.operands[1]};
  request.input.product = given.text("product");
  request.input.run = given.text("run");
  auto recording = open_export_input(system_files(), request);
  if (!recording) return std::unexpected(recording.error());
  const auto& inputs = (*recording)->facts().inputs;
  const fs::path first = inputs.empty() ? request.input.paths.front() : inputs.front().path;
  return Place{std::move(*recording), snapshots_path(first)};
}

std::unexpected<Error> wrong(const char* option, std::string text) {
  return fail(ErrorCode::kInvalid, option, std::move(text));
}

Result<std::optional<Region>> rectangle_of(const std::string& text, const FrameShape& shape) {
  if (text == "whole") return std::optional<Region>();
  const auto read = parse_value({.key = "rectangle", .type = OptionType::kRegion}, text);
  if (!read) return wrong("--rectangle:", read.error());
  const auto& spec = std::get<RegionSpec>(*read);
  const Region region{spec.y_start.value_or(0), spec.y_stop.value_or(shape.height_px),
                      spec.x_start.value_or(0), spec.x_stop.value_or(shape.width_px)};
  if (region.y_start >= region.y_stop || region.y_stop > shape.height_px ||
      region.x_start >= region.x_stop || region.x_stop > shape.width_px) {
    return wrong("--rectangle:", fmt::format("{} is empty or reaches outside the frame (allowed: "
                                             "y=0:{}, x=0:{})",
                                             in_quotes(text), shape.height_px, shape.width_px));
  }
  return std::optional(region);
}

Result<void> choose_frame(const GivenOptions& given, Recording& recording, Snapshot& snapshot) {
  const std::uint64_t frames = recording.facts().frames;
  if (given.has("frame") && given.has("time")) return wrong("--frame:", "excludes --time");
  if (given.has("time")) {
    if (!recording.facts().has_times) return wrong("--time:", "the recording has none");
    const auto time = parse_time(given.text("time"), system_clock().utc_ns());
    if (!time) return wrong("--time:", time.error());
    const auto frame = frame_at(recording, *time);
    if (!frame) return std::unexpected(frame.error());
    snapshot.frame = *frame;
  } else if (given.has("frame")) {
    const auto read =
        parse_value({.type = OptionType::kInteger, .least = 0, .most = 1e15}, given.text("frame"));
    if (!read) return wrong("--frame:", read.error());
    snapshot.frame = static_cast<std::uint64_t>(std::get<std::int64_t>(*read));
  }
  if (snapshot.frame >= frames) {
    return wrong("--frame:", fmt::format("{} is not there (allowed: 0 to {})", snapshot.frame,
                                         frames == 0 ? 0 : frames - 1));
  }
  const auto note = recording.note(snapshot.frame);
  if (!note) return std::unexpected(note.error());
  snapshot.utc_ns = note->info.utc_ns;
  return {};
}

/// What was given, into the snapshot.
Result<void> fill(const GivenOptions& given, Recording& recording, Snapshot& snapshot) {
  if (given.has("name")) snapshot.name = given.text("name");
  if (given.has("description")) snapshot.description = given.text("description");
  if (given.has("tags")) {
    snapshot.tags.clear();
    for (const auto tag : split(given.text("tags"), ',')) snapshot.tags.emplace_back(tag);
  }
  if (given.has("rectangle")) {
    auto rectangle = rectangle_of(given.text("rectangle"), recording.facts().shape);
    if (!rectangle) return std::unexpected(rectangle.error());
    snapshot.rectangle = *rectangle;
  }
  if (given.has("contrast")) {
    const auto contrast = read_contrast(given.text("contrast"));
    if (!contrast) return wrong("--contrast:", contrast.error());
    snapshot.contrast = given.text("contrast");
  }
  for (const std::string* text : {&snapshot.name, &snapshot.description}) {
    if (!is_utf8(*text)) return wrong("--name:", "texts are UTF-8");
  }
  return choose_frame(given, recording, snapshot);
}

auto find_named(std::vector<Snapshot>& all, const std::string& name) {
  return std::ranges::find(all, name, &Snapshot::name);
}

std::unexpected<Error> no_such(const std::vector<Snapshot>& all, const std::string& name) {
  std::vector<std::string> names;
  for (const Snapshot& snapshot : all) names.push_back(snapshot.name);
  return fail(ErrorCode::kNotFound, "no snapshot",
              fmt::format("{} (there are: {})", in_quotes(name),
                          names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "))));
}

int add(const GivenOptions& given, Place place) {
  if (given.text("name").empty()) return usage("add: --name is missing");
  Snapshot snapshot;
  if (auto filled = fill(given, *place.recording, snapshot); !filled) {
    return fail_export(filled.error());
  }
  std::vector<fs::path> segments;
  for (const InputFile& input : place.recording->facts().inputs) {
    snapshot.files.push_back(input.path.lexically_proximate(place.file.parent_path()).string());
    segments.push_back(input.path);
  }
  const auto done = change_snapshots(system_files(), place.file, [&](auto& all) -> Result<void> {
    if (find_named(all, snapshot.name) != all.end()) {
      return fail(ErrorCode::kExists, "a snapshot of this name is there:",
                  in_quotes(snapshot.name) + " (edit changes it)");
    }
    all.push_back(snapshot);
    return {};
  });
  if (!done) return fail_export(done.error());
  std::cout << one_line(place.file.string()) << '\n';
  return pin_segments(given.text("instrument"), given.text("config"),
                      place.recording->facts().instrument, segments);
}

int edit(const GivenOptions& given, Place place) {
  if (given.operands.size() != 3) return usage("edit takes INPUT NAME");
  const std::string& name = given.operands[2];
  const auto done = change_snapshots(system_files(), place.file, [&](auto& all) -> Result<void> {
    const auto found = find_named(all, name);
    if (found == all.end()) return no_such(all, name);
    Snapshot changed = *found;
    if (auto filled = fill(given, *place.recording, changed); !filled) return filled;
    if (changed.name != name && find_named(all, changed.name) != all.end()) {
      return fail(ErrorCode::kExists, "a snapshot of this name is there:", in_quotes(changed.name));
    }
    *found = std::move(changed);
    return {};
  });
  return done ? kExitDone : fail_export(done.error());
}

/// What is there and means nothing to the verb, which somebody may have meant; empty: nothing.
std::string unmeant(const std::string& verb, const GivenOptions& given) {
  for (const auto& [option, verbs] : kVerbs) {
    if (given.has(option) && verbs.find(verb) == std::string_view::npos) {
      return fmt::format("{}: --{} is not for it (allowed with: {})", verb, option, verbs);
    }
  }
  return "";
}

/// Names and --tag or --all say different things.
bool names_twice(const GivenOptions& given) {
  return given.operands.size() > 2 && (given.has("tag") || given.has("all"));
}

/// Those that are named, have the tag, or all.
Result<std::vector<Snapshot>> choose(const GivenOptions& given, std::vector<Snapshot> all) {
  std::vector<Snapshot> chosen;
  const std::string tag = given.text("tag");
  for (std::size_t i = 2; i < given.operands.size(); ++i) {
    const auto found = find_named(all, given.operands[i]);
    if (found == all.end()) return no_such(all, given.operands[i]);
    chosen.push_back(*found);
  }
  if (!chosen.empty()) return chosen;
  if (tag.empty()) return all;
  std::ranges::copy_if(all, std::back_inserter(chosen), [&tag](const Snapshot& snapshot) {
    return std::ranges::find(snapshot.tags, tag) != snapshot.tags.end();
  });
  return chosen;
}

bool names_some(const GivenOptions& given) {
  return given.operands.size() > 2 || given.has("all") || given.has("tag");
}

int remove(const GivenOptions& given, const Place& place) {
  if (!names_some(given)) return usage("delete takes INPUT NAME..., --tag or --all");
  const auto done = change_snapshots(system_files(), place.file, [&](auto& all) -> Result<void> {
    const auto chosen = choose(given, all);
    if (!chosen) return std::unexpected(chosen.error());
    std::erase_if(all, [&chosen](const Snapshot& snapshot) {
      return std::ranges::find(*chosen, snapshot) != chosen->end();
    });
    return {};
  });
  return done ? kExitDone : fail_export(done.error());
}

std::string region_text(const std::optional<Region>& region) {
  if (!region) return "whole";
  return fmt::format("y={}:{}, x={}:{}", region->y_start, region->y_stop, region->x_start,
                     region->x_stop);
}

void print_table(const std::vector<Snapshot>& snapshots) {
  using enum TextTable::Align;
  TextTable table({kLeft, kRight, kLeft, kLeft, kLeft, kLeft});
  table.add({"snapshot", "frame", "time", "rectangle", "tags", "description"});
  for (const Snapshot& snapshot : snapshots) {
    table.add({snapshot.name, std::to_string(snapshot.frame),
               snapshot.utc_ns < 0 ? "" : iso_time(snapshot.utc_ns),
               region_text(snapshot.rectangle), fmt::format("{}", fmt::join(snapshot.tags, ", ")),
               snapshot.description});
  }
  if (!snapshots.empty()) std::cout << table.text();
  std::cout << counted(std::ssize(snapshots), "snapshot") << '\n';
}

void print_whole(const std::vector<Snapshot>& snapshots) {
  const auto line = [](const char* name, const std::string& text) {
    std::cout << fmt::format("{:<12} {}\n", name, one_line(text));
  };
  for (const Snapshot& snapshot : snapshots) {
    line("snapshot", snapshot.name);
    line("description", snapshot.description);
    line("tags", fmt::format("{}", fmt::join(snapshot.tags, ", ")));
    line("frame", std::to_string(snapshot.frame));
    line("time", snapshot.utc_ns < 0 ? "unknown" : iso_time(snapshot.utc_ns));
    line("rectangle", region_text(snapshot.rectangle));
    line("contrast", snapshot.contrast.empty() ? "auto" : snapshot.contrast);
    line("files", fmt::format("{}", fmt::join(snapshot.files, ", ")));
  }
}

int show(const GivenOptions& given, const Place& place, bool is_list) {
  if (!is_list && !names_some(given)) return usage("show takes INPUT NAME..., --tag or --all");
  auto all = read_snapshots(system_files(), place.file);
  if (!all) return fail_export(all.error());
  const auto chosen = choose(given, std::move(*all));
  if (!chosen) return fail_export(chosen.error());
  if (given.has("json")) {
    std::cout << snapshots_text(*chosen);
  } else if (is_list) {
    print_table(*chosen);
  } else {
    print_whole(*chosen);
  }
  return kExitDone;
}

int export_chosen(const std::vector<std::string>& arguments) {
  const auto given = read_options(snapshot_export_options(), arguments);
  if (!given) return usage(given.error());
  if (given->operands.size() < 2) return usage("export takes INPUT NAME..., --tag or --all");
  if (!names_some(*given)) return usage("export takes INPUT NAME..., --tag or --all");
  if (names_twice(*given)) return usage("export: names exclude --tag and --all");
  const auto place = find_place(*given);
  if (!place) return fail_export(place.error());
  auto all = read_snapshots(system_files(), place->file);
  if (!all) return fail_export(all.error());
  const auto chosen = choose(*given, std::move(*all));
  if (!chosen) return fail_export(chosen.error());
  if (chosen->empty()) {
    return fail_export(
        Error{ErrorCode::kNotFound, 0, "no snapshot to export in", place->file.string()});
  }
  return export_snapshots(*given, *chosen, place->file.parent_path());
}

}  // namespace

int snapshot_command(const std::vector<std::string>& arguments) {
  constexpr std::array<std::string_view, 3> kWithValue{"-i", "--instrument", "--config"};
  const std::size_t at = first_operand(arguments, kWithValue);
  const std::string verb = at < arguments.size() ? arguments[at] : "";
  if (std::ranges::find(arguments, "--help") != arguments.end()) {
    print_help();
    return kExitDone;
  }
  if (verb == "export") return export_chosen(arguments);
  const auto given = read_options(kOptions, arguments);
  if (!given) return usage(given.error());
  const bool is_known =
      verb == "add" || verb == "list" || verb == "show" || verb == "edit" || verb == "delete";
  if (!is_known) {
    return usage(fmt::format("{} (allowed: add, list, show, edit, delete, export)",
                             verb.empty() ? "what?" : "no " + in_quotes(verb)));
  }
  if (given->operands.size() < 2) return usage(verb + " takes INPUT");
  if ((verb == "add" || verb == "list") && given->operands.size() > 2) {
    return usage(verb + " takes one INPUT");
  }
  if (const std::string fault = unmeant(verb, *given); !fault.empty()) return usage(fault);
  if (names_twice(*given)) return usage(verb + ": names exclude --tag and --all");
  auto place = find_place(*given);
  if (!place) return fail_export(place.error());
  if (verb == "add") return add(*given, std::move(*place));
  if (verb == "edit") return edit(*given, std::move(*place));
  if (verb == "delete") return remove(*given, *place);
  return show(*given, *place, verb == "list");
}

}  // namespace framelog
