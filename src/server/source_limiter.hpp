/// How much a source prefix may cost a worker.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "server/config/protection.hpp"
#include "server/source_prefix.hpp"
#include "server/table_memory.hpp"

namespace pssst::server {

/// A bucket for each prefix that was charged lately: each charge fills it by one, and it empties
/// exponentially, by the share rate / burst of its content a second; from `burst` on the prefix is
/// over its rate. So a steady flow of charges is held at `rate`, and who was charged `burst` at
/// once waits until some has gone. A burst counts as no less than what the rate gives in 10 ms.
///
/// Soft state of one worker, of fixed size: sets of four buckets, each one cache line; of a full
/// set the emptiest bucket makes room, so that a flood from many prefixes, a charge or two each,
/// does not hide those that send more.
class SourceLimiter {
 public:
  /// Room for `prefixes_max` of all lengths together, rounded up to a power of two; 0: nothing is
  /// ever over its rate. At first no prefix has a limit. `memory` outlives it, and has bytes_for()
  /// so many.
  SourceLimiter(TableMemory& memory, std::size_t prefixes_max, std::uint64_t tsc_hz);
  [[nodiscard]] static std::size_t bytes_for(std::size_t prefixes_max) noexcept {
    return sets_for(prefixes_max) * sizeof(Set);
  }

  /// `now`: a recent TSC value, here and below; none is earlier than the one before.
  void set_limits(const RateLimits& limits, std::uint64_t now) noexcept {
    if (limits == asked_) return;
    asked_ = limits;
    limits_ = {.ipv4_32 = in_effect(limits.ipv4_32),
               .ipv4_24 = in_effect(limits.ipv4_24),
               .ipv6_64 = in_effect(limits.ipv6_64),
               .ipv6_48 = in_effect(limits.ipv6_48)};
    // What was charged before may be over at once.
    if (was_charged_) over_until_ = stamp_of(now) + kHour;
  }

  /// One of the prefixes is over its rate.
  [[nodiscard]] bool is_over(const SourcePrefixes& prefixes, std::uint64_t now) const noexcept {
    return may_anybody_be_over(now) && find_over(prefixes, now);
  }
  /// Both prefixes, where they have a limit.
  void charge(const SourcePrefixes& prefixes, std::uint64_t now) noexcept;
  [[nodiscard]] std::size_t capacity() const noexcept { return sets_.size() * kWays; }

 private:
  static constexpr std::size_t kWays = 4;
  /// Stamps count units of 2^kStampShift ticks, about a millisecond. A bucket's wraps after weeks:
  /// if nobody touched it for just as long it may seem as full as it was, for a moment.
  static constexpr unsigned kStampShift = 21;
  static constexpr std::uint64_t kHour = 3'600'000;  ///< in stamps, about
  struct Bucket {
    std::uint64_t key = 0;    ///< 0: free
    float level = 0;          ///< at `stamp`
    std::uint32_t stamp = 0;  ///< when it was charged last
  };
  struct alignas(64) Set {
    std::array<Bucket, kWays> buckets;
  };

  /// Whatever comes within a stamp comes at once: with a burst of less than some stamps' share of
  /// the rate, the burst alone would be the limit.
  [[nodiscard]] static RateLimit in_effect(const RateLimit& limit) noexcept {
    return {.rate = limit.rate, .burst = std::max(limit.burst, limit.rate / 100)};
  }
  [[nodiscard]] static std::size_t sets_for(std::size_t prefixes_max) noexcept;
  [[nodiscard]] static std::uint64_t stamp_of(std::uint64_t now) noexcept {
    return now >> kStampShift;
  }
  [[nodiscard]] bool may_anybody_be_over(std::uint64_t now) const noexcept {
    return stamp_of(now) <= over_until_;
  }
  /// By which power of two a bucket empties within a stamp.
  [[nodiscard]] float pace_of(const RateLimit& limit) const noexcept {
    return halvings_per_stamp_ * static_cast<float>(limit.rate) / static_cast<float>(limit.burst);
  }
  [[nodiscard]] float level_now(const Bucket& bucket, const RateLimit& limit,
                                std::uint64_t stamp) const noexcept;
  [[nodiscard]] bool find_over(const SourcePrefixes& prefixes, std::uint64_t now) const noexcept;
  [[nodiscard]] bool is_over(const HashedKey& prefix, const RateLimit& limit,
                             std::uint64_t stamp) const noexcept;
  void charge(const HashedKey& prefix, const RateLimit& limit, std::uint64_t stamp) noexcept;
  void note_level(float level, const RateLimit& limit, std::uint64_t stamp) noexcept;

  float halvings_per_stamp_;  ///< of a bucket with rate == burst
  RateLimits asked_{.ipv4_32 = {}, .ipv4_24 = {}, .ipv6_64 = {}, .ipv6_48 = {}};
  RateLimits limits_ = asked_;
  /// A stamp, not wrapped: nobody is over beyond it. In peace, comparing it is all that limits
  /// cost.
  std::uint64_t over_until_ = 0;
  bool was_charged_ = false;  ///< anybody, ever
  std::span<Set> sets_;
  std::size_t mask_ = 0;
};

}  // namespace pssst::server
