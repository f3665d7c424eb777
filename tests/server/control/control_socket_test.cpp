#include "server/control/control_socket.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "server/control/control_client.hpp"
#include "server/fake_appliance.hpp"

namespace pssst::server {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr uid_t kNobody = 65534;

class ControlSocketTest : public testing::Test {
 protected:
  ControlSocketTest() {
    std::string name = testing::TempDir() + "pssst-control-XXXXXX";
    folder_ = ::mkdtemp(name.data());
    std::filesystem::permissions(folder_, std::filesystem::perms(0755));
    options_.socket = folder_ + "/control";
    appliance_.set(Health{.ready = true, .problems = {}});
  }
  ~ControlSocketTest() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<ControlSocket> start() {
    auto socket = ControlSocket::start(options_, "", appliance_);
    EXPECT_TRUE(socket) << socket.error().to_string();
    return socket ? *std::move(socket) : nullptr;
  }
  std::string error() {
    const auto socket = ControlSocket::start(options_, "", appliance_);
    return socket ? "" : socket.error().to_string();
  }

  /// A connection of a test's own.
  [[nodiscard]] base::FileDescriptor connect() const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    options_.socket.copy(address.sun_path, sizeof address.sun_path - 1);
    base::FileDescriptor connection(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(
        ::connect(connection.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
        0);
    return connection;
  }

  std::string folder_;
  ControlOptions options_;
  FakeAppliance appliance_;
};

TEST_F(ControlSocketTest, AnswersOneRequestAConnection) {
  const auto socket = start();
  for (int i = 0; i < 50; ++i) {
    const auto answer = ask_control(options_.socket, "health");
    ASSERT_TRUE(answer) << answer.error().to_string();
    EXPECT_TRUE(answer->is_good);
    EXPECT_EQ(answer->text, "ready\n");
  }
  const auto refused = ask_control(options_.socket, "nonsense");
  ASSERT_TRUE(refused);
  EXPECT_FALSE(refused->is_good);
}

TEST_F(ControlSocketTest, HasItsModeAndIsRemovedAtTheEnd) {
  options_.mode = 0620;
  {
    const auto socket = start();
    struct stat status {};
    ASSERT_EQ(::stat(options_.socket.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0620U);
  }
  EXPECT_FALSE(std::filesystem::exists(options_.socket));
}

TEST_F(ControlSocketTest, TakesThePlaceOfOneThatNobodyListensAt) {
  {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    options_.socket.copy(address.sun_path, sizeof address.sun_path - 1);
    const base::FileDescriptor left(::socket(AF_UNIX, SOCK_STREAM, 0));
    ASSERT_EQ(::bind(left.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  const auto socket = start();
  EXPECT_TRUE(ask_control(options_.socket, "health"));
  EXPECT_THAT(error(), HasSubstr("a server listens there already"));
  EXPECT_TRUE(ask_control(options_.socket, "health")) << "the first one still serves";
}

TEST_F(ControlSocketTest, SaysWhyItCannotStart) {
  std::ofstream(options_.socket) << "text";
  EXPECT_THAT(error(), HasSubstr("something else than a socket"));
  EXPECT_TRUE(std::filesystem::exists(options_.socket));
  options_.socket = folder_ + "/missing/control";
  EXPECT_THAT(error(), HasSubstr("No such file or directory: make its directory first"));
  options_.socket = "/" + std::string(200, 'x');
  EXPECT_THAT(error(), HasSubstr("1 to 107 bytes"));
  options_.socket = folder_ + "/control2";
  options_.users = {"no-such-user"};
  EXPECT_THAT(error(), HasSubstr("user no-such-user: no such user"));
}

/// What a process of another user is told, by an exit status: 0 if it was answered good.
int ask_as(uid_t user, const std::string& socket) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setresuid(user, user, user) != 0) ::_exit(99);
    const auto answer = ask_control(socket, "health");
    if (!answer) ::_exit(98);
    if (answer->text.find("may not control this server") != std::string::npos) ::_exit(1);
    ::_exit(answer->is_good ? 0 : 97);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WEXITSTATUS(status);
}

TEST_F(ControlSocketTest, AnswersOnlyWhoMayAsk) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  options_.mode = 0666;
  {
    const auto socket = start();
    testing::internal::CaptureStderr();
    for (int i = 0; i < 20; ++i) EXPECT_EQ(ask_as(kNobody, options_.socket), 1);
    const std::string log = testing::internal::GetCapturedStderr();
    EXPECT_THAT(log, HasSubstr("user 65534 (process "));
    EXPECT_EQ(std::ranges::count(log, '\n'), 5) << "rate-limited";
    EXPECT_EQ(ask_as(0, options_.socket), 0);
  }
  options_.users = {"nobody"};
  {
    const auto socket = start();
    EXPECT_EQ(ask_as(kNobody, options_.socket), 0);
  }
  options_.mode = 0600;
  const auto socket = start();
  EXPECT_EQ(ask_as(kNobody, options_.socket), 98) << "kept out by the mode";
}

TEST_F(ControlSocketTest, HangsUpOnWhoSaysNothingOrTooMuch) {
  const auto socket = start();
  const base::FileDescriptor silent = connect();
  const base::FileDescriptor endless = connect();
  const std::string much(100'000, 'x');
  static_cast<void>(::send(endless.get(), much.data(), much.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
  const base::FileDescriptor gone = connect();
  const auto answer = ask_control(options_.socket, "health");
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->is_good);
  std::array<char, 512> bytes{};
  const ssize_t n = ::recv(silent.get(), bytes.data(), bytes.size(), 0);
  EXPECT_THAT(std::string(bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(n, 0))),
              StartsWith("bad\nno command"));
}

TEST_F(ControlSocketTest, HangsUpOnWhoSaysItByteByByte) {
  const auto socket = start();
  const base::FileDescriptor slow = connect();
  std::jthread dripping([&](const std::stop_token& stopped) {
    for (int i = 0; i < 200 && !stopped.stop_requested(); ++i) {
      static_cast<void>(::send(slow.get(), "x", 1, MSG_NOSIGNAL));
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  });
  const auto begun = std::chrono::steady_clock::now();
  const auto answer = ask_control(options_.socket, "health");
  EXPECT_TRUE(answer && answer->is_good);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(6));
}

TEST_F(ControlSocketTest, HangsUpOnWhoReadsItBitByBit) {
  Health health;
  health.problems.assign(40'000, std::string(200, 'p'));
  appliance_.set(health);
  const auto socket = start();
  const base::FileDescriptor slow = connect();
  ASSERT_EQ(::send(slow.get(), "health\n", 7, MSG_NOSIGNAL), 7);
  std::jthread sipping([&](const std::stop_token& stopped) {
    std::vector<char> bytes(64 << 10);
    while (!stopped.stop_requested() && ::recv(slow.get(), bytes.data(), bytes.size(), 0) > 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
  });
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_TRUE(ask_control(options_.socket, "drain"));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(10));
}

TEST_F(ControlSocketTest, WithoutDescriptorsItWaitsAndDoesNotSpin) {
  const auto socket = start();
  const base::FileDescriptor waiting(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 3;  // those are taken
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  options_.socket.copy(address.sun_path, sizeof address.sun_path - 1);
  const int connected =
      ::connect(waiting.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const std::clock_t begun = std::clock();
  std::this_thread::sleep_for(std::chrono::milliseconds(1000));
  const std::clock_t used = std::clock() - begun;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(connected, 0);
  EXPECT_LT(used, CLOCKS_PER_SEC / 20);
  const auto answer = ask_control(options_.socket, "health");
  EXPECT_TRUE(answer && answer->is_good);
}

TEST_F(ControlSocketTest, ALongAnswerComesWhole) {
  Health health;
  health.problems.assign(10'000, std::string(200, 'p'));
  appliance_.set(health);
  const auto socket = start();
  const auto answer = ask_control(options_.socket, "health");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->text.size(), 10'000U * 201U);
}

TEST_F(ControlSocketTest, NobodyThereIsAnErrorThatSaysWhatToDo) {
  const auto answer = ask_control(options_.socket, "health");
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().to_string(),
              HasSubstr("No such file or directory: is the server running"));
}

}  // namespace
}  // namespace pssst::server
