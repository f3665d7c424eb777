// Datagrams of suite 0xF002 from anybody: each is dropped for the reason that a plain reading of
// the protocol gives, or opens to exactly what was sealed and its reply opens at the client.
//
// Input: options 1 | datagram. Most mutations would end at the key id or a tag, so options ask for
// more, under the server's own key:
// bit 0: put the right key id, and seal what stands in the ciphertexts' places for the given enc
// bit 1: before, put the enrolled client's key into the box
// bit 2: seal a client's text under a wrong static secret
// bit 3: no admit(): straight into a burst, beside a suite 1 request, in the lane given by bit 6
// bits 4 and 5: the policy
#include <algorithm>
#include <optional>

#include "base/assert.hpp"
#include "crypto/symmetric.hpp"
#include "protocol/header.hpp"
#include "protocol/hpke.hpp"
#include "protocol/protocol_testing.hpp"
#include "protocol/server_key.hpp"
#include "protocol/suite_f002.hpp"
#include "protocol/suite_f002_text.hpp"

namespace pssst::testing {
namespace {

namespace f002 = protocol::suite_f002;
namespace hpke = protocol::hpke;

constexpr std::string_view kLabel = "valves.example";
constexpr std::size_t kSlot = 0;

struct Options {
  explicit Options(std::uint8_t bits)
      : reseal((bits & 1) != 0),
        claim((bits & 2) != 0),
        wrong_secret((bits & 4) != 0),
        skip_admit((bits & 8) != 0),
        policy(static_cast<ClientPolicy>((bits >> 4 & 3) % 3)),
        lane(bits >> 6 & 1) {}
  bool reseal;
  bool claim;
  bool wrong_secret;
  bool skip_admit;
  ClientPolicy policy;
  std::size_t lane;
};

struct World {
  World() { clients.enrol(client_public); }
  Bytes32 server_private{5, 5, 5};
  Bytes32 client_private{7, 7, 7};
  PublicKey client_public = PrivateKey(client_private).public_key();
  ServerKey key{PrivateKey(server_private), KeyUse{.suite = kSuiteF002, .label = kLabel}};
  EnrolledKeys clients;
  std::unique_ptr<crypto::SymmetricEngine> engine = *crypto::SymmetricEngine::create();
  std::unique_ptr<RequestProcessor> processor = make_processor();
  RequestBurstPointer burst = make_request_burst();
  f002::ClientState state{*engine};
  f002::ClientKeys client_keys;
  std::unique_ptr<SingleServer> servers[3] = {server(0), server(1), server(2)};
  // An honest neighbour for bursts, of another suite.
  Bytes32 neighbour_private{9, 9};
  ServerKey neighbour_key{PrivateKey(neighbour_private)};
  Bytes neighbour_message{1, 2, 3};
  Bytes neighbour = honest_request(neighbour_private, nullptr, Bytes32{42}, neighbour_message);

 private:
  std::unique_ptr<SingleServer> server(int policy) {
    return SingleServer::create(key, &clients, static_cast<ClientPolicy>(policy), nullptr);
  }
};

World& world() {
  static World instance;
  return instance;
}

bool is_authenticated(std::span<const std::uint8_t> datagram) {
  return (datagram[0] & 0x40) != 0;
}

std::size_t size_min(std::span<const std::uint8_t> datagram) {
  return is_authenticated(datagram) ? kF002AuthOverheadSize : kF002OverheadSize;
}

Bytes32 read_enc(std::span<const std::uint8_t> datagram) {
  Bytes32 enc;
  std::ranges::copy(datagram.subspan(kEncOffset, kDhSize), enc.begin());
  return enc;
}

/// What HPKE gives for a datagram's flags and enc: key || nonce, and rs || rid or, in its first 32
/// bytes, the second stage's salt.
struct FirstStage {
  Bytes32 key{};
  std::array<std::uint8_t, 48> exported{};
};

FirstStage first_stage(std::span<const std::uint8_t> datagram) {
  FirstStage out;
  const bool authenticated = is_authenticated(datagram);
  const auto context =
      f002::make_context(world().engine->sha256(), authenticated, world().key.key_id(), kLabel);
  const Bytes32 enc = read_enc(datagram);
  const Bytes32 shared = x25519(world().server_private, enc);
  const std::uint8_t* const pointers[] = {shared.data(), enc.data(),
                                          world().key.public_key().data(), context.data()};
  std::uint8_t* const key = out.key.data();
  std::uint8_t* const nonce = key + hpke::kNkSize;
  hpke::KeySchedule schedule(world().engine->sha256());
  schedule.derive(world().engine->sha256(),
                  {.dh = &pointers[0],
                   .enc = &pointers[1],
                   .public_key = &pointers[2],
                   .context = &pointers[3]},
                  &key, &nonce, 1);
  const std::string_view what = authenticated ? "PSSST client" : "PSSST reply";
  const Bytes exporter_context(what.begin(), what.end());
  const std::uint8_t lane = 0;
  std::uint8_t* const exported = out.exported.data();
  schedule.export_secrets(world().engine->sha256(), {&lane, 1}, exporter_context, &exported,
                          authenticated ? 32 : 48);
  return out;
}

/// key || nonce || rs || rid of a client's text.
std::array<std::uint8_t, f002::ClientKeys::kSize> second_stage(const FirstStage& first,
                                                               const Bytes32& static_secret,
                                                               const PublicKey& client) {
  std::array<std::uint8_t, f002::ClientKeys::kSize> okm{};
  const std::uint8_t* const exported = first.exported.data();
  const std::uint8_t* const secret = static_secret.data();
  const std::uint8_t* const c = client.data();
  std::uint8_t* const out = okm.data();
  world().client_keys.derive(world().engine->sha256(), &exported, &secret, &c, &out, 1);
  return okm;
}

Bytes32 key_and_nonce(std::span<const std::uint8_t> okm) {
  Bytes32 key{};
  std::copy_n(okm.begin(), hpke::kNkSize + hpke::kNnSize, key.begin());
  return key;
}

/// The datagram that the input stands for; resealed if it is long enough for that.
Bytes make_datagram(std::span<const std::uint8_t> input, const Options& options) {
  Bytes datagram(input.begin(), input.end());
  if (!options.reseal || datagram.size() < kF002OverheadSize ||
      datagram.size() < size_min(datagram)) {
    return datagram;
  }
  std::ranges::copy(world().key.key_id(), datagram.begin() + kHeaderSize);
  const FirstStage first = first_stage(datagram);
  std::span text = std::span(datagram).subspan(f002::kBoxOffset);
  if (!is_authenticated(datagram)) {
    protocol::suite_f002::seal_text(*world().engine, kSlot, first.key, {}, text);
    return datagram;
  }
  const std::span box = text.first(f002::kBoxSize);
  if (options.claim) std::ranges::copy(world().client_public, box.begin());
  PublicKey client;
  std::copy_n(box.begin(), client.size(), client.begin());
  f002::seal_text(*world().engine, kSlot, first.key, {}, box);
  Bytes32 secret = x25519(world().server_private, client);
  secret[0] ^= options.wrong_secret ? 1 : 0;
  f002::seal_text(*world().engine, kSlot, key_and_nonce(second_stage(first, secret, client)), box,
                  text.subspan(f002::kBoxSize));
  return datagram;
}

/// By the book: why a datagram that passed admit() is dropped, or what it opens to.
struct Expected {
  DropReason drop = DropReason::kNone;
  Bytes message;
  f002::ReplyExpectation reply;
};

std::optional<Bytes> unseal(const Bytes32& key, std::span<const std::uint8_t> aad,
                            std::span<const std::uint8_t> sealed) {
  Bytes out(sealed.size() - kTagSize);
  if (!f002::open_text(*world().engine, kSlot, key, aad, sealed, out.data())) return std::nullopt;
  return out;
}

void expect_body(const Bytes& body, Expected& expected) {
  const std::size_t size = std::size_t{body[0]} << 8 | body[1];
  if (size > body.size() - 2) {
    expected.drop = DropReason::kMessageLength;
  } else if (std::any_of(body.begin() + 2 + static_cast<std::ptrdiff_t>(size), body.end(),
                         [](std::uint8_t byte) { return byte != 0; })) {
    expected.drop = DropReason::kPadding;
  } else {
    expected.message.assign(body.begin() + 2, body.begin() + 2 + static_cast<std::ptrdiff_t>(size));
  }
}

Expected expect(std::span<const std::uint8_t> datagram) {
  Expected expected;
  if (x25519(world().server_private, read_enc(datagram)) == Bytes32{}) {
    expected.drop = DropReason::kSharedSecretZero;
    return expected;
  }
  const FirstStage first = first_stage(datagram);
  const auto sealed = datagram.subspan(f002::kBoxOffset);
  std::array<std::uint8_t, 48> reply = first.exported;
  std::optional<Bytes> body;
  if (!is_authenticated(datagram)) {
    body = unseal(first.key, {}, sealed);
    if (!body) expected.drop = DropReason::kTag;
  } else if (const auto box = unseal(first.key, {}, sealed.first(f002::kBoxSize)); !box) {
    expected.drop = DropReason::kTag;
  } else if (!std::ranges::equal(*box, world().client_public)) {
    expected.drop = DropReason::kClientUnknown;
  } else {
    const Bytes32 secret = x25519(world().server_private, world().client_public);
    const auto okm = second_stage(first, secret, world().client_public);
    std::copy(okm.begin() + f002::ClientKeys::kReplySecretOffset, okm.end(), reply.begin());
    body = unseal(key_and_nonce(okm), sealed.first(f002::kBoxSize), sealed.subspan(f002::kBoxSize));
    if (!body) expected.drop = DropReason::kClientTag;
  }
  if (body) expect_body(*body, expected);
  std::copy_n(reply.begin(), 32, expected.reply.secret.begin());
  std::copy_n(reply.begin() + 32, kReplyIdSize, expected.reply.reply_id.begin());
  std::ranges::copy(datagram.last(kTagSize), expected.reply.request_tag.begin());
  return expected;
}

void check_client(const Identity* client, std::span<const std::uint8_t> datagram) {
  PSSST_ASSERT((client != nullptr) == is_authenticated(datagram));
  PSSST_ASSERT(client == nullptr || client->public_key == world().client_public);
}

void check_reply(const Expected& expected, std::span<const std::uint8_t> datagram,
                 std::span<const std::uint8_t> reply, std::span<const std::uint8_t> message) {
  PSSST_ASSERT(reply.size() == kF002ReplyOverheadSize + message.size());
  const auto header = protocol::read_header(reply.first<kHeaderSize>());
  PSSST_ASSERT(header.suite == kSuiteF002);
  PSSST_ASSERT(header.flags == (is_authenticated(datagram) ? 0xc000 : 0x8000));
  PSSST_ASSERT(std::ranges::equal(reply.subspan(f002::kReplyIdOffset, kReplyIdSize),
                                  expected.reply.reply_id));
  Bytes opened(message.size() + kMessageLengthSize);
  std::size_t size = 0;
  PSSST_ASSERT(f002::open_reply(*world().engine, world().state, expected.reply, reply, opened,
                                size) == f002::OpenedReply::kGood);
  PSSST_ASSERT(size == message.size() &&
               std::ranges::equal(std::span(opened).first(size), message));
}

void check_single(const Bytes& datagram, ClientPolicy policy) {
  SingleServer& server = *world().servers[static_cast<std::size_t>(policy)];
  const SingleServer::Opened opened = server.open(datagram);
  if (datagram.size() > kDatagramSizeMax) {
    PSSST_ASSERT(opened.drop == DropReason::kFrameOversized);
    return;
  }
  if (const DropReason admitted = pssst::admit(datagram, policy, {&world().key, 1}).drop;
      admitted != DropReason::kNone) {
    PSSST_ASSERT(opened.drop == admitted && admitted < DropReason::kSharedSecretZero);
    return;
  }
  const Expected expected = expect(datagram);
  PSSST_ASSERT(opened.drop == expected.drop);
  if (opened.drop != DropReason::kNone) {
    PSSST_ASSERT(opened.message.empty() && opened.client == nullptr);
    PSSST_ASSERT(server.reply({}).empty());
    return;
  }
  PSSST_ASSERT(std::ranges::equal(opened.message, expected.message));
  check_client(opened.client, datagram);
  const Bytes message(opened.message.rbegin(), opened.message.rend());
  check_reply(expected, datagram, server.reply(message), message);
}

void check_burst(const Bytes& datagram, std::size_t lane) {
  if (datagram.size() < kF002OverheadSize || datagram.size() < size_min(datagram) ||
      datagram.size() > kDatagramSizeMax) {
    return;
  }
  RequestBurst& burst = *world().burst;
  burst.size = 0;
  for (std::size_t i = 0; i < 2; ++i) {
    if (i == lane) {
      burst.add(datagram, world().key);
    } else {
      burst.add(world().neighbour, world().neighbour_key);
    }
  }
  open_burst(*world().processor, burst, world().clients);
  PSSST_ASSERT(burst.drop[1 - lane] == DropReason::kNone);
  PSSST_ASSERT(message_of(burst, 1 - lane) == world().neighbour_message);
  const Expected expected = expect(datagram);
  PSSST_ASSERT(burst.drop[lane] == expected.drop);
  if (expected.drop == DropReason::kNone) {
    const Bytes message = message_of(burst, lane);
    PSSST_ASSERT(message == expected.message);
    check_client(burst.client[lane], datagram);
    answer(burst, lane, message);
    world().processor->seal(burst);
    check_reply(expected, datagram, burst.reply_datagram(lane), message);
  } else {
    PSSST_ASSERT(burst.message[lane] == nullptr && burst.message_size[lane] == 0);
  }
  world().processor->wipe_secrets(burst);
  PSSST_ASSERT(std::ranges::count(burst.plaintext[lane], 0) == kDatagramSizeMax);
}

}  // namespace
}  // namespace pssst::testing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pssst::testing;
  if (size == 0) return -1;
  const Options options(data[0]);
  const Bytes datagram = make_datagram({data + 1, size - 1}, options);
  if (options.skip_admit) {
    check_burst(datagram, options.lane);
  } else {
    check_single(datagram, options.policy);
  }
  return 0;
}
