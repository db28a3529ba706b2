#include "command/grab_command.hpp"

#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <system_error>

#include "command/control_client.hpp"
#include "command/instrument.hpp"
#include "command/output.hpp"
#include "core/file_system.hpp"
#include "core/text.hpp"
#include "formats/frame_image.hpp"

namespace framelog {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::ordered_json;
constexpr auto kPatience = 60s;

struct Grabbed {
  FrameImage image;
  std::vector<std::byte> pixels;  ///< What the image borrows.
};

int failed(int exit_status, const std::string& text) {
  std::cerr << "framelog: " << one_line(text) << '\n';
  return exit_status;
}

/// What the reply says has to fit the memory that came along.
Result<Grabbed> read_frame(const ControlReply& reply) {
  const Json json = Json::parse(reply.result);
  const auto type = pixel_type_of(json.at("dtype").get<std::string>());
  if (!type) return fail(ErrorCode::kUnsupported, "pixels of an unknown type");
  Grabbed grabbed;
  FrameImage& image = grabbed.image;
  image.shape = {json.at("height").get<std::uint32_t>(), json.at("width").get<std::uint32_t>(),
                 *type};
  image.product = json.at("product").get<std::string>();
  image.sequence = json.at("sequence").get<std::uint64_t>();
  image.utc_ns = json.at("utc_ns").get<std::int64_t>();
  if (!reply.memory.valid()) return fail(ErrorCode::kCorrupt, "no pixels came along");
  const auto size = system_files().size_bytes(reply.memory.get());
  if (!size) return std::unexpected(size.error());
  if (static_cast<std::uint64_t>(*size) != size_bytes(image.shape)) {
    return fail(ErrorCode::kCorrupt, "other pixels came along than announced");
  }
  grabbed.pixels.resize(size_bytes(image.shape));
  const auto got = system_files().read_at(reply.memory.get(), grabbed.pixels, 0);
  if (!got) return std::unexpected(got.error());
  image.pixels = grabbed.pixels;
  return grabbed;
}

void print(const std::string& file, const Grabbed& grabbed, bool json) {
  const FrameImage& image = grabbed.image;
  if (json) {
    const Json about{{"file", file},
                     {"product", image.product},
                     {"shape", {image.shape.height_px, image.shape.width_px}},
                     {"dtype", name_of(image.shape.type)},
                     {"sequence", image.sequence},
                     {"utc_ns", image.utc_ns}};
    std::cout << about.dump(1, ' ', false, Json::error_handler_t::replace) << '\n';
    return;
  }
  std::cout << fmt::format("{}: frame {} of {}, {}, {}\n", one_line(file), image.sequence,
                           one_line(image.product), to_string(image.shape), iso_time(image.utc_ns));
}

}  // namespace

int grab_command(const CommandLine& line) {
  const std::filesystem::path file = line.operands.front();
  if (!is_image_name(file)) {
    return failed(kExitUsage, fmt::format("grab {}: unknown format (allowed: {})",
                                          in_quotes(file.string()), image_formats()));
  }
  std::error_code ignored;
  if (std::filesystem::exists(std::filesystem::symlink_status(file, ignored))) {
    return failed(kExitFoundWrong,
                  fmt::format("{} exists; grab never overwrites (another name)", file.string()));
  }
  const auto target = find_target(line);
  if (!target) return print_failure(target.error());
  auto client = ControlClient::connect(*target);
  if (!client) return print_failure(client.error());
  Json params = Json::object();
  if (!line.product.empty()) params["product"] = line.product;
  const auto reply =
      client->call("grab", params.dump(-1, ' ', false, Json::error_handler_t::replace), kPatience);
  if (!reply) return print_failure(reply.error());
  auto grabbed = read_frame(*reply);
  if (!grabbed) return failed(exit_status_of(grabbed.error()), describe(grabbed.error()));
  grabbed->image.instrument = target->instrument;
  const auto encoded = encode_image(file, grabbed->image);
  if (!encoded) return failed(exit_status_of(encoded.error()), describe(encoded.error()));
  const auto written = write_new_file(system_files(), file, *encoded);
  if (!written) {
    // A part of a frame is worth nothing; another's file stays.
    if (written.error().code != ErrorCode::kExists) std::filesystem::remove(file, ignored);
    return failed(exit_status_of(written.error()), describe(written.error()));
  }
  print(file.string(), *grabbed, line.json);
  return kExitDone;
}

}  // namespace framelog
