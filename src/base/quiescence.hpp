/// When readers that take no locks have let go of what was replaced.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

namespace pssst::base {

/// Each reader passes a quiescent point at the top of its loop: what it took before, by pointer, it
/// uses no more. Whoever replaces something that readers take by pointer stores the new pointer,
/// begin()s a grace period, and frees the old thing once every reader has passed().
///
/// What a reader tells, by a store-release to a cache line of its own, is the number of the newest
/// grace period that it has seen, and it takes pointers only after it has seen that. So one that
/// tells the number has seen the new pointers too. A bare loop count would need a fence in every
/// loop: x86-64 lets a load overtake the store before it, and a reader could still take an old
/// pointer after its count was seen to move.
class Quiescence {
 public:
  /// `readers` threads, numbered from 0; all of them count as reading until they leave().
  explicit Quiescence(std::size_t readers) : readers_(readers) {}

  /// A quiescent point of this reader. Wait-free: a load, and a store to its own cache line.
  void pass(std::size_t reader) noexcept {
    const std::uint64_t newest = newest_.load(std::memory_order_acquire);
    readers_[reader].seen.store(newest, std::memory_order_release);
  }

  /// The reader reads no more, ever.
  void leave(std::size_t reader) noexcept {
    readers_[reader].seen.store(kLeft, std::memory_order_release);
  }

  /// Begins a grace period: readers may still use what was replaced before this call, until
  /// passed(). Any thread but a reader.
  [[nodiscard]] std::uint64_t begin() noexcept {
    return newest_.fetch_add(1, std::memory_order_acq_rel) + 1;
  }
  /// Whether every reader has been at a quiescent point since that begin().
  [[nodiscard]] bool passed(std::uint64_t grace_period) const noexcept {
    return std::ranges::all_of(readers_, [&](const Reader& reader) {
      return reader.seen.load(std::memory_order_acquire) >= grace_period;
    });
  }
  /// A whole grace period. Never a reader.
  void wait() noexcept {
    const std::uint64_t grace_period = begin();
    while (!passed(grace_period)) std::this_thread::sleep_for(std::chrono::microseconds(100));
  }

 private:
  static constexpr std::uint64_t kLeft = UINT64_MAX;

  struct alignas(64) Reader {
    std::atomic<std::uint64_t> seen{0};
  };

  alignas(64) std::atomic<std::uint64_t> newest_{0};
  std::vector<Reader> readers_;
};

}  // namespace pssst::base
