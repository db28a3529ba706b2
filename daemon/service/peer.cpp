#include "service/peer.hpp"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

namespace framelog {
namespace {

constexpr std::size_t kLargestEntryBytes = std::size_t{1} << 20U;

struct User {
  std::string name;
  gid_t group{};
};

std::optional<User> user_of(uid_t uid) {
  passwd entry{};
  passwd* found = nullptr;
  for (std::vector<char> buffer(1024); buffer.size() <= kLargestEntryBytes;
       buffer.resize(buffer.size() * 4)) {
    if (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == ERANGE) continue;
    if (found == nullptr) return std::nullopt;
    return User{found->pw_name, found->pw_gid};
  }
  return std::nullopt;
}

std::optional<gid_t> group_of(const std::string& name) {
  group entry{};
  group* found = nullptr;
  for (std::vector<char> buffer(1024); buffer.size() <= kLargestEntryBytes;
       buffer.resize(buffer.size() * 4)) {
    if (::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) == ERANGE) {
      continue;
    }
    return found == nullptr ? std::nullopt : std::optional(found->gr_gid);
  }
  return std::nullopt;
}

bool is_member(uid_t uid, gid_t group) {
  const auto user = user_of(uid);
  if (!user) return false;
  std::vector<gid_t> groups(64);
  int count = static_cast<int>(groups.size());
  while (::getgrouplist(user->name.c_str(), user->group, groups.data(), &count) < 0) {
    if (static_cast<std::size_t>(count) <= groups.size()) return false;
    groups.resize(static_cast<std::size_t>(count));
  }
  groups.resize(static_cast<std::size_t>(count));
  return std::ranges::find(groups, group) != groups.end();
}

}  // namespace

Result<Peer> Peer::of(int socket) {
  ucred credentials{};
  socklen_t size = sizeof(credentials);
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    return fail_errno(errno, "cannot ask who is at the other end of a socket");
  }
  return Peer(credentials.uid, credentials.gid);
}

std::string Peer::name() const {
  const auto user = user_of(uid_);
  return user ? user->name : fmt::format("uid {}", uid_);
}

bool Peer::may_change(const std::string& group) {
  if (uid_ == 0 || uid_ == ::geteuid()) return true;
  if (!may_change_) {
    const auto wanted = group_of(group);
    may_change_ = wanted && (gid_ == *wanted || is_member(uid_, *wanted));
  }
  return *may_change_;
}

}  // namespace framelog
