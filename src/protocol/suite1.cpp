#include "protocol/suite1.hpp"

#include <algorithm>
#include <cstring>

#include "base/assert.hpp"
#include "base/secret_memory.hpp"
#include "protocol/header.hpp"
#include "protocol/suite.hpp"

namespace pssst::protocol::suite1 {
namespace {

using crypto::Bytes32;
using crypto::SymmetricEngine;

constexpr std::size_t kNonceSuffixSize = 4;
using Nonce = std::array<std::uint8_t, crypto::kGcmNonceSize>;
/// Of the engine's slots, the one that a client uses; the server uses that of each lane's number.
constexpr std::size_t kClientSlot = 0;

static_assert(crypto::kGcmTagSize == kTagSize);
static_assert(sizeof(Bytes32) == kDhSize);
static_assert(crypto::kKeySlots >= kBurstLanesMax);

std::span<const std::uint8_t, crypto::kAesKeySize> aes_key(const Bytes32& key_material) noexcept {
  return std::span(key_material).first<crypto::kAesKeySize>();
}

/// SHA-256(dh || shared secret) for each of n lanes.
void derive_key_material(crypto::Sha256Engine& engine, const std::uint8_t* const* dh,
                         const std::uint8_t* const* shared_secrets,
                         std::uint8_t* const* key_material, std::size_t n) noexcept {
  using crypto::MessagePart;
  const std::array message{MessagePart::each(dh, kDhSize),
                           MessagePart::each(shared_secrets, sizeof(Bytes32))};
  engine.hash(message, key_material, n);
}

Nonce make_nonce(std::span<const std::uint8_t, 8> prefix,
                 const std::array<std::uint8_t, kNonceSuffixSize>& suffix) noexcept {
  Nonce nonce;
  std::memcpy(nonce.data(), prefix.data(), prefix.size());
  std::memcpy(nonce.data() + prefix.size(), suffix.data(), suffix.size());
  return nonce;
}

Nonce request_nonce(const Bytes32& key_material) noexcept {
  return make_nonce(std::span(key_material).subspan<16, 8>(), {'R', 'Q', 'S', 'T'});
}

Nonce reply_nonce(const Bytes32& key_material) noexcept {
  return make_nonce(std::span(key_material).subspan<24, 8>(), {'R', 'P', 'L', 'Y'});
}

bool open_packet(SymmetricEngine& engine, std::size_t slot, const Bytes32& key_material,
                 const Nonce& nonce, std::span<const std::uint8_t> datagram,
                 std::uint8_t* plaintext) noexcept {
  const std::size_t size = datagram.size() - kOverheadSize;
  engine.set_key(slot, aes_key(key_material), size);
  return engine.open(slot, nonce, datagram.first(kHeaderSize), datagram.data() + kCiphertextOffset,
                     size, datagram.last<kTagSize>(), plaintext);
}

/// The plaintext lies in `datagram` already, where the ciphertext will be.
void seal_packet(SymmetricEngine& engine, std::size_t slot, const Bytes32& key_material,
                 const Nonce& nonce, Header header, std::span<const std::uint8_t, kDhSize> dh,
                 std::span<std::uint8_t> datagram) noexcept {
  write_header(header, datagram.first<kHeaderSize>());
  std::memcpy(datagram.data() + kDhOffset, dh.data(), kDhSize);
  std::uint8_t* text = datagram.data() + kCiphertextOffset;
  const std::size_t size = datagram.size() - kOverheadSize;
  engine.set_key(slot, aes_key(key_material), size);
  engine.seal(slot, nonce, datagram.first(kHeaderSize), text, size, text,
              datagram.last<kTagSize>());
}

std::span<const std::uint8_t> request_datagram(const RequestBurst& burst,
                                               std::size_t lane) noexcept {
  return {burst.datagram[lane], burst.datagram_size[lane]};
}

}  // namespace

Bytes32 read_dh(std::span<const std::uint8_t> datagram) noexcept {
  return protocol::read_dh(datagram, kSuite1Layout);
}

void derive(SymmetricEngine& engine, RequestBurst& burst,
            std::span<const std::uint8_t> lanes) noexcept {
  std::array<const std::uint8_t*, kBurstLanesMax> dh;
  std::array<const std::uint8_t*, kBurstLanesMax> shared_secrets;
  std::array<std::uint8_t*, kBurstLanesMax> key_material;
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    const std::size_t lane = lanes[i];
    dh[i] = burst.datagram[lane] + kDhOffset;
    shared_secrets[i] = burst.shared_secret[lane].data();
    key_material[i] = burst.key_material[lane].data();
  }
  derive_key_material(engine.sha256(), dh.data(), shared_secrets.data(), key_material.data(),
                      lanes.size());
}

DropReason open_request(SymmetricEngine& engine, RequestBurst& burst, std::size_t lane) noexcept {
  const std::span datagram = request_datagram(burst, lane);
  const Bytes32& key_material = burst.key_material[lane];
  std::uint8_t* plaintext = burst.plaintext[lane].data();
  if (!open_packet(engine, lane, key_material, request_nonce(key_material), datagram, plaintext)) {
    return DropReason::kTag;
  }
  const std::size_t size = datagram.size() - kOverheadSize;
  const std::size_t proof_size = burst.authenticated[lane] != 0 ? kProofSize : 0;
  if (size < proof_size) {
    base::wipe(plaintext, size);
    return DropReason::kProofTooShort;
  }
  burst.message[lane] = plaintext + proof_size;
  burst.message_size[lane] = static_cast<std::uint16_t>(size - proof_size);
  return DropReason::kNone;
}

std::span<const std::uint8_t, 32> proof_client_key(const RequestBurst& burst,
                                                   std::size_t lane) noexcept {
  return std::span(burst.plaintext[lane]).subspan<0, 32>();
}

std::span<const std::uint8_t, 32> proof_ephemeral_key(const RequestBurst& burst,
                                                      std::size_t lane) noexcept {
  return std::span(burst.plaintext[lane]).subspan<32, 32>();
}

void seal_reply(SymmetricEngine& engine, RequestBurst& burst, std::size_t lane) noexcept {
  const std::span request = request_datagram(burst, lane);
  const std::uint16_t request_flags = read_header(request.first<kHeaderSize>()).flags;
  const auto flags = static_cast<std::uint16_t>(kFlagReply | (request_flags & kFlagClientAuth));
  const std::size_t size = kOverheadSize + burst.reply_size[lane];
  const Bytes32& key_material = burst.key_material[lane];
  seal_packet(engine, lane, key_material, reply_nonce(key_material),
              {.flags = flags, .suite = kSuite1}, request.subspan<kDhOffset, kDhSize>(),
              std::span(burst.reply[lane]).first(size));
  burst.reply_datagram_size[lane] = static_cast<std::uint16_t>(size);
}

void derive(SymmetricEngine& engine, const Bytes32& dh, const Bytes32& shared_secret,
            Bytes32& key_material) noexcept {
  const std::uint8_t* const dh_bytes = dh.data();
  const std::uint8_t* const shared_bytes = shared_secret.data();
  std::uint8_t* const okm = key_material.data();
  derive_key_material(engine.sha256(), &dh_bytes, &shared_bytes, &okm, 1);
}

void seal_request(SymmetricEngine& engine, const Bytes32& key_material, const Bytes32& dh,
                  const Proof* proof, std::span<const std::uint8_t> message,
                  std::span<std::uint8_t> datagram) noexcept {
  PSSST_ASSERT(datagram.size() == kSuite1Layout.size_min(proof != nullptr) + message.size());
  Header header{.flags = 0, .suite = kSuite1};
  auto text = datagram.begin() + kCiphertextOffset;
  if (proof != nullptr) {
    header.flags = kFlagClientAuth;
    text = std::ranges::copy(proof->client_key, text).out;
    text = std::ranges::copy(proof->ephemeral_key, text).out;
  }
  std::ranges::copy(message, text);
  seal_packet(engine, kClientSlot, key_material, request_nonce(key_material), header, dh, datagram);
  engine.clear_keys();
}

bool open_reply(SymmetricEngine& engine, const Bytes32& key_material,
                std::span<const std::uint8_t> datagram, std::span<std::uint8_t> message) noexcept {
  PSSST_ASSERT(datagram.size() == kOverheadSize + message.size());
  const bool opened = open_packet(engine, kClientSlot, key_material, reply_nonce(key_material),
                                  datagram, message.data());
  engine.clear_keys();
  return opened;
}

}  // namespace pssst::protocol::suite1
