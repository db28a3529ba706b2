#pragma once

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "core/file_system.hpp"

namespace framelog {

/// Keeps a file of metrics for the node exporter's textfile collector, replaced as a whole. A
/// thread of its own writes: the disk may be slow, and control must not wait for it. Of the texts
/// that come while one is being written, the latest is written next. They are not synced: behind a
/// power cut they mean nothing.
class MetricsFile {
 public:
  /// `files` is borrowed.
  MetricsFile(FileSystem& files, std::filesystem::path path);
  MetricsFile(const MetricsFile&) = delete;
  MetricsFile& operator=(const MetricsFile&) = delete;
  /// Waits for the write that goes on, and leaves the file.
  ~MetricsFile();

  /// Threads: control. Returns at once. What fails is logged when it begins to fail.
  void write(std::string text);

 private:
  void run(const std::stop_token& stop);
  [[nodiscard]] Result<void> replace(const std::string& text);

  FileSystem& files_;
  std::filesystem::path path_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::optional<std::string> next_;
  bool failing_{};
  std::jthread thread_;
};

}  // namespace framelog
