/// Counters with one writer, read by others at any time.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "pssst/drop_reason.hpp"

namespace pssst::base {

/// One thread adds; any thread reads a value that is at most a moment old. No read-modify-write: a
/// plain load, add and store on x86-64.
class Counter {
 public:
  void add(std::uint64_t n) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void set(std::uint64_t n) noexcept { value_.store(n, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t read() const noexcept {
    return value_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// One counter per DropReason.
class DropCounters {
 public:
  void add(DropReason reason, std::uint64_t n = 1) noexcept {
    counters_.at(static_cast<std::size_t>(reason)).add(n);
  }
  void clear() noexcept {
    for (Counter& counter : counters_) counter.set(0);
  }
  [[nodiscard]] std::uint64_t read(DropReason reason) const noexcept {
    return counters_.at(static_cast<std::size_t>(reason)).read();
  }

 private:
  std::array<Counter, kDropReasonCount> counters_;
};

}  // namespace pssst::base
