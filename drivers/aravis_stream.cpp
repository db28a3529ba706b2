#include "drivers/aravis_stream.hpp"

#include <arv.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

namespace framelog {
namespace {

constexpr std::size_t kBuffersBytes = std::size_t{32} << 20U;
/// Aravis keeps frames with missing packets for 100 to 200 ms, and those behind them as well.
constexpr std::size_t kLeastBuffers = 8;
constexpr std::size_t kMostBuffers = 1024;
/// The kernel gives as much of it as net.core.rmem_max allows.
constexpr gint kSocketBytes = 32 << 20;
/// What a buffer has until the camera's id arrives.
constexpr guint64 kNoId = std::numeric_limits<guint64>::max();
constexpr double kNsPerUs = 1e3;
/// For what comes behind a frame without an id. Aravis gives frames up after 0.2 s.
constexpr std::int64_t kPatienceNs = 1'000'000'000;

std::size_t buffer_count(const AravisConfig& config, std::size_t payload_bytes) noexcept {
  if (config.buffers) return static_cast<std::size_t>(*config.buffers);
  return std::clamp(kBuffersBytes / payload_bytes, kLeastBuffers, kMostBuffers);
}

struct Damage {
  std::uint32_t flag{};  ///< 0: none.
  StreamCount count{};
};

Damage damage_of(ArvBufferStatus status) noexcept {
  switch (status) {
    case ARV_BUFFER_STATUS_SUCCESS:
      return {};
    case ARV_BUFFER_STATUS_TIMEOUT:
      return {kFlagIncomplete, StreamCount::kTimeouts};
    case ARV_BUFFER_STATUS_MISSING_PACKETS:
      return {kFlagIncomplete, StreamCount::kMissingPackets};
    case ARV_BUFFER_STATUS_ABORTED:
      return {kFlagIncomplete, StreamCount::kAborted};
    case ARV_BUFFER_STATUS_WRONG_PACKET_ID:
      return {kFlagCorrupt, StreamCount::kWrongPackets};
    default:
      return {kFlagCorrupt, StreamCount::kSizeMismatch};
  }
}

bool has_geometry(ArvBufferPayloadType type) noexcept {
  return type == ARV_BUFFER_PAYLOAD_TYPE_IMAGE ||
         type == ARV_BUFFER_PAYLOAD_TYPE_EXTENDED_CHUNK_DATA;
}

/// With the padding that this frame has; none where it is not the frame that was announced.
std::optional<CameraLayout> layout_of(ArvBuffer* buffer, const CameraLayout& announced) noexcept {
  gint x_padding = 0;
  gint y_padding = 0;
  arv_buffer_get_image_padding(buffer, &x_padding, &y_padding);
  const bool same =
      std::cmp_equal(arv_buffer_get_image_width(buffer), announced.shape.width_px) &&
      std::cmp_equal(arv_buffer_get_image_height(buffer), announced.shape.height_px) &&
      std::cmp_equal(arv_buffer_get_image_pixel_format(buffer), announced.format.code);
  if (!same || x_padding < 0) return std::nullopt;
  CameraLayout layout = announced;
  layout.row_padding_bytes = static_cast<std::size_t>(x_padding);
  return layout;
}

void add(SourceCounter& counter, std::uint64_t more) noexcept {
  counter.count.fetch_add(more, std::memory_order_relaxed);
}

AravisBuffer& ours_of(ArvBuffer* buffer) noexcept {
  return *static_cast<AravisBuffer*>(const_cast<void*>(arv_buffer_get_user_data(buffer)));
}

/// Whether the bytes of a frame arrive as they are kept.
bool arrives_as_kept(const CameraSetup& setup) noexcept {
  return !setup.layout.format.packed && setup.payload_bytes == size_bytes(setup.layout.shape);
}

/// What each packet of a GigE Vision frame carries; 0 where that is not known. Aravis puts packets
/// where this size, which it reads in the same way, says. Extended ids have longer headers.
std::size_t packet_payload(ArvCamera* camera, const CameraSetup& setup) noexcept {
  constexpr guint kHeaderBytes = 20 + 8 + 8;  // IP, UDP, GVSP.
  if (arv_camera_is_gv_device(camera) == 0 || setup.ids != FrameIds::k16Bit) return 0;
  Failure failure;
  const guint bytes =
      arv_gv_device_get_packet_size(ARV_GV_DEVICE(arv_camera_get_device(camera)), failure.out());
  return failure || bytes <= kHeaderBytes ? 0 : bytes - kHeaderBytes;
}

}  // namespace

AravisStream::AravisStream(ArvCamera* camera, const CameraSetup& setup, const Clock& clock,
                           StreamCounters& counters)
    : camera_(camera), setup_(setup), clock_(clock), counters_(counters), numbers_(setup.ids) {}

Result<std::unique_ptr<AravisStream>> AravisStream::make(
    ArvCamera* camera, const CameraSetup& setup, const AravisConfig& config, const Clock& clock,
    Wakeup& wakeup, StreamCounters& counters, SlotsAhead* slots) {
  std::unique_ptr<AravisStream> made(new AravisStream(camera, setup, clock, counters));
  const auto callback = [](void* stream, ArvStreamCallbackType type, ArvBuffer* /*buffer*/) {
    on_stream_event(stream, type);
  };
  Failure failure;
  made->stream_.reset(arv_camera_create_stream(camera, callback, made.get(), failure.out()));
  if (!made->stream_) return failure.error("cannot receive from the camera");
  ArvStream* stream = made->stream_.get();
  if (ARV_IS_GV_STREAM(stream)) {
    g_object_set(stream, "socket-buffer", ARV_GV_STREAM_SOCKET_BUFFER_FIXED, "socket-buffer-size",
                 kSocketBytes, nullptr);
  }
  for (const auto& [count, name] : {std::pair(StreamCount::kUnderruns, "n_underruns"),
                                    std::pair(StreamCount::kLostPackets, "n_missing_packets"),
                                    std::pair(StreamCount::kResentPackets, "n_resent_packets")}) {
    for (guint id = 0; id < arv_stream_get_n_infos(stream); ++id) {
      if (std::strcmp(arv_stream_get_info_name(stream, id), name) == 0) {
        made->totals_.push_back({count, id, arv_stream_get_info_uint64(stream, id)});
      }
    }
  }
  if (setup.has_exposure_chunk) made->chunks_.reset(arv_camera_create_chunk_parser(camera));
  made->marks_ = PacketMarks(packet_payload(camera, setup));
  const std::size_t buffers = buffer_count(config, setup.payload_bytes);
  made->given_.resize(buffers);
  made->buffers_.emplace(buffers, setup.payload_bytes, arrives_as_kept(setup), slots);
  made->give_buffers();
  g_signal_connect(stream, "new-buffer", G_CALLBACK(on_new_buffer), &wakeup);
  arv_stream_set_emit_signals(stream, 1);
  return made;
}

AravisStream::~AravisStream() {
  if (stream_) arv_stream_set_emit_signals(stream_.get(), 0);
  stream_.reset();  // Its thread uses the members above.
}

/// Nothing in it may be taken for the next frame's: neither its number nor its pixels.
void AravisStream::give_buffers() noexcept {
  while (AravisBuffer* buffer = buffers_->next()) {
    buffer->arrival_ns = -1;
    ArvBuffer* object = buffer->object.get();
    arv_buffer_set_frame_id(object, kNoId);
    arv_buffer_set_timestamp(object, 0);
    marks_.put(buffer->bytes);
    given_[given_count_++ % given_.size()] = buffer;
    g_object_ref(object);
    arv_stream_push_buffer(stream_.get(), object);
  }
}

Result<void> AravisStream::begin() {
  Failure failure;
  arv_camera_start_acquisition(camera_, failure.out());
  if (failure) return failure.error("cannot start the camera");
  return {};
}

void AravisStream::end() noexcept {
  Failure failure;
  arv_camera_stop_acquisition(camera_, failure.out());
}

/// A frame begins. Aravis does not say in which buffer, but fills them in the order of giving.
void AravisStream::note_arrival() noexcept {
  AravisBuffer* buffer = given_[begun_count_++ % given_.size()];
  if (buffer != nullptr) buffer->arrival_ns = clock_.monotonic_ns();
}

void AravisStream::on_stream_event(void* stream, int type) noexcept {
  if (type == ARV_STREAM_CALLBACK_TYPE_START_BUFFER) {
    static_cast<AravisStream*>(stream)->note_arrival();
  }
}

void AravisStream::on_new_buffer(ArvStream* /*stream*/, void* wakeup) noexcept {
  static_cast<Wakeup*>(wakeup)->notify();
}

AravisBuffer* AravisStream::arrived(std::size_t index) noexcept {
  for (std::size_t i = 0; i <= index; ++i) {
    if (arrived_[i] != nullptr) continue;
    ArvBuffer* object = arv_stream_try_pop_buffer(stream_.get());
    if (object == nullptr) return nullptr;
    arrived_[i] = &ours_of(object);
    g_object_unref(object);  // That of Aravis.
  }
  return arrived_[index];
}

/// A frame without an id is told its number by those around it, if the next one is not far.
bool AravisStream::waits_for_next(const AravisBuffer& buffer) noexcept {
  if (arv_buffer_get_frame_id(buffer.object.get()) != kNoId || arrived(1) != nullptr) return false;
  return clock_.monotonic_ns() - buffer.arrival_ns < kPatienceNs;
}

/// Of one without an id: behind a pause, packets of the frame before the next one are the first
/// that arrive, and their place is there and not before the pause.
std::optional<std::uint64_t> AravisStream::number_of(const AravisBuffer& buffer) noexcept {
  const guint64 id = arv_buffer_get_frame_id(buffer.object.get());
  if (id != kNoId) return numbers_.number(id);
  const AravisBuffer* next = arrived_[1];
  if (next == nullptr) return numbers_.unnamed();
  const guint64 next_id = arv_buffer_get_frame_id(next->object.get());
  const bool is_nearer_to_next =
      next->arrival_ns - buffer.arrival_ns < buffer.arrival_ns - last_arrival_ns_;
  return next_id != kNoId && is_nearer_to_next ? numbers_.unnamed_before(next_id)
                                               : numbers_.unnamed();
}

Result<FrameInfo> AravisStream::take(std::span<std::byte> pixels) noexcept {
  for (;;) {
    give_buffers();
    AravisBuffer* buffer = arrived(0);
    if (buffer == nullptr || waits_for_next(*buffer)) {
      return fail(ErrorCode::kTimeout, "no frame yet");
    }
    count_losses();
    auto frame = deliver(*buffer, pixels);
    last_arrival_ns_ = buffer->arrival_ns;
    arrived_ = {arrived_[1], nullptr};
    buffers_->give_back(*buffer);
    // Behind one without a number there may be others.
    if (frame || frame.error().code != ErrorCode::kTimeout) return frame;
  }
}

Result<FrameInfo> AravisStream::deliver(const AravisBuffer& ours,
                                        std::span<std::byte> pixels) noexcept {
  ArvBuffer* buffer = ours.object.get();
  const Damage damage = damage_of(arv_buffer_get_status(buffer));
  if (damage.flag != 0) add(counters_[static_cast<std::size_t>(damage.count)], 1);
  const auto number = number_of(ours);
  if (!number) {
    add(counters_[static_cast<std::size_t>(StreamCount::kUnnumbered)], 1);
    return fail(ErrorCode::kTimeout, "no frame with a number yet");
  }
  // What is left of a damaged frame is where that of a whole one is.
  std::optional<CameraLayout> layout = whole_.value_or(setup_.layout);
  if (damage.flag == 0) {
    const ArvBufferPayloadType type = arv_buffer_get_payload_type(buffer);
    if (has_geometry(type)) {
      layout = layout_of(buffer, setup_.layout);
      whole_ = layout;
    } else if (type != ARV_BUFFER_PAYLOAD_TYPE_CHUNK_DATA) {
      return fail(ErrorCode::kGeometry, "the camera sends what is no plain image");
    }
  }
  if (!layout || camera_bytes(*layout) > setup_.payload_bytes) {
    return fail(ErrorCode::kGeometry, "the camera sends frames of another size");
  }
  if (damage.flag != 0) marks_.clear_missing(ours.bytes);
  if (ours.bytes.data() != pixels.data()) copy_camera_pixels(*layout, ours.bytes, pixels);

  FrameInfo info;
  info.source_sequence = *number;
  info.flags = damage.flag;
  info.monotonic_ns = ours.arrival_ns;
  const guint64 device_ns = arv_buffer_get_timestamp(buffer);
  if (device_ns != 0) info.device_ns = static_cast<std::int64_t>(device_ns);
  info.exposure_ns = damage.flag == 0 && chunks_ ? exposure_of(buffer) : setup_.exposure_ns;
  return info;
}

std::int64_t AravisStream::exposure_of(ArvBuffer* buffer) noexcept {
  if (arv_buffer_has_chunks(buffer) == 0) return setup_.exposure_ns;
  Failure failure;
  const double us =
      arv_chunk_parser_get_float_value(chunks_.get(), buffer, "ChunkExposureTime", failure.out());
  return failure ? setup_.exposure_ns : std::llround(us * kNsPerUs);
}

void AravisStream::count_losses() noexcept {
  for (Total& total : totals_) {
    const std::uint64_t now = arv_stream_get_info_uint64(stream_.get(), total.id);
    if (now > total.seen) add(counters_[static_cast<std::size_t>(total.count)], now - total.seen);
    total.seen = now;
  }
}

}  // namespace framelog
