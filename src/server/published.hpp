/// A value that many threads read and one replaces, without locks on the readers' side.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

#include "base/quiescence.hpp"

namespace pssst::server {

/// Each reader takes the current value at the top of its loop and uses it until the next top, which
/// is its quiescent point. publish() frees the value before only when every reader has moved on.
template <class T>
class Published {
 public:
  /// `readers` threads, numbered from 0; all of them count as reading until they leave().
  Published(std::unique_ptr<const T> first, std::size_t readers)
      : readers_(readers), current_(first.release()) {}
  Published(const Published&) = delete;
  Published& operator=(const Published&) = delete;
  /// No reader may be at work.
  ~Published() { delete current_.load(std::memory_order_relaxed); }

  /// The current value, valid until this reader's next read() or leave(). Wait-free.
  [[nodiscard]] const T& read(std::size_t reader) noexcept {
    readers_.pass(reader);
    return *current_.load(std::memory_order_acquire);
  }

  /// The reader reads no more, ever.
  void leave(std::size_t reader) noexcept { readers_.leave(reader); }

  /// Replaces the value, waits until no reader uses the one before, and frees that. One thread at a
  /// time; never a reader.
  void publish(std::unique_ptr<const T> next) {
    const std::unique_ptr<const T> old(
        current_.exchange(next.release(), std::memory_order_acq_rel));
    readers_.wait();
  }

  /// The current value, for the publishing thread.
  [[nodiscard]] const T& current() const noexcept {
    return *current_.load(std::memory_order_relaxed);
  }

  /// The readers' quiescent points, for others that replace what the same threads read.
  [[nodiscard]] base::Quiescence& readers() noexcept { return readers_; }

 private:
  base::Quiescence readers_;
  alignas(64) std::atomic<const T*> current_;
};

}  // namespace pssst::server
