#include "service/control_server.hpp"

#include <fmt/format.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <fstream>
#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "control_rig.hpp"

namespace framelog {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

constexpr const char* kStatus = R"({"jsonrpc":"2.0","id":1,"method":"status"})";

std::string request(std::string_view method, const Json& params = Json::object()) {
  return Json{{"jsonrpc", "2.0"}, {"id", 1}, {"method", method}, {"params", params}}.dump();
}

/// A server whose loop runs on a thread, in front of a recorder that is made up.
class ControlServerTest : public testing::Test {
 protected:
  ~ControlServerTest() override { stop(); }

  Controls controls() {
    using Done = Controls::Done;
    Controls controls;
    controls.status = [] {
      RecorderStatus status;
      status.state = RecorderState::kRecording;
      status.instrument = "camera";
      return status;
    };
    const auto says = [](const char* text) { return [text](const Done& done) { done(text); }; };
    controls.start = [](const Done& done) {
      done(fail(ErrorCode::kInvalid, "cannot start: it is recording (allowed: stop)"));
    };
    controls.stop = [this](Done done) {
      const std::scoped_lock lock(mutex_);
      stops_.push_back(std::move(done));
    };
    controls.trigger = says("triggered");
    controls.roll = says("rolled");
    controls.reload = [](const Done& done) {
      done(fail(ErrorCode::kInvalid, "", "a.conf:1: x\na.conf:2: y"));
    };
    controls.mark = [](const std::string& text, const std::string& author, const Done& done) {
      done(author + " says " + text);
    };
    controls.set = [](const std::string& key, double value, const std::string& unit,
                      const Done& done) { done(fmt::format("{} = {} [{}]", key, value, unit)); };
    controls.grab = [](const std::string& product) -> Result<GrabbedFrame> {
      if (!product.empty() && product != "frames") {
        return fail(ErrorCode::kNotFound, "no product", product + " (allowed: frames)");
      }
      GrabbedFrame frame{"frames", {2, 3, PixelType::kUint8}, {}, std::vector<std::byte>(6)};
      for (std::size_t i = 0; i < 6; ++i) frame.pixels[i] = static_cast<std::byte>(i);
      frame.info.sequence = 41;
      return frame;
    };
    controls.configuration = [] { return R"({"values":[]})"; };
    controls.degraded = [] { return std::vector<std::string>{"ring-full"}; };
    controls.metrics = [] { return "framelog_recording 1\n"; };
    return controls;
  }

  void start(ControlSettings settings = {}) {
    settings.socket = socket_;
    if (settings.group.empty()) settings.group = "framelog";
    auto server = ControlServer::open(loop_, settings, controls());
    ASSERT_TRUE(server) << describe(server.error());
    server_ = std::move(*server);
    thread_ = std::jthread([this] { loop_.run(); });
  }

  void stop() {
    loop_.stop();
    if (thread_.joinable()) thread_.join();
    server_.reset();
  }

  /// The recorder has stopped.
  void finish_stops() {
    for (;;) {
      {
        const std::scoped_lock lock(mutex_);
        if (!stops_.empty()) {
          for (const auto& done : stops_) done("stopped");
          stops_.clear();
          return;
        }
      }
      std::this_thread::sleep_for(1ms);
    }
  }

  Json ask(const std::string& line) {
    RawClient client(socket_);
    const auto answer = client.ask(line);
    return answer ? Json::parse(*answer) : Json("closed");
  }
  int code_of(const std::string& line) { return ask(line).at("error").at("code").get<int>(); }
  std::string text_of(const std::string& line) {
    const Json answer = ask(line);
    return answer.contains("result") ? answer["result"].value("text", "") : answer.dump();
  }
  void expect_alive() { EXPECT_EQ(ask(kStatus)["result"]["instrument"], "camera"); }

  SocketDirectory directory_;
  std::filesystem::path socket_ = directory_.path() / "deep" / "er" / "control";
  boost::asio::io_context loop_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      loop_.get_executor()};
  std::unique_ptr<ControlServer> server_;
  std::jthread thread_;
  std::mutex mutex_;
  std::vector<Controls::Done> stops_;
};

TEST_F(ControlServerTest, EveryMethodAnswers) {
  start();
  const Json status = ask(kStatus)["result"];
  EXPECT_EQ(status["state"], "recording");
  EXPECT_EQ(status["pid"], ::getpid());
  EXPECT_EQ(status["degraded"], Json({"ring-full"}));
  EXPECT_EQ(text_of(request("trigger")), "triggered");
  EXPECT_EQ(text_of(request("roll")), "rolled");
  EXPECT_NE(text_of(request("mark", {{"text", " here "}})).find(" says here"), std::string::npos);
  EXPECT_EQ(text_of(request("set", {{"key", "t"}, {"value", -5.5}, {"unit", "degC"}})),
            "t = -5.5 [degC]");
  EXPECT_EQ(text_of(request("set", {{"key", "t"}, {"value", 7}})), "t = 7 []");
  EXPECT_EQ(text_of(request("metrics")), "framelog_recording 1\n");
  EXPECT_EQ(ask(request("config.show"))["result"], Json({{"values", Json::array()}}));
}

TEST_F(ControlServerTest, ErrorsHaveTheirCodes) {
  start();
  EXPECT_EQ(code_of("{"), -32700);
  EXPECT_EQ(code_of("[]"), -32600);
  EXPECT_EQ(code_of(request("statsu")), -32601);
  EXPECT_EQ(code_of(request("status", {{"a", 1}})), -32602);
  EXPECT_EQ(code_of(request("start")), -32002);
  EXPECT_EQ(code_of(request("grab", {{"product", "x"}})), -32003);
  const Json refused = ask(request("config.reload"))["error"];
  EXPECT_EQ(refused["code"], -32004);
  EXPECT_EQ(refused["data"], Json({"a.conf:1: x", "a.conf:2: y"}));
  const Json unknown = ask(request("statsu"))["error"];
  EXPECT_EQ(unknown["message"], "there is no method \"statsu\", did you mean status?");
}

TEST_F(ControlServerTest, ParametersOfTheWrongKindAreRefused) {
  start();
  const std::vector<std::pair<const char*, Json>> cases{
      {"mark", Json::object()},
      {"mark", {{"text", 7}}},
      {"mark", {{"text", "  "}}},
      {"mark", {{"text", "a\nb"}}},
      {"mark", {{"text", std::string(5000, 'x')}}},
      {"mark", {{"txet", "x"}}},
      {"set", {{"key", "t"}}},
      {"set", {{"key", "t"}, {"value", "7"}}},
      {"set", {{"key", ""}, {"value", 7}}},
      {"set", {{"key", "t"}, {"value", 7}, {"unit", 7}}},
      {"grab", {{"product", 7}}},
      {"subscribe", {{"events", "mark"}}},
      {"subscribe", {{"events", {"marc"}}}},
      {"subscribe", {{"events", {1}}}},
      {"subscribe", {{"rates", 0}}},
      {"subscribe", {{"rates", "1"}}},
      {"subscribe", {{"rates", 1e9}}},
  };
  for (const auto& [method, params] : cases) {
    EXPECT_EQ(code_of(request(method, params)), -32602) << method << ' ' << params;
  }
}

TEST_F(ControlServerTest, AGrabbedFrameComesInSealedMemory) {
  start();
  RawClient client(socket_);
  const auto answer = client.ask(request("grab"));
  ASSERT_TRUE(answer);
  const Json result = Json::parse(*answer)["result"];
  EXPECT_EQ(result["product"], "frames");
  EXPECT_EQ(result["height"], 2);
  EXPECT_EQ(result["width"], 3);
  EXPECT_EQ(result["dtype"], "uint8");
  EXPECT_EQ(result["sequence"], 41);
  EXPECT_EQ(result["bytes"], 6);
  const UniqueFd memory = client.take_memory();
  ASSERT_TRUE(memory.valid());
  std::array<char, 8> pixels{};
  EXPECT_EQ(::pread(memory.get(), pixels.data(), pixels.size(), 0), 6);
  EXPECT_EQ(std::string_view(pixels.data(), 6), std::string_view("\0\1\2\3\4\5", 6));
  EXPECT_EQ(::write(memory.get(), "x", 1), -1);
  EXPECT_EQ(::ftruncate(memory.get(), 0), -1);
}

TEST_F(ControlServerTest, FramesThatAreNotReadDoNotPileUp) {
  start();
  RawClient client(socket_);
  std::string requests;
  for (int i = 0; i < 50; ++i) requests += request("grab") + "\n";
  ASSERT_TRUE(client.send(requests));
  expect_alive();
  int frames = 0;
  for (int i = 0; i < 50; ++i) {
    const auto line = client.line();
    ASSERT_TRUE(line);
    frames += Json::parse(*line).contains("result") ? 1 : 0;
  }
  // What was asked for in one breath; never one for each request.
  EXPECT_GE(frames, 1);
  EXPECT_LE(frames, 16);
}

TEST_F(ControlServerTest, WhatTakesLongBlocksNobody) {
  start();
  RawClient slow(socket_);
  ASSERT_TRUE(slow.send(request("stop") + "\n" + kStatus + "\n"));
  const auto first = slow.line();
  ASSERT_TRUE(first);
  EXPECT_EQ(Json::parse(*first)["result"]["instrument"], "camera");
  expect_alive();
  finish_stops();
  const auto second = slow.line();
  ASSERT_TRUE(second);
  EXPECT_EQ(Json::parse(*second)["result"]["text"], "stopped");
}

TEST_F(ControlServerTest, AClientMayBeGoneBeforeItsAnswer) {
  start();
  {
    RawClient impatient(socket_);
    ASSERT_TRUE(impatient.send(request("stop") + "\n"));
  }
  finish_stops();
  expect_alive();
}

TEST_F(ControlServerTest, AnAnswerMayComeWhenTheServerIsGone) {
  start();
  RawClient client(socket_);
  ASSERT_TRUE(client.send(request("stop") + "\n" + kStatus + "\n"));
  ASSERT_TRUE(client.line());
  stop();
  finish_stops();
  loop_.restart();
  loop_.poll();
  EXPECT_TRUE(client.is_closed());
}

TEST_F(ControlServerTest, WhoSendsNothingMoreStillGetsItsAnswers) {
  start();
  RawClient client(socket_);
  ASSERT_TRUE(client.send(request("stop") + "\n"));
  ASSERT_EQ(::shutdown(client.fd(), SHUT_WR), 0);
  finish_stops();
  EXPECT_TRUE(client.line());
  EXPECT_TRUE(client.is_closed());
}

TEST_F(ControlServerTest, LinesMayComeInPieces) {
  start();
  RawClient client(socket_);
  const std::string line = std::string(kStatus) + "\n";
  for (const char c : line) ASSERT_TRUE(client.send({&c, 1}));
  EXPECT_TRUE(client.line());
  ASSERT_TRUE(client.send(line + line + line.substr(0, 10)));
  EXPECT_TRUE(client.line());
  EXPECT_TRUE(client.line());
  ASSERT_TRUE(client.send(line.substr(10)));
  EXPECT_TRUE(client.line());
}

TEST_F(ControlServerTest, TheLongestMessageIsAnsweredAndOneByteMoreIsNot) {
  start();
  std::string longest = request("mark", {{"text", ""}});
  longest.insert(longest.find("\"\"") + 1, std::string(kMostRpcBytes - 1 - longest.size(), 'x'));
  ASSERT_EQ(longest.size(), kMostRpcBytes - 1);
  EXPECT_EQ(code_of(longest), -32602);  // It is read: the text of a mark is shorter.
  RawClient client(socket_);
  client.send(longest + " \n");
  const auto answer = client.line();
  ASSERT_TRUE(answer);
  EXPECT_EQ(Json::parse(*answer)["error"]["code"], -32700);
  EXPECT_TRUE(client.is_closed());
  expect_alive();
}

TEST_F(ControlServerTest, AMegabyteWithoutANewlineEndsTheConnection) {
  start();
  RawClient client(socket_);
  client.send(std::string(1 << 20, 'x'));
  EXPECT_TRUE(client.is_closed());
  expect_alive();
}

TEST_F(ControlServerTest, DeepAndBinaryInputIsAnswered) {
  start();
  EXPECT_EQ(code_of(std::string(60'000, '[')), -32700);
  EXPECT_EQ(code_of(std::string("\0\xFF{}", 4)), -32700);
  EXPECT_EQ(code_of(""), -32700);
  expect_alive();
}

TEST_F(ControlServerTest, AClientThatDoesNotReadLosesOnlyItself) {
  start();
  RawClient deaf(socket_);
  const std::string line = std::string(kStatus) + "\n";
  // Until the server does not take any more, because its answers are not taken.
  int refusals = 0;
  while (refusals < 50) {
    if (deaf.send_some(line) == line.size()) continue;
    ++refusals;
    std::this_thread::sleep_for(1ms);
    expect_alive();
  }
  EXPECT_TRUE(deaf.line());
}

TEST_F(ControlServerTest, ASubscriberThatDoesNotReadIsClosed) {
  start();
  RawClient deaf(socket_);
  ASSERT_TRUE(deaf.ask(request("subscribe")));
  Event event{EventKind::kMark, LogLevel::kInfo, std::string(4000, 'x'), {}, 1};
  for (int i = 0; i < 500; ++i) {
    server_->publish(event);
    if (i % 50 == 0) expect_alive();
  }
  EXPECT_TRUE(deaf.is_closed());
  expect_alive();
}

TEST_F(ControlServerTest, SubscribersGetTheEventsThatTheyWant) {
  start();
  RawClient all(socket_);
  RawClient marks(socket_);
  ASSERT_TRUE(all.ask(request("subscribe")));
  ASSERT_TRUE(marks.ask(request("subscribe", {{"events", {"mark"}}})));
  server_->publish({EventKind::kSourceLost, LogLevel::kWarning, "gone", {{"reason", "usb"}}, 5});
  server_->publish({EventKind::kMark, LogLevel::kInfo, "here", {}, 6});
  const Json first = Json::parse(all.line().value_or("null"));
  EXPECT_EQ(first["method"], "event");
  EXPECT_EQ(first["params"]["event"], "source-lost");
  EXPECT_EQ(first["params"]["level"], "warning");
  EXPECT_EQ(first["params"]["fields"]["reason"], "usb");
  EXPECT_EQ(first["params"]["utc_ns"], 5);
  EXPECT_EQ(Json::parse(all.line().value_or("null"))["params"]["event"], "mark");
  EXPECT_EQ(Json::parse(marks.line().value_or("null"))["params"]["text"], "here");
}

TEST_F(ControlServerTest, RatesComeByThemselves) {
  start();
  RawClient client(socket_);
  ASSERT_TRUE(client.ask(request("subscribe", {{"rates", 0.1}})));
  for (int i = 0; i < 3; ++i) {
    const Json told = Json::parse(client.line().value_or("null"));
    EXPECT_EQ(told["method"], "status");
    EXPECT_EQ(told["params"]["instrument"], "camera");
  }
}

TEST_F(ControlServerTest, TheThirtyThirdClientIsTurnedAway) {
  start();
  std::vector<std::unique_ptr<RawClient>> clients;
  for (std::size_t i = 0; i < ControlServer::kMostClients; ++i) {
    clients.push_back(std::make_unique<RawClient>(socket_));
    ASSERT_TRUE(clients.back()->ask(kStatus));
  }
  RawClient one_more(socket_);
  const auto answer = one_more.line();
  ASSERT_TRUE(answer);
  EXPECT_NE(answer->find("too many clients"), std::string::npos);
  EXPECT_TRUE(one_more.is_closed());
  EXPECT_TRUE(clients.front()->ask(kStatus));
  clients.pop_back();
  const auto again = [&] { return RawClient(socket_).ask(kStatus).value_or("").find("camera"); };
  while (again() == std::string::npos) std::this_thread::sleep_for(1ms);
}

TEST_F(ControlServerTest, SilentClientsAreClosedAndSubscribersAreNot) {
  start({.socket = {}, .group = {}, .idle_timeout = 1ms});
  RawClient subscriber(socket_);
  ASSERT_TRUE(subscriber.ask(request("subscribe")));
  RawClient waiting(socket_);
  ASSERT_TRUE(waiting.send(request("stop") + "\n"));
  RawClient silent(socket_);
  EXPECT_TRUE(silent.is_closed());
  finish_stops();
  EXPECT_TRUE(waiting.line());
  EXPECT_TRUE(subscriber.ask(kStatus));
}

TEST_F(ControlServerTest, ASocketOfADeadProcessIsReplacedAndALivingOneIsNot) {
  std::filesystem::create_directories(socket_.parent_path());
  { ASSERT_TRUE(listen_at(socket_)); }
  ASSERT_TRUE(std::filesystem::is_socket(socket_));
  start();
  expect_alive();
  struct stat found {};
  ASSERT_EQ(::stat(socket_.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0666U);
  const auto second = ControlServer::open(loop_, {.socket = socket_, .group = "g"}, controls());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kBusy);
  EXPECT_NE(describe(second.error()).find(socket_.string()), std::string::npos);
  expect_alive();
  stop();
  EXPECT_FALSE(std::filesystem::exists(socket_));
}

TEST_F(ControlServerTest, WhatIsNoSocketIsLeftAlone) {
  std::filesystem::create_directories(socket_.parent_path());
  std::ofstream(socket_) << "precious";
  const auto server = ControlServer::open(loop_, {.socket = socket_, .group = "g"}, controls());
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().code, ErrorCode::kExists);
  EXPECT_EQ(std::filesystem::file_size(socket_), 8U);
}

TEST_F(ControlServerTest, APathThatIsTooLongIsAnError) {
  const auto path = directory_.path() / std::string(120, 'x');
  const auto server = ControlServer::open(loop_, {.socket = path, .group = "g"}, controls());
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().code, ErrorCode::kInvalid);
}

/// What a process with another user says: 0 when `line` was answered with the code.
int as_other_user(const std::filesystem::path& socket, uid_t user, gid_t group,
                  const std::string& line, int code) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setgroups(0, nullptr) != 0 || ::setgid(group) != 0 || ::setuid(user) != 0) ::_exit(2);
    RawClient client(socket);
    const auto answer = client.ask(line);
    if (!answer) ::_exit(3);
    const auto json = Json::parse(*answer);
    ::_exit(json.contains("error") ? (json["error"]["code"] == code ? 0 : 4) : (code == 0 ? 0 : 5));
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(ControlServerTest, OthersMayReadAndMembersOfTheGroupMayChange) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to become another user";
  const group* members = ::getgrnam("games");
  if (members == nullptr) GTEST_SKIP() << "there is no group games";
  const gid_t member = members->gr_gid;
  constexpr uid_t kNobody = 65534;
  start({.socket = {}, .group = "games"});
  ::chmod(directory_.path().c_str(), 0755);
  EXPECT_EQ(as_other_user(socket_, kNobody, kNobody, kStatus, 0), 0);
  for (const char* method : {"start", "stop", "trigger", "roll", "config.reload"}) {
    EXPECT_EQ(as_other_user(socket_, kNobody, kNobody, request(method), -32001), 0) << method;
  }
  // Rights come first: who may not do it does not learn what is wrong with it either.
  EXPECT_EQ(as_other_user(socket_, kNobody, kNobody, request("mark"), -32001), 0);
  EXPECT_EQ(as_other_user(socket_, kNobody, kNobody, request("set"), -32001), 0);
  EXPECT_EQ(as_other_user(socket_, kNobody, member, request("trigger"), 0), 0);
}

TEST_F(ControlServerTest, AMissingGroupMeansRootAndTheDaemonsUserOnly) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to become another user";
  start({.socket = {}, .group = "no-such-group"});
  ::chmod(directory_.path().c_str(), 0755);
  constexpr uid_t kNobody = 65534;
  EXPECT_EQ(as_other_user(socket_, kNobody, kNobody, request("trigger"), -32001), 0);
  EXPECT_EQ(as_other_user(socket_, kNobody, kNobody, kStatus, 0), 0);
  EXPECT_EQ(text_of(request("trigger")), "triggered");
}

}  // namespace
}  // namespace framelog
