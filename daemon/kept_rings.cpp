#include "kept_rings.hpp"

#include <fmt/format.h>

#include "core/clock.hpp"
#include "core/event.hpp"
#include "core/log.hpp"
#include "pipeline/recipe.hpp"
#include "pipeline/run_report.hpp"
#include "pipeline/session.hpp"
#include "pipeline/shared_memory_keeper.hpp"
#include "recorder_setup.hpp"
#include "service/descriptor_store.hpp"

namespace framelog {
namespace {

Result<void> end_run(const UniqueFd& memory, RingKeeper& keeper) {
  const auto text = Ring::recipe_of(memory);
  if (!text) return std::unexpected(text.error());
  const auto recipe = read_recipe(*text);
  if (!recipe) return std::unexpected(recipe.error());
  std::vector<std::string> errors;
  RecordingPlan plan =
      plan_of_text(recipe->instrument, recipe->configuration, recipe->source, errors);
  if (!errors.empty()) return fail(ErrorCode::kInvalid, "its configuration:", errors.front());
  auto session = Session::take_over(nullptr, std::move(plan), recipe->run, memory, system_files(),
                                    system_clock(), keeper);
  if (!session) return std::unexpected(session.error());
  const std::uint64_t frames = (*session)->took_over();
  static_cast<void>((*session)->drain());
  report({.kind = EventKind::kTookOver,
          .level = LogLevel::kWarning,
          .text = fmt::format("a process died while it recorded run {}: {} frames of its ring are "
                              "written, and the run ends",
                              recipe->run.number, frames),
          .fields = {{"run", recipe->run.uuid},
                     {"run_number", std::to_string(recipe->run.number)},
                     {"frames", std::to_string(frames)}}});
  const SessionStatus status = (*session)->status();
  for (const auto& product : status.products) log(LogLevel::kInfo, describe_accounting(product));
  return {};
}

}  // namespace

std::unique_ptr<RingKeeper> make_keeper(const std::string& instrument,
                                        const std::filesystem::path& configuration) {
  if (DescriptorStore::is_available()) return std::make_unique<DescriptorStore>();
  return std::make_unique<SharedMemoryKeeper>(instrument, configuration);
}

bool end_left_runs(RingKeeper& keeper) {
  bool all = true;
  for (const UniqueFd& memory : keeper.left_behind()) {
    if (Ring::is_blank(memory)) {
      keeper.forget(memory);
      continue;
    }
    if (auto ended = end_run(memory, keeper); !ended) {
      all = false;
      report({.kind = EventKind::kRingAside,
              .level = LogLevel::kError,
              .text = fmt::format("a process that died left frames that cannot be written now: {}; "
                                  "they stay in {} for the next start",
                                  describe(ended.error()), keeper.place()),
              .fields = {{"reason", describe(ended.error())}, {"path", std::string()}}});
    }
  }
  return all;
}

}  // namespace framelog
