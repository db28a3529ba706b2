#include "service/control_server.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <array>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "control_rig.hpp"
#include "control_server_rig.hpp"
#include "service/control_socket.hpp"
#include "service/json_rpc.hpp"

namespace framelog {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

struct ControlServerTest : ControlServerRig {};

TEST_F(ControlServerTest, EveryMethodAnswers) {
  start();
  const Json status = ask(kStatusRequest)["result"];
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
  constexpr int kGrabs = 50;
  std::string requests;
  for (int i = 0; i < kGrabs; ++i) requests += request("grab") + "\n";
  ASSERT_TRUE(client.send(requests + request("stop") + "\n"));
  // What is read makes room for the next frame: nothing is, until all requests have been served.
  wait_for_stops();
  expect_alive();
  int frames = 0;
  for (int i = 0; i < kGrabs; ++i) {
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
  ASSERT_TRUE(slow.send(request("stop") + "\n" + kStatusRequest + "\n"));
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
  ASSERT_TRUE(client.send(request("stop") + "\n" + kStatusRequest + "\n"));
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
  const std::string line = std::string(kStatusRequest) + "\n";
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
  const std::string line = std::string(kStatusRequest) + "\n";
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
    ASSERT_TRUE(clients.back()->ask(kStatusRequest));
  }
  RawClient one_more(socket_);
  const auto answer = one_more.line();
  ASSERT_TRUE(answer);
  EXPECT_NE(answer->find("too many clients"), std::string::npos);
  EXPECT_TRUE(one_more.is_closed());
  EXPECT_TRUE(clients.front()->ask(kStatusRequest));
  clients.pop_back();
  const auto again = [&] {
    return RawClient(socket_).ask(kStatusRequest).value_or("").find("camera");
  };
  while (again() == std::string::npos) std::this_thread::sleep_for(1ms);
}

TEST_F(ControlServerTest, SilentClientsAreClosedAndSubscribersAreNot) {
  start({.socket = {}, .group = {}, .idle_timeout = 1ms});
  // Whoever is too slow with the first request counts as silent, and tries again.
  const auto heard = [this](const std::string& line) {
    auto client = std::make_unique<RawClient>(socket_);
    while (!client->ask(line)) client = std::make_unique<RawClient>(socket_);
    return client;
  };
  const auto subscriber = heard(request("subscribe"));
  const auto waiting = heard(request("stop") + "\n" + kStatusRequest);
  RawClient silent(socket_);
  EXPECT_TRUE(silent.is_closed());
  finish_stops();
  EXPECT_TRUE(waiting->line());
  EXPECT_TRUE(subscriber->ask(kStatusRequest));
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

}  // namespace
}  // namespace framelog
