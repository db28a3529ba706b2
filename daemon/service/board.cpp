#include "service/board.hpp"

#include <charconv>
#include <string>
#include <string_view>

namespace framelog {
namespace {

constexpr std::size_t kMostBytes = 64;
constexpr const char* kTemperature = "/sys/class/thermal/thermal_zone0/temp";
/// Of the Raspberry Pi's firmware: a hexadecimal number, bit 0 of which is under-voltage now.
constexpr const char* kThrottled = "/sys/devices/platform/soc/soc:firmware/get_throttled";
constexpr double kMilli = 1e-3;

std::optional<std::int64_t> read_number(FileSystem& files, const char* path, int base) {
  const auto text = read_text(files, path, kMostBytes);
  if (!text) return std::nullopt;
  std::string_view digits = *text;
  if (base == 16 && digits.starts_with("0x")) digits.remove_prefix(2);
  std::int64_t number = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, number, base);
  if (error != std::errc() || (stop != end && *stop != '\n')) return std::nullopt;
  return number;
}

}  // namespace

BoardState read_board(FileSystem& files) {
  BoardState board;
  if (const auto milli = read_number(files, kTemperature, 10)) {
    board.temperature_celsius = static_cast<double>(*milli) * kMilli;
  }
  if (const auto bits = read_number(files, kThrottled, 16)) board.undervoltage = (*bits & 1) != 0;
  return board;
}

}  // namespace framelog
