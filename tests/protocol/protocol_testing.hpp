/// What the tests of this folder share: enrolled clients, requests honest and forged, one burst
/// through all stages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <vector>

#include "protocol/header.hpp"
#include "protocol/suite1_vectors.hpp"
#include "pssst/client.hpp"
#include "pssst/server.hpp"

namespace pssst::testing {

/// Exactly the keys given are enrolled, whatever they are.
class EnrolledKeys final : public ClientLookup {
 public:
  EnrolledKeys() = default;
  explicit EnrolledKeys(const std::vector<PublicKey>& keys) {
    for (const PublicKey& key : keys) enrol(key);
  }
  void enrol(const PublicKey& key) {
    clients_.try_emplace(key, FoundClient{DropReason::kNone, Identity{key}});
  }
  /// find() says this of the key, whatever was enrolled.
  void set(const PublicKey& key, const FoundClient& found) { clients_[key] = found; }
  [[nodiscard]] FoundClient find_one(const PublicKey& key) const noexcept;
  void find(std::span<const std::uint8_t* const> keys,
            std::span<FoundClient> found) const noexcept override;
  /// Calls of find() so far.
  [[nodiscard]] std::size_t finds() const noexcept { return finds_; }

 private:
  std::map<PublicKey, FoundClient> clients_;
  mutable std::size_t finds_ = 0;
};

/// Deterministic bytes and keys.
class Random {
 public:
  explicit Random(std::uint64_t seed) : generator_(seed) {}
  Bytes bytes(std::size_t size);
  Bytes32 bytes32();
  std::size_t below(std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(generator_);
  }

 private:
  std::mt19937_64 generator_;
};

/// Server keys by their 32 private bytes, made once.
class ServerKeys {
 public:
  const ServerKey& operator[](const Bytes32& private_key);

 private:
  std::map<Bytes32, ServerKey> keys_;
};

/// X25519 by the portable kernel.
Bytes32 x25519(const Bytes32& scalar, const Bytes32& point);

/// SHA-256(dh || shared) for a request to this server, whatever its dh.
Bytes32 key_material_for(const Bytes32& server_private, const Bytes32& dh);

/// A request with a right tag and any header, dh and payload, made with the server's own key.
Bytes forge_request(const Bytes32& server_private, protocol::Header header, const Bytes32& dh,
                    std::span<const std::uint8_t> payload);

/// The plaintext of a request of at least kOverheadSize bytes, if its tag is right.
std::optional<Bytes> unseal_request(const Bytes32& server_private,
                                    std::span<const std::uint8_t> request);

/// An honest request, anonymous if `client_private` is null.
Bytes honest_request(const Bytes32& server_private, const Bytes32* client_private,
                     const Bytes32& ephemeral_key, std::span<const std::uint8_t> message);

/// pssst::admit() with one key of suite 1.
DropReason admit(std::span<const std::uint8_t> datagram, ClientPolicy policy);

/// multiply, open, identify, prove.
void open_burst(RequestProcessor& processor, RequestBurst& burst, const ClientLookup& clients);

/// Answers a live lane with `message` before seal().
void answer(RequestBurst& burst, std::size_t lane, std::span<const std::uint8_t> message);

Bytes message_of(const RequestBurst& burst, std::size_t lane);
Bytes reply_of(const RequestBurst& burst, std::size_t lane);

std::unique_ptr<RequestProcessor> make_processor();

}  // namespace pssst::testing
