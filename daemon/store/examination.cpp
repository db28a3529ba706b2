#include "store/examination.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <charconv>
#include <string>
#include <utility>

namespace framelog {

using std::filesystem::path;

namespace {

void write_tries(FileSystem& files, const path& part, int tries) {
  if (auto fd = files.open(tries_path(part), O_RDWR | O_CREAT)) {
    const std::string text = fmt::format("{}\n", tries);
    static_cast<void>(files.write_at(fd->get(), std::as_bytes(std::span(text)), 0));
  }
}

}  // namespace

path tries_path(const path& part) { return part.parent_path() / (part.stem().string() + ".tries"); }

Result<Examination> Examination::begin(FileSystem& files, const path& part) {
  int tries = 0;
  if (files.exists(tries_path(part))) {
    if (const auto text = read_text(files, tries_path(part), 64)) {
      std::from_chars(text->data(), text->data() + text->size(), tries);
    }
  }
  if (tries >= kMost) {
    return fail(
        ErrorCode::kCorrupt, "kills whoever reads it:",
        fmt::format("{} processes have ended while they looked into {}", tries, part.string()));
  }
  write_tries(files, part, tries + 1);
  return Examination(files, part, tries);
}

Examination::Examination(Examination&& other) noexcept
    : files_(std::exchange(other.files_, nullptr)),
      part_(std::move(other.part_)),
      before_(other.before_) {}

Examination::~Examination() {
  if (files_ == nullptr) return;
  if (before_ > 0 && files_->exists(part_)) {
    write_tries(*files_, part_, before_);
  } else if (const path count = tries_path(part_); files_->exists(count)) {
    static_cast<void>(files_->remove(count));
  }
}

}  // namespace framelog
