#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace framelog {

/// Writes TIFFs byte by byte, so that every kind of file can be had, wrong ones too.
class TiffBuilder {
 public:
  struct Page {
    std::uint32_t width_px{};
    std::uint32_t height_px{};
    std::uint16_t bits{8};
    std::uint16_t format{1};  ///< 0: the tag is left out.
    std::uint16_t samples{1};
    std::uint16_t compression{1};  ///< 1 none, 5 LZW, 8 deflate, 32773 PackBits
    std::uint32_t rows_per_strip{};
    std::uint32_t tile_width_px{};  ///< Then the pieces are tiles.
    std::uint32_t tile_height_px{};
    std::uint32_t subfile_type{};
    std::string description;
    std::vector<std::string> pieces;  ///< Strips or tiles in the byte order of the file.
  };

  explicit TiffBuilder(bool big_endian = false, bool big_tiff = false)
      : big_endian_(big_endian), big_tiff_(big_tiff), file_(big_endian ? "MM" : "II") {
    append(file_, big_tiff ? 43 : 42, 2);
    if (big_tiff) append(file_, 8, 2);
    if (big_tiff) append(file_, 0, 2);
    link_at_ = file_.size();
    append(file_, 0, word());
  }

  /// Adds the pieces, compressed as the page says, then the directory.
  void add(const Page& page) {
    std::vector<std::uint64_t> offsets;
    std::vector<std::uint64_t> counts;
    for (const std::string& piece : page.pieces) {
      const std::string bytes = compress(piece, page.compression);
      offsets.push_back(file_.size());
      counts.push_back(bytes.size());
      file_ += bytes;
    }
    entries_.clear();
    if (page.subfile_type != 0) entry(254, 4, {page.subfile_type});
    entry(256, 4, {page.width_px});
    entry(257, 4, {page.height_px});
    entry(258, 3, std::vector<std::uint64_t>(page.samples, page.bits));
    entry(259, 3, {page.compression});
    entry(262, 3, {page.samples == 3 ? 2U : 1U});
    if (!page.description.empty()) {
      entry(270, 2, {page.description.begin(), page.description.end()}, true);
    }
    const bool tiled = page.tile_width_px != 0;
    if (!tiled) entry(273, big_tiff_ ? 16 : 4, offsets);
    entry(277, 3, {page.samples});
    if (!tiled) {
      entry(278, 4, {page.rows_per_strip == 0 ? page.height_px : page.rows_per_strip});
      entry(279, big_tiff_ ? 16 : 4, counts);
    } else {
      entry(322, 4, {page.tile_width_px});
      entry(323, 4, {page.tile_height_px});
      entry(324, big_tiff_ ? 16 : 4, offsets);
      entry(325, big_tiff_ ? 16 : 4, counts);
    }
    if (page.format != 0) entry(339, 3, std::vector<std::uint64_t>(page.samples, page.format));
    write_directory();
  }

  /// The last page's successor shall be at `offset`.
  void link_end_to(std::uint64_t offset) { put(link_at_, offset, word()); }
  [[nodiscard]] std::uint64_t first_directory() const noexcept { return first_directory_; }
  [[nodiscard]] const std::string& file() const noexcept { return file_; }

 private:
  struct Entry {
    std::uint16_t tag{};
    std::uint16_t type{};
    std::vector<std::uint64_t> values;
  };

  [[nodiscard]] std::size_t word() const noexcept { return big_tiff_ ? 8 : 4; }
  static std::size_t size_of(std::uint16_t type) noexcept {
    return type == 2 ? 1 : (type == 3 ? 2 : (type == 4 ? 4 : 8));
  }
  void entry(std::uint16_t tag, std::uint16_t type, std::vector<std::uint64_t> values,
             bool terminated = false) {
    if (terminated) values.push_back(0);
    entries_.push_back({tag, type, std::move(values)});
  }
  void append(std::string& to, std::uint64_t value, std::size_t bytes) const {
    for (std::size_t i = 0; i < bytes; ++i) {
      to += static_cast<char>(value >> 8 * (big_endian_ ? bytes - 1 - i : i) & 0xFFU);
    }
  }
  void put(std::size_t at, std::uint64_t value, std::size_t bytes) {
    std::string text;
    append(text, value, bytes);
    file_.replace(at, bytes, text);
  }

  void write_directory() {
    std::string directory;
    append(directory, entries_.size(), big_tiff_ ? 8 : 2);
    for (const Entry& one : entries_) {
      std::string values;
      for (const std::uint64_t value : one.values) append(values, value, size_of(one.type));
      append(directory, one.tag, 2);
      append(directory, one.type, 2);
      append(directory, one.values.size(), word());
      if (values.size() > word()) {
        append(directory, file_.size(), word());
        file_ += values;
      } else {
        directory += values + std::string(word() - values.size(), '\0');
      }
    }
    if (file_.size() % 2 != 0) file_ += '\0';
    put(link_at_, file_.size(), word());
    if (first_directory_ == 0) first_directory_ = file_.size();
    file_ += directory;
    link_at_ = file_.size();
    append(file_, 0, word());
  }

  /// The simplest stream of each compression that says `bytes`: nothing becomes smaller.
  static std::string compress(const std::string& bytes, std::uint16_t compression) {
    if (compression == 5) return lzw(bytes);
    if (compression == 8) return deflate(bytes);
    if (compression == 32773) return packbits(bytes);
    return bytes;
  }

  static std::string packbits(const std::string& bytes) {
    std::string out;
    for (std::size_t i = 0; i < bytes.size(); i += 128) {
      const std::string run = bytes.substr(i, 128);
      out += static_cast<char>(run.size() - 1);
      out += run;
    }
    return out;
  }

  /// One stored block; `bytes` has at most 65535.
  static std::string deflate(const std::string& bytes) {
    const auto size = static_cast<unsigned>(bytes.size());
    std::string out("\x78\x01\x01", 3);
    for (const unsigned value : {size, size >> 8U, ~size, ~size >> 8U}) {
      out += static_cast<char>(value & 0xFFU);
    }
    unsigned a = 1;
    unsigned b = 0;
    for (const char character : bytes) {
      a = (a + static_cast<unsigned char>(character)) % 65521;
      b = (b + a) % 65521;
    }
    out += bytes;
    for (const unsigned value : {b >> 8U, b, a >> 8U, a}) out += static_cast<char>(value & 0xFFU);
    return out;
  }

  /// Codes of nine bits: the table is cleared before it grows out of them.
  static std::string lzw(const std::string& bytes) {
    std::string out;
    unsigned held = 0;
    unsigned held_bits = 0;
    const auto code = [&](unsigned value) {
      held = held << 9U | value;
      held_bits += 9;
      for (; held_bits >= 8; held_bits -= 8) {
        out += static_cast<char>(held >> (held_bits - 8) & 0xFFU);
      }
    };
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      if (i % 200 == 0) code(256);
      code(static_cast<unsigned char>(bytes[i]));
    }
    code(257);
    code(0);
    return out;
  }

  bool big_endian_;
  bool big_tiff_;
  std::string file_;
  std::size_t link_at_{};
  std::uint64_t first_directory_{};
  std::vector<Entry> entries_;
};

}  // namespace framelog
