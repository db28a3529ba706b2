// How fast one core takes the stream of a Merlin's data port apart: 128 x 128 uint16, framing, the
// header of each frame, pixels put into their slots in the machine's byte order; as a share of
// copying the same bytes into the same slots, in turns. Then the whole driver over loopback from a
// sender in a process of its own. Usage: merlin_bench [repeats]

#include <arpa/inet.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "drivers/merlin.hpp"
#include "drivers/merlin_parser.hpp"
#include "memory_bandwidth.hpp"
#include "report.hpp"
#include "tests/unit/drivers/merlin_stream.hpp"

namespace framelog::bench {
namespace {

constexpr std::uint32_t kSidePx = 128;
constexpr std::size_t kFrameBytes = std::size_t{kSidePx} * kSidePx * 2;
constexpr std::size_t kFrames = 4096;
constexpr std::size_t kSlots = 2048;  // In no cache, as the ring's.
constexpr double kParserGoal = 2e9;
constexpr double kWireGoal = 18'000;
constexpr std::uint64_t kWireFrames = 90'000;

std::string stream_of(std::uint64_t frames) {
  std::string stream = merlin::message(merlin::header(frames));
  for (std::uint64_t number = 1; number <= frames; ++number) {
    stream += merlin::message(merlin::frame(number, kSidePx, kSidePx));
  }
  return stream;
}

std::span<std::byte> slot_of(std::vector<std::byte>& slots, std::size_t frame) {
  return std::span(slots).subspan(frame % kSlots * kFrameBytes, kFrameBytes);
}

/// As Merlin::read() does it, with memcpy in place of the kernel's copy.
std::size_t take_apart(std::string_view stream, std::vector<std::byte>& slots) {
  MerlinParser parser;
  std::size_t frames = 0;
  for (;;) {
    switch (parser.next()) {
      case MerlinParser::Event::kAcquisition:
        break;
      case MerlinParser::Event::kFrame:
        parser.take(slot_of(slots, frames));
        break;
      case MerlinParser::Event::kPixels: {
        const auto slot = slot_of(slots, frames++);
        decode_mib(parser.frame(), slot, slot);
        break;
      }
      case MerlinParser::Event::kMore:
        if (stream.empty()) return frames;
        for (const auto& space : parser.space()) {
          const std::size_t piece = std::min(space.size(), stream.size());
          if (piece > 0) std::memcpy(space.data(), stream.data(), piece);
          parser.filled(piece);
          stream.remove_prefix(piece);
        }
    }
  }
}

void copy(std::string_view stream, std::vector<std::byte>& slots) {
  const std::size_t stride = stream.size() / kFrames;
  for (std::size_t frame = 0; frame < kFrames; ++frame) {
    std::memcpy(slot_of(slots, frame).data(), stream.data() + frame * stride, kFrameBytes);
  }
}

void bench_parser(Report& report, int repeats) {
  const std::string stream = stream_of(kFrames);
  std::vector<std::byte> slots(kSlots * kFrameBytes);
  copy(stream, slots);
  std::vector<double> speeds;
  std::vector<double> shares;
  for (int repeat = 0; repeat < repeats; ++repeat) {
    const double copying = seconds_of([&] { copy(stream, slots); });
    std::size_t frames = 0;
    const double parsing = seconds_of([&] { frames = take_apart(stream, slots); });
    if (frames != kFrames) std::abort();
    speeds.push_back(static_cast<double>(stream.size()) / parsing);
    shares.push_back(copying / parsing);
  }
  report.at_least("parser and byte order, bytes per second of one core", median(speeds),
                  kParserGoal);
  Report::note(fmt::format("{:.2f} of memcpy of the same bytes", median(shares)));
}

/// Sends the stream again and again to whoever connects, as fast as it is taken.
[[noreturn]] void send_all(int listener, const std::string& stream, std::uint64_t frames) {
  const int connection = ::accept(listener, nullptr, nullptr);
  for (std::uint64_t sent = 0; sent < frames; sent += kFrames) {
    std::string_view rest = stream;
    while (!rest.empty()) {
      const ssize_t bytes = ::send(connection, rest.data(), rest.size(), MSG_NOSIGNAL);
      if (bytes <= 0) ::_exit(1);
      rest.remove_prefix(static_cast<std::size_t>(bytes));
    }
  }
  ::_exit(0);
}

void bench_wire(Report& report) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::listen(listener, 1) != 0 ||
      ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    std::abort();
  }
  const std::string stream = stream_of(kFrames);
  const pid_t sender = ::fork();
  if (sender == 0) send_all(listener, stream, kWireFrames + kFrames);
  MerlinConfig config;
  config.port = ntohs(address.sin_port);
  config.control_port.reset();
  config.shape = FrameShape{kSidePx, kSidePx, PixelType::kUint16};
  config.receive_buffer_bytes = std::int64_t{64} << 20U;
  Merlin source(std::move(config));
  if (!source.open() || !source.start()) std::abort();
  std::vector<std::byte> slots(kSlots * kFrameBytes);
  const auto start = std::chrono::steady_clock::now();
  std::uint64_t frames = 0;
  const double processor_s = seconds_of([&] {
    while (frames < kWireFrames) {
      const auto frame = source.read(slot_of(slots, frames), start + std::chrono::minutes(5));
      if (!frame || frame->source_sequence != frames + 1) std::abort();
      ++frames;
    }
  });
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  ::kill(sender, SIGKILL);
  ::waitpid(sender, nullptr, 0);
  ::close(listener);
  report.at_least("frames/s of the driver over loopback, by the clock",
                  static_cast<double>(frames) / seconds, kWireGoal);
  report.at_least("frames/s by the processor time of the reading thread",
                  static_cast<double>(frames) / processor_s, kWireGoal);
}

}  // namespace
}  // namespace framelog::bench

int main(int argc, char** argv) {
  using namespace framelog::bench;
  const int repeats = argc > 1 ? std::max(1, std::atoi(argv[1])) : 9;
  Report report;
  Report::note(fmt::format("{} frames of 128 x 128 uint16, medians of {}", kFrames, repeats));
  bench_parser(report, repeats);
  bench_wire(report);
  return report.status();
}
