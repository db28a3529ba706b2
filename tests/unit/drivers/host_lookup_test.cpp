#include "drivers/host_lookup.hpp"

#include <gtest/gtest.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/eventfd.h>

#include <atomic>
#include <thread>

namespace framelog {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLong{60'000};  // Only what hangs takes so long.

std::atomic<int> g_asked{0};
std::atomic<bool> g_answers{false};

/// A name server that answers when it is told to; addresses as they are written need none.
int slow(const std::string& host, const std::string& port, int flags, Addresses& addresses) {
  if ((flags & AI_NUMERICHOST) != 0) return HostLookup::resolve(host, port, flags, addresses);
  ++g_asked;
  g_answers.wait(false);
  if (host == "nobody") return EAI_NONAME;
  return HostLookup::resolve("127.0.0.1", port, AI_NUMERICHOST, addresses);
}

class HostLookups : public testing::Test {
 protected:
  HostLookups() {
    g_asked = 0;
    g_answers = false;
  }
  ~HostLookups() override { answer(); }

  static void answer() {
    g_answers = true;
    g_answers.notify_all();
  }
  Result<Addresses> find(const std::string& host, milliseconds patience) {
    return lookup.find(host, 6342, cancelled, std::chrono::steady_clock::now() + patience);
  }

  HostLookup lookup{slow};
  UniqueFd cancelled{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
};

TEST_F(HostLookups, AWrittenAddressNeedsNoNameServer) {
  for (const std::string address : {"192.0.2.7", "::1"}) {
    const auto found = find(address, kLong);
    ASSERT_TRUE(found) << describe(found.error());
    EXPECT_EQ((*found)->ai_family, address == "::1" ? AF_INET6 : AF_INET);
  }
  EXPECT_EQ(g_asked, 0);
}

TEST_F(HostLookups, ANameServerThatIsSilentCostsNoMoreThanTheDeadline) {
  for (int i = 0; i < 3; ++i) {
    const auto found = find("merlin", milliseconds(20));
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, ErrorCode::kTimeout);
    EXPECT_NE(describe(found.error()).find("merlin"), std::string::npos);
  }
  answer();
  const auto found = find("merlin", kLong);
  ASSERT_TRUE(found) << describe(found.error());
  const auto* address = reinterpret_cast<const sockaddr_in*>((*found)->ai_addr);
  EXPECT_EQ(ntohs(address->sin_port), 6342);
  EXPECT_EQ(g_asked, 1) << "the one that was under way was waited for";
}

TEST_F(HostLookups, CancelEndsTheWait) {
  std::jthread other([&] { ::eventfd_write(cancelled.get(), 1); });
  EXPECT_EQ(find("merlin", kLong).error().code, ErrorCode::kTimeout);
}

TEST_F(HostLookups, ANameThatNobodyHasIsNotFound) {
  answer();
  const auto found = find("nobody", kLong);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(find("merlin", kLong));
}

}  // namespace
}  // namespace framelog
