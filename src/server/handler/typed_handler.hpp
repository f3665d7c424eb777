/// Handlers by message type: the message's first byte.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/error.hpp"
#include "pssst/handler.hpp"

namespace pssst::server {

/// Immutable once part of a snapshot; then workers read its table without a lock.
class TypedHandler final : public Handler {
 public:
  /// Messages of the types `first` to `last` are `handler`'s. Fails where one of them has a
  /// handler already.
  base::Result<void> add(std::uint8_t first, std::uint8_t last,
                         std::shared_ptr<const Handler> handler);

  /// Of all its handlers together: the name "typed", the longest reply, and what at least one of
  /// them may do. It is pure if all are.
  [[nodiscard]] const HandlerTraits& traits() const noexcept override { return traits_; }
  /// Null for an empty message, and for a type that has no handler.
  [[nodiscard]] const Handler* for_message(
      std::span<const std::uint8_t> message) const noexcept override {
    return message.empty() ? nullptr : by_type_[message.front()];
  }
  [[nodiscard]] std::span<const std::shared_ptr<const Handler>> parts() const noexcept override {
    return parts_;
  }
  /// Not called: for_message() names another.
  void handle_burst(std::size_t worker, std::span<HandlerMessage> messages) const noexcept override;

 private:
  std::array<const Handler*, 256> by_type_{};
  std::vector<std::shared_ptr<const Handler>> parts_;
  HandlerTraits traits_{.name = "typed", .reply_is_pure = true, .replies = false};
};

}  // namespace pssst::server
