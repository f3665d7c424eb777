/// What answers a request, as the server sees it. A handler that is not part of the server is
/// written against pssst/handler.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "pssst/drop_reason.hpp"
#include "pssst/keys.hpp"

namespace pssst {

inline constexpr std::size_t kClientMetadataSizeMax = 64;

/// An enrolled client.
struct Identity {
  PublicKey public_key{};
  /// What was enrolled with the key, for handlers; at most kClientMetadataSizeMax bytes. They stay
  /// where they are at least until the burst is answered.
  std::span<const std::uint8_t> metadata{};
};

/// What a handler declares of itself, once, before it serves.
struct HandlerTraits {
  std::string_view name;
  std::uint32_t version = 1;
  /// The reply is a function of (client authentication flag, client key, message) alone, and not
  /// of the client's metadata, for as long as the server key lives. Suite 1 admits no other: two
  /// different replies to one request reveal its GHASH key, and with it requests can be forged.
  bool reply_is_pure = false;
  /// False: the handler never replies.
  bool replies = true;
  /// No reply is longer than this many bytes.
  std::size_t reply_size_max = 0;
  /// It gets messages of authenticated clients only.
  bool needs_client = false;
  /// It may answer after handle_burst() has returned.
  bool answers_later = false;
};

/// One opened request of a burst.
struct HandlerMessage {
  // In.
  std::span<const std::uint8_t> message{};
  std::uint16_t suite = 0;
  const Identity* client = nullptr;  ///< null: anonymous; valid during the call
  std::span<std::uint8_t> reply_space{};
  std::uint64_t token = 0;  ///< by which it can be answered later; 0: it cannot
  // Out.
  /// Bytes written to the front of reply_space; an empty reply (0) is a reply. Unset: none, and
  /// nothing was written. More than reply_space holds: the reply is dropped and counted, never
  /// truncated; so a handler that sees that its reply does not fit says its full length and writes
  /// nothing.
  std::optional<std::size_t> reply_size;
  /// The reply follows, under `token`; reply_size is not set. Of a handler that did not declare it,
  /// a fault.
  bool later = false;
  /// kNone, or why it gets no answer, which is counted.
  DropReason drop = DropReason::kNone;
};

/// Shared by all workers: handle_burst is called from several threads at once.
class Handler {
 public:
  Handler() = default;
  Handler(const Handler&) = delete;
  Handler& operator=(const Handler&) = delete;
  virtual ~Handler() = default;

  [[nodiscard]] virtual const HandlerTraits& traits() const noexcept = 0;
  /// Must not block, allocate or throw: the worker waits. Requests may be replayed by anyone, so
  /// handling one twice must do no harm. `worker` is the caller's number.
  virtual void handle_burst(std::size_t worker,
                            std::span<HandlerMessage> messages) const noexcept = 0;

  /// Which of parts() is to handle the message, this handler itself, or null: none does.
  [[nodiscard]] virtual const Handler* for_message(std::span<const std::uint8_t>) const noexcept {
    return this;
  }
  /// The handlers that it hands messages to, where it handles none itself.
  [[nodiscard]] virtual std::span<const std::shared_ptr<const Handler>> parts() const noexcept {
    return {};
  }
};

}  // namespace pssst
