/// Requests by the dozen: the client's side with its multiplications in vector lanes. For load
/// generators; a program that calls servers wants pssst::Client.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/error.hpp"
#include "crypto/x25519.hpp"
#include "pssst/keys.hpp"

namespace pssst::protocol {

/// One request to be made.
struct RequestPlan {
  std::size_t client = 0;  ///< as add_client() numbered it, or RequestMaker::kAnonymous
  std::span<const std::uint8_t> message;
  std::span<std::uint8_t> datagram;         ///< exactly RequestMaker::request_size() bytes
  crypto::Bytes32* key_material = nullptr;  ///< what opens the reply; secret
};

/// A client, or several, of one server. Not thread-safe. Its secrets are wiped on destruction; key
/// material is the caller's to wipe.
class RequestMaker {
 public:
  static constexpr std::size_t kAnonymous = SIZE_MAX;
  /// Two multiplications a request fill all lanes.
  static constexpr std::size_t kBatchMax = crypto::kX25519LanesMax / 2;

  /// `x25519_kernel`: by name, or empty for the best. Refuses a server key that fails
  /// check_public_key().
  static base::Result<std::unique_ptr<RequestMaker>> create(const PublicKey& server,
                                                            std::string_view x25519_kernel);
  RequestMaker(const RequestMaker&) = delete;
  RequestMaker& operator=(const RequestMaker&) = delete;
  ~RequestMaker();

  /// Numbers clients from 0 on, and returns the public key. The private key is needed only for this
  /// call. Refuses what Client::create() refuses.
  base::Result<PublicKey> add_client(const PrivateKey& key);
  [[nodiscard]] std::size_t client_count() const noexcept;
  [[nodiscard]] std::string_view x25519_kernel() const noexcept;

  /// Bytes of a request with a message of `message_size`.
  [[nodiscard]] static std::size_t request_size(std::size_t client,
                                                std::size_t message_size) noexcept;

  /// Seals at most kBatchMax requests, each under a fresh ephemeral key. Constant time but for the
  /// sizes.
  void seal(std::span<const RequestPlan> plans) noexcept;

  /// Opens a reply whose header and dh were compared already: `datagram` has at least kOverheadSize
  /// bytes, `message` kOverheadSize fewer. False, and zeros in `message`, if the tag is wrong.
  [[nodiscard]] bool open_reply(const crypto::Bytes32& key_material,
                                std::span<const std::uint8_t> datagram,
                                std::span<std::uint8_t> message) noexcept;

 private:
  struct Impl;
  explicit RequestMaker(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pssst::protocol
