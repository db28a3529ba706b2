// Rows that are counted, added up or summed by detectors: every set of kernels against the plain
// loops, over random rows.

#include "reduce/detector_kernel.hpp"
#include "reduce/kernel.hpp"
#include "reduction_fixture.hpp"

namespace framelog {
namespace {

constexpr PixelType kTypes[] = {PixelType::kUint8,  PixelType::kInt8,    PixelType::kUint16,
                                PixelType::kInt16,  PixelType::kUint32,  PixelType::kInt32,
                                PixelType::kUint64, PixelType::kFloat32, PixelType::kFloat64};

/// Bytes that end with their allocation.
std::vector<std::byte> random_row(std::mt19937_64& random, PixelType type, std::size_t pixels) {
  std::vector<std::byte> row(pixels * size_bytes(type));
  if (!is_float(type)) {
    for (std::byte& byte : row) byte = static_cast<std::byte>(random() % 3 == 0 ? 255 : random());
    return row;
  }
  for (std::size_t i = 0; i < pixels; ++i) {
    const double value =
        random() % 7 == 0 ? NAN : std::uniform_real_distribution<double>(-100, 1000)(random);
    const auto single = static_cast<float>(value);
    if (type == PixelType::kFloat32) {
      std::memcpy(row.data() + i * sizeof(float), &single, sizeof(float));
    } else {
      std::memcpy(row.data() + i * sizeof(double), &value, sizeof(double));
    }
  }
  return row;
}

template <class Function>
struct Choice {
  Function plain;
  std::vector<Function> others;
};

template <class Function>
Choice<Function> choices(PixelType type, Function (*plain)(PixelType) noexcept,
                         Function (*baseline)(PixelType) noexcept,
                         Function (*v3)(PixelType) noexcept) {
  Choice<Function> choice{plain(type), {}};
  if (best_kernels() == KernelSet::kPlain) return choice;
  if (baseline(type) != nullptr) choice.others.push_back(baseline(type));
  if (best_kernels() == KernelSet::kV3 && v3(type) != nullptr) choice.others.push_back(v3(type));
  return choice;
}

TEST(RowKernels, CountSaturatedPixelsAlike) {
  std::mt19937_64 random(1);
  for (const PixelType type : kTypes) {
    const auto choice = choices(type, plain_counter, baseline_counter, v3_counter);
    for (int i = 0; i < 200; ++i) {
      const std::size_t pixels = i < 4 ? 40000 : random() % 300;
      const auto row = random_row(random, type, pixels);
      KernelJob job;
      job.float_saturation = random() % 8 == 0 ? NAN : 500.25;
      const double most = is_float(type) ? 1000 : largest_value(type);
      job.saturation = static_cast<Int128>(random() % 4 == 0 ? 0x1p65 : most * 0.75);
      const std::uint64_t expected = choice.plain(job, row.data(), pixels);
      EXPECT_LE(expected, pixels);
      for (const RowCounter counter : choice.others) {
        ASSERT_EQ(counter(job, row.data(), pixels), expected) << name_of(type) << " " << pixels;
      }
    }
  }
}

TEST(RowKernels, AddRowsAlike) {
  std::mt19937_64 random(2);
  for (const PixelType type : kTypes) {
    const auto choice = choices(type, plain_adder, baseline_adder, v3_adder);
    for (int i = 0; i < 100; ++i) {
      const std::size_t pixels = random() % 150;
      // Sums of uint64 have 128 bits; those of floats a count of 16 beside them.
      const std::size_t wide = type == PixelType::kUint64 ? 16 : is_float(type) ? 10 : 8;
      const std::size_t sum_bytes = size_bytes(type) <= 2 ? 4 : wide;
      std::vector<std::byte> sums(pixels * sum_bytes);
      std::vector<std::byte> after(sums.size());
      bool first = true;
      for (int frame = 0; frame < 4; ++frame) {
        const auto row = random_row(random, type, pixels);
        choice.plain(row.data(), first ? nullptr : sums.data(), after.data(), pixels);
        for (const RowAdder adder : choice.others) {
          std::vector<std::byte> other(sums.size());
          adder(row.data(), first ? nullptr : sums.data(), other.data(), pixels);
          ASSERT_EQ(other, after) << name_of(type) << " " << pixels;
        }
        sums = after;
        first = false;
      }
    }
  }
}

TEST(RowKernels, SumAreasAlike) {
  std::mt19937_64 random(3);
  for (const PixelType type : kTypes) {
    const auto choice = choices(type, plain_detector, baseline_detector, v3_detector);
    for (int i = 0; i < 60; ++i) {
      const std::size_t blocks = 1 + random() % 600;
      const auto frame = random_row(random, type, blocks * kBlockPixels);
      std::vector<DetectorPiece> pieces;
      std::vector<DetectorRun> runs;
      while (pieces.size() < blocks) {
        const auto count = static_cast<std::uint32_t>(1 + random() % kMostPieces);
        runs.push_back({count, static_cast<std::uint32_t>(random() % kMostAreas)});
        for (std::uint32_t k = 0; k < count; ++k) {
          const bool whole = random() % 2 == 0;
          pieces.push_back({static_cast<std::uint32_t>(random() % blocks),
                            static_cast<std::uint16_t>(whole ? 0xFFFF : random())});
        }
      }
      const DetectorJob job{frame.data(), pieces.data(), runs.data(), runs.size()};
      AreaSums expected{};
      choice.plain(job, expected);
      for (const DetectorKernel kernel : choice.others) {
        AreaSums sums{};
        kernel(job, sums);
        for (std::size_t area = 0; area < kMostAreas; ++area) {
          ASSERT_TRUE(sums.integers[area] == expected.integers[area]) << name_of(type);
          ASSERT_NEAR(sums.floats[area], expected.floats[area],
                      1e-12 * 1000 * kBlockPixels * static_cast<double>(pieces.size()));
        }
      }
    }
  }
}

}  // namespace
}  // namespace framelog
