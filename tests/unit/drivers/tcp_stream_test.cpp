#include "drivers/tcp_stream.hpp"

#include <thread>

#include "loopback.hpp"

namespace framelog {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

Deadline in(milliseconds time) { return steady_clock::now() + time; }
constexpr milliseconds kLong{60'000};

class TcpStreams : public testing::Test {
 protected:
  void SetUp() override {
    const auto connected = stream.connect("127.0.0.1", server.port(), in(kLong));
    ASSERT_TRUE(connected) << describe(connected.error());
    server.accept();
  }

  Result<std::size_t> receive(Deadline deadline) {
    return stream.receive({std::span(first), std::span(second)}, deadline);
  }

  Loopback server;
  TcpStream stream{1 << 20};
  std::array<std::byte, 4> first{};
  std::array<std::byte, 8> second{};
};

TEST_F(TcpStreams, FillsTheSpacesOneBehindTheOther) {
  server.send("abcdefg");
  std::size_t got = 0;
  while (got < 7) got += receive(in(kLong)).value_or(100);
  EXPECT_EQ(got, 7U);
  EXPECT_EQ(first[3], std::byte{'d'});
  EXPECT_EQ(second[0], std::byte{'e'});
}

TEST_F(TcpStreams, WaitsUntilTheDeadlineAndNoLonger) {
  const auto nothing = receive(in(milliseconds(20)));
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().code, ErrorCode::kTimeout);
  EXPECT_TRUE(stream.is_connected());
}

TEST_F(TcpStreams, CancelEndsTheWaitInProgressOrTheNextOne) {
  std::jthread other([&] { stream.cancel(); });
  EXPECT_EQ(receive(kNoDeadline).error().code, ErrorCode::kTimeout);
  other.join();
  stream.cancel();
  EXPECT_EQ(receive(kNoDeadline).error().code, ErrorCode::kTimeout);
  server.send("x");
  EXPECT_EQ(receive(in(kLong)).value_or(0), 1U);
}

TEST_F(TcpStreams, TheEndOfTheConnectionIsTold) {
  server.send("ab");
  server.cut();
  EXPECT_EQ(receive(in(kLong)).value_or(0), 2U);
  EXPECT_EQ(receive(in(kLong)).error().code, ErrorCode::kDisconnected);
  EXPECT_FALSE(stream.is_connected());
  EXPECT_EQ(receive(in(kLong)).error().code, ErrorCode::kDisconnected);
}

TEST_F(TcpStreams, NobodyListensIsNotFoundAndSaysWhere) {
  server.listen_no_more();
  const auto refused = stream.connect("127.0.0.1", server.port(), in(kLong));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(refused.error().context, "127.0.0.1:" + std::to_string(server.port()));
}

}  // namespace
}  // namespace framelog
