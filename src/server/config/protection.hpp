/// What protects a server under fire: who is served first, and what a source may cost.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/config/service.hpp"

namespace pssst::server {

inline constexpr std::uint32_t kRateMax = 1'000'000'000;  ///< far above what a worker can multiply
inline constexpr std::uint32_t kBurstMax = 1'000'000;     ///< is counted exactly

/// Of source prefixes of one length, at each worker.
struct RateLimit {
  std::uint32_t rate = 0;   ///< charges a second in the long run; 0: no limit
  std::uint32_t burst = 1;  ///< charges at once, 1 to kBurstMax; those of 10 ms pass always

  bool operator==(const RateLimit&) const = default;
};

struct RateLimits {
  RateLimit ipv4_32{.rate = 200, .burst = 1000};
  RateLimit ipv4_24{.rate = 500, .burst = 2500};
  RateLimit ipv6_64{.rate = 200, .burst = 1000};
  RateLimit ipv6_48{.rate = 500, .burst = 2500};

  bool operator==(const RateLimits&) const = default;
};

/// What becomes of datagrams from a prefix that is over its rate.
enum class LimitMode : std::uint8_t { kOff, kCount, kDrop };

/// What a prefix is charged for.
enum class Charge : std::uint8_t {
  /// What cost a multiplication for nothing: a wrong tag, a wrong proof, an unknown client. Honest
  /// clients are never charged, however many of them share an address; who lets others suffer is
  /// who sends junk from their prefix, or under its addresses.
  kFailed,
  kAll,  ///< every datagram that is admitted
};

/// A CIDR prefix; of IPv6 ones none has an IPv4 address in it but ::ffff:0:0/96 and its parts.
struct AddressRange {
  Address first{};
  unsigned bits = 128;  ///< of an IPv4 prefix 96 more than it is written with

  [[nodiscard]] bool contains(const Address& address) const noexcept;
  bool operator==(const AddressRange&) const = default;
};

/// "192.0.2.0/24", "2001:db8::/32", or an address alone. Nothing: it is none, or has bits set
/// behind its prefix.
[[nodiscard]] std::optional<AddressRange> parse_address_range(const std::string& text);

/// What a reload may change.
struct Protection {
  unsigned unknown_share = 25;  ///< percent of a burst, for sources that are not known; 1 to 100
  LimitMode limit = LimitMode::kDrop;
  Charge charge = Charge::kFailed;
  RateLimits rates;
  std::vector<AddressRange> allow;  ///< never limited

  [[nodiscard]] bool is_allowed(const Address& source) const noexcept;
  bool operator==(const Protection&) const = default;
};

/// What each worker remembers. 16 bytes each.
struct ProtectionMemory {
  std::size_t known_sources = 32768;    ///< prefixes with a recent valid request; 0: all are alike
  std::size_t charged_sources = 16384;  ///< prefixes that were charged lately; 0: no limits
  std::size_t replays = 65536;          ///< requests, if there is a replay window
  std::chrono::seconds replay_window{0};  ///< 0: replays are not counted

  bool operator==(const ProtectionMemory&) const = default;
};

}  // namespace pssst::server
