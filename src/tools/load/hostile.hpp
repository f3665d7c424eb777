/// Datagrams that no honest client sends.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "protocol/request_maker.hpp"
#include "pssst/keys.hpp"
#include "tools/load/mix.hpp"

/// X(enumerator, name, what it is).
#define PSSST_HOSTILE_KINDS(X)                                                                    \
  X(kJunk, "junk", "random bytes of a valid length under a valid header: costs a multiplication") \
  X(kTruncated, "truncated", "a good request, cut below the smallest one")                        \
  X(kHeader, "header", "a good request under reserved flags or an unknown suite")                 \
  X(kNotCanonical, "not-canonical", "dh not below 2^255-19")                                      \
  X(kSmallOrder, "small-order", "dh of small order")                                              \
  X(kWrongKey, "wrong-key", "sealed to another server's key: costs a multiplication")             \
  X(kUnknownClient, "unknown-client", "authenticated by a client that is not enrolled")           \
  X(kReplay, "replay", "a good request, sent again and again: it may be answered")

namespace pssst::tools::load {

enum class HostileKind : std::uint8_t {
#define PSSST_HOSTILE_ENUMERATOR(enumerator, name, text) enumerator,
  PSSST_HOSTILE_KINDS(PSSST_HOSTILE_ENUMERATOR)
#undef PSSST_HOSTILE_ENUMERATOR
};

struct HostileKindInfo {
  std::string_view name;
  std::string_view text;
};

/// Indexed by HostileKind.
inline constexpr std::array kHostileKinds{
#define PSSST_HOSTILE_INFO(enumerator, name, text) HostileKindInfo{name, text},
    PSSST_HOSTILE_KINDS(PSSST_HOSTILE_INFO)
#undef PSSST_HOSTILE_INFO
};
inline constexpr std::size_t kHostileKindCount = kHostileKinds.size();

[[nodiscard]] std::optional<HostileKind> find_hostile_kind(std::string_view name) noexcept;

/// By kind: the share or weight of each.
using HostileWeights = std::array<double, kHostileKindCount>;

/// Makes one at a time, of a good request's length but for kTruncated. Replays are good requests,
/// and not made here.
class HostileMaker {
 public:
  static base::Result<std::unique_ptr<HostileMaker>> create(const PublicKey& server);

  [[nodiscard]] std::vector<std::uint8_t> make(HostileKind kind, std::size_t message_size);

 private:
  HostileMaker(std::unique_ptr<protocol::RequestMaker> good,
               std::unique_ptr<protocol::RequestMaker> wrong_key);

  std::unique_ptr<protocol::RequestMaker> good_;  ///< with one client, whom nobody knows
  std::unique_ptr<protocol::RequestMaker> wrong_key_;
  std::size_t turn_ = 0;  ///< through the variants of a kind
};

/// Datagrams of all kinds, made ahead in the proportion of their weights, sent in turn for ever.
class HostilePool {
 public:
  struct Datagram {
    HostileKind kind = HostileKind::kJunk;
    std::vector<std::uint8_t> bytes;
  };
  /// `replays`: good requests, copied; at least one where replays have a weight.
  HostilePool(HostileMaker& maker, const HostileWeights& weights,
              const std::vector<WeightedSize>& message_sizes, std::size_t size,
              std::span<const std::vector<std::uint8_t>> replays);

  [[nodiscard]] const Datagram& next() noexcept;

 private:
  std::vector<Datagram> datagrams_;
  std::size_t next_ = 0;
};

}  // namespace pssst::tools::load
