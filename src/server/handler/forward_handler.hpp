/// The handler `forward`: other processes answer.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/error.hpp"
#include "pssst/handler.hpp"
#include "server/handler/attached_handler.hpp"
#include "server/handler/forward_client.hpp"
#include "server/handler/forward_ring.hpp"
#include "server/handler/handler_runtime.hpp"

namespace pssst::server {

/// A worker puts its messages into a ring and goes on; a thread of this handler, off the workers'
/// CPUs where there are others, makes all system calls. It looks into the rings some thousand times
/// a second while there is traffic, and a thousand times when there is none. While no backend is to
/// be sent anything, workers drop messages themselves: those that all backends have left alone cost
/// neither the thread nor, where they share one, the worker's CPU.
class ForwardHandler final : public AttachedHandler, private ForwardClient::Answerer {
 public:
  /// Backends need not be there yet. `runtime` null: only to look at it; it must not be attached.
  static base::Result<std::unique_ptr<ForwardHandler>> create(
      const std::vector<std::string>& backends, const LaterLimits& limits, HandlerRuntime* runtime);
  ForwardHandler(const ForwardHandler&) = delete;
  ForwardHandler& operator=(const ForwardHandler&) = delete;
  ~ForwardHandler() override;

  [[nodiscard]] const HandlerTraits& traits() const noexcept override { return traits_; }
  void handle_burst(std::size_t worker, std::span<HandlerMessage> messages) const noexcept override;

  /// Of any thread.
  [[nodiscard]] std::span<const std::unique_ptr<Backend>> backends() const noexcept {
    return client_.backends();
  }

 private:
  ForwardHandler(const std::vector<std::string>& backends, const LaterLimits& limits,
                 HandlerRuntime* runtime);

  bool start_worker(std::size_t) const noexcept override { return true; }
  void finish_worker(std::size_t) const noexcept override {}
  void answer(const Answer& answer) noexcept override;
  void run() noexcept;
  [[nodiscard]] bool send_waiting(std::uint64_t now) noexcept;

  HandlerRuntime* const runtime_;
  const HandlerTraits traits_;
  const std::uint64_t deadline_ticks_;
  std::vector<std::unique_ptr<ForwardRing>> rings_;  ///< by worker
  ForwardClient client_;
  std::atomic<bool> stop_{false};
  /// The thread's: some backend is to be sent something, as far as it knows.
  std::atomic<bool> any_usable_{true};
  std::thread thread_;
};

}  // namespace pssst::server
