#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "export/dataset_writer.hpp"

/// Private to the write_*.cpp files of this folder: the functions of the rows of
/// dataset_formats(); see DatasetFormat.
namespace framelog {

/// Compressions beside none.
inline constexpr std::array kHdf5Codecs{Codec::kGzip, Codec::kLz4, Codec::kBitshuffleLz4,
                                        Codec::kZstd};
inline constexpr std::array kTiffCodecs{Codec::kDeflate, Codec::kLzw, Codec::kZstd};

/// What the texts of a file can take beside the pixels.
[[nodiscard]] std::int64_t text_bytes(const RecordingFacts& recording) noexcept;

#define FRAMELOG_DATASET_FORMAT(name)                                                              \
  [[nodiscard]] Result<void> check_##name(const RecordingFacts& recording,                         \
                                          const ResultFacts& result, const WriteRequest& request,  \
                                          std::vector<std::string>& notes);                        \
  [[nodiscard]] std::int64_t estimate_##name(                                                      \
      const RecordingFacts& recording, const ResultFacts& result, const WriteRequest& request);    \
  [[nodiscard]] Result<std::unique_ptr<DatasetWriter>> create_##name(FileSystem& files,            \
                                                                     const WritePlan& plan);       \
  [[nodiscard]] Result<void> verify_##name(FileSystem& files, const std::filesystem::path& part,   \
                                           const ResultFacts& result, const WriteRequest& request, \
                                           std::span<const std::uint32_t> crc32c)
FRAMELOG_DATASET_FORMAT(hdf5);
FRAMELOG_DATASET_FORMAT(raw);
FRAMELOG_DATASET_FORMAT(npy);
FRAMELOG_DATASET_FORMAT(npz);
FRAMELOG_DATASET_FORMAT(ome_tiff);
FRAMELOG_DATASET_FORMAT(imagej_tiff);
FRAMELOG_DATASET_FORMAT(csv);
#undef FRAMELOG_DATASET_FORMAT

/// The layouts of HDF5 are created one by one.
[[nodiscard]] Result<std::unique_ptr<DatasetWriter>> create_nexus(FileSystem& files,
                                                                  const WritePlan& plan);
[[nodiscard]] Result<std::unique_ptr<DatasetWriter>> create_ilastik(FileSystem& files,
                                                                    const WritePlan& plan);
[[nodiscard]] Result<std::unique_ptr<DatasetWriter>> create_playnano(FileSystem& files,
                                                                     const WritePlan& plan);
[[nodiscard]] Result<std::unique_ptr<DatasetWriter>> create_pymodaq(FileSystem& files,
                                                                    const WritePlan& plan);
[[nodiscard]] Result<std::unique_ptr<DatasetWriter>> create_quant4d(FileSystem& files,
                                                                    const WritePlan& plan);

}  // namespace framelog
