#include <algorithm>
#include <utility>

#include "pipeline/recorder_state.hpp"

// What GPIO lines tell the recorder, and what they are told.
namespace framelog {

/// A gate that changes from here on is told again by tell_lines().
void Recorder::State::prepare_lines(RecordingPlan& plan) {
  plan.lines = lines_;
  const std::scoped_lock lock(lines_mutex_);
  plan.record.gate_open = gate_open_;
  told_gate_open_ = gate_open_;
}

void Recorder::State::tell_gate(Session& session) {
  using enum RecordSignal::Kind;
  // It is the first one that this session hears of: there is room.
  static_cast<void>(session.signal({told_gate_open_ ? kOpen : kClose, clock_.monotonic_ns()}));
}

void Recorder::State::tell_lines() {
  if (told_gate_open_ != gate_open_) {
    told_gate_open_ = gate_open_;
    tell_gate(*session_);
  }
  const LineEdges edges = std::exchange(waiting_edges_, {});
  const bool any = !edges.edges.empty() || edges.left_out > 0;
  if (any && state_ == RecorderState::kRecording) session_->note(edges);
}

bool Recorder::State::signal(RecordSignal signal) {
  const std::scoped_lock lock(lines_mutex_);
  if (session_ != nullptr && !session_->signal(signal)) return false;
  if (signal.kind == RecordSignal::Kind::kTrigger) return true;
  gate_open_ = signal.kind == RecordSignal::Kind::kOpen;
  if (session_ != nullptr) told_gate_open_ = gate_open_;
  return true;
}

void Recorder::State::note(const LineEdges& edges) {
  const std::scoped_lock lock(lines_mutex_);
  if (session_ != nullptr && state_ == RecorderState::kRecording) {
    session_->note(edges);
    return;
  }
  if (state_ == RecorderState::kIdle || state_ == RecorderState::kEnded) return;
  LineEdges& waiting = waiting_edges_;
  const std::size_t room = kMostEdges - std::min(kMostEdges, waiting.edges.size());
  const std::size_t taken = std::min(room, edges.edges.size());
  waiting.edges.insert(waiting.edges.end(), edges.edges.begin(),
                       edges.edges.begin() + static_cast<std::ptrdiff_t>(taken));
  waiting.left_out += edges.left_out + (edges.edges.size() - taken);
}

Recorder::Indications Recorder::State::indications() const {
  const std::scoped_lock lock(lines_mutex_);
  Indications indications;
  if (session_ == nullptr || state_ != RecorderState::kRecording) return indications;
  indications.ready = session_->health().source_connected.load(std::memory_order_relaxed);
  indications.recording = indications.ready && session_->in_event();
  return indications;
}

void Recorder::set_lines(LineSignals& lines) { state_->lines_ = &lines; }
bool Recorder::signal(RecordSignal signal) { return state_->signal(signal); }
void Recorder::note(const LineEdges& edges) { state_->note(edges); }
Recorder::Indications Recorder::indications() const { return state_->indications(); }

}  // namespace framelog
