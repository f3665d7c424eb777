#include "tools/load/hostile.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "base/random.hpp"
#include "base/secret_memory.hpp"
#include "protocol/header.hpp"

namespace pssst::tools::load {
namespace {

using Bytes = std::vector<std::uint8_t>;
using crypto::Bytes32;
using protocol::Header;
using protocol::RequestMaker;

std::size_t random_below(std::size_t limit) noexcept {
  std::array<std::uint8_t, 4> bytes{};
  base::fill_random(bytes);
  const std::size_t value = bytes[0] | (std::size_t{bytes[1]} << 8) |
                            (std::size_t{bytes[2]} << 16) | (std::size_t{bytes[3]} << 24);
  return value % limit;
}

/// p + offset with p = 2^255 - 19, little-endian; -1 <= offset <= 18.
Bytes32 near_p(int offset) noexcept {
  Bytes32 bytes{};
  bytes.fill(0xff);
  bytes.front() = static_cast<std::uint8_t>(0xed + offset);
  bytes.back() = 0x7f;
  return bytes;
}

Bytes32 random_dh() noexcept {
  Bytes32 dh{};
  do {
    base::fill_random(dh);
    dh.back() &= 0x7f;
  } while (!crypto::is_canonical(dh) || crypto::is_small_order(dh));
  return dh;
}

void set_dh(Bytes& datagram, const Bytes32& dh) {
  std::ranges::copy(dh, datagram.begin() + kDhOffset);
}

Bytes junk(std::size_t message_size) {
  Bytes datagram(kOverheadSize + message_size);
  base::fill_random(datagram);
  protocol::write_header({.flags = 0, .suite = kSuite1}, std::span(datagram).first<kHeaderSize>());
  set_dh(datagram, random_dh());
  return datagram;
}

void spoil_header(Bytes& datagram, std::size_t turn) {
  constexpr std::array<Header, 4> kHeaders{{{.flags = kFlagReply, .suite = kSuite1},
                                            {.flags = 0x0001, .suite = kSuite1},
                                            {.flags = 0x2000, .suite = kSuite1},
                                            {.flags = 0, .suite = 0xffff}}};
  protocol::write_header(kHeaders[turn % kHeaders.size()],
                         std::span(datagram).first<kHeaderSize>());
}

Bytes32 not_canonical(std::size_t turn) noexcept {
  if (turn % 2 == 0) return near_p(static_cast<int>(turn % 19));
  Bytes32 dh = random_dh();
  dh.back() |= 0x80;
  return dh;
}

Bytes32 small_order(std::size_t turn) noexcept {
  // Of order 2, 4, 8, 8, and p-1, of order 4 on the twist.
  static constexpr std::array<Bytes32, 4> kPoints{{
      {0},
      {1},
      {0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
       0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
       0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00},
      {0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1,
       0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c,
       0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57},
  }};
  const std::size_t i = turn % (kPoints.size() + 1);
  return i < kPoints.size() ? kPoints[i] : near_p(-1);
}

Bytes seal(RequestMaker& maker, std::size_t client, std::size_t message_size) {
  const Bytes message(message_size);
  Bytes datagram(RequestMaker::request_size(client, message_size));
  Bytes32 key_material{};
  const protocol::RequestPlan plan{
      .client = client, .message = message, .datagram = datagram, .key_material = &key_material};
  maker.seal(std::span(&plan, 1));
  base::wipe_object(key_material);
  return datagram;
}

}  // namespace

std::optional<HostileKind> find_hostile_kind(std::string_view name) noexcept {
  const auto* const found = std::ranges::find(kHostileKinds, name, &HostileKindInfo::name);
  if (found == kHostileKinds.end()) return std::nullopt;
  return static_cast<HostileKind>(found - kHostileKinds.begin());
}

HostileMaker::HostileMaker(std::unique_ptr<RequestMaker> good,
                           std::unique_ptr<RequestMaker> wrong_key)
    : good_(std::move(good)), wrong_key_(std::move(wrong_key)) {}

base::Result<std::unique_ptr<HostileMaker>> HostileMaker::create(const PublicKey& server) {
  auto good = RequestMaker::create(server, {});
  if (!good) return tl::unexpected(std::move(good.error()));
  auto client = (*good)->add_client(PrivateKey::generate());
  if (!client) return tl::unexpected(std::move(client.error()));
  auto wrong_key = RequestMaker::create(PrivateKey::generate().public_key(), {});
  if (!wrong_key) return tl::unexpected(std::move(wrong_key.error()));
  return std::unique_ptr<HostileMaker>(new HostileMaker(std::move(*good), std::move(*wrong_key)));
}

Bytes HostileMaker::make(HostileKind kind, std::size_t message_size) {
  const std::size_t turn = turn_++;
  if (kind == HostileKind::kJunk) return junk(message_size);
  if (kind == HostileKind::kWrongKey) {
    return seal(*wrong_key_, RequestMaker::kAnonymous, message_size);
  }
  if (kind == HostileKind::kUnknownClient) {
    // A message that fills a datagram leaves no room for the proof.
    return seal(*good_, 0, std::min(message_size, kDatagramSizeMax - kAuthOverheadSize));
  }
  Bytes datagram = seal(*good_, RequestMaker::kAnonymous, message_size);
  switch (kind) {
    case HostileKind::kTruncated:
      datagram.resize(1 + random_below(kOverheadSize - 1));
      break;
    case HostileKind::kHeader:
      spoil_header(datagram, turn);
      break;
    case HostileKind::kNotCanonical:
      set_dh(datagram, not_canonical(turn));
      break;
    case HostileKind::kSmallOrder:
      set_dh(datagram, small_order(turn));
      break;
    default:
      break;
  }
  return datagram;
}

HostilePool::HostilePool(HostileMaker& maker, const HostileWeights& weights,
                         const std::vector<WeightedSize>& message_sizes, std::size_t size,
                         std::span<const Bytes> replays) {
  std::vector<double> size_weights;
  size_weights.reserve(message_sizes.size());
  for (const WeightedSize& message_size : message_sizes) {
    size_weights.push_back(message_size.weight);
  }
  Mix sizes(std::move(size_weights));
  Mix kinds({weights.begin(), weights.end()});
  std::size_t next_replay = 0;
  datagrams_.reserve(size);
  while (datagrams_.size() < size) {
    const auto kind = static_cast<HostileKind>(kinds.draw());
    if (kind == HostileKind::kReplay) {
      PSSST_ASSERT(!replays.empty());
      datagrams_.push_back({kind, replays[next_replay++ % replays.size()]});
    } else {
      datagrams_.push_back({kind, maker.make(kind, message_sizes[sizes.draw()].size)});
    }
  }
}

const HostilePool::Datagram& HostilePool::next() noexcept {
  const Datagram& datagram = datagrams_[next_];
  if (++next_ == datagrams_.size()) next_ = 0;
  return datagram;
}

}  // namespace pssst::tools::load
