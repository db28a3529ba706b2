#include "drivers/merlin.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <utility>

#include "core/text.hpp"
#include "drivers/merlin_control.hpp"
#include "formats/mib_settings.hpp"

namespace framelog {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::seconds kLongestConnect{5};
constexpr std::size_t kMostHeaderText = std::size_t{64} << 10U;

/// Where bytes come that are no frame, the deadline is looked at after so many.
constexpr std::size_t kMostWithoutFrameBytes = std::size_t{1} << 22U;

/// What provenance has of the detector. Names that a version of Merlin does not know are left out.
constexpr std::array<std::string_view, 24> kReadBack{"SOFTWAREVERSION",
                                                     "IMAGEX",
                                                     "IMAGEY",
                                                     "COUNTERDEPTH",
                                                     "FILEFORMAT",
                                                     "ACQUISITIONTIME",
                                                     "ACQUISITIONPERIOD",
                                                     "NUMFRAMESTOACQUIRE",
                                                     "NUMFRAMESPERTRIGGER",
                                                     "TRIGGERSTART",
                                                     "TRIGGERSTOP",
                                                     "CONTINUOUSRW",
                                                     "ENABLECOUNTER1",
                                                     "COLOURMODE",
                                                     "CHARGESUMMING",
                                                     "GAIN",
                                                     "POLARITY",
                                                     "HVBIAS",
                                                     "OPERATINGENERGY",
                                                     "THRESHOLD0",
                                                     "THRESHOLD1",
                                                     "THRESHOLD2",
                                                     "THRESHOLD3",
                                                     "TEMPERATURE"};

/// An answer that says no, and not silence, or nonsense.
bool is_refusal(const Error& error) noexcept {
  return error.code == ErrorCode::kBusy || error.code == ErrorCode::kNotFound ||
         error.code == ErrorCode::kInvalid;
}

std::string value_of(const std::vector<std::pair<std::string, std::string>>& settings,
                     std::string_view name) {
  const auto found = std::ranges::find(settings, name, &std::pair<std::string, std::string>::first);
  return found == settings.end() ? std::string() : found->second;
}

/// Counters of 1 and 6 bit come as bytes, 12 as two, 24 as four, raw ones too once decoded.
std::optional<PixelType> type_of_depth(int bit_depth) noexcept {
  switch (bit_depth) {
    case 1:
    case 6:
      return PixelType::kUint8;
    case 12:
      return PixelType::kUint16;
    case 24:
      return PixelType::kUint32;
    default:
      return std::nullopt;
  }
}

/// "0.5" and "0.500000" are the same.
bool is_same_value(std::string_view a, std::string_view b) noexcept {
  if (a == b) return true;
  double number_a = 0;
  double number_b = 0;
  const auto read_a = std::from_chars(a.data(), a.data() + a.size(), number_a);
  const auto read_b = std::from_chars(b.data(), b.data() + b.size(), number_b);
  return read_a.ec == std::errc() && read_a.ptr == a.data() + a.size() &&
         read_b.ec == std::errc() && read_b.ptr == b.data() + b.size() && number_a == number_b;
}

}  // namespace

Merlin::Merlin(MerlinConfig config)
    : config_(std::move(config)),
      stream_(config_.receive_buffer_bytes),
      numbers_(config_.frames_per_scan),
      counters_{{{.name = "skipped-bytes", .help = "Bytes that belong to no message."},
                 {.name = "resynchronised", .help = "Messages found again behind such bytes."},
                 {.name = "damaged-messages", .help = "Frames whose header cannot be read."},
                 {.name = "unknown-messages", .help = "Messages of a kind that is not known."},
                 {.name = "incomplete-frames", .help = "Frames cut by a lost connection."},
                 {.name = "acquisitions", .help = "Headers of acquisitions received."}}} {
  header_text_.reserve(kMostHeaderText);
}

Result<SourceInfo> Merlin::open() {
  is_started_ = false;
  // Silence, or nobody knows what: only what did not fit, or did not come yet, needs no new one.
  if ((was_stopped_ || parser_.is_within_pixels()) && !met_ && stream_.is_connected()) {
    stream_.close();
    parser_.reset();
    numbers_.interrupt();
  }
  was_stopped_ = false;
  if (auto connected = connect(); !connected) return std::unexpected(connected.error());
  auto settings = visit_control();
  if (!settings) return std::unexpected(settings.error());
  auto found = identify(*settings);
  if (!found) return std::unexpected(found.error());
  met_.reset();
  keep_identity(std::move(*found));
  side_.resize(size_bytes(identity_->shape));
  return describe_source(std::move(*settings));
}

Result<void> Merlin::connect() {
  if (stream_.is_connected()) return {};
  if (auto connected =
          stream_.connect(config_.host, config_.port, steady_clock::now() + kLongestConnect);
      !connected) {
    if (connected.error().code == ErrorCode::kTimeout)
      connected.error().code = ErrorCode::kNotFound;
    return connected;
  }
  parser_.reset();
  return {};
}

/// Sets what differs from what is wanted: while an acquisition runs the Merlin refuses the rest.
Result<Merlin::Settings> Merlin::visit_control() {
  Settings settings;
  if (!config_.control_port) return settings;
  auto control = MerlinControl::visit(config_.host, *config_.control_port);
  if (!control) {
    Error error = control.error();
    if (error.code == ErrorCode::kTimeout) error.code = ErrorCode::kNotFound;
    error.context += " (source.control_port = off where only the data port is to be used)";
    return std::unexpected(std::move(error));
  }
  for (const auto& [name, value] : config_.set) {
    const auto before = control->get(name);
    if (before && is_same_value(*before, value)) continue;
    if (auto done = control->set(name, value); !done) return std::unexpected(done.error());
  }
  std::vector<std::string> names(kReadBack.begin(), kReadBack.end());
  for (const auto& [name, value] : config_.set) {
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
  }
  for (const std::string& name : names) {
    const auto value = control->get(name);
    if (value) settings.emplace_back(name, one_line(*value));
    if (!value && !is_refusal(value.error())) return std::unexpected(value.error());
  }
  return settings;
}

/// Whether a frame's header has come; its pixels stay where they are.
Result<bool> Merlin::look_for_frame(Deadline deadline) {
  for (;;) {
    switch (parser_.next()) {
      case MerlinParser::Event::kFrame:
        return true;
      case MerlinParser::Event::kAcquisition:
        begin_acquisition();
        break;
      case MerlinParser::Event::kPixels:
        break;
      case MerlinParser::Event::kMore:
        if (auto filled = fill(deadline); !filled) {
          if (filled.error().code == ErrorCode::kTimeout) return false;
          return fail(ErrorCode::kIo, "the connection was lost before a frame came:",
                      fmt::format("{}:{}", config_.host, config_.port));
        }
    }
  }
}

Result<Merlin::Identity> Merlin::identify(const Settings& settings) {
  int bit_depth = 0;
  std::optional<FrameShape> shape = config_.shape;
  if (!shape) {
    bit_depth = static_cast<int>(mib_number_of(settings, "COUNTERDEPTH"));
    const auto type = type_of_depth(bit_depth);
    const std::uint32_t height_px = mib_number_of(settings, "IMAGEY");
    const std::uint32_t width_px = mib_number_of(settings, "IMAGEX");
    if (type && height_px > 0 && width_px > 0) shape = FrameShape{height_px, width_px, *type};
  }
  const bool waits = !shape || met_ || config_.wait_for_acquisition;
  const auto now = steady_clock::now();
  const auto is_there = look_for_frame(waits ? now + config_.patience : now);
  if (!is_there) return std::unexpected(is_there.error());
  if (*is_there || met_) return identify_by_frame();
  if (!waits) return Identity{*shape, bit_depth, {}};
  return fail(ErrorCode::kNotFound, "no acquisition has begun:",
              fmt::format("{}:{} (one is waited for; source.shape with source.pixel_type, or the "
                          "control port, tell the shape before)",
                          config_.host, config_.port));
}

/// By the frame that is there, or else by the one that did not fit.
Result<Merlin::Identity> Merlin::identify_by_frame() {
  Identity found = met_.value_or(Identity{});
  if (parser_.has_frame()) found = {parser_.pixels().shape, parser_.frame().bit_depth, {}};
  if (config_.shape && *config_.shape != found.shape) {
    // What is still to come may be the same; over a new connection come new frames.
    met_.reset();
    stream_.close();
    parser_.reset();
    numbers_.interrupt();
    return fail(ErrorCode::kUnsupported, "frames of another shape than configured:",
                fmt::format("{} (source.shape and source.pixel_type say {})",
                            to_string(found.shape), to_string(*config_.shape)));
  }
  const auto settings = parse_mib_settings(header_text_);
  const auto chip = std::ranges::find_if(
      settings, [](const auto& setting) { return setting.first.starts_with("Chip ID"); });
  if (chip != settings.end()) found.serial = chip->second;
  return found;
}

/// What was not known the first time does not make another instrument of it.
void Merlin::keep_identity(Identity found) {
  if (identity_ && identity_->shape == found.shape) {
    if (identity_->bit_depth == 0 || found.bit_depth == 0) found.bit_depth = identity_->bit_depth;
    if (identity_->serial.empty() || found.serial.empty()) found.serial = identity_->serial;
  }
  identity_ = std::move(found);
}

SourceInfo Merlin::describe_source(Settings settings) const {
  SourceInfo info;
  info.shape = identity_->shape;
  info.driver = "merlin";
  info.vendor = "Quantum Detectors";
  info.model = "Merlin";
  info.serial = identity_->serial;
  info.firmware = value_of(settings, "SOFTWAREVERSION");
  info.description =
      fmt::format("Merlin at {}:{}, {}", config_.host, config_.port, to_string(info.shape));
  if (identity_->bit_depth > 0) {
    info.bit_depth = identity_->bit_depth;
    info.saturation = std::ldexp(1.0, identity_->bit_depth) - 1.0;
    info.description += fmt::format(", {} bit", identity_->bit_depth);
  }
  info.may_be_silent = true;
  info.numbered = true;
  info.first_number = MerlinNumbers::kFirst;
  auto header = parse_mib_settings(header_text_);
  info.scan = mib_scan_of(header, mib_frames_announced(header));
  info.settings = std::move(settings);
  std::ranges::move(header, std::back_inserter(info.settings));
  return info;
}

Result<void> Merlin::start() {
  if (!identity_ || !stream_.is_connected() || is_started_) {
    return fail(ErrorCode::kInvalid, "the Merlin cannot start (it must be open, and stopped)");
  }
  if (config_.start && config_.control_port) {
    auto control = MerlinControl::visit(config_.host, *config_.control_port);
    if (!control) return std::unexpected(control.error());
    const auto done = control->command("STARTACQUISITION");
    // One that runs already is ours: the connection for its frames was lost, or it was started by
    // a process before this one.
    if (!done && done.error().code != ErrorCode::kBusy) return done;
    acquires_ = true;
  }
  is_started_ = true;
  is_lost_ = false;
  return {};
}

Merlin::~Merlin() {
  if (acquires_) end_acquisition();
}

void Merlin::stop() noexcept {
  was_stopped_ = true;
  // While only the connection is lost, the acquisition goes on.
  if (std::exchange(is_started_, false) && acquires_ && !is_lost_) end_acquisition();
}

void Merlin::end_acquisition() noexcept {
  acquires_ = false;
  auto control = MerlinControl::visit(config_.host, *config_.control_port);
  // Where it cannot be told, it ends with its last frame.
  if (control) static_cast<void>(control->command("STOPACQUISITION"));
}

Result<FrameInfo> Merlin::read(std::span<std::byte> pixels, Deadline deadline) noexcept {
  if (!is_started_) return fail(ErrorCode::kDisconnected, "the Merlin is not started");
  if (pixels.size() != size_bytes(identity_->shape)) {
    return fail(ErrorCode::kInvalid, "the buffer is not of the frame's size");
  }
  resume(pixels);
  std::size_t without_frame_bytes = 0;
  for (;;) {
    switch (parser_.next()) {
      case MerlinParser::Event::kMore:
        if (auto filled = fill(deadline); !filled) {
          put_aside(pixels);
          return std::unexpected(std::move(filled.error()));
        } else if (without_frame_bytes += *filled; without_frame_bytes > kMostWithoutFrameBytes &&
                                                   steady_clock::now() >= deadline) {
          put_aside(pixels);
          return fail(ErrorCode::kTimeout, "no frame among what comes");
        }
        break;
      case MerlinParser::Event::kAcquisition:
        begin_acquisition();
        break;
      case MerlinParser::Event::kFrame:
        if (!accept(pixels)) {
          return fail(ErrorCode::kGeometry, "the Merlin delivers frames of another shape");
        }
        break;
      case MerlinParser::Event::kPixels:
        return deliver(pixels);
    }
  }
}

Result<std::size_t> Merlin::fill(Deadline deadline) noexcept {
  const auto got = stream_.receive(parser_.space(), deadline);
  if (got) {
    parser_.filled(*got);
    count_faults();
    return got;
  }
  if (got.error().code == ErrorCode::kDisconnected) {
    parser_.reset();
    numbers_.interrupt();
    is_lost_ = true;
    count_faults();
  }
  return got;
}

void Merlin::begin_acquisition() noexcept {
  header_text_.assign(parser_.header_text().substr(0, kMostHeaderText));
  numbers_.begin(header_text_, merlin_frames_announced(header_text_));
  counters_[kAcquisitions].count.fetch_add(1, std::memory_order_relaxed);
}

/// Lets the pixels of the frame that begins come; false: they have no place.
bool Merlin::accept(std::span<std::byte> pixels) noexcept {
  const MibHeader& frame = parser_.frame();
  source_sequence_ = numbers_.number(frame.sequence);
  is_first_known_ = !std::exchange(has_delivered_, true) && !header_text_.empty();
  // One bit and six are the same type, and not the same saturation.
  const bool is_other_depth =
      frame.bit_depth > 0 && identity_->bit_depth > 0 && frame.bit_depth != identity_->bit_depth;
  if (parser_.pixels().shape != identity_->shape || is_other_depth) {
    met_ = Identity{parser_.pixels().shape, frame.bit_depth, {}};
    parser_.pass_over();
    return false;
  }
  parser_.take(frame.raw ? std::span(side_).first(parser_.pixels().raw_bytes) : pixels);
  return true;
}

/// The rest of a frame that an earlier call has not got to its end, perhaps into another slot.
void Merlin::resume(std::span<std::byte> pixels) noexcept {
  if (!parser_.is_within_pixels() || parser_.frame().raw) return;
  std::memcpy(pixels.data(), side_.data(), parser_.received());
  parser_.resume(pixels);
}

void Merlin::put_aside(std::span<const std::byte> pixels) noexcept {
  if (!parser_.is_within_pixels() || parser_.frame().raw) return;
  std::memcpy(side_.data(), pixels.data(), parser_.received());
  parser_.resume(side_);  // The slot was borrowed.
}

FrameInfo Merlin::deliver(std::span<std::byte> pixels) noexcept {
  const MibHeader& frame = parser_.frame();
  decode_mib(frame, frame.raw ? std::span(side_).first(parser_.pixels().raw_bytes) : pixels,
             pixels);
  FrameInfo info;
  info.source_sequence = source_sequence_;
  info.device_ns = frame.utc_ns;
  info.exposure_ns = frame.exposure_ns;
  return info;
}

void Merlin::count_faults() noexcept {
  const MerlinFaults& faults = parser_.faults();
  const auto put = [this](Counter counter, std::uint64_t count) {
    counters_[counter].count.store(count, std::memory_order_relaxed);
  };
  put(kSkippedBytes, faults.skipped_bytes);
  put(kResynchronised, faults.resynchronised);
  put(kDamaged, faults.damaged_messages);
  put(kUnknown, faults.unknown_messages);
  put(kIncomplete, faults.incomplete_frames);
}

}  // namespace framelog
