#include <algorithm>
#include <array>
#include <cstring>

#include "base/assert.hpp"
#include "base/secret_memory.hpp"
#include "protocol/header.hpp"
#include "protocol/suite_f002.hpp"
#include "protocol/suite_f002_text.hpp"

namespace pssst::protocol::suite_f002 {
namespace {

using crypto::Bytes32;
using crypto::SymmetricEngine;

/// Of the engine's slots, the one that a client uses.
constexpr std::size_t kSlot = 0;

std::span<const std::uint8_t> bytes_of(std::string_view text) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// One lane of the key schedule, and the export that its kind of request needs.
void derive(SymmetricEngine& engine, ClientState& client, const Bytes32& enc,
            const Bytes32& shared_secret, Bytes32& key,
            std::array<std::uint8_t, kReplySecretSize>& exported) noexcept {
  const std::uint8_t* const dh_bytes = shared_secret.data();
  const std::uint8_t* const enc_bytes = enc.data();
  const std::uint8_t* const server = client.server.data();
  const std::uint8_t* const context = client.context.data();
  std::uint8_t* const key_bytes = key.data();
  std::uint8_t* const nonce_bytes = key.data() + crypto::kAesKeySize;
  client.schedule.derive(
      engine.sha256(),
      {.dh = &dh_bytes, .enc = &enc_bytes, .public_key = &server, .context = &context}, &key_bytes,
      &nonce_bytes, 1);
  std::uint8_t* const out = exported.data();
  constexpr std::array<std::uint8_t, 1> kLane{0};
  client.schedule.export_secrets(engine.sha256(), kLane,
                                 bytes_of(client.authenticated ? kExportClient : kExportReply),
                                 &out, client.authenticated ? sizeof(Bytes32) : kReplySecretSize);
  client.schedule.wipe(1);
}

/// The second stage: `exported` becomes rs || rid.
void derive_client(SymmetricEngine& engine, ClientState& client, Bytes32& key,
                   std::array<std::uint8_t, kReplySecretSize>& exported) noexcept {
  std::array<std::uint8_t, ClientKeys::kSize> okm;
  const std::uint8_t* const export_bytes = exported.data();
  const std::uint8_t* const static_secret = client.static_secret.data();
  const std::uint8_t* const client_key = client.client_key.data();
  std::uint8_t* const out = okm.data();
  client.client_keys.derive(engine.sha256(), &export_bytes, &static_secret, &client_key, &out, 1);
  std::memcpy(key.data(), okm.data(), kAeadKeySize);
  std::memcpy(exported.data(), okm.data() + ClientKeys::kReplySecretOffset, kReplySecretSize);
  base::wipe_object(okm);
}

void put_body(std::span<const std::uint8_t> message, std::span<std::uint8_t> text) noexcept {
  put_message_length(message.size(), text.data());
  const auto end = std::ranges::copy(message, text.begin() + kMessageLengthSize).out;
  std::fill(end, text.end(), std::uint8_t{0});
}

}  // namespace

void seal_request(SymmetricEngine& engine, ClientState& client, const Bytes32& enc,
                  const Bytes32& shared_secret, std::span<const std::uint8_t> message,
                  std::span<std::uint8_t> datagram, ReplyExpectation& reply) noexcept {
  const bool authenticated = client.authenticated;
  PSSST_ASSERT(message.size() <= 0xffff &&
               datagram.size() >=
                   (authenticated ? kF002AuthOverheadSize : kF002OverheadSize) + message.size());
  Bytes32 key{};
  std::array<std::uint8_t, kReplySecretSize> secret{};
  derive(engine, client, enc, shared_secret, key, secret);
  write_header({.flags = authenticated ? kFlagClientAuth : std::uint16_t{0}, .suite = kSuiteF002},
               datagram.first<kHeaderSize>());
  std::ranges::copy(client.key_id, datagram.begin() + kHeaderSize);
  std::ranges::copy(enc, datagram.begin() + kEncOffset);
  std::span<const std::uint8_t> box;
  auto text = datagram.subspan(kBoxOffset);
  if (authenticated) {
    std::ranges::copy(client.client_key, text.begin());
    seal_text(engine, kSlot, key, {}, text.first(kBoxSize));
    box = text.first(kBoxSize);
    text = text.subspan(kBoxSize);
    derive_client(engine, client, key, secret);
  }
  put_body(message, text);
  seal_text(engine, kSlot, key, box, text);
  std::copy_n(secret.begin(), reply.secret.size(), reply.secret.begin());
  std::copy_n(secret.begin() + sizeof(Bytes32), kReplyIdSize, reply.reply_id.begin());
  std::ranges::copy(datagram.last<kTagSize>(), reply.request_tag.begin());
  base::wipe_object(key);
  base::wipe_object(secret);
  engine.clear_keys();
}

OpenedReply open_reply(SymmetricEngine& engine, ClientState& client, const ReplyExpectation& reply,
                       std::span<const std::uint8_t> datagram, std::span<std::uint8_t> message,
                       std::size_t& message_size) noexcept {
  const auto sealed = datagram.subspan(kReplyTextOffset);
  PSSST_ASSERT(datagram.size() >= kF002ReplyOverheadSize &&
               message.size() == sealed.size() - kTagSize);
  Bytes32 key{};
  const std::uint8_t* const secret = reply.secret.data();
  const std::uint8_t* const snonce = datagram.data() + kServerNonceOffset;
  const std::uint8_t* const request_tag = reply.request_tag.data();
  std::uint8_t* const out = key.data();
  client.reply_keys.derive(engine.sha256(), &secret, &snonce, &request_tag, &out, 1);
  const bool genuine =
      open_text(engine, kSlot, key, datagram.first(kReplyTextOffset), sealed, message.data());
  base::wipe_object(key);
  engine.clear_keys();
  if (!genuine) return OpenedReply::kTag;
  const ParsedBody body = parse_body(message);
  if (!body.length_fits || !body.padding_zero) {
    base::wipe(message.data(), message.size());
    return body.length_fits ? OpenedReply::kPadding : OpenedReply::kMessageLength;
  }
  std::memmove(message.data(), message.data() + kMessageLengthSize, body.message_size);
  base::wipe(message.data() + body.message_size, message.size() - body.message_size);
  message_size = body.message_size;
  return OpenedReply::kGood;
}

}  // namespace pssst::protocol::suite_f002
