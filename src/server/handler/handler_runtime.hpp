/// What outlives snapshots: the handlers that are attached to workers, and the way of later replies
/// to those.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "base/error.hpp"
#include "pssst/handler.h"
#include "server/handler/answer_queue.hpp"
#include "server/handler/attached_handler.hpp"

namespace pssst::server {

/// Made before the first snapshot and the workers, destroyed after them.
class HandlerRuntime {
 public:
  /// Attached handlers that there are at once, those included that a reload has replaced and that
  /// still await replies.
  static constexpr std::size_t kHandlersMax = 256;

  /// One worker on each of these CPUs, with room for so many requests that await a later reply.
  explicit HandlerRuntime(const std::vector<unsigned>& worker_cpus,
                          std::size_t later_replies_max = 0);
  HandlerRuntime(const HandlerRuntime&) = delete;
  HandlerRuntime& operator=(const HandlerRuntime&) = delete;
  /// Destroys the handlers that are left. No snapshot and no worker may be.
  ~HandlerRuntime();

  [[nodiscard]] std::size_t workers() const noexcept { return workers_; }
  [[nodiscard]] std::size_t later_replies_max() const noexcept { return later_replies_max_; }
  /// If there is room for later replies.
  [[nodiscard]] AnswerQueue& answers(std::size_t worker) noexcept { return *queues_.at(worker); }

  /// Takes the handler and gives it its place; fails where kHandlersMax are there, and for one that
  /// answers later where there is no room for such requests. It is destroyed
  /// on a thread of this object, a little after both the last copy of the pointer is gone and the
  /// last worker has finished it.
  base::Result<std::shared_ptr<const AttachedHandler>> attach(
      std::unique_ptr<AttachedHandler> handler);

  /// Hands an answer to the worker that its token names: PSSST_ANSWERED, PSSST_BUSY or
  /// PSSST_NO_SUCH_TOKEN. Any thread; does not wait.
  std::int32_t answer(const Answer& answer) noexcept;

  /// Attached handlers that have not been destroyed yet.
  [[nodiscard]] std::size_t attached() const;

  /// Keeps the calling thread off the workers' CPUs, where the process had others when this runtime
  /// was made, until it is destroyed: threads that are started meanwhile stay there.
  class OffWorkers {
   public:
    explicit OffWorkers(const HandlerRuntime& runtime);
    OffWorkers(const OffWorkers&) = delete;
    OffWorkers& operator=(const OffWorkers&) = delete;
    ~OffWorkers();

   private:
    std::vector<unsigned> before_;  ///< empty: nothing was changed
  };

 private:
  struct Entry {
    std::unique_ptr<AttachedHandler> handler;
    bool retired = false;  ///< no snapshot has it
  };

  [[nodiscard]] static bool is_free(const Entry& entry) noexcept;
  void retire(std::size_t place) noexcept;
  void keep();
  [[nodiscard]] std::unique_ptr<AttachedHandler> take_unused();

  const std::size_t workers_;
  const std::size_t later_replies_max_;
  const std::vector<unsigned> other_cpus_;  ///< that are no worker's
  std::vector<std::unique_ptr<AnswerQueue>> queues_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::array<Entry, kHandlersMax> entries_{};
  bool stop_ = false;
  std::thread keeper_;  ///< runs once there is a handler to keep
};

}  // namespace pssst::server
