#include "server/source_limiter.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numbers>

namespace pssst::server {

std::size_t SourceLimiter::sets_for(std::size_t prefixes_max) noexcept {
  return prefixes_max == 0 ? 0 : std::bit_ceil((prefixes_max + kWays - 1) / kWays);
}

SourceLimiter::SourceLimiter(TableMemory& memory, std::size_t prefixes_max, std::uint64_t tsc_hz)
    : halvings_per_stamp_(std::numbers::log2e_v<float> * static_cast<float>(1U << kStampShift) /
                          static_cast<float>(tsc_hz)),
      sets_(memory.take<Set>(sets_for(prefixes_max))),
      mask_(sets_.empty() ? 0 : sets_.size() - 1) {}

float SourceLimiter::level_now(const Bucket& bucket, const RateLimit& limit,
                               std::uint64_t stamp) const noexcept {
  const auto elapsed = static_cast<float>(static_cast<std::uint32_t>(stamp) - bucket.stamp);
  return bucket.level * std::exp2(-elapsed * pace_of(limit));
}

bool SourceLimiter::is_over(const HashedKey& prefix, const RateLimit& limit,
                            std::uint64_t stamp) const noexcept {
  if (limit.rate == 0) return false;
  for (const Bucket& bucket : sets_[prefix.hash & mask_].buckets) {
    if (bucket.key != prefix.key) continue;
    // What was not full then is not full now.
    const auto burst = static_cast<float>(limit.burst);
    return bucket.level >= burst && level_now(bucket, limit, stamp) >= burst;
  }
  return false;
}

bool SourceLimiter::find_over(const SourcePrefixes& prefixes, std::uint64_t now) const noexcept {
  if (sets_.empty()) return false;
  const std::uint64_t stamp = stamp_of(now);
  return is_over(prefixes.narrow, prefixes.ipv4 ? limits_.ipv4_32 : limits_.ipv6_64, stamp) ||
         is_over(prefixes.wide, prefixes.ipv4 ? limits_.ipv4_24 : limits_.ipv6_48, stamp);
}

void SourceLimiter::note_level(float level, const RateLimit& limit, std::uint64_t stamp) noexcept {
  const auto burst = static_cast<float>(limit.burst);
  if (level < burst) return;
  // It is over for log2(level / burst) / pace; a stamp more for what is rounded.
  const float left = std::log2(level / burst) / pace_of(limit) + 1;
  over_until_ = std::max(
      over_until_, stamp + static_cast<std::uint64_t>(std::min(left, static_cast<float>(kHour))));
}

void SourceLimiter::charge(const HashedKey& prefix, const RateLimit& limit,
                           std::uint64_t stamp) noexcept {
  if (limit.rate == 0) return;
  Set& set = sets_[prefix.hash & mask_];
  Bucket* emptiest = set.buckets.data();
  float least = std::numeric_limits<float>::infinity();
  for (Bucket& bucket : set.buckets) {
    // Another prefix's bucket may empty at another pace; as a measure of who makes room this one
    // will do.
    const float level = bucket.key == 0 ? 0 : level_now(bucket, limit, stamp);
    if (bucket.key == prefix.key) {
      bucket.level = level + 1;
      bucket.stamp = static_cast<std::uint32_t>(stamp);
      return note_level(bucket.level, limit, stamp);
    }
    if (level < least) {
      emptiest = &bucket;
      least = level;
    }
  }
  *emptiest = Bucket{.key = prefix.key, .level = 1, .stamp = static_cast<std::uint32_t>(stamp)};
  note_level(1, limit, stamp);
}

void SourceLimiter::charge(const SourcePrefixes& prefixes, std::uint64_t now) noexcept {
  if (sets_.empty()) return;
  was_charged_ = true;
  const std::uint64_t stamp = stamp_of(now);
  charge(prefixes.narrow, prefixes.ipv4 ? limits_.ipv4_32 : limits_.ipv6_64, stamp);
  charge(prefixes.wide, prefixes.ipv4 ? limits_.ipv4_24 : limits_.ipv6_48, stamp);
}

}  // namespace pssst::server
