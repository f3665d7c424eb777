/// Which attached handlers a worker uses.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "server/handler/attached_handler.hpp"
#include "server/handler/handler_runtime.hpp"
#include "server/snapshot.hpp"

namespace pssst::server {

/// A worker's own. Each handler of its snapshots is started before the first burst and finished
/// when neither the current snapshot has it nor a later reply of it is awaited.
class HandlerLeases {
 public:
  /// Later replies that the worker awaits, by AttachedHandler::place().
  using Awaited = std::span<const std::uint32_t, HandlerRuntime::kHandlersMax>;

  explicit HandlerLeases(std::size_t worker) noexcept : worker_(worker) {}

  /// To be called with the current snapshot, before it is used; next to nothing for the one before.
  /// False if a handler could not be started.
  bool update(const Snapshot& snapshot) noexcept {
    return snapshot.serial() == snapshot_ || take(snapshot);
  }
  /// Finishes what may be.
  void finish_unused(Awaited awaited) noexcept {
    if (unused_ > 0) finish_those_of(awaited);
  }
  /// The worker serves no more.
  void finish_all() noexcept;

 private:
  bool take(const Snapshot& snapshot) noexcept;
  void finish_those_of(Awaited awaited) noexcept;
  void finish(std::size_t place) noexcept;

  const std::size_t worker_;
  std::uint64_t snapshot_ = 0;  ///< the current one's serial()
  std::array<const AttachedHandler*, HandlerRuntime::kHandlersMax> handlers_{};  ///< by place
  std::array<bool, HandlerRuntime::kHandlersMax> in_snapshot_{};
  std::size_t unused_ = 0;  ///< handlers that are in the snapshot no more
};

}  // namespace pssst::server
