/// Which ladders multiply which lanes of a burst, so that the whole costs least.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "crypto/x25519_ladders.hpp"

namespace pssst::crypto {

inline constexpr std::size_t kX25519LanesMax = 64;

/// Ladders that a plan may use.
struct X25519Part {
  X25519Ladders* ladders = nullptr;
  std::size_t vector_lanes = 1;  ///< lanes that one run of the ladder takes, at most 64
  std::uint32_t cost = 1;        ///< of one run, whether its lanes are live or not; any unit
};

/// For each number of live lanes the cheapest division of them among parts. Made once at start;
/// what it divides by, the number of lanes, is public.
class X25519Plan {
 public:
  static constexpr std::size_t kPartsMax = 8;

  constexpr X25519Plan() noexcept = default;
  /// Of 1 to kPartsMax parts; they get their lanes in this order. Of two divisions that cost the
  /// same, the one that begins with the earlier part.
  explicit constexpr X25519Plan(std::span<const X25519Part> parts) noexcept;

  [[nodiscard]] constexpr std::span<const X25519Part> parts() const noexcept {
    return std::span(parts_).first(count_);
  }
  /// How many of n live lanes parts()[part] multiplies; n at most kX25519LanesMax.
  [[nodiscard]] constexpr std::size_t lanes(std::size_t n, std::size_t part) const noexcept {
    return lanes_[n][part];
  }

 private:
  std::array<X25519Part, kPartsMax> parts_{};
  std::size_t count_ = 0;
  std::array<std::array<std::uint8_t, kPartsMax>, kX25519LanesMax + 1> lanes_{};
};

constexpr X25519Plan::X25519Plan(std::span<const X25519Part> parts) noexcept
    : count_(parts.size()) {
  for (std::size_t i = 0; i < parts.size(); ++i) parts_[i] = parts[i];
  std::array<std::uint64_t, kX25519LanesMax + 1> cost{};
  std::array<std::array<std::uint8_t, kPartsMax>, kX25519LanesMax + 1> runs{};
  for (std::size_t n = 1; n <= kX25519LanesMax; ++n) {
    std::size_t best = 0;
    std::size_t best_rest = 0;
    for (std::size_t i = 0; i < count_; ++i) {
      const std::size_t rest = n - (n < parts_[i].vector_lanes ? n : parts_[i].vector_lanes);
      const std::uint64_t with_this = cost[rest] + parts_[i].cost;
      if (i > 0 && with_this >= cost[n]) continue;
      cost[n] = with_this;
      best = i;
      best_rest = rest;
    }
    runs[n] = runs[best_rest];
    ++runs[n][best];
    std::size_t left = n;
    for (std::size_t i = 0; i < count_; ++i) {
      const std::size_t room = runs[n][i] * parts_[i].vector_lanes;
      lanes_[n][i] = static_cast<std::uint8_t>(left < room ? left : room);
      left -= lanes_[n][i];
    }
  }
}

}  // namespace pssst::crypto
