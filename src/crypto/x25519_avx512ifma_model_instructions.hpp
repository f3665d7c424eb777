/// What single AVX-512 instructions do, for the generated model. Intel SDM volume 2; a target may
/// be an operand, too. Not inlined: a thousand copies would take the compiler long and run slower.
#pragma once

#include <cstddef>
#include <cstdint>

#include "crypto/field25519.hpp"
#include "crypto/x25519_avx512ifma_model.hpp"

namespace pssst::crypto {

inline constexpr std::uint64_t kLow52 = (std::uint64_t{1} << 52) - 1;

template <class Function>
static inline void each_lane(IfmaLanes& target, Function function) noexcept {
  for (std::size_t lane = 0; lane < kIfmaLanes; ++lane) target[lane] = function(lane);
}

/// A second operand is a vector, or one word for all lanes.
static inline std::uint64_t word(const IfmaLanes& b, std::size_t lane) noexcept {
  return b[lane];
}
static inline std::uint64_t word(std::uint64_t b, std::size_t) noexcept {
  return b;
}

/// vmovdqa64, vpbroadcastq
template <class B>
[[gnu::noinline]] static void copy(IfmaLanes& target, const B& b) noexcept {
  each_lane(target, [&](std::size_t i) noexcept { return word(b, i); });
}

/// vpmadd52luq, for which the upper bits of the factors make no difference
template <class B>
[[gnu::noinline]] static void low(IfmaLanes& target, const IfmaLanes& a, const B& b) noexcept {
  each_lane(target,
            [&](std::size_t i) noexcept { return target[i] + (a[i] * word(b, i) & kLow52); });
}

/// vpmadd52huq
template <class B>
[[gnu::noinline]] static void high(IfmaLanes& target, const IfmaLanes& a, const B& b) noexcept {
  each_lane(target, [&](std::size_t i) noexcept {
    const Uint128 product = Uint128{a[i] & kLow52} * (word(b, i) & kLow52);
    return target[i] + static_cast<std::uint64_t>(product >> 52);
  });
}

/// vpmullq
template <class B>
[[gnu::noinline]] static void times(IfmaLanes& target, const IfmaLanes& a, const B& b) noexcept {
  each_lane(target, [&](std::size_t i) noexcept { return a[i] * word(b, i); });
}

/// vpaddq
template <class B>
[[gnu::noinline]] static void add(IfmaLanes& target, const IfmaLanes& a, const B& b) noexcept {
  each_lane(target, [&](std::size_t i) noexcept { return a[i] + word(b, i); });
}

/// vpsubq
template <class B>
[[gnu::noinline]] static void subtract(IfmaLanes& target, const IfmaLanes& a, const B& b) noexcept {
  each_lane(target, [&](std::size_t i) noexcept { return a[i] - word(b, i); });
}

/// vpandq
template <class B>
[[gnu::noinline]] static void bit_and(IfmaLanes& target, const IfmaLanes& a, const B& b) noexcept {
  each_lane(target, [&](std::size_t i) noexcept { return a[i] & word(b, i); });
}

/// vpsrlq
[[gnu::noinline]] static void shift_right(IfmaLanes& target, const IfmaLanes& a,
                                          int count) noexcept {
  each_lane(target, [&](std::size_t i) noexcept { return a[i] >> count; });
}

/// vpsraq
[[gnu::noinline]] static void shift_right_signed(IfmaLanes& target, const IfmaLanes& a,
                                                 int count) noexcept {
  each_lane(target, [&](std::size_t i) noexcept {
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(a[i]) >> count);
  });
}

/// vpsllq
[[gnu::noinline]] static void shift_left(IfmaLanes& target, const IfmaLanes& a,
                                         int count) noexcept {
  each_lane(target, [&](std::size_t i) noexcept { return a[i] << count; });
}

/// vpmovq2m
[[gnu::noinline]] static void sign(IfmaLanes& mask, const IfmaLanes& a) noexcept {
  each_lane(mask, [&](std::size_t i) noexcept { return 0 - (a[i] >> 63); });
}

/// vpblendmq
[[gnu::noinline]] static void blend(IfmaLanes& target, const IfmaLanes& a, const IfmaLanes& b,
                                    const IfmaLanes& mask) noexcept {
  each_lane(target, [&](std::size_t i) noexcept { return a[i] ^ (mask[i] & (a[i] ^ b[i])); });
}

}  // namespace pssst::crypto
