/// How much a source prefix may cost a worker.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "server/config/protection.hpp"
#include "server/source_prefix.hpp"

namespace pssst::server {

/// A bucket for each prefix that was charged lately: each charge fills it by one, and it empties
/// exponentially, by the share rate / burst of its content a second; over `burst` the prefix is
/// over its rate. So a steady flow of charges is held at `rate`, and who was charged `burst` at
/// once waits until some has gone.
///
/// Soft state of one worker, of fixed size: sets of four buckets, each one cache line; of a full
/// set the emptiest bucket makes room, so that a flood from many prefixes, a charge or two each,
/// does not hide those that send more.
class SourceLimiter {
 public:
  /// Room for `prefixes_max` of all lengths together, rounded up to a power of two; 0: nothing is
  /// ever over its rate.
  SourceLimiter(std::size_t prefixes_max, std::uint64_t tsc_hz);

  /// One of the prefixes is over its rate. Constant while nobody charges, but for time. `now`: a
  /// recent TSC value.
  [[nodiscard]] bool is_over(const SourcePrefixes& prefixes, const RateLimits& limits,
                             std::uint64_t now) const noexcept;
  /// Both prefixes, where they have a limit.
  void charge(const SourcePrefixes& prefixes, const RateLimits& limits, std::uint64_t now) noexcept;
  /// They will be asked for soon.
  void prefetch(const SourcePrefixes& prefixes) const noexcept {
    if (sets_.empty()) return;
    __builtin_prefetch(&sets_[prefixes.narrow.hash & mask_]);
    __builtin_prefetch(&sets_[prefixes.wide.hash & mask_]);
  }
  [[nodiscard]] std::size_t capacity() const noexcept { return sets_.size() * kWays; }

 private:
  static constexpr std::size_t kWays = 4;
  /// `stamp` counts units of 2^kStampShift ticks, about a millisecond, and wraps after weeks: a
  /// bucket that nobody touched for as long may then seem as full as it was, for a moment.
  static constexpr unsigned kStampShift = 21;
  struct Bucket {
    std::uint64_t key = 0;    ///< 0: free
    float level = 0;          ///< at `stamp`
    std::uint32_t stamp = 0;  ///< when it was charged last
  };
  struct alignas(64) Set {
    std::array<Bucket, kWays> buckets;
  };

  [[nodiscard]] static std::uint32_t stamp_of(std::uint64_t now) noexcept {
    return static_cast<std::uint32_t>(now >> kStampShift);
  }
  [[nodiscard]] float level_now(const Bucket& bucket, const RateLimit& limit,
                                std::uint32_t stamp) const noexcept;
  [[nodiscard]] bool is_over(const HashedKey& prefix, const RateLimit& limit,
                             std::uint32_t stamp) const noexcept;
  void charge(const HashedKey& prefix, const RateLimit& limit, std::uint32_t stamp) noexcept;

  float halvings_per_stamp_;  ///< of a bucket with rate == burst
  std::vector<Set> sets_;
  std::size_t mask_ = 0;
};

}  // namespace pssst::server
