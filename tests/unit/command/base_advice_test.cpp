#include "command/base_advice.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace framelog {
namespace {

std::string advice(int system_errno, const std::string& path, bool is_service = true) {
  const Error error{code_of_errno(system_errno), system_errno, "cannot create directory", path};
  return base_advice(error, "demo", is_service);
}

TEST(BaseAdviceTest, OutsideOfTheSandboxTheDropInIsPrinted) {
  EXPECT_EQ(advice(EROFS, "/opt/x/.framelog/demo"),
            "outside of the service's sandbox: install -d -o framelog -g framelog \"/opt/x\" && "
            "mkdir -p /etc/systemd/system/framelogd@demo.service.d && "
            "printf '[Service]\\nReadWritePaths=\"/opt/x\"\\n' "
            ">/etc/systemd/system/framelogd@demo.service.d/base.conf && systemctl daemon-reload");
}

TEST(BaseAdviceTest, AHomeHasToBeShownFirst) {
  EXPECT_NE(advice(EACCES, "/home/ada/data/.framelog/demo").find("ProtectHome=no\\nReadWrite"),
            std::string::npos);
  EXPECT_EQ(advice(EROFS, "/homes/x").find("ProtectHome"), std::string::npos);
}

TEST(BaseAdviceTest, InsideOfTheSandboxOnlyTheOwnerIsWrong) {
  EXPECT_EQ(advice(EACCES, "/srv/x/.framelog/demo"),
            "the user framelog may not write there: install -d -o framelog -g framelog \"/srv/x\"");
}

TEST(BaseAdviceTest, TemporaryDirectoriesOfAServiceGoWithIt) {
  EXPECT_NE(advice(EROFS, "/tmp/x/.framelog/demo").find("outlives"), std::string::npos);
  EXPECT_EQ(advice(EROFS, "/tmpx/y").find("outlives"), std::string::npos);
}

TEST(BaseAdviceTest, OthersAreToldWhatABaseHasToBe) {
  const std::string plain = "a directory that can be created and written to, with room";
  EXPECT_EQ(advice(EROFS, "/opt/x/.framelog/demo", false), plain);
  EXPECT_EQ(advice(ENOSPC, "/opt/x/.framelog/demo"), plain);
}

}  // namespace
}  // namespace framelog
