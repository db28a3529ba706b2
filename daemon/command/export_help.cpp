#include <fmt/format.h>

#include <iostream>

#include "command/export_command.hpp"
#include "command/instrument.hpp"
#include "core/option.hpp"
#include "core/text.hpp"
#include "export/dataset_writer.hpp"
#include "export/picture.hpp"

namespace framelog {
namespace {

template <class Formats>
std::string names_of(const Formats& formats) {
  std::string names;
  for (const auto& format : formats) {
    names += (names.empty() ? "" : " ");
    names += format.name;
  }
  return names;
}

template <class Formats>
void print_list(const Formats& formats) {
  for (const auto& format : formats) {
    std::cout << fmt::format("  {:<14}{}\n", format.name, format.help);
  }
}

template <class Format>
void print_format(const Format& format) {
  std::cout << fmt::format("{} ({}): {}\n\n{}\n", format.name, format.extension, format.help,
                           format.manual);
}

int unknown_format(const std::string& name) {
  std::vector<std::string_view> known;
  for (const auto& format : dataset_formats()) known.push_back(format.name);
  for (const auto& format : picture_formats()) known.push_back(format.name);
  for (const auto& format : movie_formats()) known.push_back(format.name);
  const std::string nearest = nearest_word(name, known);
  std::cerr << fmt::format("framelog: no format {}{} (framelog help export lists them)\n",
                           in_quotes(name),
                           nearest.empty() ? "" : ", did you mean " + nearest + "?");
  return kExitUsage;
}

}  // namespace

void print_export_help() {
  std::cout << fmt::format(
      "framelog export INPUT... --to FORMAT[,FORMAT...] [options]\n\n"
      "writes recordings as files that other programs open\n\n"
      "INPUT: segments, directories, master files, or HDF5, TIFF, RAW, NPY, NPZ and MIB files\n"
      "Formats:  {}\n          {}\n          {}\n\n{}\n"
      "framelog help export explains the options, framelog help export FORMAT a format.\n",
      names_of(dataset_formats()), names_of(picture_formats()), names_of(movie_formats()),
      options_at_a_glance(export_options()));
}

int help_export(const std::vector<std::string>& operands) {
  if (operands.empty()) {
    std::cout << "framelog export INPUT... --to FORMAT[,FORMAT...] [options]\n\nFormats\n";
    print_list(dataset_formats());
    print_list(picture_formats());
    print_list(movie_formats());
    std::cout << '\n' << options_in_full(export_options());
    return kExitDone;
  }
  const std::string& name = operands.front();
  if (const auto* format = find_dataset_format(name)) {
    print_format(*format);
  } else if (const auto* picture = find_picture_format(name)) {
    print_format(*picture);
  } else if (const auto* movie = find_movie_format(name)) {
    print_format(*movie);
  } else {
    return unknown_format(name);
  }
  return kExitDone;
}

}  // namespace framelog
