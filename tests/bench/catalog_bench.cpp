// The catalog with a million segments, and how fast it is made from files.

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <functional>

#include "core/clock.hpp"
#include "core/crc32c.hpp"
#include "processor_time.hpp"
#include "report.hpp"
#include "scratch.hpp"
#include "store/catalog.hpp"
#include "store/finish.hpp"
#include "store/provenance.hpp"

namespace framelog::bench {
namespace {

constexpr std::int64_t kSegments = 1'000'000;
constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kEvery = 60 * kSecond;  // A segment a minute: two years.
constexpr int kRepeats = 11;

template <class Call>
double seconds(Call call) {
  const auto begin = std::chrono::steady_clock::now();
  call();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

CatalogEntry entry(std::int64_t number) {
  CatalogEntry entry;
  entry.path = fmt::format("/var/lib/framelogd/microscope/2026/{:06}/microscope_frames_{:08}.h5",
                           number / 1440, number);
  entry.product = number % 3 == 0 ? "preview" : "frames";
  entry.run_number = number / 10'000;
  entry.run_uuid = fmt::format("{:08x}-6a4e-4e0a-9d2b-0c1f6c7d8e9f",
                               static_cast<std::uint32_t>(entry.run_number * 2654435761));
  entry.segment_number = number % 10'000 + 1;
  entry.first_sequence = entry.segment_number * 1500;
  entry.last_sequence = entry.first_sequence + 1499;
  entry.first_utc_ns = 1'700'000'000 * kSecond + number * kEvery;
  entry.last_utc_ns = entry.first_utc_ns + kEvery - 1;
  entry.frames = 1500;
  entry.bytes = 1'000'000'000;
  entry.gaps = number % 1000 == 0 ? 1 : 0;
  return entry;
}

void fill(Catalog& catalog) {
  constexpr std::int64_t kAtOnce = 10'000;
  std::vector<CatalogEntry> some;
  for (std::int64_t number = 0; number < kSegments; ++number) {
    some.push_back(entry(number));
    if (std::ssize(some) < kAtOnce) continue;
    must(catalog.add(some));
    some.clear();
  }
}

double median_of(const std::function<void()>& call) {
  std::vector<double> times;
  for (int i = 0; i < kRepeats; ++i) times.push_back(seconds(call));
  return median(times);
}

void ask(Report& report, const std::filesystem::path& directory) {
  const auto file = directory / "catalog.sqlite";
  const double filled = seconds([&] {
    auto catalog = must(Catalog::open(system_files(), file, Catalog::Mode::kWrite));
    fill(catalog);
  });
  Report::note(fmt::format("{} entries were added in {:.1f} s", kSegments, filled));
  CatalogQuery yesterday;
  yesterday.since_utc_ns = entry(kSegments - 1440).first_utc_ns;
  std::size_t found = 0;
  report.at_most("open and find(since yesterday), first time",
                 seconds([&] {
                   const auto catalog =
                       must(Catalog::open(system_files(), file, Catalog::Mode::kRead));
                   found = must(catalog.find(yesterday)).size();
                 }) * 1e3,
                 50, "ms");
  if (found != 1440) give_up(fmt::format("{} segments since yesterday, not 1440", found));
  auto catalog = must(Catalog::open(system_files(), file, Catalog::Mode::kWrite));
  report.at_most("find(since yesterday)",
                 median_of([&] { found = must(catalog.find(yesterday)).size(); }) * 1e3, 50, "ms");
  CatalogQuery day;
  day.since_utc_ns = entry(kSegments / 2).first_utc_ns;
  day.until_utc_ns = entry(kSegments / 2 + 1440).first_utc_ns;
  report.at_most("find(a day a year ago)",
                 median_of([&] { found = must(catalog.find(day)).size(); }) * 1e3, 50, "ms");
  CatalogQuery run;
  run.run = "42";
  run.only_gaps = true;
  report.at_most("find(run 42, gaps)",
                 median_of([&] { found = must(catalog.find(run)).size(); }) * 1e3, 50, "ms");
  report.at_most("oldest(1)",
                 median_of([&] { found = must(catalog.oldest(false, 1)).size(); }) * 1e3, 10, "ms");
  report.at_most("oldest acknowledged(1)",
                 median_of([&] { found = must(catalog.oldest(true, 1)).size(); }) * 1e3, 10, "ms");
  report.at_most("totals()", median_of([&] {
                               found = static_cast<std::size_t>(must(catalog.totals()).bytes);
                             }) * 1e3,
                 1, "ms");
  std::int64_t next = kSegments;
  report.at_most("add(1)", median_of([&] { must(catalog.add(entry(next++))); }) * 1e3, 10, "ms");
  std::int64_t gone = 0;
  report.at_most("remove(1)", median_of([&] { must(catalog.remove(entry(gone++).path)); }) * 1e3,
                 10, "ms");
}

SegmentDescription description(const std::string& configuration) {
  SegmentDescription d;
  d.program_version = "0.1.0";
  d.instrument = "bench";
  d.product = "frames";
  d.shape = d.sensor = {32, 32, PixelType::kUint16};
  d.region = {0, 32, 0, 32};
  d.bin_mode = "sum";
  d.pixel_size = {{1.0, "px"}};
  d.value_unit = "counts";
  d.run_uuid = "0b7f2f3e-6a4e-4e0a-9d2b-0c1f6c7d8e9f";
  d.run_number = 1;
  d.run_start_utc_ns = 1'795'190'400 * kSecond;
  d.capacity_frames = 1000;
  d.configuration = configuration;
  RunFacts run;
  run.driver = "simulator";
  d.provenance_json = start_provenance(run, d);
  return d;
}

/// One real segment, as the daemon makes it.
std::filesystem::path record(const std::filesystem::path& directory, std::string_view format_name) {
  constexpr std::int64_t kFrames = 1000;
  FileSystem& files = system_files();
  const SegmentFormat& format = *find_format(format_name);
  const SegmentDescription d = description(std::string(2000, '#'));
  auto writer = must(format.prepare(files, directory / "next", d));
  const std::filesystem::path part = directory / ("one" + std::string(format.extension) + ".part");
  must(writer->activate(part));
  const std::vector<std::byte> pixels(size_bytes(d.shape));
  for (std::int64_t i = 0; i < kFrames; ++i) {
    FrameRecord record;
    record.sequence = record.source_sequence = static_cast<std::uint64_t>(i);
    record.utc_ns = d.run_start_utc_ns + i * 1'000'000;
    record.crc32c = crc32c(pixels);
    seal(record);
    must(writer->append(std::span(&record, 1), pixels, {}));
  }
  Accounting accounting;
  accounting.received = accounting.recorded = static_cast<std::uint64_t>(kFrames);
  writer->close_pixels();
  return must(finish_part(files, format, {part, kFrames, "stop", {}, accounting, {}})).path;
}

/// Copies stand for other segments: to a rebuild they are.
void rebuild(Report& report, const std::filesystem::path& parent, std::string_view format_name) {
  constexpr int kFiles = 1000;
  const Scratch scratch(parent);
  const auto one = record(scratch.path(), format_name);
  const auto base = scratch.path() / "base";
  const SegmentFormat& format = *find_format(format_name);
  std::filesystem::create_directories(base);
  for (int i = 0; i < kFiles; ++i) {
    const std::string name = fmt::format("bench_frames_{:06}", i);
    std::filesystem::copy_file(one, base / (name + std::string(format.extension)));
    for (const std::string_view extension : format.companions) {
      std::filesystem::copy_file(std::filesystem::path(one).replace_extension(extension),
                                 base / (name + std::string(extension)));
    }
  }
  std::vector<double> rates;
  for (int i = 0; i < 3; ++i) {
    auto catalog =
        must(Catalog::open(system_files(), scratch.path() / fmt::format("catalog-{}.sqlite", i),
                           Catalog::Mode::kWrite));
    std::int64_t segments = 0;
    const double began_s = thread_cpu_s();
    const double time = seconds(
        [&] { segments = must(rebuild_catalog(system_files(), catalog, {base}, "bench")); });
    if (segments != kFiles) give_up(fmt::format("rebuilt {} of {} segments", segments, kFiles));
    rates.push_back(static_cast<double>(segments) / time);
    Report::note(fmt::format("{}: {:.0f} files/s, {:.3f} ms of processor time a file", format_name,
                             rates.back(), (thread_cpu_s() - began_s) * 1e3 / kFiles));
  }
  report.at_least(fmt::format("rebuild from {} files", format_name), median(rates), 2000,
                  "files/s");
}

}  // namespace
}  // namespace framelog::bench

int main() {
  using namespace framelog::bench;
  try {
    Report report;
    const auto parent = Scratch::default_parent();
    const Scratch scratch(parent);
    rebuild(report, parent, "hdf5");
    rebuild(report, parent, "raw");
    ask(report, scratch.path());
    return report.status();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
