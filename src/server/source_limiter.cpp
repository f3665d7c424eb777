#include "server/source_limiter.hpp"

#include <bit>
#include <cmath>
#include <numbers>

namespace pssst::server {

SourceLimiter::SourceLimiter(std::size_t prefixes_max, std::uint64_t tsc_hz)
    : halvings_per_stamp_(std::numbers::log2e_v<float> * static_cast<float>(1U << kStampShift) /
                          static_cast<float>(tsc_hz)),
      sets_(prefixes_max == 0 ? 0 : std::bit_ceil((prefixes_max + kWays - 1) / kWays)),
      mask_(sets_.empty() ? 0 : sets_.size() - 1) {}

float SourceLimiter::level_now(const Bucket& bucket, const RateLimit& limit,
                               std::uint32_t stamp) const noexcept {
  const auto elapsed = static_cast<float>(stamp - bucket.stamp);
  const float pace = static_cast<float>(limit.rate) / static_cast<float>(limit.burst);
  return bucket.level * std::exp2(-elapsed * halvings_per_stamp_ * pace);
}

bool SourceLimiter::is_over(const HashedKey& prefix, const RateLimit& limit,
                            std::uint32_t stamp) const noexcept {
  if (limit.rate == 0) return false;
  for (const Bucket& bucket : sets_[prefix.hash & mask_].buckets) {
    if (bucket.key != prefix.key) continue;
    // What was not full then is not full now.
    const auto burst = static_cast<float>(limit.burst);
    return bucket.level >= burst && level_now(bucket, limit, stamp) >= burst;
  }
  return false;
}

bool SourceLimiter::is_over(const SourcePrefixes& prefixes, const RateLimits& limits,
                            std::uint64_t now) const noexcept {
  if (sets_.empty()) return false;
  const std::uint32_t stamp = stamp_of(now);
  return is_over(prefixes.narrow, prefixes.ipv4 ? limits.ipv4_32 : limits.ipv6_64, stamp) ||
         is_over(prefixes.wide, prefixes.ipv4 ? limits.ipv4_24 : limits.ipv6_48, stamp);
}

void SourceLimiter::charge(const HashedKey& prefix, const RateLimit& limit,
                           std::uint32_t stamp) noexcept {
  if (limit.rate == 0) return;
  Bucket* emptiest = nullptr;
  float least = 0;
  for (Bucket& bucket : sets_[prefix.hash & mask_].buckets) {
    // Another prefix's bucket may empty at another pace; as a measure of who makes room this one
    // will do.
    const float level = bucket.key == 0 ? 0 : level_now(bucket, limit, stamp);
    if (bucket.key == prefix.key) {
      bucket.level = level + 1;
      bucket.stamp = stamp;
      return;
    }
    if (emptiest == nullptr || level < least) {
      emptiest = &bucket;
      least = level;
    }
  }
  *emptiest = Bucket{.key = prefix.key, .level = 1, .stamp = stamp};
}

void SourceLimiter::charge(const SourcePrefixes& prefixes, const RateLimits& limits,
                           std::uint64_t now) noexcept {
  if (sets_.empty()) return;
  const std::uint32_t stamp = stamp_of(now);
  charge(prefixes.narrow, prefixes.ipv4 ? limits.ipv4_32 : limits.ipv6_64, stamp);
  charge(prefixes.wide, prefixes.ipv4 ? limits.ipv4_24 : limits.ipv6_48, stamp);
}

}  // namespace pssst::server
