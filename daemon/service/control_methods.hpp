#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/event.hpp"
#include "core/unique_fd.hpp"
#include "pipeline/recorder.hpp"
#include "service/json_rpc.hpp"
#include "service/status_json.hpp"

namespace framelog {

/// What the control socket can do to its program. Each is called on the loop's thread and returns
/// at once; a `Done` may be called on any thread, as long as the loop exists.
struct Controls {
  using Done = Recorder::Done;
  std::function<RecorderStatus()> status;
  std::function<void(Done)> start;
  std::function<void(Done)> stop;
  std::function<void(Done)> trigger;
  std::function<void(Done)> roll;
  std::function<void(Done)> reload;
  std::function<void(std::string text, std::string author, Done)> mark;
  std::function<void(std::string key, double value, std::string unit, Done)> set;
  std::function<void(std::string path, CatalogKeeper::Mark mark, Done)> mark_segment;
  std::function<Result<GrabbedFrame>(const std::string& product)> grab;
  std::function<std::string()> configuration;          ///< The effective values, as JSON.
  std::function<std::string()> metrics;                ///< As Prometheus reads them.
  std::function<std::vector<std::string>()> degraded;  ///< Names of reasons.
  std::function<LinesStatus()> lines{};                ///< Of GPIO; empty: there are none.
};

/// Those that a recorder has by itself, without the last three. It is borrowed.
[[nodiscard]] Controls controls_of(Recorder& recorder);

/// What a client wants to be told unasked.
struct Subscription {
  std::vector<std::string> events;                 ///< Their names; empty: all.
  std::optional<std::chrono::milliseconds> rates;  ///< How often the status comes; none: never.
  [[nodiscard]] bool wants(const Event& event) const;
};

struct MethodReply {
  std::string result;  ///< JSON.
  UniqueFd memory;     ///< Sent along, where there is one: a frame's pixels.
  std::optional<Subscription> subscription;
};

/// Who asks. Both are asked for only where it matters, since they may take a look at files.
struct Caller {
  std::function<std::string()> name;  ///< "alice": the author of a mark.
  std::function<bool()> may_change;   ///< Whether what changes something is allowed.
};

/// The methods of the control socket, as service.md lists them. Threads: that of the loop.
class ControlMethods {
 public:
  using Answer = std::function<void(std::expected<MethodReply, RpcError>)>;
  /// `group`: whose members may change things, for texts.
  ControlMethods(Controls controls, std::string group);

  /// Checks rights and parameters and does it. `answer` is called once: before call() returns, or
  /// later on any thread.
  void call(const RpcRequest& request, const Caller& caller, Answer answer);
  /// Once a second: for rates.
  void look();
  [[nodiscard]] std::string status() const;   ///< JSON, as the method says it.
  [[nodiscard]] std::string metrics() const;  ///< The same.

 private:
  Controls controls_;
  std::string group_;
  RateMeter meter_;
  std::int64_t began_ns_;
  // The metrics change once a second; making JSON of them costs more than all else of an answer.
  mutable std::string metrics_text_;
  mutable std::string metrics_answer_;
};

/// {"event": "mark", "level": "info", "text": ..., "utc": ..., "utc_ns": ..., "fields": {...}}.
/// Threads: any.
[[nodiscard]] std::string event_json(const Event& event);

}  // namespace framelog
