#pragma once

#include <cstring>
#include <random>
#include <vector>

#include "export/recording.hpp"

namespace framelog {

/// A recording of random integers that lies in memory.
class MemoryRecording final : public Recording {
 public:
  MemoryRecording(const FrameShape& shape, std::uint64_t frames, std::uint64_t seed) {
    facts_.shape = shape;
    facts_.frames = frames;
    std::mt19937_64 random(seed);
    const std::uint64_t most = size_bytes(shape.type) == 1 ? 100 : 1000;
    const std::size_t pixels = std::size_t{shape.height_px} * shape.width_px;
    for (std::uint64_t i = 0; i < frames; ++i) {
      values_.emplace_back();
      for (std::size_t k = 0; k < pixels; ++k) {
        values_.back().push_back(static_cast<double>(random() % most));
      }
      FrameNote note;
      note.info.sequence = note.info.source_sequence = i;
      notes_.push_back(note);
    }
  }

  [[nodiscard]] const RecordingFacts& facts() const noexcept override { return facts_; }
  RecordingFacts& change() { return facts_; }
  std::vector<FrameNote>& notes() { return notes_; }
  std::vector<std::vector<double>>& values() { return values_; }
  std::uint64_t reads{};

  Result<FrameNote> note(std::uint64_t frame) override { return notes_.at(frame); }
  Result<void> read(std::uint64_t frame, std::span<std::byte> pixels) override {
    ++reads;
    EXPECT_EQ(pixels.size(), size_bytes(facts_.shape));
    const auto& values = values_.at(frame);
    switch (facts_.shape.type) {
      case PixelType::kUint8:
        return put<std::uint8_t>(values, pixels);
      case PixelType::kInt8:
        return put<std::int8_t>(values, pixels);
      case PixelType::kUint16:
        return put<std::uint16_t>(values, pixels);
      case PixelType::kInt16:
        return put<std::int16_t>(values, pixels);
      case PixelType::kUint32:
        return put<std::uint32_t>(values, pixels);
      case PixelType::kInt32:
        return put<std::int32_t>(values, pixels);
      case PixelType::kUint64:
        return put<std::uint64_t>(values, pixels);
      case PixelType::kFloat32:
        return put<float>(values, pixels);
      case PixelType::kFloat64:
        return put<double>(values, pixels);
    }
    return {};
  }
  Result<void> read_layer(std::size_t layer, std::uint64_t frame,
                          std::span<std::byte> pixels) override {
    std::vector<double> values = values_.at(frame);
    for (double& value : values) value += static_cast<double>(layer + 1);
    return put<float>(values, pixels);
  }
  Result<void> read_series(std::size_t series, std::uint64_t first,
                           std::span<double> sums) override {
    for (std::size_t i = 0; i < sums.size(); ++i) {
      sums[i] = static_cast<double>(1000 * series + first + i);
    }
    return {};
  }

 private:
  template <class Pixel>
  static Result<void> put(const std::vector<double>& values, std::span<std::byte> pixels) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto pixel = static_cast<Pixel>(values[i]);
      std::memcpy(pixels.data() + i * sizeof pixel, &pixel, sizeof pixel);
    }
    return {};
  }

  RecordingFacts facts_;
  std::vector<FrameNote> notes_;
  std::vector<std::vector<double>> values_;
};

/// Pixels as numbers.
inline std::vector<double> numbers_of(PixelType type, std::span<const std::byte> pixels) {
  std::vector<double> values;
  const auto add = [&]<class Pixel>(Pixel) {
    for (std::size_t i = 0; i + sizeof(Pixel) <= pixels.size(); i += sizeof(Pixel)) {
      Pixel pixel{};
      std::memcpy(&pixel, pixels.data() + i, sizeof pixel);
      values.push_back(static_cast<double>(pixel));
    }
  };
  switch (type) {
    case PixelType::kUint8:
      add(std::uint8_t{});
      break;
    case PixelType::kInt8:
      add(std::int8_t{});
      break;
    case PixelType::kUint16:
      add(std::uint16_t{});
      break;
    case PixelType::kInt16:
      add(std::int16_t{});
      break;
    case PixelType::kUint32:
      add(std::uint32_t{});
      break;
    case PixelType::kInt32:
      add(std::int32_t{});
      break;
    case PixelType::kUint64:
      add(std::uint64_t{});
      break;
    case PixelType::kFloat32:
      add(float{});
      break;
    case PixelType::kFloat64:
      add(double{});
      break;
  }
  return values;
}

}  // namespace framelog
