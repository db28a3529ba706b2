#include "store/input_digests.hpp"

#include <fcntl.h>

#include <utility>

namespace framelog {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 20U;
constexpr int kBuffersPerStep = 8;

}  // namespace

InputDigests::InputDigests(FileSystem& files, std::vector<std::filesystem::path> paths)
    : files_(files), paths_(std::move(paths)) {}

void InputDigests::step() {
  if (done()) return;
  if (!digest_) {
    auto fd = files_.open(paths_[next_], O_RDONLY);
    if (!fd) return finish_file(false);
    fd_ = std::move(*fd);
    offset_ = 0;
    digest_.emplace();
    buffer_.resize(kBufferBytes);
  }
  for (int i = 0; i < kBuffersPerStep; ++i) {
    const auto got = files_.read_at(fd_.get(), buffer_, offset_);
    if (!got) return finish_file(false);
    digest_->update(std::span(buffer_).first(*got));
    offset_ += static_cast<std::int64_t>(*got);
    if (*got < buffer_.size()) return finish_file(true);
  }
}

void InputDigests::finish_file(bool whole) {
  if (whole) digests_[paths_[next_].string()] = digest_->hex();
  digest_.reset();
  fd_.reset();
  ++next_;
  if (done()) buffer_ = {};
}

}  // namespace framelog
