// TIFF's LZW (TIFF 6.0, section 13): codes of 9 to 12 bits, the highest bit first, which become
// longer one code early; 256 clears the table, and 257 ends the data.

#include <array>

#include "formats/codecs.hpp"

namespace framelog::codecs {
namespace {

constexpr unsigned kClear = 256;
constexpr unsigned kEnd = 257;
constexpr unsigned kFirstFree = 258;
constexpr unsigned kShortest = 9;
constexpr unsigned kLongest = 12;
constexpr unsigned kTableFull = 4094;  // Here TIFF's writers clear the table.

/// The strings of the encoder: which code stands for a string and one more byte.
class Strings {
 public:
  void clear() noexcept { slots_.fill(0); }

  /// The slot of `prefix` and `byte`: holds its code, or is free.
  std::uint32_t& slot(unsigned prefix, unsigned byte) noexcept {
    const std::uint32_t key = key_of(prefix, byte);
    std::uint32_t at = key * 2654435761U >> (32 - kBits);  // Fibonacci hashing.
    while (slots_[at] != 0 && slots_[at] >> kLongest != key) at = (at + 1) % kSlots;
    return slots_[at];
  }
  static void set(std::uint32_t& slot, unsigned prefix, unsigned byte, unsigned code) noexcept {
    slot = key_of(prefix, byte) << kLongest | code;
  }
  static unsigned code_of(std::uint32_t slot) noexcept { return slot & ((1U << kLongest) - 1); }

 private:
  static constexpr unsigned kBits = 14;
  static constexpr std::uint32_t kSlots = 1U << kBits;
  static std::uint32_t key_of(unsigned prefix, unsigned byte) noexcept {
    return prefix << 8U | byte;
  }
  std::array<std::uint32_t, kSlots> slots_{};  ///< 20 bits of key, 12 of code; 0: free.
};

class BitWriter {
 public:
  explicit BitWriter(std::span<std::byte> into) noexcept : into_(into) {}

  void put(unsigned code, unsigned bits) noexcept {
    held_ = held_ << bits | code;
    held_bits_ += bits;
    while (held_bits_ >= 8) {
      held_bits_ -= 8;
      put_byte(static_cast<std::byte>(held_ >> held_bits_));
    }
  }
  /// Returns how much was written; 0 where it did not fit.
  std::size_t finish() noexcept {
    if (held_bits_ > 0) put_byte(static_cast<std::byte>(held_ << (8 - held_bits_)));
    return fits_ ? written_ : 0;
  }
  [[nodiscard]] bool fits() const noexcept { return fits_; }

 private:
  void put_byte(std::byte byte) noexcept {
    fits_ = fits_ && written_ < into_.size();
    if (fits_) into_[written_++] = byte;
  }

  std::span<std::byte> into_;
  std::size_t written_{};
  std::uint64_t held_{};
  unsigned held_bits_{};
  bool fits_{true};
};

class LzwEncoder final : public FrameEncoder {
 public:
  std::size_t encode(std::span<const std::byte> pixels,
                     std::span<std::byte> into) noexcept override {
    if (pixels.empty()) return 0;
    BitWriter writer(into);
    writer.put(kClear, kShortest);
    restart();
    auto string = std::to_integer<unsigned>(pixels[0]);
    for (const std::byte pixel : pixels.subspan(1)) {
      const auto byte = std::to_integer<unsigned>(pixel);
      std::uint32_t& slot = strings_.slot(string, byte);
      if (slot != 0) {
        string = Strings::code_of(slot);
        continue;
      }
      writer.put(string, bits_);
      Strings::set(slot, string, byte, free_);
      count_code(writer);
      string = byte;
      if (!writer.fits()) return 0;
    }
    writer.put(string, bits_);
    count_code(writer);
    writer.put(kEnd, bits_);
    const std::size_t packed = writer.finish();
    return packed < pixels.size() ? packed : 0;
  }

 private:
  void restart() noexcept {
    strings_.clear();
    free_ = kFirstFree;
    bits_ = kShortest;
  }
  /// A code is taken: the table may be full with it, or the next codes longer.
  void count_code(BitWriter& writer) noexcept {
    ++free_;
    if (free_ == kTableFull) {
      writer.put(kClear, bits_);
      restart();
    } else if (free_ == 1U << bits_) {
      ++bits_;
    }
  }

  Strings strings_;
  unsigned free_{};
  unsigned bits_{};
};

class BitReader {
 public:
  explicit BitReader(std::span<const std::byte> from) noexcept : from_(from) {}

  /// kEnd where nothing is left.
  unsigned take(unsigned bits) noexcept {
    while (held_bits_ < bits) {
      if (read_ == from_.size()) return kEnd;
      held_ = held_ << 8U | std::to_integer<std::uint64_t>(from_[read_++]);
      held_bits_ += 8;
    }
    held_bits_ -= bits;
    return static_cast<unsigned>(held_ >> held_bits_) & ((1U << bits) - 1);
  }

 private:
  std::span<const std::byte> from_;
  std::size_t read_{};
  std::uint64_t held_{};
  unsigned held_bits_{};
};

/// The strings of the decoder. Each is somewhere in what has been unpacked: the string of the code
/// before it and one byte more.
class Unpacker {
 public:
  explicit Unpacker(std::span<std::byte> pixels) noexcept : pixels_(pixels) {}

  void clear() noexcept {
    free_ = kFirstFree;
    bits_ = kShortest;
    last_ = {};
  }
  [[nodiscard]] bool full() const noexcept { return written_ == pixels_.size(); }
  [[nodiscard]] unsigned bits() const noexcept { return bits_; }

  /// False where there cannot be such a code.
  bool unpack(unsigned code) noexcept {
    if (last_.length > 0) add_string();
    if (code >= free_) return false;
    const String string{written_, code < kClear ? 1 : strings_[code].length};
    if (string.length > pixels_.size() - written_) return false;
    if (code < kClear) {
      pixels_[written_++] = static_cast<std::byte>(code);
    } else {
      // One byte after the other: the newest string ends in the byte that it begins to write.
      const std::byte* const from = pixels_.data() + strings_[code].start;
      for (std::size_t i = 0; i < string.length; ++i) pixels_[written_++] = from[i];
    }
    last_ = string;
    return true;
  }

 private:
  struct String {
    std::size_t start{};
    std::size_t length{};
  };

  void add_string() noexcept {
    if (free_ == strings_.size()) return;
    strings_[free_++] = {last_.start, last_.length + 1};
    if (free_ + 1 == 1U << bits_ && bits_ < kLongest) ++bits_;
  }

  std::span<std::byte> pixels_;
  std::size_t written_{};
  std::array<String, 1U << kLongest> strings_{};
  unsigned free_{kFirstFree};
  unsigned bits_{kShortest};
  String last_{};
};

}  // namespace

std::unique_ptr<FrameEncoder> make_lzw() { return std::make_unique<LzwEncoder>(); }

bool decode_lzw(std::span<const std::byte> packed, std::span<std::byte> pixels) {
  BitReader reader(packed);
  const auto unpacker = std::make_unique<Unpacker>(pixels);
  while (!unpacker->full()) {
    const unsigned code = reader.take(unpacker->bits());
    if (code == kEnd) return false;
    if (code == kClear) {
      unpacker->clear();
    } else if (!unpacker->unpack(code)) {
      return false;
    }
  }
  return true;
}

}  // namespace framelog::codecs
