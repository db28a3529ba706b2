#include "drivers/aravis.hpp"

#include <arv.h>

#include <algorithm>
#include <cmath>

#include "core/wakeup.hpp"
#include "drivers/aravis_stream.hpp"

namespace framelog {
namespace {

constexpr double kNsPerSecond = 1e9;

void name(StreamCounters& counters, StreamCount count, std::string_view counter_name,
          std::string_view help) {
  SourceCounter& counter = counters[static_cast<std::size_t>(count)];
  counter.name = counter_name;
  counter.help = help;
}

void name_all(StreamCounters& counters) {
  using enum StreamCount;
  name(counters, kTimeouts, "timeouts", "Frames whose missing packets did not come in time.");
  name(counters, kMissingPackets, "missing-parts", "Frames given up because the next one came.");
  name(counters, kWrongPackets, "wrong-packets", "Frames with packets that do not belong there.");
  name(counters, kSizeMismatch, "size-mismatch", "Frames of another size than announced.");
  name(counters, kAborted, "aborted", "Frames that were not sent to their end.");
  name(counters, kUnnumbered, "unnumbered", "Frames left out because no number had arrived yet.");
  name(counters, kUnderruns, "underruns", "Packets of frames that found no free buffer.");
  name(counters, kLostPackets, "missing-packets", "Packets that never arrived.");
  name(counters, kResentPackets, "resent-packets", "Packets that arrived when asked for again.");
}

}  // namespace

struct AravisSource::State {
  State(AravisConfig asked, const Clock& the_clock) : config(std::move(asked)), clock(the_clock) {
    name_all(counters);
  }

  static void on_control_lost(ArvDevice* device, void* state) noexcept;
  void close() noexcept;
  void fire_trigger_when_due() noexcept;

  AravisConfig config;
  const Clock& clock;
  StreamCounters counters;
  SlotsAhead* slots{};
  Wakeup wakeup;
  std::atomic<bool> cancelled{false};
  std::atomic<bool> control_lost{false};

  std::optional<OpenedCamera> opened;
  unsigned long lost_handler{};
  CameraSetup setup;
  std::optional<std::uint64_t> first;  // Id of an acquisition's first frame.
  std::unique_ptr<AravisStream> stream;
  Deadline next_trigger{kNoDeadline};  // Of the software trigger.
  std::chrono::nanoseconds trigger_period{};
};

// From Aravis' heartbeat thread, or from the one that talks to the camera.
void AravisSource::State::on_control_lost(ArvDevice* /*device*/, void* state) noexcept {
  auto* self = static_cast<State*>(state);
  self->control_lost.store(true, std::memory_order_release);  // Pairs with the acquire in read().
  self->wakeup.notify();
}

void AravisSource::State::close() noexcept {
  stream.reset();
  if (opened) {
    g_signal_handler_disconnect(arv_camera_get_device(opened->camera.get()), lost_handler);
  }
  opened.reset();  // Joins the heartbeat thread.
  control_lost.store(false, std::memory_order_relaxed);
}

// One that comes late is not made up for: two frames in a row are no rate.
void AravisSource::State::fire_trigger_when_due() noexcept {
  const Deadline now = std::chrono::steady_clock::now();
  if (now < next_trigger) return;
  next_trigger += trigger_period;
  if (next_trigger <= now) next_trigger = now + trigger_period;
  Failure failure;  // A trigger that does not arrive is a frame that does not come.
  arv_camera_software_trigger(opened->camera.get(), failure.out());
}

AravisSource::AravisSource(AravisConfig config, const Clock& clock)
    : state_(std::make_unique<State>(std::move(config), clock)) {}

AravisSource::~AravisSource() {
  stop();
  state_->close();
}

Result<SourceInfo> AravisSource::open() {
  stop();
  state_->close();
  auto opened = open_aravis_camera(state_->config.camera);
  if (!opened) return std::unexpected(std::move(opened.error()));
  auto setup = set_up_camera(*opened, state_->config);
  if (!setup) return std::unexpected(std::move(setup.error()));
  SourceInfo info = describe_camera(*opened, state_->config, *setup);
  state_->setup = *setup;
  // Some count on from one acquisition to the next, which only a rate gives away.
  state_->first.reset();
  if (info.rate_hz) state_->first = info.first_number;
  state_->lost_handler =
      g_signal_connect(arv_camera_get_device(opened->camera.get()), "control-lost",
                       G_CALLBACK(State::on_control_lost), state_.get());
  state_->opened = std::move(*opened);
  return info;
}

void AravisSource::look_ahead(SlotsAhead* slots) noexcept { state_->slots = slots; }

Result<void> AravisSource::start() {
  State& state = *state_;
  if (!state.opened || state.stream) {
    return fail(ErrorCode::kInvalid, "the camera cannot start (it must be open, and stopped)");
  }
  auto stream = AravisStream::make(state.opened->camera.get(), state.setup, state.config,
                                   state.clock, state.wakeup, state.counters, state.slots);
  if (!stream) return std::unexpected(std::move(stream.error()));
  if (auto begun = (*stream)->begin(); !begun) return begun;
  state.stream = std::move(*stream);
  state.next_trigger = kNoDeadline;
  if (state.config.trigger == "Software") {
    state.trigger_period =
        std::chrono::nanoseconds(std::llround(kNsPerSecond / state.config.rate_hz.value_or(1)));
    state.next_trigger = std::chrono::steady_clock::now();
  }
  return {};
}

Result<FrameInfo> AravisSource::read(std::span<std::byte> pixels, Deadline deadline) noexcept {
  State& state = *state_;
  if (!state.stream) return fail(ErrorCode::kDisconnected, "the camera is not started");
  if (pixels.size() != size_bytes(state.setup.layout.shape)) {
    return fail(ErrorCode::kInvalid, "the buffer is not of the frame's size");
  }
  for (;;) {
    const Wakeup::Ticket ticket = state.wakeup.ticket();
    auto frame = state.stream->take(pixels);
    if (frame || frame.error().code != ErrorCode::kTimeout) return frame;
    // Pairs with the release in on_control_lost().
    if (state.control_lost.load(std::memory_order_acquire)) {
      return fail(ErrorCode::kDisconnected,
                  "the camera does not answer, or another program has it");
    }
    // Pairs with the release in cancel().
    if (state.cancelled.exchange(false, std::memory_order_acquire)) return frame;
    state.fire_trigger_when_due();
    if (std::chrono::steady_clock::now() >= deadline) return frame;
    static_cast<void>(state.wakeup.wait(ticket, std::min(deadline, state.next_trigger)));
  }
}

// Commands to a camera that does not answer only cost time.
void AravisSource::stop() noexcept {
  if (!state_->stream) return;
  if (!state_->control_lost.load(std::memory_order_acquire)) state_->stream->end();
  state_->stream.reset();
}

void AravisSource::cancel() noexcept {
  // Pairs with the acquire in read().
  state_->cancelled.store(true, std::memory_order_release);
  state_->wakeup.notify();
}

std::optional<std::uint64_t> AravisSource::first_expected() const noexcept { return state_->first; }

std::span<const SourceCounter> AravisSource::counters() const noexcept { return state_->counters; }

}  // namespace framelog
