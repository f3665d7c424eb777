/// What a load counts.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/counter.hpp"
#include "tools/load/hostile.hpp"

/// X(name).
///
///     sent     = answered + lost (+ what is still under way)
///     received = answered + late + duplicates + mismatch_* + malformed + unknown +
///     hostile_answered
#define PSSST_LOAD_COUNTERS(X)                                                           \
  X(sent)             /* good requests */                                                \
  X(unsent)           /* due in time, and never sent: the port or the CPU is too slow */ \
  X(answered)         /* by a reply that passed what it was checked for */               \
  X(answered_in_time) /* of them, before sending ended: what a rate is made of */        \
  X(ambiguous)        /* of them, sent again before they were settled */                 \
  X(lost)             /* not answered within the timeout */                              \
  X(given_up)         /* of them, before the timeout: too many were under way */         \
  X(late)             /* answered after they were given up */                            \
  X(duplicates)       /* answered once more */                                           \
  X(verified)         /* replies opened and compared */                                  \
  X(mismatch_flags)   /* wrong replies: see ReplyCheck */                                \
  X(mismatch_length)                                                                     \
  X(mismatch_tag)                                                                        \
  X(mismatch_text)                                                                       \
  X(malformed)        /* too short for a reply */                                        \
  X(unknown)          /* to no request of ours */                                        \
  X(received)         /* datagrams */                                                    \
  X(bytes_out)        /* of good requests */                                             \
  X(bytes_in)         /* of all datagrams received */                                    \
  X(held_back)        /* times that the port had no room for all */                      \
  X(hostile_answered) /* replies to replayed requests */

namespace pssst::tools::load {

/// One thread's, or of several added up.
struct CounterValues {
#define PSSST_LOAD_VALUE(name) std::uint64_t name = 0;
  PSSST_LOAD_COUNTERS(PSSST_LOAD_VALUE)
#undef PSSST_LOAD_VALUE
  std::array<std::uint64_t, kHostileKindCount> hostile_sent{};

  CounterValues& operator+=(const CounterValues& other) noexcept {
#define PSSST_LOAD_ADD(name) name += other.name;
    PSSST_LOAD_COUNTERS(PSSST_LOAD_ADD)
#undef PSSST_LOAD_ADD
    for (std::size_t i = 0; i < kHostileKindCount; ++i) hostile_sent[i] += other.hostile_sent[i];
    return *this;
  }
  CounterValues& operator-=(const CounterValues& other) noexcept {
#define PSSST_LOAD_SUBTRACT(name) name -= other.name;
    PSSST_LOAD_COUNTERS(PSSST_LOAD_SUBTRACT)
#undef PSSST_LOAD_SUBTRACT
    for (std::size_t i = 0; i < kHostileKindCount; ++i) hostile_sent[i] -= other.hostile_sent[i];
    return *this;
  }

  [[nodiscard]] std::uint64_t mismatches() const noexcept {
    return mismatch_flags + mismatch_length + mismatch_tag + mismatch_text;
  }
  [[nodiscard]] std::uint64_t hostile_sent_total() const noexcept {
    std::uint64_t total = 0;
    for (const std::uint64_t count : hostile_sent) total += count;
    return total;
  }
  /// With nothing under way.
  [[nodiscard]] bool balanced() const noexcept {
    return sent == answered + lost && received == answered + late + duplicates + mismatches() +
                                                      malformed + unknown + hostile_answered;
  }
};

/// Written by one thread, read by any.
struct alignas(64) LoadCounters {
#define PSSST_LOAD_COUNTER(name) base::Counter name;
  PSSST_LOAD_COUNTERS(PSSST_LOAD_COUNTER)
#undef PSSST_LOAD_COUNTER
  std::array<base::Counter, kHostileKindCount> hostile_sent;

  [[nodiscard]] CounterValues read() const noexcept {
    CounterValues values;
#define PSSST_LOAD_READ(name) values.name = (name).read();
    PSSST_LOAD_COUNTERS(PSSST_LOAD_READ)
#undef PSSST_LOAD_READ
    for (std::size_t i = 0; i < kHostileKindCount; ++i) {
      values.hostile_sent[i] = hostile_sent[i].read();
    }
    return values;
  }
};

}  // namespace pssst::tools::load
