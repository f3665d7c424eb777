/// A handler that has something of its own at each worker.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>

#include "pssst/handler.hpp"

namespace pssst::server {

struct LaterLimits {
  std::chrono::milliseconds deadline{1000};  ///< a later reply comes by then or never
  std::size_t in_flight = 256;               ///< awaited at once, at each worker
};

/// Made by a HandlerRuntime's owner, handed to it by attach(), and destroyed by it when no snapshot
/// has it and no worker uses it any more. A worker start()s it before the first burst that it hands
/// to it, and finish()es it after the last, when it awaits no later reply of it.
class AttachedHandler : public Handler {
 public:
  static constexpr std::size_t kNoPlace = std::numeric_limits<std::size_t>::max();

  explicit AttachedHandler(std::size_t workers, const LaterLimits& limits = {})
      : workers_(workers), limits_(limits), uses_(std::make_unique<std::atomic<Use>[]>(workers)) {}

  /// Its place among the attached handlers of the server.
  [[nodiscard]] std::size_t place() const noexcept { return place_; }
  void set_place(std::size_t place) noexcept { place_ = place; }

  [[nodiscard]] const LaterLimits& limits() const noexcept { return limits_; }

  /// On the worker's thread. False: it cannot serve there; then it drops the worker's messages.
  bool start(std::size_t worker) const noexcept {
    const bool started = start_worker(worker);
    uses_[worker].store(started ? Use::kStarted : Use::kFailed, std::memory_order_release);
    return started;
  }
  /// Likewise.
  void finish(std::size_t worker) const noexcept {
    if (serves(worker)) finish_worker(worker);
    uses_[worker].store(Use::kFinished, std::memory_order_release);
  }
  /// Started and not finished.
  [[nodiscard]] bool serves(std::size_t worker) const noexcept {
    return uses_[worker].load(std::memory_order_relaxed) == Use::kStarted;
  }
  /// Of any thread: a worker has started it and not finished it. Once no snapshot has it, no worker
  /// starts it any more.
  [[nodiscard]] bool in_use() const noexcept {
    for (std::size_t worker = 0; worker < workers_; ++worker) {
      const Use use = uses_[worker].load(std::memory_order_acquire);
      if (use == Use::kStarted || use == Use::kFailed) return true;
    }
    return false;
  }

 protected:
  [[nodiscard]] std::size_t workers() const noexcept { return workers_; }

 private:
  enum class Use : std::uint8_t { kNotSeen, kStarted, kFailed, kFinished };

  virtual bool start_worker(std::size_t worker) const noexcept = 0;
  virtual void finish_worker(std::size_t worker) const noexcept = 0;

  const std::size_t workers_;
  const LaterLimits limits_;
  std::size_t place_ = kNoPlace;
  const std::unique_ptr<std::atomic<Use>[]> uses_;  ///< each written by its worker
};

}  // namespace pssst::server
