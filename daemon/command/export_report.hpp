#pragma once

#include <span>
#include <string>

#include "export/exporter.hpp"

namespace framelog {

/// What --dry-run tells, on standard output.
void print_preview(const ExportPreview& preview, bool json);
/// Sizes and notes before an export begins, on standard error.
void print_plan(const ExportPreview& preview);
/// What was written, on standard output, and what there is to say of it, on standard error.
void print_report(const ExportReport& report, bool json);
/// Names, one a line.
void print_names(std::span<const std::string> names, bool json);

/// Bytes of the result.
[[nodiscard]] std::int64_t pass_bytes(const ExportPreview& preview) noexcept;

}  // namespace framelog
