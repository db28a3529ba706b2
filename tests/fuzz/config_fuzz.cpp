// Feeds any text that is read as a configuration file, with the tables of all rooms and the checks
// that need no source.

#include <algorithm>
#include <cstdlib>

#include "config/configuration.hpp"
#include "drivers/drivers.hpp"
#include "fuzz_files.hpp"
#include "pipeline/options.hpp"
#include "pipeline/recording_plan.hpp"
#include "service/options.hpp"

namespace {

/// What is told is one line of text.
void expect_line(const std::string& text) {
  if (text.empty() || text.find('\n') != std::string::npos) std::abort();
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace framelog;
  static fuzz::FuzzFiles files;
  static const std::vector<std::span<const OptionSpec>> tables = [] {
    std::vector<std::span<const OptionSpec>> all{recording_options(), service_options()};
    for (const Driver& driver : drivers()) all.push_back(driver.options);
    return all;
  }();
  const Configuration configuration =
      load_configuration(files.write("a.conf", {data, size}), {}, tables);
  std::ranges::for_each(configuration.errors, expect_line);
  std::vector<Complaint> complaints;
  check_recording(configuration.settings, complaints);
  for (const Complaint& complaint : complaints) expect_line(complaint.message);
  return 0;
}
