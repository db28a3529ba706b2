#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include "core/result.hpp"

namespace framelog::bench {

/// A benchmark that cannot do its work ends here; main() says why.
[[noreturn]] inline void give_up(const std::string& why) { throw std::runtime_error(why); }

template <class T>
T must(Result<T> result) {
  if (!result) give_up(describe(result.error()));
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

/// A new directory below `parent`, gone with all that is in it at the end.
class Scratch {
 public:
  explicit Scratch(const std::filesystem::path& parent) {
    std::string name = (parent / "framelog-bench-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) give_up("cannot make a directory in " + parent.string());
    path_ = name;
  }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

  static std::filesystem::path default_parent() {
    const char* given = std::getenv("TMPDIR");
    return given != nullptr && *given != '\0' ? given : "/tmp";
  }

 private:
  std::filesystem::path path_;
};

}  // namespace framelog::bench
