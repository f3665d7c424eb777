/// What a server said of itself at one moment, for `pssst top`.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"

namespace pssst::tools::top {

/// Counters by name, as in the JSON of the server's report; 0 for what is not there.
class Counts {
 public:
  [[nodiscard]] std::uint64_t operator[](std::string_view name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? 0 : found->second;
  }
  void set(std::string name, std::uint64_t value) { values_[std::move(name)] = value; }
  [[nodiscard]] const std::map<std::string, std::uint64_t, std::less<>>& all() const noexcept {
    return values_;
  }

 private:
  std::map<std::string, std::uint64_t, std::less<>> values_;
};

/// A part of the server that has counters, and drops.
struct Part {
  Counts counts;
  Counts drops;  ///< by reason
};

struct Sample {
  struct Worker : Part {
    std::uint64_t cpu = 0;
    std::optional<double> self_request_age_seconds;  ///< none: no right one yet
  };
  struct Key {
    std::string fingerprint;
    std::string suite;
    std::uint64_t requests = 0;
    std::optional<double> last_use_age_seconds;  ///< none: not used yet
  };
  /// Of a handler that forwards.
  struct Backend {
    std::string address;
    bool usable = false;
    Counts counts;
  };
  struct Service : Part {
    std::string name;
    std::uint64_t udp_port = 0;
    std::string handler;
    std::vector<Key> keys;
    std::vector<Backend> backends;
  };
  struct Stage {
    std::string name;
    std::uint64_t count = 0;
    std::vector<std::pair<double, std::uint64_t>> buckets;  ///< bound in seconds, events up to it
  };
  struct Device {
    std::string name;
    bool link_up = false;
    Counts counts;
  };

  struct Store {
    bool loaded = false;
    bool refusing = false;
    std::string alarm;                              ///< why it is not followed; empty: it is
    std::optional<double> last_change_age_seconds;  ///< none: there was no change
    Counts counts;
  };

  std::string version;
  std::string x25519_kernel;
  std::uint64_t clients = 0;
  std::uint64_t generation = 0;
  bool books_balance = true;
  Part total;
  std::vector<Worker> workers;
  std::vector<Service> services;
  std::vector<Stage> stages;
  std::vector<Device> devices;
  Counts later;                ///< requests that handlers answer after the burst
  std::optional<Store> store;  ///< none: clients are a list
  /// Why the server is not ready; empty: it is.
  std::vector<std::string> problems;
};

/// Reads to_json(Report) (src/server/report.hpp). Names keep printable ASCII only: they end up on a
/// terminal. `health` is what the server answered to "health" if it is not ready, one problem a
/// line, else empty.
[[nodiscard]] base::Result<Sample> parse_sample(std::string_view json, std::string_view health);

}  // namespace pssst::tools::top
