#include <dlfcn.h>
#include <fmt/format.h>
#include <sys/auxv.h>

#include <system_error>
#include <vector>

#include "core/version.hpp"
#include "export/media/media_interface.hpp"

namespace framelog {
namespace {

constexpr const char* kFileName = "framelog-media.so";

/// Where packages and builds put it; the program's own path comes from the kernel. A program that
/// has its user's rights by setuid could stand anywhere, so for it the package's folder alone
/// counts.
std::vector<std::filesystem::path> places() {
  const std::filesystem::path package = std::filesystem::path(FRAMELOG_MEDIA_DIRECTORY) / kFileName;
  if (getauxval(AT_SECURE) != 0) return {package};
  std::error_code failed;
  const auto programs = std::filesystem::read_symlink("/proc/self/exe", failed).parent_path();
  if (failed) return {package};
  return {programs / kFileName, programs / FRAMELOG_MEDIA_FROM_PROGRAMS / kFileName, package};
}

Result<const MediaModule*> load() {
  for (const auto& place : places()) {
    std::error_code failed;
    if (std::filesystem::is_regular_file(place, failed)) {
      return load_media_module(place);
    }
  }
  return fail(ErrorCode::kNotFound, "framelog-media is not installed");
}

}  // namespace

Result<const MediaModule*> load_media_module(const std::filesystem::path& file) {
  // Never closed: error texts and vtables of its objects lie in it.
  void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return fail(ErrorCode::kUnsupported, "cannot load",
                fmt::format("{}, of the package framelog-media: {}", file.string(), dlerror()));
  }
  const auto entry = reinterpret_cast<MediaEntry>(dlsym(library, kMediaSymbol));
  const MediaModule* module = entry == nullptr ? nullptr : entry();
  if (module == nullptr || module->version != kMediaVersion) {
    return fail(ErrorCode::kUnsupported, "",
                fmt::format("{} is of another version (needed: the package framelog-media {})",
                            file.string(), program_version()));
  }
  return module;
}

Result<const MediaModule*> media_module(std::string_view what) {
  static const Result<const MediaModule*> module = load();
  if (module || module.error().code != ErrorCode::kNotFound) return module;
  return fail(ErrorCode::kUnsupported, "",
              fmt::format("{} needs the package framelog-media (allowed without it: pictures on "
                          "which nothing is drawn, zip)",
                          what));
}

}  // namespace framelog
