#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/file_system.hpp"
#include "core/result.hpp"
#include "export/picture.hpp"
#include "export/picture_ticks.hpp"

namespace framelog {

/// Points of one line over a picture, in pixels of the picture with its edges at 0 and its size.
struct Outline {
  struct Point {
    double x{}, y{};
  };
  std::string name;  ///< Written beside it; may be empty.
  Rgb ink;
  std::vector<std::vector<Point>> lines;  ///< Each is closed.
};

/// All that is drawn, already measured: what draws only draws. Lengths in pixels of the picture as
/// it is given, which is zoomed already.
struct Drawing {
  struct Bar {
    double length_px{};
    std::string text;
  };
  struct Tick {
    double place_px{};
    std::string label;
  };
  struct Side {
    std::vector<Tick> ticks;
    std::string label;
  };
  Rgb ink;
  std::string title, timestamp;
  std::optional<Bar> bar;
  std::vector<Outline> outlines;
  std::optional<std::array<Side, 2>> axes;  ///< Rows, columns; the picture grows by their margins.
};

/// What the module framelog-media.so gives. The programs are not linked with its libraries: a
/// recorder board need not carry them.
struct MediaModule {
  std::uint32_t version{};  ///< kMediaVersion of the module's build.
  /// Errors: kNoMemory.
  Result<void> (*draw)(RgbImage& image, const Drawing& drawing){};
  /// Errors: kUnsupported, libavcodec has no such encoder; those of files.
  Result<std::unique_ptr<MovieWriter>> (*create_movie)(FileSystem& files, std::string_view format,
                                                       const std::filesystem::path& part,
                                                       const MovieRequest& movie){};
};

/// Counts changes of anything that this header names.
inline constexpr std::uint32_t kMediaVersion = 1;
inline constexpr const char* kMediaSymbol = "framelog_media";
using MediaEntry = const MediaModule* (*)() noexcept;

/// The module, loaded once: beside the program, where a build has it, from the folder of the
/// package as seen from the program, or from that folder. No environment variable names another
/// one. Threads: any. Errors: kUnsupported: it is not installed ("`what` needs the package
/// framelog-media"), or is of another version.
[[nodiscard]] Result<const MediaModule*> media_module(std::string_view what);
/// The same from one file.
[[nodiscard]] Result<const MediaModule*> load_media_module(const std::filesystem::path& file);

}  // namespace framelog
