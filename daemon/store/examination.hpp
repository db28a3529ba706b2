#pragma once

#include <filesystem>
#include <utility>

#include "core/file_system.hpp"

namespace framelog {

/// A look into an unfinished segment of a dead process, by programs that a damaged file may kill or
/// hang. NAME.EXT.tries beside it counts the looks that have not come to an end, so that one file
/// does not keep the recorder from recording for ever. One that ends leaves the count as it was,
/// and without a count where the segment is gone. Where the count cannot be written, the look is
/// not counted. Threads: one.
class Examination {
 public:
  /// So many processes may end while they look into a segment, for reasons of their own.
  static constexpr int kMost = 9;

  /// Errors: kCorrupt, when so many have.
  [[nodiscard]] static Result<Examination> begin(FileSystem& files,
                                                 const std::filesystem::path& part);
  Examination(Examination&& other) noexcept;
  Examination(const Examination&) = delete;
  Examination& operator=(const Examination&) = delete;
  Examination& operator=(Examination&&) = delete;
  /// The look has come to an end, whatever it has found.
  ~Examination();
  /// The segment is as good as any: earlier deaths do not count.
  void passed() noexcept { before_ = 0; }

 private:
  Examination(FileSystem& files, std::filesystem::path part, int before)
      : files_(&files), part_(std::move(part)), before_(before) {}

  FileSystem* files_;
  std::filesystem::path part_;
  int before_;  ///< Looks that had not come to an end.
};

/// "DIR/NAME.EXT.part" -> "DIR/NAME.EXT.tries".
[[nodiscard]] std::filesystem::path tries_path(const std::filesystem::path& part);

}  // namespace framelog
