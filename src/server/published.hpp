/// A value that many threads read and one replaces, without locks on the readers' side.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "base/assert.hpp"

namespace pssst::server {

/// Each reader takes the current value at the top of its loop and uses it until the next top.
/// publish() frees the value before only when every reader has told, by a store-release to a cache
/// line of its own, that it has moved on.
///
/// What a reader tells is the version it moved to, and it tells after it has loaded the pointer. A
/// bare loop count, stored before the load, would need a fence in every loop: x86-64 lets the load
/// overtake the store, and a reader could still take the old value after the publisher has seen
/// its count move.
template <class T>
class Published {
 public:
  /// `readers` threads, numbered from 0; all of them count as reading until they leave().
  Published(std::unique_ptr<const T> first, std::size_t readers)
      : current_(new Node{std::move(first), 1}), readers_(readers) {}
  Published(const Published&) = delete;
  Published& operator=(const Published&) = delete;
  /// No reader may be at work.
  ~Published() { delete current_.load(std::memory_order_relaxed); }

  /// The current value, valid until this reader's next read() or leave(). Wait-free.
  [[nodiscard]] const T& read(std::size_t reader) noexcept {
    const Node* node = current_.load(std::memory_order_acquire);
    readers_[reader].version.store(node->version, std::memory_order_release);
    return *node->value;
  }

  /// The reader reads no more, ever.
  void leave(std::size_t reader) noexcept {
    readers_[reader].version.store(kLeft, std::memory_order_release);
  }

  /// Replaces the value, waits until no reader uses the one before, and frees that. One thread at a
  /// time; never a reader.
  void publish(std::unique_ptr<const T> next) {
    const Node* old = current_.load(std::memory_order_relaxed);
    const std::uint64_t version = old->version + 1;
    current_.store(new Node{std::move(next), version}, std::memory_order_release);
    for (const Reader& reader : readers_) {
      while (reader.version.load(std::memory_order_acquire) < version) {
        std::this_thread::sleep_for(std::chrono::microseconds(100));
      }
    }
    delete old;
  }

  /// The current value, for the publishing thread.
  [[nodiscard]] const T& current() const noexcept {
    return *current_.load(std::memory_order_relaxed)->value;
  }

 private:
  static constexpr std::uint64_t kLeft = UINT64_MAX;

  struct Node {
    std::unique_ptr<const T> value;
    std::uint64_t version;
  };
  struct alignas(64) Reader {
    std::atomic<std::uint64_t> version{0};
  };

  std::atomic<const Node*> current_;
  std::vector<Reader> readers_;
};

}  // namespace pssst::server
