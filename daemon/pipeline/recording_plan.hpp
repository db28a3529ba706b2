#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/line_signals.hpp"
#include "core/settings.hpp"
#include "drivers/frame_source.hpp"
#include "pipeline/capture_loop.hpp"
#include "pipeline/product_reduction.hpp"
#include "pipeline/record_gate.hpp"
#include "pipeline/ring.hpp"
#include "store/retention.hpp"
#include "store/segment_store.hpp"

namespace framelog {

class CatalogKeeper;

/// One product of a recording.
struct ProductPlan {
  std::string name;
  ProductReduction reduction;
  std::optional<SegmentStoreConfig> store;    ///< None with format = none.
  std::vector<std::filesystem::path> inputs;  ///< Darks, flats and masks.
};

/// Everything that a configuration means for one source: decided before the first frame.
struct RecordingPlan {
  std::string instrument;
  std::filesystem::path base;
  SourceInfo source;
  std::vector<ProductPlan> products;
  RingLayout ring;
  bool lock_memory{};
  CaptureOptions capture;
  RecordPolicy record;
  RetentionPolicy retention;
  std::chrono::nanoseconds sync_interval{};
  /// None: nobody keeps one. Shared, because after a reload the files threads of two configurations
  /// use it.
  std::shared_ptr<CatalogKeeper> catalog;
  LineSignals* lines{};       ///< Of the GPIO lines; null: there are none. Borrowed.
  std::string configuration;  ///< What was written to get it; reading it again gives this plan.
};

/// The identity of a run. Its times are those at which it was started.
struct RunIdentity {
  std::string uuid;
  std::int64_t number{};
  std::int64_t start_utc_ns{};
  std::int64_t start_monotonic_ns{};
};

/// A new random UUID (RFC 4122, version 4).
[[nodiscard]] std::string make_uuid();

/// Works out the plan; what is wrong is added to `complaints`, all of it. The stores' run identity
/// is left empty. `configuration` is the effective text.
[[nodiscard]] RecordingPlan make_recording_plan(const Settings& settings,
                                                const std::string& instrument,
                                                const SourceInfo& source,
                                                const std::string& configuration,
                                                std::vector<Complaint>& complaints);

/// What of a configuration can be checked without its source: templates, bases, overflow.
void check_recording(const Settings& settings, std::vector<Complaint>& complaints);

/// Puts the run's identity into all that is named and described by it.
void set_run(RecordingPlan& plan, const RunIdentity& run);

/// [files] require_mount.
[[nodiscard]] bool requires_mount(const Settings& settings);

/// [files] base, or /var/lib/framelogd/INSTRUMENT.
[[nodiscard]] std::filesystem::path base_of(const Settings& settings,
                                            const std::string& instrument);

}  // namespace framelog
