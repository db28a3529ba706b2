#include "service/message_ids.hpp"

#include <utility>

namespace framelog {

std::string_view message_id(EventKind kind) noexcept {
  switch (kind) {
    case EventKind::kStarted:
      return "e14b563d53ae4f4ea3530b84bfa0ac85";
    case EventKind::kStopped:
      return "d2714639a9a9449e9d53f23afb2a4d2d";
    case EventKind::kSegmentFinished:
      return "ba10ceeffb764f06aff5d94172a320b1";
    case EventKind::kSegmentRecovered:
      return "45ea0e586f4a421bb8270d009104eb8d";
    case EventKind::kSourceLost:
      return "c5e1f585ef084b24a091c84427c5ef6e";
    case EventKind::kSourceBack:
      return "37ce09d41d3841d5ac20de222df20047";
    case EventKind::kDegraded:
      return "29590138780049e09fa8864c3f0f9673";
    case EventKind::kHealthy:
      return "5a0cfbd768c9443ca2b66715118a06f9";
    case EventKind::kDiskFull:
      return "910a25503f624cf69522ac6fd1fce8b9";
    case EventKind::kDrops:
      return "8ec193214d1c4458b7fedb15c72697aa";
    case EventKind::kTookOver:
      return "4e5ec41b2161401bb9b0f1e800b5678b";
    case EventKind::kRingAside:
      return "8ef5842fe73e4f1b80548636cc709781";
    case EventKind::kWatchdog:
      return "f5bac881744b43ce8c97d9e9896bf574";
    case EventKind::kClock:
      return "6a11f6e2fd22424f96082420931727a5";
    case EventKind::kReloaded:
      return "60b29ee85cad44b0aa72102ab64f7a2e";
    case EventKind::kReloadRefused:
      return "dc20e2fa95c8415ab482e076bba8b938";
    case EventKind::kSegmentsDeleted:
      return "1d0f6b8d5b0a4c43b0a1c7a9d3f4e852";
    case EventKind::kMark:
      return "d24284483e92440eb3d88ab21eeaa35a";
    case EventKind::kRefused:
      return "c23023fa55ef43368dae067ed1966257";
  }
  std::unreachable();
}

}  // namespace framelog
