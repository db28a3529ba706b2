#pragma once

#include <atomic>
#include <deque>
#include <mutex>
#include <set>
#include <thread>

#include "core/wakeup.hpp"
#include "pipeline/recipe.hpp"
#include "pipeline/recorder.hpp"

/// Private to the recorder*.cpp files of this folder.
namespace framelog {

/// The recorder's thread runs one session after the other, and between two of them waits for the
/// source:
///
///   open_source() --there--> run_session() --stop, start, reload, geometry, source gone--+
///        ^---------------------------------------------------------------------------------+
///
/// Control sees `mutex_` and what it guards; the rest belongs to the recorder's thread. The thread
/// alone replaces `session_`, so it may use it without the mutex.
struct Recorder::State {
  struct Command {
    enum class Kind : std::uint8_t { kStart, kStop, kReload, kMarkSegment };
    Kind kind{};
    Done done;
    std::filesystem::path segment{};  ///< Of kMarkSegment, as the next.
    CatalogKeeper::Mark mark{};
  };
  /// A new configuration that has been found good.
  struct Reload {
    RecorderSetup setup;
    Done done;
    bool same_source{};
    bool opened{};  ///< Its own source is open already.
    SourceInfo info;
    std::string absent;  ///< Why its source could not be opened; it is retried.
  };
  /// What there was before a reload, for when the new configuration cannot record.
  struct Previous {
    RecorderSetup setup;
    std::optional<SourceInfo> info;
    bool opened{};
  };
  /// Answered when the next session has begun, or could not.
  struct Pending {
    Done done;
    std::string answer;
  };
  /// A run of a process that died, with its ring.
  struct Inherited {
    UniqueFd memory;
    Recipe recipe;
    RecordingPlan plan;
    bool same_configuration{};
  };
  State(RecorderSetup setup, Loader loader, RecorderLimits limits, RingKeeper& keeper,
        FileSystem& files, const Clock& clock);

  // recorder_run.cpp. Threads: the recorder's.
  void run();
  [[nodiscard]] int work();
  /// None: the source is open, or another is to be opened; else the exit status.
  [[nodiscard]] std::optional<int> open_source();
  [[nodiscard]] std::optional<int> source_failed(const Error& error);
  void wait_for_source(const Error& error);
  void wait_before_trying_again();
  [[nodiscard]] std::optional<int> run_session(RecordingPlan plan);
  [[nodiscard]] std::optional<int> session_refused(const Error& error);
  void session_begun(std::unique_ptr<Session> session, bool records);
  void wait_for_end(Session& session);
  [[nodiscard]] std::optional<int> finish_session();
  void tell_end(Session& session, const SessionStatus& status);
  void tell_nothing_recorded(const SessionStatus& status);
  void handle(Command command);
  void start(Done done);
  void stop(Done done);
  void leave(const char* reason);
  void mark_segment(const Command& command);
  /// The catalog that goes with a setup: the same as before where nothing about it has changed.
  [[nodiscard]] std::shared_ptr<CatalogKeeper> catalog_of(const RecorderSetup& setup);
  void recover(const std::vector<std::filesystem::path>& bases);
  int refuse(const std::vector<std::string>& lines);
  void tell_ready();
  void answer_pending();
  [[nodiscard]] bool is_ending() const;
  [[nodiscard]] bool is_late() const;
  [[nodiscard]] std::optional<Command> next_command();
  void set_state(RecorderState state);

  // recorder_take_over.cpp. Threads: the recorder's.
  /// What dead processes left: all but the last are written to their end.
  void inherit();
  [[nodiscard]] std::optional<Inherited> understand(UniqueFd memory);
  /// A ring that cannot be understood is not guessed at: a copy of it goes to the disk.
  void keep_aside(const UniqueFd& memory, const std::string& why);
  [[nodiscard]] Result<std::unique_ptr<Session>> take_over(FrameSource* source,
                                                           const RecordingPlan& plan);
  void not_taken_over(const Error& error);
  /// Writes what is in the inherited ring, and ends that run.
  void end_inherited();
  /// Goes on with the inherited run; null where that cannot be done and the run has been ended.
  [[nodiscard]] std::unique_ptr<Session> go_on_with_inherited();
  void report_taken_over(const Session& session, const Inherited& inherited, bool goes_on);

  // recorder_reload.cpp. Threads: the recorder's.
  void reload(Done done);
  /// Reads the configuration again; none, and answered, where it is wrong.
  [[nodiscard]] std::optional<Reload> load(Done& done);
  /// Without a new session, and so without a lost frame, where the source and the ring allow.
  [[nodiscard]] bool reload_in_place(Reload& reload);
  [[nodiscard]] bool check_source(Reload& reload, std::vector<std::string>& errors);
  void adopt(Reload reload);
  void accept_reload();
  void put_identity(std::optional<SourceInfo> info);
  void refuse_reload(const Done& done, const std::vector<std::string>& lines);
  /// Back to the configuration before, which has recorded already.
  void go_back(const Error& error);

  // recorder.cpp. Threads: control.
  void push(Command command);
  using Use = std::function<Result<std::string>(Session&)>;
  /// What takes no time, and is for a recording that runs.
  void with_recording(const Done& done, const Use& use);
  [[nodiscard]] RecorderStatus status() const;

  // recorder_lines.cpp
  void prepare_lines(RecordingPlan& plan);  ///< Threads: the recorder's.
  void tell_gate(Session& session);         ///< Of a dead process, which knew another level.
  void tell_lines();                        ///< What came before the session. With lines_mutex_.
  [[nodiscard]] bool signal(RecordSignal signal);
  void note(const LineEdges& edges);
  [[nodiscard]] Indications indications() const;

  LineSignals* lines_{};
  Loader loader_;
  RingKeeper& keeper_;
  FileSystem& files_;
  const Clock& clock_;
  std::function<void()> ready_;
  std::function<void(int)> ended_;
  std::function<void(const RecorderStatus&, const Health&)> session_ended_;
  Wakeup wakeup_;
  std::atomic<int> end_requests_{0};

  /// Lines wait for it alone, and so for nothing that takes time. What says so is changed under
  /// both and read under either.
  mutable std::mutex lines_mutex_;
  LineEdges waiting_edges_;  ///< For the next session. Guarded by it.
  bool gate_open_{};         ///< Likewise.
  bool told_gate_open_{};    ///< Likewise: to the session, or to the one that is being made.

  mutable std::mutex mutex_;
  std::deque<Command> commands_;                    // All of these: guarded by it.
  std::unique_ptr<Session> session_;                ///< Both.
  std::uint64_t session_number_{};                  ///< Of the one that runs, or of the last.
  RecorderState state_{RecorderState::kStarting};   ///< Both.
  RecordStart record_start_{RecordStart::kAlways};  ///< Of the session.
  std::string instrument_;
  std::filesystem::path base_;
  std::optional<SourceInfo> info_;
  std::string source_error_;
  std::shared_ptr<CatalogKeeper> catalog_;  ///< Shared as RecordingPlan says.
  std::uint64_t took_over_{};

  RecorderSetup setup_;
  std::optional<Inherited> inherited_;
  std::optional<Interruption> interruption_;  ///< Before the next session, by a reload.
  CaptureOptions capture_;                    ///< Of the session.
  bool lock_memory_{};
  std::optional<Previous> previous_;
  std::optional<Reload> next_;
  std::optional<Pending> pending_;
  std::set<std::filesystem::path> recovered_;
  std::optional<std::uint64_t> frames_left_;
  std::optional<std::chrono::nanoseconds> duration_;
  std::optional<Deadline> end_at_;
  std::chrono::nanoseconds back_off_{};
  bool wants_recording_{};
  bool records_{};   ///< The session that runs does.
  bool is_open_{};   ///< The source.
  bool was_open_{};  ///< This source, at some time: then it is waited for whatever it is.
  bool is_left_{};   ///< The session was asked to end.
  bool told_ready_{};
  bool is_left_behind_{};  ///< A ring with frames is still kept: the program is to be tried again.
  int exit_status_{};
  std::jthread thread_;
};

// Exit statuses of the program (command/instrument.hpp has all of them).
inline constexpr int kRecorderDone = 0;
inline constexpr int kRecorderFoundWrong = 1;
inline constexpr int kRecorderRefused = 2;

}  // namespace framelog
