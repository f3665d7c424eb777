#include "protocol/protocol_testing.hpp"

#include <algorithm>
#include <stdexcept>

#include "crypto/symmetric.hpp"
#include "protocol/client_internals.hpp"
#include "protocol/suite1.hpp"

namespace pssst::testing {

FoundClient EnrolledKeys::find_one(const PublicKey& key) const noexcept {
  const auto found = clients_.find(key);
  return found == clients_.end() ? FoundClient{} : found->second;
}

void EnrolledKeys::find(std::span<const std::uint8_t* const> keys,
                        std::span<FoundClient> found) const noexcept {
  ++finds_;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    PublicKey key;
    std::copy_n(keys[i], key.size(), key.begin());
    found[i] = find_one(key);
  }
}

Bytes Random::bytes(std::size_t size) {
  Bytes out(size);
  for (std::uint8_t& byte : out) byte = static_cast<std::uint8_t>(generator_() & 0xff);
  return out;
}

Bytes32 Random::bytes32() {
  Bytes32 out;
  std::ranges::copy(bytes(out.size()), out.begin());
  return out;
}

const ServerKey& ServerKeys::operator[](const Bytes32& private_key) {
  return keys_.try_emplace(private_key, PrivateKey(private_key)).first->second;
}

Bytes32 x25519(const Bytes32& scalar, const Bytes32& point) {
  const crypto::X25519Scalar clamped(scalar);
  const crypto::X25519Scalar* scalars = &clamped;
  Bytes32 out{};
  static_cast<void>(crypto::select_x25519_kernel("portable")->multiply(&scalars, &point, &out, 1));
  return out;
}

namespace {

/// One for all: making one runs the library's self-test.
crypto::SymmetricEngine& shared_engine() {
  static const auto engine = crypto::SymmetricEngine::create();
  if (!engine) throw std::runtime_error(engine.error().to_string());
  return **engine;
}

}  // namespace

Bytes32 key_material_for(const Bytes32& server_private, const Bytes32& dh) {
  Bytes32 key_material{};
  protocol::suite1::derive(shared_engine(), dh, x25519(server_private, dh), key_material);
  return key_material;
}

namespace {

std::array<std::uint8_t, crypto::kGcmNonceSize> request_nonce(const Bytes32& key_material) {
  std::array<std::uint8_t, crypto::kGcmNonceSize> nonce{};
  std::copy_n(key_material.begin() + 16, 8, nonce.begin());
  std::copy_n("RQST", 4, nonce.begin() + 8);
  return nonce;
}

}  // namespace

Bytes forge_request(const Bytes32& server_private, protocol::Header header, const Bytes32& dh,
                    std::span<const std::uint8_t> payload) {
  const Bytes32 key_material = key_material_for(server_private, dh);
  Bytes request(kOverheadSize + payload.size());
  protocol::write_header(header, std::span(request).first<kHeaderSize>());
  std::ranges::copy(dh, request.begin() + kDhOffset);
  shared_engine().set_key(0, std::span(key_material).first<crypto::kAesKeySize>(), payload.size());
  shared_engine().seal(0, request_nonce(key_material), std::span(request).first(kHeaderSize),
                       payload.data(), payload.size(), request.data() + kCiphertextOffset,
                       std::span(request).last<kTagSize>());
  shared_engine().clear_keys();
  return request;
}

std::optional<Bytes> unseal_request(const Bytes32& server_private,
                                    std::span<const std::uint8_t> request) {
  const Bytes32 key_material = key_material_for(server_private, protocol::suite1::read_dh(request));
  Bytes payload(request.size() - kOverheadSize);
  shared_engine().set_key(0, std::span(key_material).first<crypto::kAesKeySize>(), payload.size());
  const bool genuine = shared_engine().open(
      0, request_nonce(key_material), request.first(kHeaderSize),
      request.data() + kCiphertextOffset, payload.size(), request.last<kTagSize>(), payload.data());
  shared_engine().clear_keys();
  return genuine ? std::optional(payload) : std::nullopt;
}

Bytes honest_request(const Bytes32& server_private, const Bytes32* client_private,
                     const Bytes32& ephemeral_key, std::span<const std::uint8_t> message) {
  std::optional<PrivateKey> key;
  if (client_private != nullptr) key.emplace(*client_private);
  std::string error;
  const auto client =
      Client::create(PrivateKey(server_private).public_key(), key ? &*key : nullptr, &error);
  if (client == nullptr) throw std::runtime_error(error);
  Bytes request(client->overhead_size() + message.size());
  PendingRequest pending;
  const std::size_t size =
      protocol::ClientInternals::seal(*client, ephemeral_key, message, request, pending);
  if (size != request.size()) throw std::runtime_error("request not sealed");
  return request;
}

DropReason admit(std::span<const std::uint8_t> datagram, ClientPolicy policy) {
  static const ServerKey key{PrivateKey(Bytes32{1})};
  return pssst::admit(datagram, policy, {&key, 1}).drop;
}

void open_burst(RequestProcessor& processor, RequestBurst& burst, const ClientLookup& clients) {
  processor.multiply(burst);
  processor.open(burst);
  processor.identify(burst, clients);
  processor.prove(burst);
}

void answer(RequestBurst& burst, std::size_t lane, std::span<const std::uint8_t> message) {
  const std::size_t fits = std::min(message.size(), kReplySizeMax);
  std::ranges::copy(message.first(fits), burst.reply_space(lane).begin());
  burst.has_reply[lane] = 1;
  burst.reply_size[lane] = message.size();
}

Bytes message_of(const RequestBurst& burst, std::size_t lane) {
  return {burst.message[lane], burst.message[lane] + burst.message_size[lane]};
}

Bytes reply_of(const RequestBurst& burst, std::size_t lane) {
  const std::span reply = burst.reply_datagram(lane);
  return {reply.begin(), reply.end()};
}

std::unique_ptr<RequestProcessor> make_processor() {
  std::string error;
  auto processor = RequestProcessor::create({}, &error);
  if (processor == nullptr) throw std::runtime_error(error);
  return processor;
}

}  // namespace pssst::testing
