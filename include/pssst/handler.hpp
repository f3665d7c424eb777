/// What answers a request.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

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
};

/// One opened request of a burst.
struct HandlerMessage {
  // In.
  std::span<const std::uint8_t> message;
  std::uint16_t suite = 0;
  const Identity* client = nullptr;  ///< null: anonymous; valid during the call
  std::span<std::uint8_t> reply_space;
  // Out.
  /// Bytes written to the front of reply_space; an empty reply (0) is a reply. Unset: none, and
  /// nothing was written. More than reply_space holds: the reply is dropped and counted, never
  /// truncated; so a handler that sees that its reply does not fit says its full length and writes
  /// nothing.
  std::optional<std::size_t> reply_size;
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
  /// handling one twice must do no harm.
  virtual void handle_burst(std::span<HandlerMessage> messages) const noexcept = 0;
};

}  // namespace pssst
