/// The server side of the protocol, for bursts and single requests. No I/O.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "pssst/drop_reason.hpp"
#include "pssst/handler.hpp"
#include "pssst/keys.hpp"
#include "pssst/request_burst.hpp"

namespace pssst {

/// A server's private key, prepared for multiplication and for its suite. Immutable, so threads may
/// share it; held in locked memory and wiped on destruction. Like a PrivateKey it does not survive
/// fork().
class ServerKey {
 public:
  /// A `use` without fault; copies the label. Throws std::runtime_error if this CPU cannot serve
  /// the suite.
  explicit ServerKey(const PrivateKey& key, const KeyUse& use = {});
  // A moved-from key may only be destroyed or assigned to.
  ServerKey(ServerKey&&) noexcept;
  ServerKey& operator=(ServerKey&&) noexcept;
  ServerKey(const ServerKey&) = delete;
  ServerKey& operator=(const ServerKey&) = delete;
  ~ServerKey();

  [[nodiscard]] const PublicKey& public_key() const noexcept;
  [[nodiscard]] std::uint16_t suite() const noexcept { return suite_; }
  [[nodiscard]] std::string_view label() const noexcept;
  /// How requests of suite 0xF002 name it; zeros in suite 1, whose requests do not.
  [[nodiscard]] const KeyId& key_id() const noexcept { return key_id_; }

  struct Prepared;  // internal
  [[nodiscard]] const Prepared& prepared() const noexcept { return *prepared_; }

 private:
  struct PreparedDeleter {
    void operator()(Prepared* prepared) const noexcept;
  };
  std::unique_ptr<Prepared, PreparedDeleter> prepared_;
  std::uint16_t suite_;
  KeyId key_id_{};
};

/// Which requests a service takes.
enum class ClientPolicy : std::uint8_t {
  kOptional,   ///< anonymous and client-authenticated
  kAnonymous,  ///< only anonymous
  kRequired,   ///< only client-authenticated
};

struct Admitted {
  DropReason drop = DropReason::kNone;
  const ServerKey* key = nullptr;  ///< among those given; null if dropped
};
/// The checks that cost next to nothing, in this order: length of the header, suite one of the
/// keys', reply flag, reserved flags, length for the suite, policy, kid one of the keys' (suite
/// 0xF002), dh or enc canonical, not of small order. `keys` are a service's: at most one of suite
/// 1, and no two with one kid. Variable time: it sees nothing secret.
[[nodiscard]] Admitted admit(std::span<const std::uint8_t> datagram, ClientPolicy policy,
                             std::span<const ServerKey> keys) noexcept;

/// What a lookup says of a key.
struct FoundClient {
  /// kNone: enrolled, and to be served. kClientUnknown, kClientRevoked, kClientNotValidNow or
  /// kClientsUnavailable otherwise; whoever calls learns nothing of which.
  DropReason drop = DropReason::kClientUnknown;
  Identity identity{};  ///< if `drop` is kNone
};

/// The enrolled clients, as a worker asks for them.
class ClientLookup {
 public:
  ClientLookup() = default;
  ClientLookup(const ClientLookup&) = delete;
  ClientLookup& operator=(const ClientLookup&) = delete;
  virtual ~ClientLookup() = default;
  /// found[i] = the identity enrolled as exactly the 32 bytes at keys[i], or why there is none.
  /// The two spans have one length, at most kBurstLanesMax.
  virtual void find(std::span<const std::uint8_t* const> keys,
                    std::span<FoundClient> found) const noexcept = 0;
};

/// How the proofs of client-authenticated requests were checked, right and wrong ones.
struct ProofCounts {
  std::uint64_t by_table = 0;   ///< by what was precomputed of the client's key
  std::uint64_t by_ladder = 0;  ///< by a second multiplication
  std::uint64_t tables_built = 0;
};

/// What was done about clients of suite 0xF002.
struct StaticSecretCounts {
  std::uint64_t found = 0;       ///< requests whose X25519(s, C) was at hand
  std::uint64_t multiplied = 0;  ///< requests for which it was computed
};

/// Secrets X25519(s, C) that a processor remembers unless told otherwise: about 1.3 MB of them.
inline constexpr std::size_t kStaticSecretsDefault = 16384;

/// Opens and seals bursts. One per thread: it owns scratch memory and is not thread-safe.
/// Allocates when made, never afterwards. The stages are called in the order in which they stand
/// here, each once a burst; each skips lanes that are dropped and drops lanes that fail.
class RequestProcessor {
 public:
  /// `x25519_kernel`: by name, or empty for the best that this CPU has. On failure null, and what
  /// is wrong and what to do in *error. `proof_table_memory`: bytes at most for tables of clients
  /// that call again and again in suite 1, 1.6 kB each, whose proofs then cost about a third of a
  /// multiplication instead of a whole one; 0: none. `static_secrets_max`: of these suite 0xF002
  /// remembers at most so many, of all its server keys together, in locked memory of this
  /// processor; 0: none.
  static std::unique_ptr<RequestProcessor> create(
      std::string_view x25519_kernel, std::string* error, std::size_t proof_table_memory = 0,
      std::size_t static_secrets_max = kStaticSecretsDefault);
  RequestProcessor(const RequestProcessor&) = delete;
  RequestProcessor& operator=(const RequestProcessor&) = delete;
  ~RequestProcessor();

  [[nodiscard]] std::string_view x25519_kernel() const noexcept;
  /// Lanes worth filling with that kernel: eight of its vectors, at most kBurstLanesMax.
  [[nodiscard]] std::size_t burst_limit() const noexcept;
  /// Since it was made.
  [[nodiscard]] const ProofCounts& proof_counts() const noexcept;

  [[nodiscard]] const StaticSecretCounts& static_secret_counts() const noexcept;

  /// authenticated from the header, and shared_secret = X25519(key, dh or enc) for all lanes of all
  /// suites at once; a zero drops the lane.
  void multiply(RequestBurst& burst) noexcept;
  /// Keys from the shared secret, then the AEAD, by suite: message, or a dropped lane whose
  /// plaintext space holds zeros. The message of a client-authenticated request of suite 0xF002 is
  /// still sealed: prove() opens it.
  void open(RequestBurst& burst) noexcept;
  /// client = the enrolled client of each client-authenticated lane. Those whose client is not to
  /// be served are dropped; those of suite 0xF002 only by prove(), after as much work as for one
  /// that is.
  void identify(RequestBurst& burst, const ClientLookup& clients) noexcept;
  /// For each client-authenticated lane, by suite: X25519(e, C) == dh, in constant time; or the
  /// AEAD under X25519(s, C), which is looked up, or else multiplied for all such lanes at once. Of
  /// suite 1's clients whose proof was right twice at most one is given a table in a call.
  void prove(RequestBurst& burst) noexcept;
  /// Seals the replies of lanes with has_reply; a reply longer than its space drops the lane.
  void seal(RequestBurst& burst) noexcept;
  /// Wipes shared secrets, key material, proofs and messages of the lanes 0 to size-1, what lanes
  /// with has_reply hold in reply_space if seal() did not seal it, and the keys that open()
  /// expanded and kept for seal(); sealed replies stay.
  void wipe_secrets(RequestBurst& burst) noexcept;
  /// Computes X25519(s, C) of these clients, at most kBurstLanesMax, unless they are at hand:
  /// before they call, so that their requests cost no multiplication more. `key` is of suite
  /// 0xF002.
  void prepare_clients(const ServerKey& key, std::span<const Identity> clients) noexcept;
  /// Secrets X25519(s, C) that there is room for.
  [[nodiscard]] std::size_t static_secret_capacity() const noexcept;
  /// Wipes every X25519(s, C): when server keys have been replaced, so that none outlives its key.
  void forget_static_secrets() noexcept;

 private:
  struct Impl;
  struct ImplDeleter {
    void operator()(Impl* impl) const noexcept;
  };
  explicit RequestProcessor(std::unique_ptr<Impl, ImplDeleter> impl) noexcept;
  std::unique_ptr<Impl, ImplDeleter> impl_;
};

struct RequestBurstDeleter {
  void operator()(RequestBurst* burst) const noexcept;
};
using RequestBurstPointer = std::unique_ptr<RequestBurst, RequestBurstDeleter>;
/// In locked memory, zeroed; wiped when freed.
[[nodiscard]] RequestBurstPointer make_request_burst();

/// One request at a time, for those who have no bursts: tests, tools, small servers.
class SingleServer {
 public:
  /// The key and the lookup must outlive it. `clients` may be null: nobody is enrolled. On failure
  /// null, and what is wrong and what to do in *error.
  static std::unique_ptr<SingleServer> create(const ServerKey& key, const ClientLookup* clients,
                                              ClientPolicy policy, std::string* error);

  struct Opened {
    DropReason drop = DropReason::kNone;      ///< otherwise the rest is empty
    std::span<const std::uint8_t> message{};  ///< valid until the next call
    const Identity* client = nullptr;         ///< likewise; null: anonymous
  };
  /// Forgets the request before. A datagram longer than kDatagramSizeMax is kFrameOversized. Keeps
  /// a copy of the datagram.
  [[nodiscard]] Opened open(std::span<const std::uint8_t> datagram) noexcept;
  /// The sealed reply to the request opened last, valid until the next call; empty if no request is
  /// open or `message` does not fit a datagram of the key's suite. A reply closes the request and
  /// wipes what was opened; `message` may be the very one that open() gave.
  ///
  /// Suite 1: never answer one request, or a replay of it, with two different messages under one
  /// server key. Its GHASH key leaks, and then requests can be forged.
  [[nodiscard]] std::span<const std::uint8_t> reply(std::span<const std::uint8_t> message) noexcept;

 private:
  SingleServer(const ServerKey& key, const ClientLookup* clients, ClientPolicy policy,
               std::unique_ptr<RequestProcessor> processor);
  void forget() noexcept;

  const ServerKey& key_;
  const ClientLookup& clients_;
  ClientPolicy policy_;
  std::unique_ptr<RequestProcessor> processor_;
  RequestBurstPointer burst_;
  std::array<std::uint8_t, kDatagramSizeMax> datagram_{};
};

}  // namespace pssst
