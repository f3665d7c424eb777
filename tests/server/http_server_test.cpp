#include "server/http_server.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <iterator>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/file_descriptor.hpp"
#include "server/fake_appliance.hpp"
#include "server/metrics.hpp"
#include "server/system_call_filter.hpp"

namespace pssst::server {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

base::FileDescriptor connect_to(std::uint16_t port, int receive_buffer = 0) {
  base::FileDescriptor fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (receive_buffer > 0) {
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  }
  const timeval limit{.tv_sec = 10, .tv_usec = 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  return fd;
}

void say(const base::FileDescriptor& fd, std::string_view text) {
  EXPECT_EQ(send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(text.size()));
}

std::string read_all(const base::FileDescriptor& fd) {
  std::string text;
  std::array<char, 4096> part{};
  for (;;) {
    const ssize_t size = recv(fd.get(), part.data(), part.size(), 0);
    if (size <= 0) return text;
    text.append(part.data(), static_cast<std::size_t>(size));
  }
}

std::string request(std::uint16_t port, const std::string& text) {
  const base::FileDescriptor fd = connect_to(port);
  say(fd, text);
  return read_all(fd);
}

std::string head_of(const std::string& response) {
  return response.substr(0, response.find("\r\n\r\n"));
}

std::string body_of(const std::string& response) {
  const std::size_t end = response.find("\r\n\r\n");
  return end == std::string::npos ? "no headers: " + response : response.substr(end + 4);
}

std::size_t threads_now() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return static_cast<std::size_t>(std::distance(begin(tasks), end(tasks)));
}

class HttpServerTest : public testing::Test {
 protected:
  HttpServerTest() {
    appliance_.set(busy_report());
    appliance_.set(Health{.ready = true, .problems = {}});
    auto started = HttpServer::start("127.0.0.1:0", appliance_);
    if (!started) throw std::runtime_error(started.error().to_string());
    server_ = std::move(*started);
  }

  [[nodiscard]] std::string get(const std::string& path) const {
    return request(server_->port(), "GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n");
  }

  FakeAppliance appliance_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, ServesMetrics) {
  const std::string response = get("/metrics");
  EXPECT_TRUE(response.starts_with("HTTP/1.1 200 OK\r\n")) << response;
  EXPECT_NE(response.find("\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"),
            std::string::npos);
  EXPECT_EQ(body_of(response), to_prometheus(appliance_.report(), appliance_.health()));
  EXPECT_NE(
      response.find("\r\nContent-Length: " + std::to_string(body_of(response).size()) + "\r\n"),
      std::string::npos);
}

TEST_F(HttpServerTest, AQueryChangesNothing) {
  EXPECT_EQ(body_of(get("/metrics?name%5b%5d=x")), body_of(get("/metrics")));
}

TEST_F(HttpServerTest, TellsOfHealth) {
  EXPECT_TRUE(get("/health").starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ(body_of(get("/health")), "ready\n");
  appliance_.set(Health{.ready = false, .problems = {"worker on CPU 1 hangs", "it drains"}});
  const std::string response = get("/health");
  EXPECT_TRUE(response.starts_with("HTTP/1.1 503 Service Unavailable\r\n")) << response;
  EXPECT_NE(response.find("\r\nContent-Type: text/plain; charset=utf-8\r\n"), std::string::npos);
  EXPECT_EQ(body_of(response), "worker on CPU 1 hangs\nit drains\n");
  appliance_.set(Health{.ready = true, .problems = {}});
  EXPECT_EQ(body_of(get("/health")), "ready\n");
}

TEST_F(HttpServerTest, HeadHasTheSameHeadersAndNoBody) {
  for (const std::string path : {"/metrics", "/health", "/none"}) {
    const std::string response = request(server_->port(), "HEAD " + path + " HTTP/1.0\r\n\r\n");
    EXPECT_EQ(head_of(response), head_of(get(path)));
    EXPECT_EQ(body_of(response), "");
  }
}

TEST_F(HttpServerTest, HasNothingElse) {
  for (const std::string path : {"/", "/metrics/", "/healthz", "/..", "/%6detrics", "/etc/passwd",
                                 "//metrics", "/metrics/../../etc/passwd", "/index.html"}) {
    EXPECT_TRUE(get(path).starts_with("HTTP/1.1 404 Not Found\r\n")) << path << get(path);
  }
}

TEST_F(HttpServerTest, TakesNoOtherMethod) {
  for (const std::string method : {"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND"}) {
    const std::string response = request(
        server_->port(), method + " /health HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    EXPECT_TRUE(response.starts_with("HTTP/1.1 405 Method Not Allowed\r\n")) << response;
    EXPECT_NE(response.find("\r\nAllow: GET, HEAD\r\n"), std::string::npos);
  }
}

TEST_F(HttpServerTest, SurvivesWhatIsNoRequest) {
  const std::string long_path(HttpServer::kRequestBytesMax, 'a');
  for (const std::string& text :
       {std::string("\r\n\r\n"), std::string("GET\r\n\r\n"), std::string("\x16\x03\x01\x02\x00", 5),
        std::string("GET /health HTTP/9.9\r\n\r\n"), "GET /" + long_path + " HTTP/1.1\r\n\r\n",
        std::string("GET /health HTTP/1.1\r\nContent-Length: -1\r\n\r\n"),
        std::string("GET * HTTP/1.1\r\n\r\n"), std::string("CONNECT a:1 HTTP/1.1\r\n\r\n"),
        "GET /health HTTP/1.1\r\nX: " + long_path + "\r\n\r\n",
        std::string("GET http://elsewhere/../x HTTP/1.1\r\n\r\n")}) {
    const std::string response = request(server_->port(), text);
    EXPECT_EQ(head_of(response).find(" 200 "), std::string::npos) << text;
  }
  EXPECT_EQ(body_of(get("/health")), "ready\n");
}

TEST_F(HttpServerTest, WaitsForNoBody) {
  const auto start = Clock::now();
  const std::string response =
      request(server_->port(),
              "GET /health HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nonly this");
  EXPECT_TRUE(response.starts_with("HTTP/1.1 200")) << response;
  EXPECT_LT(Clock::now() - start, 1s);
}

TEST_F(HttpServerTest, OneSlowClientHoldsNobody) {
  std::vector<base::FileDescriptor> slow;
  for (int i = 0; i + 1 < HttpServer::kThreads; ++i) {
    say(slow.emplace_back(connect_to(server_->port())), "GET /metr");
  }
  const auto start = Clock::now();
  EXPECT_EQ(body_of(get("/health")), "ready\n");
  EXPECT_LT(Clock::now() - start, 1s);
}

/// One has all threads, and says a byte now and then.
TEST_F(HttpServerTest, ManySlowClientsAreSentAway) {
  std::vector<base::FileDescriptor> slow;
  for (int i = 0; i < HttpServer::kThreads; ++i) {
    say(slow.emplace_back(connect_to(server_->port())), "GET /metrics HTTP/1.1\r\nX: ");
  }
  std::jthread dripping([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      std::this_thread::sleep_for(100ms);
      for (const auto& fd : slow) static_cast<void>(send(fd.get(), "x", 1, MSG_NOSIGNAL));
    }
  });
  const auto start = Clock::now();
  EXPECT_EQ(body_of(get("/health")), "ready\n");
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(2 * HttpServer::kClientSeconds));
}

/// More than its socket buffers hold, so that the server feels how slowly it is read.
TEST_F(HttpServerTest, ASlowReaderIsSentAway) {
  Report report = busy_report();
  for (unsigned i = 0; i < 8000; ++i) report.services.push_back(report.services.front());
  appliance_.set(std::move(report));
  const base::FileDescriptor fd = connect_to(server_->port(), 4096);
  say(fd, "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
  std::this_thread::sleep_for(500ms);
  const auto start = Clock::now();
  std::array<char, 1024> part{};
  while (recv(fd.get(), part.data(), part.size(), 0) > 0 && Clock::now() - start < 20s) {
    // What the kernel holds already comes fast, once the server has given up.
    if (Clock::now() - start < std::chrono::seconds(2 * HttpServer::kClientSeconds)) {
      std::this_thread::sleep_for(20ms);
    }
  }
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(3 * HttpServer::kClientSeconds));
}

TEST_F(HttpServerTest, StopEndsThreadsAndConnections) {
  const std::size_t running = threads_now();
  const base::FileDescriptor waiting = connect_to(server_->port());
  say(waiting, "GET ");
  std::this_thread::sleep_for(50ms);
  const auto start = Clock::now();
  const std::uint16_t port = server_->port();
  server_->stop();
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(2 * HttpServer::kClientSeconds));
  EXPECT_EQ(threads_now() + HttpServer::kThreads + 1, running);
  server_->stop();
  auto again = HttpServer::start("127.0.0.1:" + std::to_string(port), appliance_);
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ((*again)->port(), port);
}

TEST_F(HttpServerTest, AnswersManyAtOnce) {
  std::vector<std::thread> clients;
  clients.reserve(8);
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&] {
      for (int n = 0; n < 20; ++n) EXPECT_EQ(body_of(get("/health")), "ready\n");
    });
  }
  for (std::thread& client : clients) client.join();
}

TEST_F(HttpServerTest, RefusesAnAddressThatIsTaken) {
  const auto second = HttpServer::start("127.0.0.1:" + std::to_string(server_->port()), appliance_);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().what.find("Address already in use"), std::string::npos)
      << second.error().to_string();
}

TEST(HttpServerStart, RefusesWhatIsNoAddressAndPort) {
  FakeAppliance appliance;
  for (const std::string listen :
       {"", ":", "9477", ":9477", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:80s",
        "127.0.0.1:80,127.0.0.1:81", "localhost:9477", "127.0.0.1:-1", "127.0.0.1: 9477",
        "::1:9477", "[::1]", "[]:9477", "[127.0.0.1]:9477", "127.0.0.1:9477 ", "+9477"}) {
    const auto started = HttpServer::start(listen, appliance);
    ASSERT_FALSE(started) << listen;
    EXPECT_EQ(started.error().what, "not an address and a TCP port") << listen;
    EXPECT_EQ(started.error().where, listen);
  }
}

TEST(HttpServerStart, TakesIpv6OrSaysThatItCannot) {
  FakeAppliance appliance;
  const auto started = HttpServer::start("[::1]:0", appliance);
  if (!started) {
    EXPECT_EQ(started.error().what, "this system's civetweb has no IPv6");
  }
}

class ThrowingAppliance final : public Appliance {
 public:
  [[nodiscard]] Report report() override { throw std::runtime_error("no memory"); }
  [[nodiscard]] Health health() override { throw std::runtime_error("no memory"); }
  [[nodiscard]] ReloadOutcome reload() override { return {}; }
  std::chrono::seconds drain(std::optional<std::chrono::seconds> /*deadline*/) override {
    return {};
  }
};

TEST(HttpServerStart, AnExceptionIsAnAnswer) {
  ThrowingAppliance appliance;
  const auto server = HttpServer::start("127.0.0.1:0", appliance);
  ASSERT_TRUE(server);
  EXPECT_TRUE(request((*server)->port(), "GET /metrics HTTP/1.1\r\n\r\n")
                  .starts_with("HTTP/1.1 500 Internal Server Error\r\n"));
}

/// Started before the filter is loaded, and asked, and stopped, after.
TEST(HttpServerFilter, LetsItServe) {
  if (!can_filter_system_calls()) GTEST_SKIP() << "a sanitizer's build";
  EXPECT_EXIT(
      {
        FakeAppliance appliance;
        appliance.set(busy_report());
        const auto server = HttpServer::start("127.0.0.1:0", appliance);
        if (!server || !filter_system_calls({})) _exit(99);
        const std::uint16_t port = (*server)->port();
        for (int i = 0; i < 2 * HttpServer::kThreads; ++i) {
          const std::string scraped = request(port, "GET /metrics HTTP/1.1\r\n\r\n");
          if (!scraped.starts_with("HTTP/1.1 200")) _exit(1);
          if (!request(port, "GET /health HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 503")) _exit(2);
          if (request(port, "nonsense\r\n\r\n").starts_with("HTTP/1.1 200")) _exit(4);
        }
        const base::FileDescriptor slow = connect_to(port);
        say(slow, "GET ");
        if (head_of(read_all(slow)).find(" 400 ") == std::string::npos) _exit(5);
        (*server)->stop();
        _exit(0);
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace pssst::server
