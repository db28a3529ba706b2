#include <grp.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "control_rig.hpp"
#include "control_server_rig.hpp"
#include "core/unique_fd.hpp"

namespace framelog {
namespace {

constexpr uid_t kNobody = 65534;
constexpr int kDenied = -32001;

/// A process with the rights of somebody else, which asks what it is told to. It has to begin
/// before any thread does: where one holds a lock in that moment, nobody gives it back in the new
/// process.
class OtherUser {
 public:
  OtherUser(uid_t user, gid_t group, const std::filesystem::path& socket) {
    std::array<int, 2> ends{-1, -1};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) return;
    ours_.reset(ends[0]);
    UniqueFd theirs(ends[1]);
    child_ = ::fork();
    if (child_ != 0) return;
    ours_.reset();
    if (::setgroups(0, nullptr) != 0 || ::setgid(group) != 0 || ::setuid(user) != 0) ::_exit(2);
    serve(theirs.get(), socket);
    ::_exit(0);
  }
  ~OtherUser() {
    ours_.reset();
    if (child_ > 0) ::waitpid(child_, nullptr, 0);
  }
  OtherUser(const OtherUser&) = delete;
  OtherUser& operator=(const OtherUser&) = delete;

  /// The code of the error that is the answer to `line`, or 0; "closed" without any.
  std::string ask(const std::string& line) {
    std::array<char, kMostBytes> answer{};
    if (::send(ours_.get(), line.data(), line.size(), MSG_NOSIGNAL) < 0) return "gone";
    const ssize_t size = ::recv(ours_.get(), answer.data(), answer.size(), 0);
    return size > 0 ? std::string(answer.data(), static_cast<std::size_t>(size)) : "gone";
  }

 private:
  static constexpr std::size_t kMostBytes = 4096;

  static void serve(int end, const std::filesystem::path& socket) {
    std::array<char, kMostBytes> line{};
    for (;;) {
      const ssize_t size = ::recv(end, line.data(), line.size(), 0);
      if (size <= 0) return;
      RawClient client(socket);
      const auto answer = client.ask({line.data(), static_cast<std::size_t>(size)});
      const std::string told = answer ? code_of(*answer) : "closed";
      if (::send(end, told.data(), told.size(), MSG_NOSIGNAL) < 0) return;
    }
  }
  static std::string code_of(const std::string& answer) {
    const auto json = nlohmann::json::parse(answer, nullptr, false);
    return json.contains("error") ? json["error"]["code"].dump() : "0";
  }

  UniqueFd ours_;
  pid_t child_{-1};
};

struct ControlRightsTest : ControlServerRig {
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root, to become another user";
    ::chmod(directory_.path().c_str(), 0755);
  }
};

TEST_F(ControlRightsTest, OthersMayReadAndMembersOfTheGroupMayChange) {
  const group* members = ::getgrnam("games");
  if (members == nullptr) GTEST_SKIP() << "there is no group games";
  OtherUser other(kNobody, kNobody, socket_);
  OtherUser member(kNobody, members->gr_gid, socket_);
  start({.socket = {}, .group = "games"});
  const std::string denied = std::to_string(kDenied);
  EXPECT_EQ(other.ask(kStatusRequest), "0");
  for (const char* method : {"start", "stop", "trigger", "roll", "config.reload"}) {
    EXPECT_EQ(other.ask(request(method)), denied) << method;
  }
  // Rights come first: who may not do it does not learn what is wrong with it either.
  EXPECT_EQ(other.ask(request("mark")), denied);
  EXPECT_EQ(other.ask(request("set")), denied);
  EXPECT_EQ(member.ask(request("trigger")), "0");
}

TEST_F(ControlRightsTest, AMissingGroupMeansRootAndTheDaemonsUserOnly) {
  OtherUser other(kNobody, kNobody, socket_);
  start({.socket = {}, .group = "no-such-group"});
  EXPECT_EQ(other.ask(request("trigger")), std::to_string(kDenied));
  EXPECT_EQ(other.ask(kStatusRequest), "0");
  EXPECT_EQ(text_of(request("trigger")), "triggered");
}

}  // namespace
}  // namespace framelog
