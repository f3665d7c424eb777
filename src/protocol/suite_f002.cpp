#include "protocol/suite_f002.hpp"

#include <algorithm>
#include <cstring>

#include "base/assert.hpp"
#include "base/secret_memory.hpp"
#include "crypto/hkdf.hpp"
#include "protocol/header.hpp"
#include "protocol/server_key.hpp"
#include "protocol/suite_f002_text.hpp"

namespace pssst::protocol::suite_f002 {
namespace {

using crypto::Bytes32;
using crypto::HmacKey;
using crypto::MessagePart;
using crypto::Sha256Engine;
using crypto::SymmetricEngine;

static_assert(crypto::kKeySlots > kBurstLanesMax);

constexpr std::array<std::uint8_t, 2> kSuiteBytes{kSuiteF002 >> 8, kSuiteF002 & 0xff};

std::span<const std::uint8_t> bytes_of(std::string_view text) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// Scratch pointers of a batch's lanes; nothing secret.
template <class T>
using Pointers = std::array<T*, kBurstLanesMax>;

std::span<const std::uint8_t> request_datagram(const RequestBurst& burst,
                                               std::size_t lane) noexcept {
  return {burst.datagram[lane], burst.datagram_size[lane]};
}

void put_aead_key(const std::uint8_t* bytes, Bytes32& key_material) noexcept {
  std::memcpy(key_material.data(), bytes, kAeadKeySize);
}

/// Sets message and message_size of what was opened to plaintext[offset] and on.
DropReason take_message(RequestBurst& burst, std::size_t lane, std::size_t offset,
                        std::size_t size) noexcept {
  std::uint8_t* const plaintext = burst.plaintext[lane].data();
  const ParsedBody body = parse_body({plaintext + offset, size});
  if (!body.length_fits || !body.padding_zero) {
    base::wipe(plaintext, offset + size);
    return body.length_fits ? DropReason::kPadding : DropReason::kMessageLength;
  }
  burst.message[lane] = plaintext + offset + kMessageLengthSize;
  burst.message_size[lane] = static_cast<std::uint16_t>(body.message_size);
  return DropReason::kNone;
}

}  // namespace

KeyId make_key_id(Sha256Engine& engine, const PublicKey& server, std::string_view label) noexcept {
  constexpr std::array<std::uint8_t, 13> kText{'P', 'S', 'S', 'S', 'T', ' ', 'k',
                                               'e', 'y', ' ', 'i', 'd', 0};
  const std::array message{MessagePart::same(kText), MessagePart::same(kSuiteBytes),
                           MessagePart::same(server), MessagePart::same(bytes_of(label))};
  Bytes32 digest;
  std::uint8_t* const out = digest.data();
  engine.hash(message, &out, 1);
  KeyId id;
  std::copy_n(digest.begin(), id.size(), id.begin());
  return id;
}

hpke::KeyScheduleContext make_context(Sha256Engine& engine, bool authenticated, const KeyId& key_id,
                                      std::string_view label) noexcept {
  constexpr std::string_view kText = "PSSST request";
  PSSST_ASSERT(label.size() <= kLabelSizeMax);
  std::array<std::uint8_t, kText.size() + 1 + kHeaderSize + kKeyIdSize + kLabelSizeMax> info{};
  auto* at = std::ranges::copy(kText, info.begin()).out;
  *at++ = 0;
  write_header({.flags = authenticated ? kFlagClientAuth : std::uint16_t{0}, .suite = kSuiteF002},
               std::span<std::uint8_t, kHeaderSize>(at, kHeaderSize));
  at = std::ranges::copy(key_id, at + kHeaderSize).out;
  at = std::ranges::copy(bytes_of(label), at).out;
  return hpke::make_key_schedule_context(engine, std::span(info.begin(), at));
}

ParsedBody parse_body(std::span<const std::uint8_t> body) noexcept {
  PSSST_ASSERT(body.size() >= kMessageLengthSize);
  const auto size = static_cast<std::size_t>((body[0] << 8) | body[1]);
  if (size > body.size() - kMessageLengthSize) return {};
  std::uint8_t padding = 0;
  for (const std::uint8_t byte : body.subspan(kMessageLengthSize + size)) padding |= byte;
  return {.length_fits = true, .padding_zero = padding == 0, .message_size = size};
}

void ReplyKeys::derive(Sha256Engine& engine, const std::uint8_t* const* secrets,
                       const std::uint8_t* const* snonces, const std::uint8_t* const* request_tags,
                       std::uint8_t* const* out, std::size_t n) noexcept {
  constexpr std::string_view kText = "PSSST reply";
  PSSST_ASSERT(n <= keys_.size());
  Pointers<HmacKey> targets;
  for (std::size_t i = 0; i < n; ++i) targets[i] = &keys_[i];
  engine.make_hmac_keys(secrets, targets.data(), n);
  const std::array info{MessagePart::same(bytes_of(kText)),
                        MessagePart::each(snonces, kServerNonceSize),
                        MessagePart::each(request_tags, kTagSize)};
  hkdf_expand(engine, targets.data(), info, out, kAeadKeySize, n);
  base::wipe(keys_.data(), n * sizeof(HmacKey));
}

void ClientKeys::derive(Sha256Engine& engine, const std::uint8_t* const* exports,
                        const std::uint8_t* const* static_secrets,
                        const std::uint8_t* const* client_keys, std::uint8_t* const* out,
                        std::size_t n) noexcept {
  constexpr std::string_view kText = "PSSST client request";
  PSSST_ASSERT(n <= keys_.size());
  Pointers<HmacKey> targets;
  Pointers<std::uint8_t> prks;
  for (std::size_t i = 0; i < n; ++i) {
    targets[i] = &keys_[i];
    prks[i] = prks_[i].data();
  }
  engine.make_hmac_keys(exports, targets.data(), n);
  const std::array ikm{MessagePart::each(static_secrets, sizeof(Bytes32)),
                       MessagePart::each(client_keys, sizeof(Bytes32))};
  hkdf_extract(engine, targets.data(), ikm, prks.data(), n);
  engine.make_hmac_keys(prks.data(), targets.data(), n);
  const std::array info{MessagePart::same(bytes_of(kText))};
  hkdf_expand(engine, targets.data(), info, out, kSize, n);
  base::wipe(keys_.data(), n * sizeof(HmacKey));
  base::wipe(prks_.data(), n * sizeof(Bytes32));
}

ServerStages::ServerStages(SymmetricEngine& engine) noexcept : schedule_(engine.sha256()) {}

void ServerStages::derive(SymmetricEngine& engine, RequestBurst& burst,
                          std::span<const std::uint8_t> lanes) noexcept {
  if (lanes.empty()) return;
  Lanes<const std::uint8_t*> dh;
  Lanes<const std::uint8_t*> enc;
  Lanes<const std::uint8_t*> public_key;
  Lanes<const std::uint8_t*> context;
  Lanes<std::uint8_t*> keys;
  Lanes<std::uint8_t*> nonces;
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    const std::size_t lane = lanes[i];
    const ServerKey::Prepared& key = burst.key[lane]->prepared();
    dh[i] = burst.shared_secret[lane].data();
    enc[i] = burst.datagram[lane] + kEncOffset;
    public_key[i] = key.public_key.data();
    context[i] = key.contexts[burst.authenticated[lane]].data();
    keys[i] = burst.key_material[lane].data();
    nonces[i] = keys[i] + crypto::kAesKeySize;
  }
  schedule_.derive(engine.sha256(),
                   {.dh = dh.data(),
                    .enc = enc.data(),
                    .public_key = public_key.data(),
                    .context = context.data()},
                   keys.data(), nonces.data(), lanes.size());
  for (const bool authenticated : {false, true}) {
    Lanes<std::uint8_t> selected;
    Lanes<std::uint8_t*> out;
    std::size_t n = 0;
    for (std::size_t i = 0; i < lanes.size(); ++i) {
      if ((burst.authenticated[lanes[i]] != 0) != authenticated) continue;
      selected[n] = static_cast<std::uint8_t>(i);
      out[n++] = burst.reply_secret[lanes[i]].data();
    }
    schedule_.export_secrets(engine.sha256(), std::span(selected).first(n),
                             bytes_of(authenticated ? kExportClient : kExportReply), out.data(),
                             authenticated ? sizeof(Bytes32) : kReplySecretSize);
  }
  schedule_.wipe(lanes.size());
}

DropReason ServerStages::open_request(SymmetricEngine& engine, RequestBurst& burst,
                                      std::size_t lane) noexcept {
  const bool authenticated = burst.authenticated[lane] != 0;
  const auto datagram = request_datagram(burst, lane);
  const auto sealed =
      authenticated ? datagram.subspan(kBoxOffset, kBoxSize) : datagram.subspan(kBoxOffset);
  if (!open_text(engine, lane, burst.key_material[lane], {}, sealed,
                 burst.plaintext[lane].data())) {
    return DropReason::kTag;
  }
  if (authenticated) return DropReason::kNone;
  return take_message(burst, lane, 0, sealed.size() - kTagSize);
}

void ServerStages::derive_client(SymmetricEngine& engine, RequestBurst& burst,
                                 std::span<const std::uint8_t> lanes,
                                 const Bytes32* const* static_secrets) noexcept {
  if (lanes.empty()) return;
  Lanes<const std::uint8_t*> exports;
  Lanes<const std::uint8_t*> secrets;
  Lanes<const std::uint8_t*> client_keys;
  Lanes<std::uint8_t*> out;
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    exports[i] = burst.reply_secret[lanes[i]].data();
    secrets[i] = static_secrets[i]->data();
    client_keys[i] = burst.plaintext[lanes[i]].data();
    out[i] = client_okm_[i].data();
  }
  client_keys_.derive(engine.sha256(), exports.data(), secrets.data(), client_keys.data(),
                      out.data(), lanes.size());
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    put_aead_key(out[i], burst.key_material[lanes[i]]);
    std::memcpy(burst.reply_secret[lanes[i]].data(), out[i] + ClientKeys::kReplySecretOffset,
                kReplySecretSize);
  }
  base::wipe(client_okm_.data(), lanes.size() * sizeof client_okm_.front());
}

DropReason ServerStages::open_client_text(SymmetricEngine& engine, RequestBurst& burst,
                                          std::size_t lane) noexcept {
  const auto datagram = request_datagram(burst, lane);
  std::uint8_t* const plaintext = burst.plaintext[lane].data();
  const auto sealed = datagram.subspan(kTextOffset);
  if (!open_text(engine, lane, burst.key_material[lane], datagram.subspan(kBoxOffset, kBoxSize),
                 sealed, plaintext + sizeof(Bytes32))) {
    base::wipe(plaintext, sizeof(Bytes32));
    return DropReason::kClientTag;
  }
  return take_message(burst, lane, sizeof(Bytes32), sealed.size() - kTagSize);
}

void ServerStages::draw_snonces(SymmetricEngine& engine, HedgedBytes& hedged, RequestBurst& burst,
                                std::span<const std::uint8_t> lanes) noexcept {
  Lanes<HedgedBytes::Use> uses;
  Lanes<std::uint8_t*> snonces;
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    const std::size_t lane = lanes[i];
    uses[i] = {.id = burst.reply_secret[lane].data() + sizeof(Bytes32),
               .text = burst.reply_space(lane).first(burst.reply_size[lane])};
    snonces[i] = burst.reply[lane].data() + kServerNonceOffset;
  }
  hedged.draw(engine, std::span(uses).first(lanes.size()), snonces.data(), kServerNonceSize);
}

void ServerStages::seal_replies(SymmetricEngine& engine, RequestBurst& burst,
                                std::span<const std::uint8_t> lanes) noexcept {
  Lanes<const std::uint8_t*> secrets;
  Lanes<const std::uint8_t*> request_tags;
  Lanes<const std::uint8_t*> snonces;
  Lanes<std::uint8_t*> keys;
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    const std::size_t lane = lanes[i];
    secrets[i] = burst.reply_secret[lane].data();
    request_tags[i] = burst.datagram[lane] + burst.datagram_size[lane] - kTagSize;
    snonces[i] = burst.reply[lane].data() + kServerNonceOffset;
    keys[i] = burst.key_material[lane].data();
  }
  reply_keys_.derive(engine.sha256(), secrets.data(), snonces.data(), request_tags.data(),
                     keys.data(), lanes.size());
  for (const std::size_t lane : lanes) {
    const std::size_t size = burst.reply_size[lane];
    const auto datagram = std::span(burst.reply[lane]).first(size + kF002ReplyOverheadSize);
    write_header({.flags = static_cast<std::uint16_t>(
                      kFlagReply | (burst.authenticated[lane] != 0 ? kFlagClientAuth : 0)),
                  .suite = kSuiteF002},
                 datagram.first<kHeaderSize>());
    std::memcpy(datagram.data() + kReplyIdOffset, burst.reply_secret[lane].data() + sizeof(Bytes32),
                kReplyIdSize);
    put_message_length(size, datagram.data() + kReplyTextOffset);
    seal_text(engine, lane, burst.key_material[lane], datagram.first(kReplyTextOffset),
              datagram.subspan(kReplyTextOffset));
    burst.reply_datagram_size[lane] = static_cast<std::uint16_t>(datagram.size());
  }
}

}  // namespace pssst::protocol::suite_f002
