#include "service/metrics_file.hpp"

#include <fcntl.h>
#include <pthread.h>

#include <span>
#include <utility>

#include "core/log.hpp"

namespace framelog {

MetricsFile::MetricsFile(FileSystem& files, std::filesystem::path path)
    : files_(files),
      path_(std::move(path)),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

MetricsFile::~MetricsFile() = default;

void MetricsFile::write(std::string text) {
  {
    const std::scoped_lock lock(mutex_);
    next_ = std::move(text);
  }
  changed_.notify_one();
}

void MetricsFile::run(const std::stop_token& stop) {
  ::pthread_setname_np(::pthread_self(), "metrics");
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return next_.has_value(); })) {
    const std::string text = *std::exchange(next_, std::nullopt);
    lock.unlock();
    const auto written = replace(text);
    if (!written && !failing_) {
      log(LogLevel::kError,
          "cannot write " + path_.string() + ": " + describe(written.error()) + "; trying again");
    }
    failing_ = !written;
    lock.lock();
  }
}

// Readers see the old text or the new one, never a part.
Result<void> MetricsFile::replace(const std::string& text) {
  const std::filesystem::path beside = path_.string() + ".tmp";
  {
    auto file = files_.open(beside, O_WRONLY | O_CREAT | O_TRUNC);
    if (!file) return std::unexpected(file.error());
    if (auto written = files_.write_at(file->get(), std::as_bytes(std::span(text)), 0); !written) {
      return written;
    }
  }
  return files_.replace(beside, path_);
}

}  // namespace framelog
