#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "core/result.hpp"

namespace framelog {

/// Who is at the other end of a Unix socket, as the kernel tells. Threads: one at a time.
class Peer {
 public:
  [[nodiscard]] static Result<Peer> of(int socket);

  /// "alice", or "uid 1000" where that user has no name.
  [[nodiscard]] std::string name() const;
  /// Whether it is root, the user of this program or a member of `group`. Looked up once; where the
  /// group does not exist, nobody is a member.
  [[nodiscard]] bool may_change(const std::string& group);
  [[nodiscard]] uid_t uid() const noexcept { return uid_; }

 private:
  Peer(uid_t uid, gid_t gid) noexcept : uid_(uid), gid_(gid) {}
  uid_t uid_;
  gid_t gid_;
  std::optional<bool> may_change_;
};

}  // namespace framelog
