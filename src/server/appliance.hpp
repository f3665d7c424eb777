/// What operators may ask of a running server, by whatever way they come: signal, control socket,
/// HTTP.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "server/report.hpp"

namespace pssst::server {

/// What became of a reload. If `refused` is not empty nothing was applied and the server serves as
/// before.
struct ReloadOutcome {
  std::vector<std::string> applied{};        ///< one line each: "service meters: key 3f2a... added"
  std::vector<std::string> needs_restart{};  ///< changes that the running server cannot make
  std::vector<std::string> refused{};        ///< "file:line:col: what: remedy"
};

struct Health {
  bool ready = false;
  /// Why not, one line each; empty if ready.
  std::vector<std::string> problems;
};

/// Any thread may call; calls take turns and wait for each other.
class Appliance {
 public:
  Appliance() = default;
  Appliance(const Appliance&) = delete;
  Appliance& operator=(const Appliance&) = delete;
  virtual ~Appliance() = default;

  [[nodiscard]] virtual Report report() = 0;
  /// Ready: every worker has turned its loop in the last seconds, its last self-request came back
  /// right, and the server does not drain.
  [[nodiscard]] virtual Health health() = 0;
  /// Reads the configuration file again.
  [[nodiscard]] virtual ReloadOutcome reload() = 0;
  /// Health fails from now on; the server ends with status 0 when traffic has ebbed, or after the
  /// deadline; without one, the configured. Returns the deadline.
  virtual std::chrono::seconds drain(std::optional<std::chrono::seconds> deadline) = 0;
};

}  // namespace pssst::server
