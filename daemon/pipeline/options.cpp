#include "pipeline/options.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "pipeline/line_settings.hpp"

namespace framelog {
namespace {

using enum OptionType;

constexpr double kMiB = 1024.0 * 1024.0;
constexpr double kTiB = kMiB * kMiB;
constexpr double kMillisecond = 1e-3;
constexpr double kHour = 3600.0;
constexpr double kDay = 24 * kHour;
constexpr double kMostReduceThreads = 16;
constexpr double kMostFrames = 1e9;
constexpr double kMostFlyback = 1e6;

constexpr std::string_view kDefaultTemplate =
    "{start:%Y}/{start:%Y%m%d}/{instrument}_{product}_{start:%Y%m%d_%H_%M_%S}_{segment:04}";

constexpr std::array kOptions{
    OptionSpec{.section = "instrument",
               .key = "title",
               .type = kText,
               .help = "What is recorded, for people; into every file."},
    OptionSpec{.section = "instrument",
               .key = "operator",
               .type = kText,
               .help = "Who records; into every file."},
    OptionSpec{.section = "instrument",
               .key = "sample",
               .type = kText,
               .help = "What is looked at; into every file."},
    OptionSpec{.section = "instrument",
               .key = "notes",
               .type = kText,
               .help = "Anything else worth knowing; into every file."},
    OptionSpec{.section = "instrument",
               .key = "channel",
               .type = kText,
               .help = "The detector or colour channel; into every file."},
    OptionSpec{.section = "instrument",
               .key = "pixel_size",
               .type = kLengths,
               .default_text = "1 px",
               .help = "Size of a source pixel at the sample: one length, or two for y, x."},
    OptionSpec{.section = "instrument",
               .key = "sensor_pitch",
               .type = kLengths,
               .help = "Size of a pixel on the detector itself: one length, or two for y, x."},
    OptionSpec{.section = "instrument",
               .key = "scan",
               .type = kShape,
               .allowed = "rows x columns such as 8 x 16",
               .help = "Frames are the points of a raster scan: lines x points of a line."},
    OptionSpec{.section = "instrument",
               .key = "scan_step",
               .type = kLengths,
               .help = "Distance of neighbouring scan points: one length, or two for y, x."},
    OptionSpec{
        .section = "instrument",
        .key = "flyback",
        .type = kInteger,
        .default_text = "0",
        .help = "Frames behind each line of a scan that belong to no point; they are skipped.",
        .least = 0,
        .most = kMostFlyback},
    OptionSpec{.section = "instrument",
               .key = "value_unit",
               .type = kText,
               .default_text = "counts",
               .help = "Unit of the pixel values."},

    OptionSpec{.section = "source",
               .key = "driver",
               .type = kChoice,
               .help = "The driver that delivers the frames."},
    OptionSpec{.section = "source",
               .key = "on_disconnect",
               .type = kChoice,
               .default_text = "retry",
               .allowed = "retry stop",
               .help = "When the instrument goes away: try again for ever, after 0.5 s and then "
                       "ever more up to 30 s, or stop."},
    OptionSpec{.section = "source",
               .key = "stall_timeout",
               .type = kDuration,
               .default_text = "auto",
               .help = "No frame for so long counts as disconnected; auto is ten frame periods, at "
                       "least 5 s; off for triggered instruments.",
               .words = "auto off",
               .least = 100 * kMillisecond,
               .most = kDay},
    OptionSpec{
        .section = "source",
        .key = "incomplete",
        .type = kChoice,
        .default_text = "keep",
        .allowed = "keep drop",
        .help = "Incomplete and corrupt frames: keep them, flagged, or drop and count them."},

    OptionSpec{.section = "ring",
               .key = "memory",
               .type = kSize,
               .default_text = "auto",
               .help =
                   "Memory for frames between capture and disk; auto is 256 MiB or a quarter of "
                   "the RAM, the smaller, and at least 4 frames.",
               .words = "auto",
               .least = kMiB,
               .most = kTiB},
    OptionSpec{.section = "ring",
               .key = "overflow",
               .type = kChoice,
               .allowed = "drop wait",
               .help = "When the ring is full: drop and count the newest frame, or let the source "
                       "wait; by default what suits the driver."},
    OptionSpec{.section = "ring",
               .key = "lock",
               .type = kBoolean,
               .default_text = "no",
               .help = "Lock the ring in memory."},

    OptionSpec{.section = "record",
               .key = "start",
               .type = kChoice,
               .default_text = "always",
               .allowed = "always trigger schedule command",
               .help = "When frames are recorded: always, around triggers, every so often, or from "
                       "`framelog start` on."},
    OptionSpec{.section = "record",
               .key = "repeat",
               .type = kDuration,
               .help = "With start = schedule: every so often.",
               .least = kMillisecond,
               .most = 366 * kDay},
    OptionSpec{.section = "record",
               .key = "length",
               .type = kDuration,
               .help = "With start = schedule: for so long; by default one frame.",
               .least = 0,
               .most = 366 * kDay},
    OptionSpec{.section = "record",
               .key = "trigger",
               .type = kText,
               .default_text = "command",
               .allowed = "command, statistic PRODUCT.mean > 120 (min, max, mean, std, sum or "
                          "saturated; >, >=, < or <=), gpio:LINE rising (falling, both; without "
                          ":LINE that of gpio.trigger), or gate (while gpio.gate is active)",
               .help = "What starts an event; a command always does."},
    OptionSpec{.section = "record",
               .key = "pre_frames",
               .type = kInteger,
               .help = "Frames before the trigger that are recorded.",
               .least = 0,
               .most = kMostFrames},
    OptionSpec{.section = "record",
               .key = "post_frames",
               .type = kInteger,
               .help = "Frames behind the trigger's that are recorded.",
               .least = 0,
               .most = kMostFrames},
    OptionSpec{.section = "record",
               .key = "pre_time",
               .type = kDuration,
               .help = "Time before the trigger that is recorded, in place of pre_frames.",
               .least = 0,
               .most = kDay},
    OptionSpec{.section = "record",
               .key = "post_time",
               .type = kDuration,
               .help = "Time behind the trigger that is recorded, in place of post_frames.",
               .least = 0,
               .most = 366 * kDay},
    OptionSpec{.section = "record",
               .key = "retrigger",
               .type = kChoice,
               .default_text = "extend",
               .allowed = "extend ignore",
               .help = "What a trigger does during an event."},
    OptionSpec{.section = "record",
               .key = "hold_off",
               .type = kDuration,
               .default_text = "0 s",
               .help = "No event begins for so long behind the end of one.",
               .least = 0,
               .most = 366 * kDay},
    OptionSpec{.section = "record",
               .key = "max_event",
               .type = kDuration,
               .default_text = "unlimited",
               .help = "An event ends after so long; the next one needs a trigger of its own.",
               .words = "unlimited",
               .least = kMillisecond,
               .most = 366 * kDay},

    OptionSpec{.section = "files",
               .key = "base",
               .type = kPath,
               .allowed = "a directory",
               .help = "Where the files go; created with its parents; by default "
                       "/var/lib/framelogd/NAME."},
    OptionSpec{.section = "files",
               .key = "require_mount",
               .type = kBoolean,
               .default_text = "no",
               .help = "Only where a disk of its own is mounted, never on the root's file system; "
                       "until one is there frames are dropped."},
    OptionSpec{.section = "files",
               .key = "template",
               .type = kText,
               .default_text = kDefaultTemplate,
               .allowed = "a name template",
               .help = "Name of a segment below the base, without extension."},
    OptionSpec{.section = "files",
               .key = "sync_interval",
               .type = kDuration,
               .default_text = "1 s",
               .help = "How often what was written is made safe from a power cut.",
               .least = 10 * kMillisecond,
               .most = kHour},
    OptionSpec{.section = "files",
               .key = "checksum",
               .type = kChoice,
               .default_text = "crc32c",
               .allowed = "crc32c sha256",
               .help =
                   "Checksum of each frame's pixels; sha256: and that of each finished file, in "
                   "the catalog and in SHA256SUMS beside it."},
    OptionSpec{.section = "files",
               .key = "direct_io",
               .type = kChoice,
               .default_text = "auto",
               .allowed = "auto yes no",
               .help = "Write pixels past the page cache."},

    OptionSpec{.section = "roll",
               .key = "max_size",
               .type = kSize,
               .default_text = "1 GiB",
               .help = "A segment ends at this size.",
               .least = kMiB,
               .most = 16 * kTiB},
    OptionSpec{.section = "roll",
               .key = "max_duration",
               .type = kDuration,
               .default_text = "1 h",
               .help = "A segment ends after this time.",
               .least = 1,
               .most = 31 * kDay},
    OptionSpec{.section = "roll",
               .key = "max_frames",
               .type = kInteger,
               .default_text = "unlimited",
               .help = "A segment ends after so many frames.",
               .words = "unlimited",
               .least = 1,
               .most = kMostFrames},
    OptionSpec{
        .section = "roll",
        .key = "align",
        .type = kChoice,
        .default_text = "none",
        .allowed = "none hour day scan",
        .help = "A segment ends at full hours or at midnight, local time, or with each scan."},

    OptionSpec{.section = "retention",
               .key = "min_free",
               .type = kSize,
               .default_text = "1 GiB",
               .help = "So much of each file system stays free.",
               .least = 0,
               .most = 1024 * kTiB},
    OptionSpec{.section = "retention",
               .key = "when_full",
               .type = kChoice,
               .default_text = "pause",
               .allowed = "pause delete-oldest",
               .help = "Below min_free: drop frames until there is room, or delete the oldest "
                       "finished segments."},
    OptionSpec{.section = "retention",
               .key = "max_total",
               .type = kSize,
               .default_text = "unlimited",
               .help = "Finished segments of this instrument take so much; the oldest go.",
               .words = "unlimited",
               .least = kMiB,
               .most = 1024 * kTiB},
    OptionSpec{.section = "retention",
               .key = "max_age",
               .type = kDuration,
               .default_text = "unlimited",
               .help = "Finished segments older than this go.",
               .words = "unlimited",
               .least = 1,
               .most = 36500 * kDay},
    OptionSpec{.section = "retention",
               .key = "max_segments",
               .type = kInteger,
               .default_text = "unlimited",
               .help = "So many finished segments are kept; the oldest go.",
               .words = "unlimited",
               .least = 1,
               .most = kMostFrames},
    OptionSpec{.section = "retention",
               .key = "require_ack",
               .type = kBoolean,
               .default_text = "no",
               .help = "Delete only what framelog ack has named: it is copied elsewhere."},

    OptionSpec{.section = "realtime",
               .key = "reduce_threads",
               .type = kInteger,
               .default_text = "1",
               .help = "Threads that reduce frames.",
               .least = 1,
               .most = kMostReduceThreads},

    OptionSpec{.section = "log",
               .key = "level",
               .type = kChoice,
               .default_text = "info",
               .allowed = "error warning info debug",
               .help = "What is logged: this and what is more serious."},
};

}  // namespace

std::span<const OptionSpec> recording_options() {
  // The products come before what is done with their files.
  static const std::vector<OptionSpec> kAll = [] {
    std::vector<OptionSpec> all(kOptions.begin(), kOptions.end());
    const auto files = std::ranges::find(all, "files", &OptionSpec::section);
    const auto products = product_options();
    all.insert(files, products.begin(), products.end());
    const auto log = std::ranges::find(all, "log", &OptionSpec::section);
    const auto lines = line_options();
    all.insert(log, lines.begin(), lines.end());
    return all;
  }();
  return kAll;
}

}  // namespace framelog
