// Datagrams from anybody: each is dropped for the reason that a plain reading of the protocol
// gives, or opens to exactly what was sealed and its reply opens at the client.
//
// Input: options 1 | datagram. Most mutations would end at the tag, so options ask for more:
// bit 0: seal what stands in the ciphertext's place, under the right key, for the given header, dh
// bit 1: before, take the given dh for an ephemeral key and make an enrolled client's proof of it
// bit 2: before, put an enrolled client's key where a proof has it
// bit 3: no admit(): straight into a burst of two, in the lane given by bit 6
// bits 4 and 5: the policy
#include <algorithm>

#include "base/assert.hpp"
#include "protocol/client_internals.hpp"
#include "protocol/protocol_testing.hpp"
#include "protocol/suite1.hpp"

namespace pssst::testing {
namespace {

constexpr Bytes32 kServerPrivate{// the seeds' server
                                 0xc8, 0xc8, 0x75, 0xce, 0x08, 0x83, 0xd2, 0xaf, 0x64, 0x66, 0xac,
                                 0x02, 0x5d, 0x2c, 0x22, 0x1c, 0x01, 0xb9, 0x25, 0x76, 0x2f, 0xd0,
                                 0x82, 0xef, 0xad, 0xe0, 0x36, 0xef, 0x4a, 0xbc, 0x4d, 0x44};
constexpr PublicKey kClientPublic{// the seeds' client
                                  0x92, 0xb2, 0x0b, 0xbe, 0xcb, 0x05, 0x47, 0x25, 0x74, 0xba, 0xd8,
                                  0x8f, 0xca, 0x8c, 0xe6, 0xfa, 0x04, 0x33, 0x51, 0x4a, 0x9d, 0xa6,
                                  0xa3, 0x84, 0x72, 0xe0, 0x92, 0x67, 0xfd, 0x6d, 0x5f, 0x41};

struct Options {
  explicit Options(std::uint8_t bits)
      : reseal((bits & 1) != 0),
        prove((bits & 2) != 0),
        claim((bits & 4) != 0),
        skip_admit((bits & 8) != 0),
        policy(static_cast<ClientPolicy>((bits >> 4 & 3) % 3)),
        lane(bits >> 6 & 1) {}
  bool reseal;
  bool prove;
  bool claim;
  bool skip_admit;
  ClientPolicy policy;
  std::size_t lane;
};

struct World {
  World() { clients.enrol(kClientPublic); }
  ServerKey key{PrivateKey(kServerPrivate)};
  EnrolledKeys clients;
  std::unique_ptr<RequestProcessor> processor = make_processor();
  RequestBurstPointer burst = make_request_burst();
  std::unique_ptr<SingleServer> servers[3] = {server(0), server(1), server(2)};
  std::unique_ptr<Client> client = Client::create(key.public_key(), nullptr, nullptr);
  // An honest neighbour for bursts.
  Bytes neighbour_message{1, 2, 3};
  Bytes neighbour = honest_request(kServerPrivate, nullptr, Bytes32{42}, neighbour_message);

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

/// The datagram that the input stands for; resealed if it is long enough for that.
Bytes make_datagram(std::span<const std::uint8_t> input, const Options& options) {
  Bytes datagram(input.begin(), input.end());
  if (!options.reseal || datagram.size() < kOverheadSize) return datagram;
  const protocol::Header header = protocol::read_header(std::span(datagram).first<kHeaderSize>());
  Bytes32 dh = protocol::suite1::read_dh(datagram);
  Bytes payload(datagram.begin() + kCiphertextOffset, datagram.end() - kTagSize);
  if (options.prove && payload.size() >= kProofSize) {
    std::ranges::copy(dh, payload.begin() + 32);
    dh = x25519(dh, kClientPublic);
  }
  if ((options.prove || options.claim) && payload.size() >= 32) {
    std::ranges::copy(kClientPublic, payload.begin());
  }
  return forge_request(kServerPrivate, header, dh, payload);
}

/// The checks behind admit(), by the book.
DropReason expected_drop(std::span<const std::uint8_t> datagram) {
  const Bytes32 dh = protocol::suite1::read_dh(datagram);
  if (x25519(kServerPrivate, dh) == Bytes32{}) return DropReason::kSharedSecretZero;
  const std::optional<Bytes> payload = unseal_request(kServerPrivate, datagram);
  if (!payload) return DropReason::kTag;
  if (!is_authenticated(datagram)) return DropReason::kNone;
  if (payload->size() < kProofSize) return DropReason::kProofTooShort;
  Bytes32 client;
  Bytes32 ephemeral_key;
  std::copy_n(payload->begin(), 32, client.begin());
  std::copy_n(payload->begin() + 32, 32, ephemeral_key.begin());
  if (client != kClientPublic) return DropReason::kClientUnknown;
  return x25519(ephemeral_key, client) == dh ? DropReason::kNone : DropReason::kProofMismatch;
}

void check_opened(std::span<const std::uint8_t> datagram, std::span<const std::uint8_t> message,
                  const Identity* client) {
  const Bytes payload = unseal_request(kServerPrivate, datagram).value();
  const std::size_t proof_size = is_authenticated(datagram) ? kProofSize : 0;
  PSSST_ASSERT(std::ranges::equal(message, std::span(payload).subspan(proof_size)));
  PSSST_ASSERT((client != nullptr) == is_authenticated(datagram));
  PSSST_ASSERT(client == nullptr || client->public_key == kClientPublic);
}

void check_reply(std::span<const std::uint8_t> datagram, std::span<const std::uint8_t> reply,
                 std::span<const std::uint8_t> message) {
  const Bytes32 dh = protocol::suite1::read_dh(datagram);
  PendingRequest pending;
  protocol::ClientInternals::expect_reply(pending, is_authenticated(datagram) ? kFlagClientAuth : 0,
                                          dh, key_material_for(kServerPrivate, dh));
  Bytes opened(message.size());
  const Client::Opened result = world().client->open(reply, pending, opened);
  PSSST_ASSERT(result.fault == ReplyFault::kNone && !pending.pending());
  PSSST_ASSERT(result.size == message.size() && std::ranges::equal(opened, message));
}

void check_single(const Bytes& datagram, ClientPolicy policy) {
  SingleServer& server = *world().servers[static_cast<std::size_t>(policy)];
  const SingleServer::Opened opened = server.open(datagram);
  if (datagram.size() > kDatagramSizeMax) {
    PSSST_ASSERT(opened.drop == DropReason::kFrameOversized);
  } else if (const DropReason admitted = admit(datagram, policy, {&world().key, 1}).drop;
             admitted != DropReason::kNone) {
    PSSST_ASSERT(opened.drop == admitted && admitted < DropReason::kSharedSecretZero);
  } else {
    PSSST_ASSERT(opened.drop == expected_drop(datagram));
  }
  if (opened.drop != DropReason::kNone) {
    PSSST_ASSERT(opened.message.empty() && opened.client == nullptr);
    PSSST_ASSERT(server.reply({}).empty());
    return;
  }
  check_opened(datagram, opened.message, opened.client);
  const Bytes message(opened.message.rbegin(), opened.message.rend());
  check_reply(datagram, server.reply(message), message);
}

void check_burst(const Bytes& datagram, std::size_t lane) {
  if (datagram.size() < kOverheadSize || datagram.size() > kDatagramSizeMax) return;
  RequestBurst& burst = *world().burst;
  burst.size = 0;
  for (std::size_t i = 0; i < 2; ++i) {
    burst.add(i == lane ? datagram : world().neighbour, world().key);
  }
  open_burst(*world().processor, burst, world().clients);
  PSSST_ASSERT(burst.drop[1 - lane] == DropReason::kNone);
  PSSST_ASSERT(message_of(burst, 1 - lane) == world().neighbour_message);
  PSSST_ASSERT(burst.drop[lane] == expected_drop(datagram));
  const auto& plaintext = burst.plaintext[lane];
  if (burst.drop[lane] == DropReason::kNone) {
    PSSST_ASSERT(burst.message[lane] >= plaintext.data() &&
                 burst.message[lane] + burst.message_size[lane] <= plaintext.end());
    const Bytes message = message_of(burst, lane);
    check_opened(datagram, message, burst.client[lane]);
    answer(burst, lane, message);
    world().processor->seal(burst);
    check_reply(datagram, burst.reply_datagram(lane), message);
  } else {
    PSSST_ASSERT(burst.message[lane] == nullptr && burst.message_size[lane] == 0);
    const bool opened = burst.drop[lane] > DropReason::kProofTooShort;
    PSSST_ASSERT(opened || std::ranges::count(plaintext, 0) == kDatagramSizeMax);
  }
  world().processor->wipe_secrets(burst);
  PSSST_ASSERT(std::ranges::count(plaintext, 0) == kDatagramSizeMax);
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
