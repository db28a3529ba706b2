#include "formats/hdf5_lines.hpp"

#include <span>
#include <string>
#include <vector>

#include "core/clock.hpp"

namespace framelog::hdf5 {
namespace {

double seconds(std::int64_t ns) { return static_cast<double>(ns) * 1e-9; }

}  // namespace

void write_lines(Tree& tree, const SegmentDescription& d) {
  if (d.lines.empty()) return;
  tree.group(kLines, "NXcollection");
  for (const LineDescription& line : d.lines) {
    const std::string path = kLines + "/" + line.role;
    tree.group(path, "NXcollection");
    tree.integer(path + "/bit", line.bit);
    tree.text(path + "/line", line.line);
    if (!line.chip.empty()) tree.text(path + "/chip", line.chip);
    tree.flag(path + "/active_low", line.active_low);
  }
  std::vector<std::string> bits(d.lines.back().bit + 1U);
  for (const LineDescription& line : d.lines) bits[line.bit] = line.role;
  tree.attribute(kFrameTable, "gpio_bits", std::span<const std::string>(bits));
}

void write_edges(Tree& tree, const Ending& ending) {
  const LineEdges& lines = ending.end.lines;
  if (lines.edges.empty() && lines.left_out == 0) return;
  std::vector<double> time;
  std::vector<std::int64_t> monotonic;
  std::vector<std::int64_t> utc;
  std::vector<std::int64_t> line;
  std::vector<std::int64_t> value;
  for (const LineEdge& edge : lines.edges) {
    time.push_back(seconds(elapsed_ns(ending.run_start_monotonic_ns, edge.monotonic_ns)));
    monotonic.push_back(edge.monotonic_ns);
    utc.push_back(edge.utc_ns);
    line.push_back(edge.line);
    value.push_back(edge.active ? 1 : 0);
  }
  const std::string path = kLines + "/edges";
  if (!has(tree.file(), kLines)) tree.group(kLines, "NXcollection");
  tree.group(path, "NXlog");
  tree.text(path + "/description", "Edges of GPIO lines: from its time on a line has this level");
  tree.column(path + "/time", time, "s");
  tree.attribute(path + "/time", "start", iso_time(ending.run_start_utc_ns));
  tree.column(path + "/value", value);
  tree.column(path + "/line", line);
  tree.column(path + "/monotonic_ns", monotonic, "ns");
  tree.column(path + "/utc_ns", utc, "ns");
  tree.integer(path + "/left_out", static_cast<std::int64_t>(lines.left_out));
}

}  // namespace framelog::hdf5
