#include "command/export_reader.hpp"
#include "command/time_text.hpp"
#include "core/quantity.hpp"
#include "export/filters.hpp"

namespace framelog {

void ExportReader::read_output() {
  for (const std::string& list : given_.all("to")) {
    for (const std::string_view name : split(list, ',')) {
      if (std::ranges::find(request().formats, name) != request().formats.end()) {
        refuse("to", fmt::format("{} is there twice", in_quotes(name)));
      }
      request().formats.emplace_back(name);
    }
  }
  request().folder = given_.text("output-folder");
  request().name = given_.text("output-name");
  constexpr std::array<std::string_view, 3> kOnExists{"fail", "rename", "skip"};
  request().on_exists = static_cast<OnExists>(choice("on-exists", kOnExists));
  if (given_.has("verify") && given_.has("no-verify")) {
    refuse("verify", "excludes --no-verify");
  }
  request().verify = !given_.has("no-verify");
  request().write.layout = given_.text("layout");
  if (given_.has("dataset-name")) request().write.dataset = given_.text("dataset-name");
  parsed("compression", request().write.compression, parse_compression);
  constexpr std::array<std::string_view, 2> kEndian{"little", "big"};
  request().write.big_endian = choice("endian", kEndian) == 1;
}

void ExportReader::read_input() {
  InputRequest& input = request().input;
  input.product = given_.text("product");
  input.run = given_.text("run");
  input.dataset = given_.text("dataset");
  const auto shape = value<std::vector<std::uint32_t>>(
      {.key = "input-shape", .type = OptionType::kShape, .least = 1, .most = 4294967295.0});
  const auto type = value<PixelType>({.key = "input-dtype", .type = OptionType::kPixelType});
  if (type && !shape) input.geometry = RawGeometry{*type, {}};
  if (!shape) return;
  input.geometry = RawGeometry{type.value_or(PixelType::kFloat32), {}};
  if (shape->size() == 4) {
    request().scan = {(*shape)[0], (*shape)[1]};
    input.geometry->shape = {std::uint64_t{(*shape)[0]} * (*shape)[1], (*shape)[2], (*shape)[3]};
  } else if (shape->size() == 2 || shape->size() == 3) {
    input.geometry->shape.assign(shape->begin(), shape->end());
  } else {
    refuse("input-shape", "takes 2 to 4 numbers: HxW, NxHxW or SYxSXxHxW");
  }
}

void ExportReader::read_time(std::string_view option, std::optional<std::int64_t>& into) {
  if (!given_.has(option)) return;
  const auto time = parse_time(given_.text(option), now_);
  if (time) {
    into = *time;
  } else {
    refuse(option, time.error());
  }
}

void ExportReader::read_part() {
  TransformRequest& transform = request().transform;
  parsed("cutout", transform.cutout, parse_cutout);
  read_time("since", transform.since_utc_ns);
  read_time("until", transform.until_utc_ns);
  if (transform.since_utc_ns && transform.until_utc_ns &&
      *transform.since_utc_ns >= *transform.until_utc_ns) {
    refuse("until", "is not later than --since");
  }
  transform.every = static_cast<std::uint64_t>(integer("every", 1, 1e15).value_or(1));
  if (!given_.has("subsample")) return;
  for (const std::string_view part : split(given_.text("subsample"), ',')) {
    const bool is_y = part.starts_with("sy=");
    const auto read = parse_value({.type = OptionType::kInteger, .least = 1, .most = 1e6},
                                  part.substr(std::min<std::size_t>(3, part.size())));
    if ((!is_y && !part.starts_with("sx=")) || !read) {
      return refuse("subsample", fmt::format("{} (allowed: sy=N, sx=N or both, of 1 and more: "
                                             "\"sy=2,sx=2\")",
                                             in_quotes(part)));
    }
    (is_y ? transform.subsample_sy : transform.subsample_sx) =
        static_cast<std::uint32_t>(std::get<std::int64_t>(*read));
  }
}

void ExportReader::read_values() {
  TransformRequest& transform = request().transform;
  if (const auto bin = value<Binning>({.key = "bin", .type = OptionType::kBinning})) {
    transform.bin = *bin;
  }
  constexpr std::array<std::string_view, 2> kModes{"sum", "mean"};
  transform.bin_mode = choice("bin-mode", kModes) == 1 ? BinMode::kMean : BinMode::kSum;
  if (given_.has("bin-mode") && !given_.has("bin")) {
    refuse("bin-mode", "is about --bin, which is not there");
  }
  parsed("process", transform.filters, parse_filters);
  transform.raw_only = given_.has("raw");
  if (transform.raw_only && !transform.filters.empty()) refuse("raw", "excludes --process");
  transform.mask = given_.text("mask");
  read_renormalise();
  transform.dtype = value<PixelType>({.key = "dtype", .type = OptionType::kPixelType});
  transform.saturate = given_.has("saturate");
  parsed("axes", transform.axes, parse_axes);
  transform.flat = given_.has("flat");
}

void ExportReader::read_renormalise() {
  TransformRequest& transform = request().transform;
  constexpr std::array<std::string_view, 1> kPrograms{"ilastik"};
  choice("compat", kPrograms);
  transform.truncate = given_.has("compat");
  if (!given_.has("renormalise")) {
    if (transform.truncate) refuse("compat", "is about --renormalise, which is not there");
    return;
  }
  const std::string text = given_.text("renormalise");
  std::vector<double> numbers;
  const std::size_t arrow = std::min(text.find("->"), text.size());
  const std::string_view whole(text);
  for (const auto half : {whole.substr(0, arrow), whole.substr(std::min(arrow + 2, text.size()))}) {
    for (const std::string_view part : split(half, ',')) {
      if (const auto number = decimal(part)) numbers.push_back(*number);
    }
  }
  if (numbers.size() != 4 || numbers[0] == numbers[1] || split(text, ',').size() != 3) {
    return refuse("renormalise", fmt::format("{} (allowed: min, max -> min, max such as "
                                             "\"0, 4095 -> 0, 255\", the first two different)",
                                             in_quotes(text)));
  }
  transform.renormalise = Renormalisation{numbers[0], numbers[1], numbers[2], numbers[3]};
}

std::expected<ExportCall, std::string> read_export(const GivenOptions& given, std::int64_t utc_ns,
                                                   std::vector<std::string> usual) {
  return ExportReader(given, utc_ns).read(std::move(usual));
}

}  // namespace framelog
