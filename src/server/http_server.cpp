#include "server/http_server.hpp"

#include <arpa/inet.h>
#include <civetweb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <exception>
#include <mutex>
#include <optional>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "base/file_descriptor.hpp"
#include "server/metrics.hpp"

namespace pssst::server {
namespace {

struct Response {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string more_headers;
  std::string body;
};

std::string_view reason_of(int status) noexcept {
  switch (status) {
    case 200:
      return "OK";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 503:
      return "Service Unavailable";
    default:
      return "Internal Server Error";
  }
}

Response metrics_of(Appliance& appliance) {
  Response response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  const Report report = appliance.report();
  response.body = to_prometheus(report, appliance.health());
  return response;
}

Response health_of(Appliance& appliance) {
  const Health health = appliance.health();
  Response response;
  if (health.ready) {
    response.body = "ready\n";
    return response;
  }
  response.status = 503;
  for (const std::string& problem : health.problems) (response.body += problem) += '\n';
  if (response.body.empty()) response.body = "not ready\n";
  return response;
}

Response answer(Appliance& appliance, std::string_view method, std::string_view path) {
  const bool is_metrics = path == "/metrics";
  if (!is_metrics && path != "/health") {
    return {.status = 404, .more_headers = {}, .body = "there are /metrics and /health\n"};
  }
  if (method != "GET" && method != "HEAD") {
    return {.status = 405, .more_headers = "Allow: GET, HEAD\r\n", .body = "GET or HEAD only\n"};
  }
  return is_metrics ? metrics_of(appliance) : health_of(appliance);
}

/// In pieces: civetweb limits the time of each step forward only, not that of the whole.
void send(mg_connection* connection, std::string_view text) noexcept {
  constexpr std::size_t kPiece = 4096;
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::seconds(HttpServer::kClientSeconds);
  while (!text.empty() && std::chrono::steady_clock::now() < deadline) {
    const std::size_t size = std::min(text.size(), kPiece);
    if (mg_write(connection, text.data(), size) != static_cast<int>(size)) return;
    text.remove_prefix(size);
  }
}

std::string to_text(const Response& response, bool with_body) {
  std::string text = "HTTP/1.1 " + std::to_string(response.status) + ' ';
  text += reason_of(response.status);
  text += "\r\nContent-Type: " + response.content_type;
  text += "\r\nContent-Length: " + std::to_string(response.body.size());
  text += "\r\nCache-Control: no-store\r\nConnection: close\r\n" + response.more_headers + "\r\n";
  if (with_body) text += response.body;
  return text;
}

/// Null if it is not an address and a TCP port. Strict: civetweb takes lists, names and more.
std::optional<sockaddr_storage> parse(const std::string& listen) {
  const std::size_t colon = listen.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  std::uint16_t port = 0;
  const char* const end = listen.data() + listen.size();
  const auto parsed = std::from_chars(listen.data() + colon + 1, end, port);
  if (parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
  std::string host = listen.substr(0, colon);
  sockaddr_storage address{};
  void* bytes = nullptr;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    auto* const ipv6 = reinterpret_cast<sockaddr_in6*>(&address);
    ipv6->sin6_family = AF_INET6;
    bytes = &ipv6->sin6_addr;
  } else {
    auto* const ipv4 = reinterpret_cast<sockaddr_in*>(&address);
    ipv4->sin_family = AF_INET;
    bytes = &ipv4->sin_addr;
  }
  if (inet_pton(address.ss_family, host.c_str(), bytes) != 1) return std::nullopt;
  return address;
}

base::Result<sockaddr_storage> check(const std::string& listen) {
  const auto address = parse(listen);
  if (!address) {
    return base::fail("not an address and a TCP port", listen, "write it like 127.0.0.1:9477");
  }
  if (address->ss_family == AF_INET6 && mg_check_feature(MG_FEATURES_IPV6) == 0) {
    return base::fail("this system's civetweb has no IPv6", listen, "listen at an IPv4 address");
  }
  return *address;
}

/// A connection that says nothing.
void touch(sockaddr_storage address, std::uint16_t port) noexcept {
  if (address.ss_family == AF_INET6) {
    reinterpret_cast<sockaddr_in6*>(&address)->sin6_port = htons(port);
  } else {
    reinterpret_cast<sockaddr_in*>(&address)->sin_port = htons(port);
  }
  const base::FileDescriptor fd(
      socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  // Whether anybody takes it does not matter.
  static_cast<void>(connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address));
}

}  // namespace

struct HttpServer::Impl {
  Impl(Appliance& of, const sockaddr_storage& at) noexcept : appliance(of), address(at) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    stop();
    if (library_initialized) mg_exit_library();
  }

  base::Result<void> start(const std::string& listen);
  void stop() noexcept;

  static int begin_request(mg_connection* connection) noexcept;
  static int log_message(const mg_connection* connection, const char* message) noexcept;

  Appliance& appliance;
  const sockaddr_storage address;
  mg_context* context = nullptr;
  std::uint16_t port = 0;
  bool library_initialized = false;
  std::mutex mutex;
  std::string first_complaint;  ///< of civetweb
};

// Comes before anything else that civetweb can do with a request: of its files, scripts and
// redirects nothing is reached.
int HttpServer::Impl::begin_request(mg_connection* connection) noexcept {
  // Nor is a body read, which could take for ever.
  mg_disable_connection_keep_alive(connection);
  const mg_request_info& request = *mg_get_request_info(connection);
  auto& server = *static_cast<Impl*>(request.user_data);
  const std::string_view method = request.request_method;
  try {
    const std::string_view path = request.local_uri_raw == nullptr ? "" : request.local_uri_raw;
    const Response response = answer(server.appliance, method, path);
    send(connection, to_text(response, method != "HEAD"));
    return response.status;
  } catch (const std::exception&) {
    send(connection, "HTTP/1.1 500 Internal Server Error\r\nConnection: close\r\n\r\n");
    return 500;
  }
}

// Nothing of what clients bring about is logged.
int HttpServer::Impl::log_message(const mg_connection* connection, const char* message) noexcept {
  auto* const server = static_cast<Impl*>(mg_get_user_data(mg_get_context(connection)));
  if (server == nullptr) return 1;
  const std::lock_guard lock(server->mutex);
  try {
    if (server->first_complaint.empty()) server->first_complaint = message;
  } catch (const std::exception&) {
    return 1;
  }
  return 1;
}

base::Result<void> HttpServer::Impl::start(const std::string& listen) {
  mg_init_library(MG_FEATURES_DEFAULT);
  library_initialized = true;
  mg_callbacks callbacks{};
  callbacks.begin_request = begin_request;
  callbacks.log_message = log_message;
  const std::string threads = std::to_string(kThreads);
  const std::string timeout_ms = std::to_string(kClientSeconds * 1000);
  const std::string request_bytes = std::to_string(kRequestBytesMax);
  const char* options[] = {"listening_ports",
                           listen.c_str(),
                           "num_threads",
                           threads.c_str(),
                           "request_timeout_ms",
                           timeout_ms.c_str(),
                           "max_request_size",
                           request_bytes.c_str(),
                           "connection_queue",
                           "16",
                           "listen_backlog",
                           "32",
                           "enable_keep_alive",
                           "no",
                           "decode_url",
                           "no",
                           nullptr};
  context = mg_start(&callbacks, this, options);
  if (context == nullptr) {
    const std::lock_guard lock(mutex);
    return base::fail(first_complaint.empty() ? "the HTTP server does not start" : first_complaint,
                      listen, "choose another address or port for metrics");
  }
  mg_server_port listening{};
  if (mg_get_server_ports(context, 1, &listening) == 1) {
    port = static_cast<std::uint16_t>(listening.port);
  }
  return {};
}

// civetweb's listening thread looks only every two seconds whether it is to end, or when somebody
// connects.
void HttpServer::Impl::stop() noexcept {
  if (context == nullptr) return;
  std::jthread waker;
  try {
    waker = std::jthread([this](const std::stop_token& stopped) {
      while (!stopped.stop_requested()) {
        touch(address, port);
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
      }
    });
  } catch (const std::system_error&) {
    // It will take the two seconds.
  }
  mg_stop(std::exchange(context, nullptr));
}

base::Result<std::unique_ptr<HttpServer>> HttpServer::start(const std::string& listen,
                                                            Appliance& appliance) {
  const auto address = check(listen);
  if (!address) return tl::unexpected(address.error());
  auto impl = std::make_unique<Impl>(appliance, *address);
  if (auto started = impl->start(listen); !started) return tl::unexpected(started.error());
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;

std::uint16_t HttpServer::port() const noexcept {
  return impl_->port;
}

void HttpServer::stop() noexcept {
  impl_->stop();
}

}  // namespace pssst::server
