#include "command/catalog_commands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

#include "command/catalog_settings.hpp"
#include "command/control_client.hpp"
#include "command/instrument.hpp"
#include "command/output.hpp"
#include "core/text.hpp"
#include "service/control_socket.hpp"

namespace framelog {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::ordered_json;
using Mark = CatalogKeeper::Mark;

constexpr auto kPatience = 60s;

/// Marks one file; the text is for people.
using Marker = std::function<std::expected<std::string, ControlFailure>(const std::string& path)>;

std::string_view method_of(Mark mark) {
  switch (mark) {
    case Mark::kPin:
      return "pin";
    case Mark::kUnpin:
      return "unpin";
    case Mark::kAcknowledge:
      return "ack";
  }
  std::unreachable();
}

/// None: nobody listens at its sockets.
std::optional<ControlTarget> running_target(const CommandLine& line) {
  auto target = find_target(line);
  if (!target) return std::nullopt;
  const bool listens = std::ranges::any_of(target->sockets, [](const auto& socket) {
    const auto connected = connect_to(socket);
    return connected || connected.error().code == ErrorCode::kDenied ||
           connected.error().code == ErrorCode::kBusy;
  });
  return listens ? std::optional(std::move(*target)) : std::nullopt;
}

std::expected<Marker, ControlFailure> asking(const ControlTarget& target, Mark mark) {
  auto connected = ControlClient::connect(target);
  if (!connected) return std::unexpected(connected.error());
  // A function has to be copyable.
  auto client = std::make_shared<ControlClient>(std::move(*connected));
  return Marker(
      [client, mark](const std::string& path) -> std::expected<std::string, ControlFailure> {
        const std::string params =
            Json{{"path", path}}.dump(-1, ' ', false, Json::error_handler_t::replace);
        const auto reply = client->call(method_of(mark), params, kPatience);
        if (!reply) return std::unexpected(reply.error());
        return Json::parse(reply->result).value("text", "");
      });
}

std::expected<Marker, ControlFailure> by_itself(const CommandLine& line, Mark mark) {
  auto settings = find_catalog(line);
  if (!settings) return std::unexpected(settings.error());
  auto keeper = std::make_shared<CatalogKeeper>(system_files(), std::move(*settings));
  return Marker(
      [keeper, mark](const std::string& path) -> std::expected<std::string, ControlFailure> {
        auto marked = keeper->mark(path, mark);
        if (marked) return *marked;
        return std::unexpected(ControlFailure{exit_status_of(marked.error()),
                                              {"framelog: " + describe(marked.error())}});
      });
}

int mark_files(const CommandLine& line, Mark mark) {
  const auto target = running_target(line);
  const auto marker = target ? asking(*target, mark) : by_itself(line, mark);
  if (!marker) return print_failure(marker.error());
  int status = kExitDone;
  Json all = Json::array();
  for (const std::string& operand : line.operands) {
    std::error_code error;
    const std::string path = std::filesystem::absolute(operand, error).lexically_normal().string();
    const auto marked = (*marker)(path);
    if (!marked) {
      status = print_failure(marked.error());
    } else if (line.json) {
      all.push_back({{"path", path}, {"text", *marked}});
    } else {
      std::cout << one_line(*marked) << '\n';
    }
  }
  if (line.json) {
    std::cout << all.dump(1, ' ', false, Json::error_handler_t::replace) << '\n';
  }
  return status;
}

int fail_with(const Error& error) {
  return print_failure(ControlFailure{exit_status_of(error), {"framelog: " + describe(error)}});
}

std::string summary_of(const CatalogRebuild& rebuild, bool is_check) {
  const std::string segments = counted(rebuild.segments(), "segment");
  const auto count = rebuild.difference_count();
  if (count == 0) return segments + ", the catalog says what the files say";
  return fmt::format("{}, {} {}", segments, counted(count, "difference"),
                     is_check ? "(framelog catalog rebuild corrects them)" : "corrected");
}

void print_rebuild(const CatalogRebuild& rebuild, bool is_check, bool json) {
  if (!json) {
    for (const auto& difference : rebuild.differences()) {
      std::cout << one_line(difference.path.string() + ": " + difference.what) << '\n';
    }
    std::cout << summary_of(rebuild, is_check) << '\n';
    return;
  }
  Json differences = Json::array();
  for (const auto& difference : rebuild.differences()) {
    differences.push_back({{"path", difference.path.string()}, {"what", difference.what}});
  }
  const Json all{{"segments", rebuild.segments()},
                 {"differences", rebuild.difference_count()},
                 {"listed", std::move(differences)}};
  std::cout << all.dump(1, ' ', false, Json::error_handler_t::replace) << '\n';
}

int compare(const CommandLine& line, bool is_check) {
  const auto settings = find_catalog(line);
  if (!settings) return print_failure(settings.error());
  FileSystem& files = system_files();
  auto catalog =
      Catalog::open(files, settings->file, is_check ? Catalog::Mode::kRead : Catalog::Mode::kWrite);
  if (!catalog) return fail_with(catalog.error());
  CatalogRebuild rebuild(files, *catalog, settings->bases, settings->instrument,
                         is_check ? CatalogRebuild::Kind::kCheck : CatalogRebuild::Kind::kAll);
  while (!rebuild.done()) {
    if (auto step = rebuild.step(); !step) return fail_with(step.error());
  }
  print_rebuild(rebuild, is_check, line.json);
  return is_check && rebuild.difference_count() > 0 ? kExitFoundWrong : kExitDone;
}

}  // namespace

int pin_command(const CommandLine& line) { return mark_files(line, Mark::kPin); }
int unpin_command(const CommandLine& line) { return mark_files(line, Mark::kUnpin); }
int ack_command(const CommandLine& line) { return mark_files(line, Mark::kAcknowledge); }

int catalog_command(const CommandLine& line) {
  const std::string& word = line.operands.front();
  if (word == "rebuild") return compare(line, false);
  if (word == "check") return compare(line, true);
  std::cerr << fmt::format("framelog: catalog has no {} (allowed: rebuild, check)\n",
                           in_quotes(word));
  return kExitUsage;
}

}  // namespace framelog
