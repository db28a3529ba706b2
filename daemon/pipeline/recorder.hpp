#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "core/file_system.hpp"
#include "pipeline/catalog_keeper.hpp"
#include "pipeline/recording_plan.hpp"
#include "pipeline/ring_keeper.hpp"
#include "pipeline/session.hpp"

namespace framelog {

/// What a configuration gives the recorder. Made anew for each reload.
struct RecorderSetup {
  std::string instrument;
  std::filesystem::path base;
  std::unique_ptr<FrameSource> source;
  /// Effective keys and values of [source] that make the source what it is: where two setups have
  /// the same, a reload keeps the source.
  std::string source_identity;
  std::vector<std::filesystem::path> bases;  ///< All directories that files go to.
  bool require_mount{};                      ///< They have to be on disks of their own.
  CatalogSettings catalog;
  bool hardware{};          ///< Of its driver: a source that cannot be opened may appear later.
  bool reconnect{true};     ///< on_disconnect = retry.
  bool start_by_command{};  ///< record.start = command: idle until start().
  /// Settings and source become the plan; errors are lines with file and line number. Threads:
  /// any.
  std::function<RecordingPlan(const SourceInfo&, std::vector<std::string>& errors)> plan;
  /// The line for an error that opening the source or starting to record has met.
  std::function<std::string(const Error&, bool of_source)> explain;
  std::string configuration;  ///< As its plans have it.
  /// The plan of another configuration, of a process that died, and of its source.
  std::function<RecordingPlan(const std::string& configuration, const SourceInfo&,
                              std::vector<std::string>& errors)>
      replan;
  /// Called when the setup is in force, for what is no business of the recorder; may be empty.
  std::function<void()> adopted;
};

enum class RecorderState : std::uint8_t {
  kStarting,          ///< Taking over, recovering, preparing.
  kWaitingForSource,  ///< It is absent, and retried.
  kIdle,              ///< Frames come and are not recorded: until start().
  kArmed,             ///< As kRecording, between two events.
  kRecording,
  kDraining,  ///< What is in the ring is being written: stop, reload.
  kEnded,
};
/// "recording", as status shows it.
[[nodiscard]] std::string_view name_of(RecorderState state) noexcept;

struct RecorderStatus {
  RecorderState state{};
  std::string instrument;
  std::filesystem::path base;
  std::string run_uuid;  ///< Empty while idle or waiting.
  std::int64_t run_number{};
  std::int64_t run_start_utc_ns{};
  std::optional<SourceInfo> source;  ///< None before it was opened the first time.
  std::string source_error;          ///< Why it is absent.
  std::optional<SessionStatus> session;
  /// Which session of this process it is, idle ones too; each has counters of its own. 0: none.
  std::uint64_t session_number{};
  std::string catalog_trouble;  ///< What is wrong with the catalog; empty: nothing.
  std::uint64_t took_over{};    ///< Frames that a dead process had captured and this one wrote.
};

struct RecorderLimits {
  std::optional<std::uint64_t> frames;               ///< Received while recording.
  std::optional<std::chrono::nanoseconds> duration;  ///< Since the source was first there.
};

/// Runs an instrument from the start of the program to its end: takes over what a dead process
/// left, opens the source and waits for it, and runs one Session after the other: recording, or
/// idle between stop() and start(). What takes time happens on a thread of its own; the calls here
/// return at once and answer later, through `Done`.
class Recorder {
 public:
  /// Called once, with one line for people: on the recorder's thread, or before the call returns
  /// where nothing takes time. Errors: kInvalid what cannot
  /// be done in this state, with what is allowed; others as they come.
  using Done = std::function<void(Result<std::string>)>;
  /// Reads the configuration again. The error holds all lines, each with file and line number.
  using Loader = std::function<std::expected<RecorderSetup, std::vector<std::string>>()>;

  Recorder(RecorderSetup setup, Loader loader, RecorderLimits limits, RingKeeper& keeper,
           FileSystem& files, const Clock& clock);
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  /// Begins. `ready` is called when the source delivers or is known to be absent and retried,
  /// `ended` when there is nothing more to record, with the exit status of the program; all lines
  /// for people are reported or logged by then. Both on the recorder's thread.
  void begin(std::function<void()> ready, std::function<void(int exit_status)> ended);
  /// Called with the last words of each session, on the recorder's thread. Threads: control, before
  /// begin().
  void on_session_end(std::function<void(const RecorderStatus&, const Health&)> call);
  /// What capture and the GPIO lines tell each other; borrowed. Threads: control, before begin().
  void set_lines(LineSignals& lines);
  /// Drains and ends. Returns at once; a second call gives up waiting for the source. Idempotent.
  void request_end();

  // Threads: control. All return at once.
  void start(Done done);   ///< Idle: a new run begins.
  void stop(Done done);    ///< The run ends, its files are finished when `done` is called.
  void reload(Done done);  ///< The error's context: all lines of what is wrong, separated by \n.
  void roll(Done done);    ///< The open segments end with the next frame.
  void trigger(Done done);
  // Threads: any.
  /// A trigger or a change of the gate, at its own time; what the gate is then holds for the
  /// sessions to come, too. False: too many wait already, try again later.
  [[nodiscard]] bool signal(RecordSignal signal);
  /// Edges of lines, for the files. While the recorder is idle they are let go; between two
  /// sessions they wait.
  void note(const LineEdges& edges);
  struct Indications {
    bool ready{};      ///< The source delivers, and is recorded, now or from the next trigger on.
    bool recording{};  ///< Frames are being recorded now.
  };
  /// For lamps: takes no time.
  [[nodiscard]] Indications indications() const;
  void mark(std::string text, std::string author, Done done);
  /// One value of a quantity that changes slowly: a line of NXlog.
  void set(std::string key, double value, std::string unit, Done done);
  /// Keeps a finished segment from being deleted, or no longer, or says that it may be.
  void mark_segment(std::filesystem::path segment, CatalogKeeper::Mark mark, Done done);
  /// The latest frame of a product; empty: of the first. Errors: kNotFound, kTimeout.
  [[nodiscard]] Result<GrabbedFrame> grab(const std::string& product);

  [[nodiscard]] RecorderStatus status() const;
  /// Of the session that runs, or null; borrowed while `use` runs.
  void with_health(const std::function<void(const Health*)>& use) const;
  void look_around();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace framelog
