/// /metrics and /health over HTTP.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/error.hpp"
#include "server/appliance.hpp"

namespace pssst::server {

/// Answers GET and HEAD of
///
///     /metrics   200, the text format of Prometheus (metrics.hpp)
///     /health    200 and "ready", or 503 and the problems, one a line
///
/// and nothing else: 404 for other paths, 405 for other methods. What comes behind a request's
/// headers is not read. One request a connection.
///
/// A client has one of a few threads for kClientSeconds to say what it wants, and for about as long
/// to take the answer. Many that are slow on purpose can keep others waiting, though never the
/// workers: listen where only operators reach.
///
/// Once started it needs no capability, and lives with the system calls that
/// filter_system_calls() leaves.
class HttpServer {
 public:
  static constexpr int kThreads = 4;
  static constexpr int kClientSeconds = 2;
  static constexpr int kRequestBytesMax = 8192;

  /// `listen`: "127.0.0.1:9477"; port 0 is any free one. IPv6, "[::1]:9477", only where the
  /// installed civetweb has it (Debian 12's has not). The threads inherit the caller's signal mask.
  /// `appliance` must outlive the server.
  static base::Result<std::unique_ptr<HttpServer>> start(const std::string& listen,
                                                         Appliance& appliance);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer();

  /// The TCP port that it listens at.
  [[nodiscard]] std::uint16_t port() const noexcept;
  /// Ends every connection, and waits for the threads; again: does nothing.
  void stop() noexcept;

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pssst::server
