#include "server/service_manager.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>

#include "base/file_descriptor.hpp"

namespace pssst::server {
namespace {

using testing::MatchesRegex;

/// The manager's end of NOTIFY_SOCKET.
class ServiceManager : public testing::Test {
 protected:
  ServiceManager() {
    std::string name = testing::TempDir() + "pssst-notify-XXXXXX";
    folder_ = ::mkdtemp(name.data());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = folder_ + "/notify";
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
              0);
    ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  }
  ~ServiceManager() override {
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) ::unsetenv(name);
    std::filesystem::remove_all(folder_);
  }

  [[nodiscard]] std::string received() const {
    std::array<char, 1024> text{};
    const ssize_t n = ::recv(socket_.get(), text.data(), text.size(), MSG_DONTWAIT);
    return n < 0 ? "" : std::string(text.data(), static_cast<std::size_t>(n));
  }

  std::string folder_;
  base::FileDescriptor socket_{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
};

TEST_F(ServiceManager, IsToldEachState) {
  notify_ready("serving");
  EXPECT_EQ(received(), "READY=1\nSTATUS=serving");
  notify_reloading();
  EXPECT_THAT(received(), MatchesRegex("RELOADING=1\nMONOTONIC_USEC=[0-9]+"));
  notify_starting("loading", std::chrono::seconds(20));
  EXPECT_EQ(received(), "EXTEND_TIMEOUT_USEC=20000000\nSTATUS=loading");
  notify_status("draining");
  EXPECT_EQ(received(), "STATUS=draining");
  notify_stopping();
  EXPECT_EQ(received(), "STOPPING=1");
  notify_watchdog();
  EXPECT_EQ(received(), "WATCHDOG=1");
  EXPECT_EQ(received(), "");
}

TEST_F(ServiceManager, IsNotToldWhereThereIsNone) {
  ::unsetenv("NOTIFY_SOCKET");
  notify_ready("serving");
  ::setenv("NOTIFY_SOCKET", "/nonexistent/notify", 1);
  notify_ready("serving");
  EXPECT_EQ(received(), "");
}

TEST_F(ServiceManager, WatchesThisProcessAlone) {
  EXPECT_FALSE(watchdog_interval());
  ::setenv("WATCHDOG_USEC", "10000000", 1);
  EXPECT_EQ(watchdog_interval(), std::chrono::seconds(5));
  ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  EXPECT_EQ(watchdog_interval(), std::chrono::seconds(5));
  ::setenv("WATCHDOG_PID", "1", 1);
  EXPECT_FALSE(watchdog_interval());
}

}  // namespace
}  // namespace pssst::server
