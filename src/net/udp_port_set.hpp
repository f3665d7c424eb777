/// Which UDP ports are served: read by workers, changed by one other thread.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace pssst::net {

/// A reader sees each change some time after it was made; UDP ports are independent of each other.
/// Reading costs a load.
class UdpPortSet {
 public:
  [[nodiscard]] bool contains(std::uint16_t udp_port) const noexcept {
    return (words_[udp_port / kBits].load(std::memory_order_relaxed) >> (udp_port % kBits) & 1) !=
           0;
  }
  // One thread at a time.
  void insert(std::uint16_t udp_port) noexcept { store(udp_port, true); }
  void erase(std::uint16_t udp_port) noexcept { store(udp_port, false); }

 private:
  static constexpr std::size_t kBits = 64;

  void store(std::uint16_t udp_port, bool contained) noexcept {
    std::atomic<std::uint64_t>& word = words_[udp_port / kBits];
    const std::uint64_t bit = std::uint64_t{1} << (udp_port % kBits);
    const std::uint64_t others = word.load(std::memory_order_relaxed) & ~bit;
    word.store(contained ? others | bit : others, std::memory_order_relaxed);
  }

  std::array<std::atomic<std::uint64_t>, 65536 / kBits> words_{};
};

}  // namespace pssst::net
