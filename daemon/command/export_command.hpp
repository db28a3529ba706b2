#pragma once

#include <string>
#include <vector>

#include "command/export_options.hpp"

namespace framelog {

/// `framelog export`, with what stands behind it. Returns an ExitStatus.
[[nodiscard]] int export_command(const std::vector<std::string>& arguments);

/// `framelog help export [FORMAT]`; without a format all options.
[[nodiscard]] int help_export(const std::vector<std::string>& operands);
/// `framelog export --help`
void print_export_help();

/// Runs or, with --dry-run, only tells of one export.
[[nodiscard]] int run_one_export(const ExportCall& call);

/// --jobs FILE: every line of it.
[[nodiscard]] int run_export_jobs(const ExportCall& call);
/// --split N: the files of jobs, or what would be in them.
[[nodiscard]] int split_export(const ExportCall& call, const GivenOptions& given);

/// One line on standard error, and kExitUsage where something was asked for that makes no sense.
int fail_export(const Error& error);

}  // namespace framelog
