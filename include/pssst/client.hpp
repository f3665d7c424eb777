/// The client side of the protocol: seals a request, opens its reply. No I/O.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "pssst/keys.hpp"
#include "pssst/wire.hpp"

namespace pssst {

namespace protocol {
struct ClientInternals;
}

/// Why a reply was refused. Checked in this order.
enum class ReplyFault : std::uint8_t {
  kNone = 0,
  kNotPending,     ///< no request is pending: none was sealed, or its reply has been opened
  kTooShort,       ///< below 52 bytes, in suite 0xF002 below 54
  kSuite,          ///< not the request's suite
  kFlags,          ///< not exactly the reply flag and the request's client authentication flag
  kDh,             ///< suite 1: not the request's dh
  kReplyId,        ///< suite 0xF002: not the request's rid
  kNoSpace,        ///< the message does not fit the caller's buffer; the request stays pending
  kTag,            ///< GCM tag is wrong
  kMessageLength,  ///< suite 0xF002: the message length goes past the end of the plaintext
  kPadding,        ///< suite 0xF002: the padding holds something else than zeros
};
[[nodiscard]] std::string_view to_string(ReplyFault fault) noexcept;

/// What a client keeps of a request that waits for its reply: the reply's key among it, so it is
/// wiped when answered and on destruction. Move-only.
class PendingRequest {
 public:
  PendingRequest() = default;
  PendingRequest(PendingRequest&& other) noexcept;
  PendingRequest& operator=(PendingRequest&& other) noexcept;
  PendingRequest(const PendingRequest&) = delete;
  PendingRequest& operator=(const PendingRequest&) = delete;
  ~PendingRequest();

  [[nodiscard]] bool pending() const noexcept { return pending_; }

 private:
  friend class Client;
  friend struct protocol::ClientInternals;
  void wipe() noexcept;
  bool pending_ = false;
  std::uint16_t suite_ = kSuite1;
  std::uint16_t request_flags_ = 0;
  /// Suite 1: dh; suite 0xF002: rid and the request's last 16 bytes.
  std::array<std::uint8_t, kDhSize> match_{};
  std::array<std::uint8_t, 32> key_material_{};  ///< suite 0xF002: rs
};

/// A client of one server, anonymous or with a key of its own. Not thread-safe.
class Client {
 public:
  /// `key` null: anonymous; otherwise it is needed only for this call. Refused are a server key
  /// that fails check_public_key(), and a `key` that gives a zero shared secret with it or is the
  /// server's own: null, and why in *error. So is a faulty `use`.
  static std::unique_ptr<Client> create(const PublicKey& server, const PrivateKey* key,
                                        std::string* error, const KeyUse& use = {});
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client();

  /// Bytes that seal() adds to a message, padding aside.
  [[nodiscard]] std::size_t overhead_size() const noexcept;

  /// Seals `message` under a fresh ephemeral key into the front of `datagram`, and returns the
  /// bytes written; 0, and nothing written, if the space is below message + padding_size +
  /// overhead_size(), the message is longer than 65535 bytes, or suite 1, which has no padding, is
  /// asked for some. The two do not overlap. `pending` is what opens the reply; what it held before
  /// is wiped. To send a message again, seal it again: identical datagrams can be linked. Constant
  /// time but for the sizes.
  [[nodiscard]] std::size_t seal(std::span<const std::uint8_t> message,
                                 std::span<std::uint8_t> datagram, PendingRequest& pending,
                                 std::size_t padding_size = 0) noexcept;

  struct Opened {
    ReplyFault fault = ReplyFault::kNone;
    std::size_t size = 0;  ///< message bytes
  };
  /// A bad reply leaves `pending` pending and the message space zeroed or untouched; a good one
  /// settles it. `message` must hold datagram - 52 bytes, whatever the suite, and does not overlap
  /// `datagram`.
  [[nodiscard]] Opened open(std::span<const std::uint8_t> datagram, PendingRequest& pending,
                            std::span<std::uint8_t> message) noexcept;

 private:
  struct Impl;
  struct ImplDeleter {
    void operator()(Impl* impl) const noexcept;
  };
  friend struct protocol::ClientInternals;
  static void set_up_f002(Impl& impl, const PublicKey& server, bool authenticated,
                          std::string_view label) noexcept;
  explicit Client(std::unique_ptr<Impl, ImplDeleter> impl) noexcept;
  std::unique_ptr<Impl, ImplDeleter> impl_;
};

}  // namespace pssst
