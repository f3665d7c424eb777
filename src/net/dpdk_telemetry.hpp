/// Commands of DPDK's telemetry socket. No DPDK header is seen through this one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.hpp"

namespace pssst::net {

/// A JSON object. Names are of letters, digits, '_' and '/': DPDK refuses others. A string may have
/// 127 bytes, and what it has more is cut off.
using TelemetryFields =
    std::vector<std::pair<std::string, std::variant<std::uint64_t, std::string>>>;

/// The object that answers a command, at most 16 KiB as JSON and of at most 256 entries, or DPDK
/// leaves out the rest.
struct TelemetryReply {
  TelemetryFields fields;
  std::vector<std::pair<std::string, TelemetryFields>> objects;
  std::vector<std::pair<std::string, std::vector<std::string>>> lists;
};

struct TelemetryCommand {
  std::string name;  ///< "/pssst/stats"; at most 55 bytes
  std::string help;  ///< at most 63 bytes
  std::function<TelemetryReply()> answer;
};

/// Answers commands as long as it lives. DPDK cannot forget a command: afterwards they answer null.
/// At most one at a time.
class DpdkTelemetry {
 public:
  /// Whether or not EAL has started, and its telemetry is on. Answers come from threads of DPDK,
  /// one at a time; what they throw is answered by null.
  static base::Result<std::unique_ptr<DpdkTelemetry>> start(std::vector<TelemetryCommand> commands);
  DpdkTelemetry(const DpdkTelemetry&) = delete;
  DpdkTelemetry& operator=(const DpdkTelemetry&) = delete;
  /// Waits for an answer that is being made: hold no lock that answers wait for.
  ~DpdkTelemetry();

 private:
  DpdkTelemetry() = default;
};

}  // namespace pssst::net
