#include "server/control/control_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "base/file_descriptor.hpp"

namespace pssst::server {
namespace {

using testing::HasSubstr;

/// Accepts one connection, sends `bytes` in two pieces, and hangs up.
class OneAnswer {
 public:
  explicit OneAnswer(std::string bytes) {
    std::string name = testing::TempDir() + "pssst-client-XXXXXX";
    folder_ = ::mkdtemp(name.data());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path().copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
              0);
    EXPECT_EQ(::listen(listener_.get(), 1), 0);
    thread_ = std::thread([this, text = std::move(bytes)] {
      const base::FileDescriptor connection(::accept(listener_.get(), nullptr, nullptr));
      std::array<char, 300> request{};
      const ssize_t n = ::recv(connection.get(), request.data(), request.size(), 0);
      request_.assign(request.data(), static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
      const std::size_t half = text.size() / 2;
      ::send(connection.get(), text.data(), half, MSG_NOSIGNAL);
      ::usleep(10'000);
      ::send(connection.get(), text.data() + half, text.size() - half, MSG_NOSIGNAL);
    });
  }
  OneAnswer(const OneAnswer&) = delete;
  OneAnswer& operator=(const OneAnswer&) = delete;
  ~OneAnswer() {
    if (thread_.joinable()) thread_.join();
    std::filesystem::remove_all(folder_);
  }

  [[nodiscard]] std::string path() const { return folder_ + "/control"; }
  std::string request() {
    thread_.join();
    return request_;
  }

 private:
  std::string folder_;
  base::FileDescriptor listener_{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::string request_;
  std::thread thread_;
};

TEST(ControlClient, SendsALineAndReadsToTheEnd) {
  OneAnswer server("good\none\ntwo\n");
  const auto answer = ask_control(server.path(), "stats --json");
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->is_good);
  EXPECT_EQ(answer->text, "one\ntwo\n");
  EXPECT_EQ(server.request(), "stats --json\n");
}

TEST(ControlClient, ARefusalIsAnAnswer) {
  OneAnswer server("bad\nno\n");
  const auto answer = ask_control(server.path(), "reload");
  ASSERT_TRUE(answer);
  EXPECT_FALSE(answer->is_good);
  EXPECT_EQ(answer->text, "no\n");
}

TEST(ControlClient, WhatIsNoAnswerIsAnError) {
  for (const char* bytes : {"", "goo", "HTTP/1.1 200 OK\r\n"}) {
    OneAnswer server(bytes);
    const auto answer = ask_control(server.path(), "reload");
    ASSERT_FALSE(answer) << bytes;
    EXPECT_THAT(answer.error().to_string(), HasSubstr("hung up without an answer"));
  }
}

TEST(ControlClient, WhereNobodyListensItSaysSo) {
  for (const std::string& path : {std::string(), std::string(200, 'x')}) {
    EXPECT_FALSE(ask_control(path, "health"));
  }
  const auto answer = ask_control("/nonexistent/control", "health");
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().to_string(), HasSubstr("is the server running"));
}

}  // namespace
}  // namespace pssst::server
