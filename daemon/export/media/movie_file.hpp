#pragma once

#include <filesystem>
#include <memory>

#include "core/file_system.hpp"
#include "core/unique_fd.hpp"
#include "export/media/libav.hpp"

namespace framelog {

/// A movie file with one stream, written by libavformat through our FileSystem, so that errors of
/// the disk stay what they are. Nothing in it depends on the time or libav's version. Threads: one.
class MovieFile {
 public:
  /// `muxer`: "webm", "mp4", "gif". Creates the file, which must not be there.
  [[nodiscard]] static Result<std::unique_ptr<MovieFile>> create(FileSystem& files,
                                                                 const std::filesystem::path& path,
                                                                 const char* muxer);
  MovieFile(const MovieFile&) = delete;
  MovieFile& operator=(const MovieFile&) = delete;
  ~MovieFile();

  /// Whether encoders have to put their headers into the stream's description.
  [[nodiscard]] bool wants_global_header() const noexcept;
  /// Describes the stream as the encoder has it, and writes the beginning.
  [[nodiscard]] Result<void> begin(const AVCodecContext& encoder);
  /// Times in the encoder's time base.
  [[nodiscard]] Result<void> write(AVPacket& packet);
  /// An option of the muxer, which libav allows until the end.
  void set_option(const char* name, std::int64_t value) noexcept;
  [[nodiscard]] Result<void> finish();

 private:
  MovieFile(FileSystem& files, UniqueFd file) : files_(&files), file_(std::move(file)) {}
  static int on_write(void* self, std::uint8_t* bytes, int count);
  static std::int64_t on_seek(void* self, std::int64_t offset, int whence);
  /// Of a call to libav: the file's own error where there was one.
  [[nodiscard]] Result<void> result_of(int status, const char* what) const;

  FileSystem* files_;
  UniqueFd file_;
  std::int64_t position_{};
  std::int64_t size_{};
  Result<void> written_;
  bool is_begun_{};      ///< And its end is not written.
  bool is_abandoned_{};  ///< What is written goes nowhere.
  AVFormatContext* format_{};
  AVIOContext* io_{};
  AVRational time_base_{};
};

}  // namespace framelog
