/// What becomes of a reply.
#pragma once

#include <cstdint>
#include <span>

#include "net/datagram.hpp"
#include "tools/load/counters.hpp"
#include "tools/load/histogram.hpp"
#include "tools/load/outstanding.hpp"
#include "tools/load/request_pool.hpp"

namespace pssst::tools::load {

/// Matches replies to requests and counts them. A wrong reply leaves its request outstanding.
class Matcher {
 public:
  /// Requests of `pool` from number `good` on are replays: their replies are told apart.
  /// `verify_every`: 1 opens every reply, n one in n, 0 none; flags, length and dh are checked of
  /// all. The rest outlives the matcher.
  Matcher(RequestPool& pool, std::size_t good, std::uint64_t verify_every, Outstanding& outstanding,
          LoadCounters& counters, Histogram& latency) noexcept;

  /// Replies received at `now_ns`. Returns how many answered.
  std::size_t receive(std::span<const net::Datagram> replies, std::uint64_t now_ns) noexcept;
  /// Gives up what is overdue.
  void expire(std::uint64_t now_ns) noexcept;

  /// Whether latencies are recorded, and whether answers come in time to count for the rate.
  void set_phase(bool is_recording, bool is_sending) noexcept;

 private:
  bool receive_one(std::span<const std::uint8_t> reply, std::uint64_t now_ns) noexcept;
  [[nodiscard]] ReplyCheck check(std::size_t i, std::span<const std::uint8_t> reply) noexcept;
  void count_mismatch(ReplyCheck check) noexcept;
  bool settle(std::size_t i, std::uint64_t now_ns) noexcept;

  RequestPool& pool_;
  std::size_t good_;
  std::uint64_t verify_every_;
  std::uint64_t until_verify_ = 1;  ///< the first reply is verified
  Outstanding& outstanding_;
  LoadCounters& counters_;
  Histogram& latency_;
  bool is_recording_ = false;
  bool is_sending_ = false;
};

}  // namespace pssst::tools::load
