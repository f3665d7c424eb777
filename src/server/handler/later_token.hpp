/// What names a request that is to be answered later.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pssst::server {

/// Packed: worker 10 bits, place in the worker's table 14, generation of that place 40. A
/// generation is never 0, so no token is, and a place has another one for each request.
struct LaterToken {
  static constexpr std::size_t kWorkersMax = std::size_t{1} << 10;
  static constexpr std::size_t kPlacesMax = std::size_t{1} << 14;
  static constexpr std::uint64_t kGenerationMax = (std::uint64_t{1} << 40) - 1;

  std::size_t worker = 0;
  std::size_t place = 0;
  std::uint64_t generation = 0;

  [[nodiscard]] constexpr std::uint64_t pack() const noexcept {
    return std::uint64_t{worker} << 54 | std::uint64_t{place} << 40 | generation;
  }
  [[nodiscard]] static constexpr LaterToken unpack(std::uint64_t token) noexcept {
    return {.worker = token >> 54,
            .place = token >> 40 & (kPlacesMax - 1),
            .generation = token & kGenerationMax};
  }
  bool operator==(const LaterToken&) const = default;
};

}  // namespace pssst::server
