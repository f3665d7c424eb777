/// The line protocol by which implementations of PSSST check each other, without the I/O.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "pssst/client.hpp"
#include "pssst/keys.hpp"
#include "pssst/server.hpp"

namespace pssst::tools {

/// One side, client and server at once. The lines are "TAG:hex\n":
///
///     SERVER_KEY, CLIENT_KEY, PLAINTEXT   at the start, unprompted
///     REQUEST, REQUEST_AUTH               once the peer's SERVER_KEY is known, carrying PLAINTEXT
///     REPLY, REPLY_AUTH                   the request's message, byte-reversed
///     DONE                                both own replies are in, both of the peer's requests
///                                         answered
///
/// The peer's three first lines must come before the request that they are needed for; each line
/// comes once, save requests, which anyone may repeat.
class CompatSession {
 public:
  /// With fresh keys and a fresh plaintext; both sides use their keys alike. On failure what is
  /// wrong with `use`, or with this machine.
  [[nodiscard]] static base::Result<std::unique_ptr<CompatSession>> create(const KeyUse& use = {});
  CompatSession(const CompatSession&) = delete;
  CompatSession& operator=(const CompatSession&) = delete;
  ~CompatSession() = default;

  /// The lines to send before anything is read.
  [[nodiscard]] std::string greeting() const;

  /// Takes one line of the peer's, without its end, and returns the lines to send. An error says
  /// what did not check out; the session is over then.
  [[nodiscard]] base::Result<std::string> handle_line(std::string_view line);

  /// Both own requests have had their good reply: from here on the peer has two seconds left.
  [[nodiscard]] bool answered() const noexcept;
  /// Answered, and the peer is done as well: nothing is left to wait for.
  [[nodiscard]] bool finished() const noexcept { return answered() && peer_done_; }
  /// What it means that the peer leaves now: an error unless it has sent a good reply. (Some leave
  /// after one.)
  [[nodiscard]] base::Result<void> handle_end() const;

 private:
  using Bytes = std::vector<std::uint8_t>;

  /// The client whose CLIENT_KEY came.
  class PeerLookup final : public ClientLookup {
   public:
    void find(std::span<const std::uint8_t* const> keys,
              std::span<FoundClient> found) const noexcept override;
    std::optional<Identity> peer;
  };

  /// A client of the peer's server, anonymous or not, and its one request.
  struct Caller {
    std::unique_ptr<Client> client;
    PendingRequest pending;
    bool replied = false;  ///< its good reply has come
    bool served = false;   ///< the peer's request of the same kind has been answered
  };

  explicit CompatSession(const KeyUse& use);
  [[nodiscard]] base::Result<std::string> handle_server_key(const Bytes& value);
  [[nodiscard]] base::Result<std::string> handle_client_key(const Bytes& value);
  [[nodiscard]] base::Result<std::string> handle_plaintext(const Bytes& value);
  [[nodiscard]] base::Result<std::string> handle_request(const Bytes& value, bool authenticated);
  [[nodiscard]] base::Result<std::string> handle_reply(const Bytes& value, bool authenticated);
  [[nodiscard]] base::Result<std::string> handle_done(const Bytes& value);
  [[nodiscard]] std::string done_line_once();

  const std::uint16_t suite_;
  const std::string label_;
  PrivateKey server_private_;
  PrivateKey client_private_;
  ServerKey server_key_;
  Bytes plaintext_;
  PeerLookup lookup_;
  std::unique_ptr<SingleServer> server_;

  std::optional<PublicKey> peer_server_;
  std::optional<Bytes> peer_plaintext_;
  std::array<Caller, 2> callers_;  ///< [0] anonymous, [1] client-authenticated
  bool done_sent_ = false;
  bool peer_done_ = false;
};

}  // namespace pssst::tools
