#include "recorder_setup.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <utility>

#include "command/base_advice.hpp"
#include "command/catalog_settings.hpp"
#include "config/report.hpp"
#include "core/log.hpp"
#include "pipeline/line_settings.hpp"
#include "service/gpio_lines.hpp"

namespace framelog {
namespace {

/// The line for an error that only touching the disk or the instrument shows, at the key that it
/// comes from.
std::string place_error(const Configuration& configuration, const Error& error) {
  const Settings& settings = configuration.settings;
  if (error.code == ErrorCode::kNoMemory || error.code == ErrorCode::kLayout) {
    return settings.place({"ring", "memory", describe(error) + " (less, or auto)"});
  }
  if (error.code == ErrorCode::kBusy) return settings.place({"files", "base", describe(error)});
  return settings.place(
      {"files", "base",
       fmt::format("{} ({})", describe(error),
                   base_advice(error, configuration.instrument, started_by_systemd()))});
}

std::string place_source_error(const Configuration& configuration, const Error& error) {
  const Settings& settings = configuration.settings;
  const char* key = settings.find("source", "path") != nullptr ? "path" : "driver";
  return settings.place({"source", key, describe(error)});
}

void set_level(const Settings& settings) {
  const auto* level = settings.get<std::string>("log", "level");
  if (level == nullptr) return;
  set_log_level(*level == "error"     ? LogLevel::kError
                : *level == "warning" ? LogLevel::kWarning
                : *level == "debug"   ? LogLevel::kDebug
                                      : LogLevel::kInfo);
}

/// What a source is made of; these keys say what capture does with it.
std::string identity_of_source(const Settings& settings) {
  constexpr std::array<std::string_view, 3> kOfCapture{"on_disconnect", "stall_timeout",
                                                       "incomplete"};
  std::string identity;
  for (const Setting& setting : settings.all()) {
    if (setting.section != "source") continue;
    if (std::ranges::find(kOfCapture, setting.key) != kOfCapture.end()) continue;
    identity += setting.key + " = " + setting.text + "\n";
  }
  return identity;
}

}  // namespace

RecordingPlan plan_of_text(const std::string& name, const std::string& text, const SourceInfo& info,
                           std::vector<std::string>& errors) {
  // A service has a directory of its own; elsewhere it may write next to nothing.
  const char* runtime = std::getenv("RUNTIME_DIRECTORY");
  std::error_code ignored;
  const std::filesystem::path above = runtime != nullptr
                                          ? std::filesystem::path(runtime)
                                          : std::filesystem::temp_directory_path(ignored);
  std::string directory = (above / "framelogd-XXXXXX").string();
  if (::mkdtemp(directory.data()) == nullptr) {
    errors.push_back(describe(Error{ErrorCode::kIo, errno, "cannot make", directory}));
    return {};
  }
  const std::filesystem::path file = std::filesystem::path(directory) / (name + ".conf");
  std::ofstream(file) << text;
  const Instrument instrument = load_instrument(file, {}, system_clock());
  std::filesystem::remove_all(directory, ignored);
  errors = instrument.configuration.errors;
  return errors.empty() ? plan_recording(instrument.configuration, info, errors) : RecordingPlan{};
}

RecorderSetup make_setup(Instrument instrument, Adopted adopted) {
  RecorderSetup setup;
  setup.source = std::move(instrument.source);
  // Shared by the functions below, which the recorder keeps and may copy.
  const auto configuration =
      std::make_shared<const Configuration>(std::move(instrument.configuration));
  const Settings& settings = configuration->settings;
  setup.instrument = configuration->instrument;
  setup.base = base_of(settings, setup.instrument);
  setup.source_identity = identity_of_source(settings);
  setup.bases = bases_of(*configuration);
  setup.require_mount = requires_mount(settings);
  setup.catalog = catalog_settings(*configuration);
  setup.hardware = may_appear_later(settings);
  const auto* on_disconnect = settings.get<std::string>("source", "on_disconnect");
  setup.reconnect = on_disconnect == nullptr || *on_disconnect != "stop";
  const auto* start = settings.get<std::string>("record", "start");
  setup.start_by_command = start != nullptr && *start == "command";
  setup.plan = [configuration](const SourceInfo& info, std::vector<std::string>& errors) {
    return plan_recording(*configuration, info, errors);
  };
  setup.explain = [configuration](const Error& error, bool of_source) {
    return of_source ? place_source_error(*configuration, error)
                     : place_error(*configuration, error);
  };
  setup.configuration = written_text(settings);
  setup.replan = [name = setup.instrument](const std::string& text, const SourceInfo& info,
                                           std::vector<std::string>& errors) {
    return plan_of_text(name, text, info, errors);
  };
  setup.adopted = [configuration, adopted = std::move(adopted)] {
    set_level(configuration->settings);
    if (adopted) adopted(configuration);
  };
  return setup;
}

Recorder::Loader make_loader(Arguments arguments, Adopted adopted) {
  return [arguments = std::move(arguments),
          adopted =
              std::move(adopted)]() -> std::expected<RecorderSetup, std::vector<std::string>> {
    Instrument instrument = load_instrument(arguments.config, arguments.overrides, system_clock());
    if (!instrument.configuration.errors.empty()) {
      return std::unexpected(std::move(instrument.configuration.errors));
    }
    const Settings& settings = instrument.configuration.settings;
    std::vector<Complaint> told_before;
    const auto lines = check_lines(line_settings(settings, told_before),
                                   consumer_of(instrument.configuration.instrument));
    if (!lines) return std::unexpected(std::vector{settings.place(lines.error())});
    return make_setup(std::move(instrument), adopted);
  };
}

}  // namespace framelog
