#include "service/json_rpc.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace framelog {
namespace {

/// The code that a line is refused with, and the id that the answer has.
std::pair<int, std::string> refused(std::string_view line) {
  const auto request = parse_request(line);
  if (request) return {0, request->id};
  EXPECT_FALSE(request.error().error.message.empty());
  return {static_cast<int>(request.error().error.code), request.error().id};
}

TEST(JsonRpcTest, ARequestHasNamedParameters) {
  const auto request = parse_request(
      R"({"jsonrpc": "2.0", "id": "a", "method": "set", "params": {"key": "t", "value": -5.5,
          "on": true, "list": ["x", "y"], "other": {"a": 1}, "mixed": ["x", 1], "none": null}})");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->id, "\"a\"");
  EXPECT_EQ(request->method, "set");
  EXPECT_EQ(*request->find("key"), RpcValue("t"));
  EXPECT_EQ(*request->find("value"), RpcValue(-5.5));
  EXPECT_EQ(*request->find("on"), RpcValue(true));
  EXPECT_EQ(*request->find("list"), RpcValue(std::vector<std::string>{"x", "y"}));
  for (const char* name : {"other", "mixed", "none"}) {
    EXPECT_EQ(*request->find(name), RpcValue(std::monostate())) << name;
  }
  EXPECT_EQ(request->find("absent"), nullptr);
}

TEST(JsonRpcTest, IdsAreEchoedAndNotificationsHaveNone) {
  EXPECT_EQ(refused(R"({"jsonrpc":"2.0","id":7,"method":"m"})"), std::pair(0, std::string("7")));
  EXPECT_EQ(refused(R"({"jsonrpc":"2.0","id":null,"method":"m"})"),
            std::pair(0, std::string("null")));
  EXPECT_EQ(refused(R"({"jsonrpc":"2.0","method":"m"})"), std::pair(0, std::string()));
  EXPECT_EQ(refused(R"({"jsonrpc":"2.0","id":9,"method":7})"), std::pair(-32600, std::string("9")));
}

TEST(JsonRpcTest, WhatIsNoRequestIsRefusedWithItsCode) {
  const std::pair<const char*, int> cases[] = {
      {"", -32700},
      {"{", -32700},
      {"status", -32700},
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xFF\"}", -32700},
      {"7", -32600},
      {"[]", -32600},
      {R"([{"jsonrpc":"2.0","id":1,"method":"m"}])", -32600},
      {"{}", -32600},
      {R"({"id":1,"method":"m"})", -32600},
      {R"({"jsonrpc":"1.0","id":1,"method":"m"})", -32600},
      {R"({"jsonrpc":2.0,"id":1,"method":"m"})", -32600},
      {R"({"jsonrpc":"2.0","id":[1],"method":"m"})", -32600},
      {R"({"jsonrpc":"2.0","id":true,"method":"m"})", -32600},
      {R"({"jsonrpc":"2.0","id":1,"method":"m","parms":{}})", -32600},
      {R"({"jsonrpc":"2.0","id":1,"method":"m","params":7})", -32602},
      {R"({"jsonrpc":"2.0","id":1,"method":"m","params":[1]})", -32602},
  };
  for (const auto& [line, code] : cases) EXPECT_EQ(refused(line).first, code) << line;
}

TEST(JsonRpcTest, AMisspeltMemberIsNamedWithTheNearestKnownOne) {
  const auto request = parse_request(R"({"jsonrpc":"2.0","id":1,"method":"m","parms":{}})");
  ASSERT_FALSE(request);
  EXPECT_EQ(request.error().error.message, "a request has no \"parms\", did you mean params?");
}

TEST(JsonRpcTest, DepthIsBounded) {
  const auto nested = [](int depth) {
    const std::string open(static_cast<std::size_t>(depth), '[');
    const std::string close(static_cast<std::size_t>(depth), ']');
    return R"({"jsonrpc":"2.0","id":1,"method":"m","params":{"a":)" + open + close + "}}";
  };
  EXPECT_EQ(refused(nested(30)).first, 0);
  EXPECT_EQ(refused(nested(31)).first, -32700);
  EXPECT_EQ(refused(std::string(60'000, '[')).first, -32700);
  // Brackets in a string are none, whatever it escapes.
  EXPECT_EQ(refused(R"({"jsonrpc":"2.0","id":1,"method":"\")" + std::string(40, '[') + "\"}").first,
            0);
}

TEST(JsonRpcTest, LongIdsAreRefused) {
  EXPECT_EQ(
      refused(R"({"jsonrpc":"2.0","id":")" + std::string(300, 'x') + R"(","method":"m"})").first,
      -32600);
}

TEST(JsonRpcTest, MessagesAreOneLineOfJson) {
  const RpcError error{RpcCode::kRefused, "wrong \"quotes\"\nand lines", {"a.conf:1: x", "y"}};
  const std::string line = rpc_response("\"a\"", error);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  const auto json = nlohmann::json::parse(line);
  EXPECT_EQ(json["id"], "a");
  EXPECT_EQ(json["jsonrpc"], "2.0");
  EXPECT_EQ(json["error"]["code"], -32004);
  EXPECT_EQ(json["error"]["message"], error.message);
  EXPECT_EQ(json["error"]["data"], nlohmann::json(error.lines));
  EXPECT_EQ(rpc_response("7", std::string_view("{}")),
            "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{}}\n");
  EXPECT_EQ(rpc_notification("event", "{}"),
            "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{}}\n");
}

}  // namespace
}  // namespace framelog
