#include <algorithm>
#include <utility>

#include "core/log.hpp"
#include "pipeline/bases.hpp"
#include "pipeline/recipe.hpp"
#include "pipeline/session_state.hpp"

// Another configuration for a run that goes on.
namespace framelog {

bool Session::State::fits(const RecordingPlan& plan) const {
  const auto identity = [](const ProductPlan& product) {
    return std::pair(product.name, product.store.has_value());
  };
  return plan.ring.fingerprint() == ring_.layout().fingerprint() &&
         std::ranges::equal(plan.products, plan_.products, {}, identity, identity);
}

Result<void> Session::State::reload(RecordingPlan plan) {
  if (!fits(plan)) return fail(ErrorCode::kLayout, "the products need another ring");
  if (capture_ended()) return fail(ErrorCode::kEnd, "the source has ended");
  const RunIdentity run = run_identity();
  set_run(plan, run);
  const Bases bases = bases_of(files_, plan, bases_);
  if (auto opened = open_bases(files_, bases); !opened) return opened;
  const std::string recipe = write_recipe({plan.instrument, plan.configuration, plan.source, run});
  if (keeper_ != nullptr && !ring_.has_room_for(recipe)) {
    return fail(ErrorCode::kLayout, "the ring has no room for the configuration");
  }
  // One that is refused leaves no trace: two that run side by side differ by one.
  const std::uint32_t generation = generation_ + 1;
  // What takes time is done before; a roll meanwhile takes the numbers that were prepared.
  const std::vector<std::int64_t> numbered = processing_->numbered();
  auto next = make_processing(plan, bases, numbered, generation);
  if (auto prepared = next->prepare(); !prepared) return prepared;
  processing_->hand_over("reload");
  if (processing_->numbered() != numbered) {
    next->discard_prepared();
    next = make_processing(plan, bases, processing_->numbered(), generation);
    if (auto prepared = next->prepare(); !prepared) {
      log(LogLevel::kError, describe(prepared.error()) + "; trying again");
    }
  }
  for (const auto& base : bases) {
    if (std::ranges::find(bases_, base) == bases_.end()) bases_.push_back(base);
  }
  generation_ = generation;
  switch_to(std::move(next), std::move(plan));
  return {};
}

std::unique_ptr<Processing> Session::State::make_processing(const RecordingPlan& plan,
                                                            const Bases& bases,
                                                            std::vector<std::int64_t> numbered,
                                                            std::uint32_t generation) {
  return std::make_unique<Processing>(
      ring_, plan, files_, disks(bases), health_, clock_,
      Processing::Before{
          .took_over = false, .numbered = std::move(numbered), .generation = generation});
}

void Session::State::put_recipe(const RecordingPlan& plan) {
  if (keeper_ == nullptr) return;
  const std::scoped_lock lock(processing_mutex_);
  // It has room, and lies in memory.
  static_cast<void>(
      ring_.put_recipe(write_recipe({plan.instrument, plan.configuration, plan.source, run_})));
}

void Session::State::switch_to(std::unique_ptr<Processing> next, RecordingPlan plan) {
  put_recipe(plan);
  next->make_stages();
  ring_.go_on();
  std::unique_ptr<Processing> before;
  {
    const std::scoped_lock lock(processing_mutex_);
    processing_->give_wishes_to(*next);  // Under the lock, or one that comes meanwhile is lost.
    before = std::exchange(processing_, std::move(next));
    plan_ = std::move(plan);
    grab_from_ = ring_.reduced();
  }
  put_recipe(plan_);  // The run may have got its number meanwhile, under the plan before.
  begin_processing();
  before->drain();
  unfinished_before_ += before->unfinished();
}

}  // namespace framelog
