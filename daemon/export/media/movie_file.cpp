#include "export/media/movie_file.hpp"

#include <fcntl.h>

#include <algorithm>
#include <span>

namespace framelog {
namespace {

constexpr int kBufferBytes = 1 << 18;

void say_nothing(void* /*of*/, int /*level*/, const char* /*format*/, va_list /*arguments*/) {}

}  // namespace

Result<std::unique_ptr<MovieFile>> MovieFile::create(FileSystem& files,
                                                     const std::filesystem::path& path,
                                                     const char* muxer) {
  av_log_set_callback(say_nothing);  // Errors are returned.
  const AVOutputFormat* kind = av_guess_format(muxer, nullptr, nullptr);
  if (kind == nullptr) {
    return fail(ErrorCode::kUnsupported, "libavformat here does not write", muxer);
  }
  auto file = files.open(path, O_RDWR | O_CREAT | O_EXCL);
  if (!file) return std::unexpected(file.error());
  std::unique_ptr<MovieFile> self(new MovieFile(files, std::move(*file)));
  const int status = avformat_alloc_output_context2(&self->format_, kind, nullptr, nullptr);
  if (status < 0) return libav_failure("cannot make a movie:", status);
  auto* buffer = static_cast<unsigned char*>(av_malloc(kBufferBytes));
  if (buffer != nullptr) {
    self->io_ = avio_alloc_context(buffer, kBufferBytes, 1, self.get(), nullptr, on_write, on_seek);
  }
  if (self->io_ == nullptr) {
    av_free(buffer);
    return fail(ErrorCode::kNoMemory, "cannot make a movie");
  }
  self->format_->pb = self->io_;
  self->format_->flags |= AVFMT_FLAG_BITEXACT | AVFMT_FLAG_CUSTOM_IO;
  return self;
}

MovieFile::~MovieFile() {
  if (is_begun_) {  // Some muxers let go of their last packet in the trailer alone.
    is_abandoned_ = true;
    av_write_trailer(format_);
  }
  if (io_ != nullptr) {
    av_freep(&io_->buffer);
    avio_context_free(&io_);
  }
  avformat_free_context(format_);
}

int MovieFile::on_write(void* self, std::uint8_t* bytes, int count) {
  auto& movie = *static_cast<MovieFile*>(self);
  if (movie.is_abandoned_) return count;
  const auto part = std::as_bytes(std::span(bytes, static_cast<std::size_t>(count)));
  auto wrote = movie.files_->write_at(movie.file_.get(), part, movie.position_);
  if (!wrote) {
    if (movie.written_) movie.written_ = std::move(wrote);
    return AVERROR(EIO);
  }
  movie.position_ += count;
  movie.size_ = std::max(movie.size_, movie.position_);
  return count;
}

std::int64_t MovieFile::on_seek(void* self, std::int64_t offset, int whence) {
  auto& movie = *static_cast<MovieFile*>(self);
  if ((whence & AVSEEK_SIZE) != 0) return movie.size_;
  const int from = whence & ~AVSEEK_FORCE;
  if (from == SEEK_CUR) offset += movie.position_;
  if (from == SEEK_END) offset += movie.size_;
  if (offset < 0) return AVERROR(EINVAL);
  movie.position_ = offset;
  return offset;
}

Result<void> MovieFile::result_of(int status, const char* what) const {
  if (!written_) return written_;
  if (status < 0) return libav_failure(what, status);
  return {};
}

bool MovieFile::wants_global_header() const noexcept {
  return (format_->oformat->flags & AVFMT_GLOBALHEADER) != 0;
}

void MovieFile::set_option(const char* name, std::int64_t value) noexcept {
  av_opt_set_int(format_->priv_data, name, value, 0);
}

Result<void> MovieFile::begin(const AVCodecContext& encoder) {
  AVStream* stream = avformat_new_stream(format_, nullptr);
  if (stream == nullptr) return fail(ErrorCode::kNoMemory, "cannot make a movie");
  time_base_ = encoder.time_base;
  stream->time_base = encoder.time_base;
  const int described = avcodec_parameters_from_context(stream->codecpar, &encoder);
  if (described < 0) return libav_failure("cannot describe the movie:", described);
  const int begun = avformat_write_header(format_, nullptr);
  is_begun_ = begun >= 0;
  return result_of(begun, "cannot begin the movie:");
}

Result<void> MovieFile::write(AVPacket& packet) {
  packet.stream_index = 0;
  av_packet_rescale_ts(&packet, time_base_, format_->streams[0]->time_base);
  return result_of(av_interleaved_write_frame(format_, &packet), "cannot write the movie:");
}

Result<void> MovieFile::finish() {
  is_begun_ = false;
  const int ended = av_write_trailer(format_);
  avio_flush(io_);
  if (auto whole = result_of(ended, "cannot end the movie:"); !whole) return whole;
  return files_->sync(file_.get());
}

}  // namespace framelog
