#include "service/control_methods.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <span>

#include "core/option.hpp"
#include "core/text.hpp"
#include "service/frame_memory.hpp"

namespace framelog {
namespace {

using Json = nlohmann::ordered_json;
using Answer = ControlMethods::Answer;

constexpr std::size_t kLongestTextBytes = 4096;  // Of a mark.
constexpr std::size_t kLongestNameBytes = 128;   // Of a key, a unit, a product.
constexpr double kShortestRateSeconds = 0.1;
constexpr double kLongestRateSeconds = 3600.0;

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

MethodReply text_reply(const std::string& text) {
  return {dump({{"text", text}}), UniqueFd(), std::nullopt};
}

std::unexpected<RpcError> invalid(std::string message) {
  return std::unexpected(RpcError{RpcCode::kInvalidParams, std::move(message), {}});
}

RpcError rpc_error_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::kInvalid:
      return {RpcCode::kWrongState, one_line(describe(error)), {}};
    case ErrorCode::kNotFound:
      return {RpcCode::kNotFound, one_line(describe(error)), {}};
    default:
      return {RpcCode::kInternal, one_line(describe(error)), {}};
  }
}

/// A configuration that is wrong: what() and then a line for each error.
RpcError refusal_of(const Error& error) {
  if (error.context.empty()) return rpc_error_of(error);
  RpcError refusal{RpcCode::kRefused, error.what, {}};
  if (refusal.message.empty()) refusal.message = "the new configuration is wrong";
  for (std::string_view rest = error.context; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    if (end > 0) refusal.lines.push_back(one_line(rest.substr(0, end)));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return refusal;
}

/// Answers with what the recorder says when it is done.
Controls::Done answering(Answer answer, RpcError (*explain)(const Error&) = rpc_error_of) {
  return [answer = std::move(answer), explain](const Result<std::string>& result) {
    if (result) {
      answer(text_reply(*result));
    } else {
      answer(std::unexpected(explain(result.error())));
    }
  };
}

/// A text that has to be there and says something.
std::expected<std::string, RpcError> text_of(const RpcRequest& request, std::string_view name,
                                             std::size_t longest_bytes) {
  const RpcValue* value = request.find(name);
  const auto* text = value == nullptr ? nullptr : std::get_if<std::string>(value);
  if (text == nullptr) return invalid(fmt::format("{} has to be a string", name));
  if (trim(*text).empty()) return invalid(fmt::format("{} is empty", name));
  if (text->size() > longest_bytes) {
    return invalid(
        fmt::format("{} is too long ({} bytes; allowed: {})", name, text->size(), longest_bytes));
  }
  if (std::ranges::any_of(*text, is_control)) {
    return invalid(fmt::format("{} contains a control character (allowed: one line)", name));
  }
  return std::string(trim(*text));
}

std::expected<std::string, RpcError> text_or(const RpcRequest& request, std::string_view name,
                                             std::string_view otherwise) {
  if (request.find(name) == nullptr) return std::string(otherwise);
  return text_of(request, name, kLongestNameBytes);
}

/// One call of a method.
struct Call {
  const Controls& controls;
  const ControlMethods& methods;
  const RpcRequest& request;
  const Caller& caller;
  Answer answer;
};

void mark(Call call) {
  auto text = text_of(call.request, "text", kLongestTextBytes);
  if (!text) return call.answer(std::unexpected(text.error()));
  call.controls.mark(std::move(*text), call.caller.name(), answering(std::move(call.answer)));
}

void set(Call call) {
  auto key = text_of(call.request, "key", kLongestNameBytes);
  if (!key) return call.answer(std::unexpected(key.error()));
  auto unit = text_or(call.request, "unit", "");
  if (!unit) return call.answer(std::unexpected(unit.error()));
  const RpcValue* given = call.request.find("value");
  const auto* value = given == nullptr ? nullptr : std::get_if<double>(given);
  if (value == nullptr || !std::isfinite(*value)) {
    return call.answer(invalid("value has to be a finite number"));
  }
  call.controls.set(std::move(*key), *value, std::move(*unit), answering(std::move(call.answer)));
}

/// A client has another working directory.
void mark_segment(Call call, CatalogKeeper::Mark mark) {
  auto path = text_of(call.request, "path", kLongestTextBytes);
  if (!path) return call.answer(std::unexpected(path.error()));
  if (!path->starts_with('/')) return call.answer(invalid("path has to be absolute"));
  call.controls.mark_segment(std::move(*path), mark, answering(std::move(call.answer)));
}

void grab(Call call) {
  const auto product = text_or(call.request, "product", "");
  if (!product) return call.answer(std::unexpected(product.error()));
  const auto frame = call.controls.grab(*product);
  if (!frame) return call.answer(std::unexpected(rpc_error_of(frame.error())));
  auto memory = sealed_memory(frame->pixels);
  if (!memory) return call.answer(std::unexpected(rpc_error_of(memory.error())));
  call.answer(MethodReply{dump({{"product", frame->product},
                                {"height", frame->shape.height_px},
                                {"width", frame->shape.width_px},
                                {"dtype", name_of(frame->shape.type)},
                                {"sequence", frame->info.sequence},
                                {"utc_ns", frame->info.utc_ns},
                                {"bytes", frame->pixels.size()}}),
                          std::move(*memory), std::nullopt});
}

std::expected<std::vector<std::string>, RpcError> events_of(const RpcRequest& request) {
  const RpcValue* given = request.find("events");
  if (given == nullptr) return std::vector<std::string>{};
  const auto* names = std::get_if<std::vector<std::string>>(given);
  if (names == nullptr) return invalid("events has to be a list of names");
  std::vector<std::string_view> known;
  for (std::size_t i = 0; i < kEventKinds; ++i) known.push_back(name_of(static_cast<EventKind>(i)));
  for (const std::string& name : *names) {
    if (std::ranges::find(known, name) != known.end()) continue;
    const std::string nearest = nearest_word(name, known);
    return invalid(fmt::format("there is no event {}{}", in_quotes(name),
                               nearest.empty() ? "" : ", did you mean " + nearest + "?"));
  }
  return *names;
}

void subscribe(Call call) {
  auto events = events_of(call.request);
  if (!events) return call.answer(std::unexpected(events.error()));
  Subscription subscription{std::move(*events), std::nullopt};
  if (const RpcValue* given = call.request.find("rates")) {
    const auto* seconds = std::get_if<double>(given);
    if (seconds == nullptr ||
        !(*seconds >= kShortestRateSeconds && *seconds <= kLongestRateSeconds)) {
      return call.answer(invalid(fmt::format("rates has to be a number of seconds ({} to {})",
                                             kShortestRateSeconds, kLongestRateSeconds)));
    }
    subscription.rates = std::chrono::milliseconds(std::llround(*seconds * 1000.0));
  }
  call.answer(MethodReply{R"({"text":"subscribed"})", UniqueFd(), std::move(subscription)});
}

/// A method that only asks.
void tell(Call& call, std::string json) {
  call.answer(MethodReply{std::move(json), UniqueFd(), std::nullopt});
}

/// What a method may be given, whether it changes something, and what it does.
struct Method {
  std::string_view name;
  bool changes{};
  std::array<std::string_view, 3> params{};
  void (*run)(Call call);

  [[nodiscard]] std::span<const std::string_view> allowed() const noexcept {
    return {params.begin(), std::ranges::find(params, std::string_view())};
  }
};

constexpr std::array kMethods{
    Method{"status", false, {}, [](Call c) { tell(c, c.methods.status()); }},
    Method{"start", true, {}, [](Call c) { c.controls.start(answering(std::move(c.answer))); }},
    Method{"stop", true, {}, [](Call c) { c.controls.stop(answering(std::move(c.answer))); }},
    Method{"trigger", true, {}, [](Call c) { c.controls.trigger(answering(std::move(c.answer))); }},
    Method{"roll", true, {}, [](Call c) { c.controls.roll(answering(std::move(c.answer))); }},
    Method{"mark", true, {"text"}, mark},
    Method{"set", true, {"key", "value", "unit"}, set},
    Method{"pin",
           true,
           {"path"},
           [](Call c) { mark_segment(std::move(c), CatalogKeeper::Mark::kPin); }},
    Method{"unpin",
           true,
           {"path"},
           [](Call c) { mark_segment(std::move(c), CatalogKeeper::Mark::kUnpin); }},
    Method{"ack",
           true,
           {"path"},
           [](Call c) { mark_segment(std::move(c), CatalogKeeper::Mark::kAcknowledge); }},
    Method{"grab", false, {"product"}, grab},
    Method{"config.show", false, {}, [](Call c) { tell(c, c.controls.configuration()); }},
    Method{"config.reload",
           true,
           {},
           [](Call c) { c.controls.reload(answering(std::move(c.answer), refusal_of)); }},
    Method{"metrics", false, {}, [](Call c) { tell(c, c.methods.metrics()); }},
    Method{"subscribe", false, {"events", "rates"}, subscribe},
};

std::string suggestion(std::string_view word, std::span<const std::string_view> known) {
  const std::string nearest = nearest_word(word, known);
  return nearest.empty() ? "" : ", did you mean " + nearest + "?";
}

RpcError unknown_method(std::string_view name) {
  std::vector<std::string_view> known;
  for (const Method& method : kMethods) known.push_back(method.name);
  return {RpcCode::kUnknownMethod,
          fmt::format("there is no method {}{}", in_quotes(name), suggestion(name, known)),
          {}};
}

/// The first parameter that the method does not have.
std::optional<RpcError> unknown_param(const Method& method, const RpcRequest& request) {
  for (const auto& [name, value] : request.params) {
    if (std::ranges::find(method.allowed(), name) != method.allowed().end()) continue;
    return RpcError{RpcCode::kInvalidParams,
                    fmt::format("{} has no parameter {}{}", method.name, in_quotes(name),
                                suggestion(name, method.allowed())),
                    {}};
  }
  return std::nullopt;
}

RpcError not_allowed(std::string_view method, const std::string& group) {
  return {RpcCode::kNotAllowed,
          fmt::format("{0} is for root, the daemon's user and members of the group {1} (join it "
                      "with: adduser NAME {1}, as root)",
                      method, group),
          {}};
}

}  // namespace

bool Subscription::wants(const Event& event) const {
  return events.empty() || std::ranges::find(events, name_of(event.kind)) != events.end();
}

ControlMethods::ControlMethods(Controls controls, std::string group)
    : controls_(std::move(controls)),
      group_(std::move(group)),
      began_ns_(system_clock().monotonic_ns()) {
  look();
}

void ControlMethods::call(const RpcRequest& request, const Caller& caller, Answer answer) {
  const auto method = std::ranges::find(kMethods, request.method, &Method::name);
  if (method == kMethods.end()) return answer(std::unexpected(unknown_method(request.method)));
  if (method->changes && !caller.may_change()) {
    return answer(std::unexpected(not_allowed(method->name, group_)));
  }
  if (auto error = unknown_param(*method, request)) return answer(std::unexpected(*error));
  method->run({controls_, *this, request, caller, std::move(answer)});
}

void ControlMethods::look() { meter_.look(controls_.status(), system_clock().monotonic_ns()); }

std::string ControlMethods::status() const {
  const RecorderStatus status = controls_.status();
  const std::int64_t now_ns = system_clock().monotonic_ns();
  StatusSurroundings surroundings;
  surroundings.rates = meter_.rates();
  surroundings.degraded = controls_.degraded();
  if (controls_.lines) surroundings.lines = controls_.lines();
  if (const auto space = system_files().space(status.base)) {
    surroundings.free_bytes = space->free_bytes;
  }
  surroundings.uptime_s = static_cast<double>(now_ns - began_ns_) * 1e-9;
  return status_json(status, surroundings);
}

std::string ControlMethods::metrics() const {
  std::string text = controls_.metrics();
  if (metrics_answer_.empty() || text != metrics_text_) {
    metrics_answer_ = text_reply(text).result;
    metrics_text_ = std::move(text);
  }
  return metrics_answer_;
}

std::string event_json(const Event& event) {
  constexpr std::array<std::string_view, 4> kLevels{"error", "warning", "info", "debug"};
  Json fields = Json::object();
  for (const auto& [name, value] : event.fields) fields[name] = value;
  return dump({{"event", name_of(event.kind)},
               {"level", kLevels.at(static_cast<std::size_t>(event.level))},
               {"text", event.text},
               {"utc", iso_time(event.utc_ns)},
               {"utc_ns", event.utc_ns},
               {"fields", std::move(fields)}});
}

}  // namespace framelog
