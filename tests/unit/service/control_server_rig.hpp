#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <filesystem>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "control_rig.hpp"
#include "service/control_server.hpp"

namespace framelog {

inline constexpr const char* kStatusRequest = R"({"jsonrpc":"2.0","id":1,"method":"status"})";

inline std::string request(std::string_view method,
                           const nlohmann::json& params = nlohmann::json::object()) {
  return nlohmann::json{{"jsonrpc", "2.0"}, {"id", 1}, {"method", method}, {"params", params}}
      .dump();
}

/// A server whose loop runs on a thread, in front of a recorder that is made up.
class ControlServerRig : public testing::Test {
 protected:
  using Json = nlohmann::json;

  ~ControlServerRig() override { stop(); }

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

  /// How many were told to stop and wait for it.
  std::size_t stopping() {
    const std::scoped_lock lock(mutex_);
    return stops_.size();
  }
  /// Only a hang takes as long as this waits.
  void wait_for_stops(std::size_t count = 1) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (stopping() < count) {
      ASSERT_LT(std::chrono::steady_clock::now(), end) << "nobody is told to stop";
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  /// The recorder has stopped.
  void finish_stops() {
    ASSERT_NO_FATAL_FAILURE(wait_for_stops());
    const std::scoped_lock lock(mutex_);
    for (const auto& done : stops_) done("stopped");
    stops_.clear();
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
  void expect_alive() { EXPECT_EQ(ask(kStatusRequest)["result"]["instrument"], "camera"); }

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

}  // namespace framelog
