// Why a suite 1 key must have one reply function: what an attacker on the wire does with two
// different replies to one request. It knows the datagrams and the server's public key, no secret.
// GHASH and its notation: SP 800-38D, sections 6.3, 6.4 and 7.1.

#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>

#include "protocol/protocol_testing.hpp"

namespace pssst::testing {
namespace {

/// An element of GF(2^128): the first bit of a block is the coefficient of 1, and the top of high.
struct Block {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  friend bool operator==(const Block&, const Block&) = default;
  friend Block operator^(Block a, Block b) noexcept { return {a.high ^ b.high, a.low ^ b.low}; }
};

Block operator*(Block a, Block b) noexcept {
  Block product;
  for (int i = 0; i < 128; ++i) {
    const std::uint64_t bit = (i < 64 ? b.high >> (63 - i) : b.low >> (127 - i)) & 1;
    if (bit != 0) product = product ^ a;
    const bool carry = (a.low & 1) != 0;
    a = {a.high >> 1, a.low >> 1 | a.high << 63};
    if (carry) a.high ^= std::uint64_t{0xe1} << 56;
  }
  return product;
}

/// a^(2^n).
Block square_times(Block a, int n) noexcept {
  while (n-- > 0) a = a * a;
  return a;
}

/// a^(2^128 - 2) = a^2 a^4 ... a^(2^127).
Block invert(Block a) noexcept {
  Block inverse = square_times(a, 1);
  for (int i = 2; i < 128; ++i) inverse = inverse * square_times(a, i);
  return inverse;
}

Block square_root(Block a) noexcept {
  return square_times(a, 127);
}

/// Up to 16 bytes, padded with zeros.
Block to_block(std::span<const std::uint8_t> bytes) noexcept {
  Block block;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    (i < 8 ? block.high : block.low) |= std::uint64_t{bytes[i]} << (56 - 8 * (i % 8));
  }
  return block;
}

Block ghash(Block h, std::span<const std::uint8_t> aad, std::span<const std::uint8_t> text) {
  Block y;
  for (const auto part : {aad, text}) {
    for (std::size_t at = 0; at < part.size(); at += 16) {
      y = (y ^ to_block(part.subspan(at, std::min<std::size_t>(16, part.size() - at)))) * h;
    }
  }
  return (y ^ Block{8 * aad.size(), 8 * text.size()}) * h;
}

struct Packet {
  std::span<const std::uint8_t> header, ciphertext, tag;

  explicit Packet(std::span<const std::uint8_t> datagram) noexcept
      : header(datagram.first(kHeaderSize)),
        ciphertext(datagram.subspan(kCiphertextOffset, datagram.size() - kOverheadSize)),
        tag(datagram.last(kTagSize)) {}
};

/// GHASH's key from two replies to one request, of one length up to a block: in the sum of their
/// tags all else cancels, and (C1 + C2) H^2 is left.
Block recover_ghash_key(std::span<const std::uint8_t> reply1,
                        std::span<const std::uint8_t> reply2) noexcept {
  const Packet one(reply1);
  const Packet two(reply2);
  const Block texts = to_block(one.ciphertext) ^ to_block(two.ciphertext);
  return square_root((to_block(one.tag) ^ to_block(two.tag)) * invert(texts));
}

/// The request with `change` XORed into its message's end, and a tag that fits.
Bytes forge_from(std::span<const std::uint8_t> request, Block h,
                 std::span<const std::uint8_t> change) {
  const Packet seen(request);
  Bytes forged(request.begin(), request.end());
  const std::size_t at = forged.size() - kTagSize - change.size();
  for (std::size_t i = 0; i < change.size(); ++i) forged[at + i] ^= change[i];
  const Block mask = to_block(seen.tag) ^ ghash(h, seen.header, seen.ciphertext);
  const Block tag = mask ^ ghash(h, Packet(forged).header, Packet(forged).ciphertext);
  for (std::size_t i = 0; i < kTagSize; ++i) {
    const std::uint64_t half = i < 8 ? tag.high : tag.low;
    forged[forged.size() - kTagSize + i] = static_cast<std::uint8_t>(half >> (56 - 8 * (i % 8)));
  }
  return forged;
}

Bytes to_bytes(std::string_view text) {
  return {text.begin(), text.end()};
}

constexpr std::string_view kSent = "valve 7: close";
constexpr std::string_view kWanted = "valve 7: open!";

class Suite1Break : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string error;
    server_ = SingleServer::create(key_, &clients_, ClientPolicy::kRequired, &error);
    ASSERT_NE(server_, nullptr) << error;
    auto client = Client::create(key_.public_key(), &client_key_, &error);
    ASSERT_NE(client, nullptr) << error;
    request_.resize(client->overhead_size() + kSent.size());
    PendingRequest pending;
    ASSERT_EQ(client->seal(to_bytes(kSent), request_, pending), request_.size());
  }

  /// What a server that holds the key says to the request, or to a replay of it.
  Bytes reply_with(std::string_view text) {
    EXPECT_EQ(server_->open(request_).drop, DropReason::kNone);
    const std::span reply = server_->reply(to_bytes(text));
    return {reply.begin(), reply.end()};
  }

  /// The attacker's part, and its success: the server takes its order for the client's.
  void expect_break(const Bytes& reply1, const Bytes& reply2) {
    Bytes change = to_bytes(kSent);
    for (std::size_t i = 0; i < change.size(); ++i) {
      change[i] ^= static_cast<std::uint8_t>(kWanted[i]);
    }
    const Block h = recover_ghash_key(reply1, reply2);
    const SingleServer::Opened opened = server_->open(forge_from(request_, h, change));
    ASSERT_EQ(opened.drop, DropReason::kNone);
    EXPECT_TRUE(std::ranges::equal(opened.message, to_bytes(kWanted)));
    ASSERT_NE(opened.client, nullptr);
    EXPECT_EQ(opened.client->public_key, client_key_.public_key());
  }

  Random random_{11};
  ServerKey key_{PrivateKey(random_.bytes32())};
  PrivateKey client_key_{random_.bytes32()};
  EnrolledKeys clients_{std::vector{client_key_.public_key()}};
  std::unique_ptr<SingleServer> server_;
  Bytes request_;
};

TEST_F(Suite1Break, AVaryingHandlerLetsRequestsBeForged) {
  // A counter, on a request that was replayed once.
  expect_break(reply_with("calls: 41"), reply_with("calls: 42"));
}

TEST_F(Suite1Break, EchoAndAckUnderOneKeyLetRequestsBeForged) {
  // The request, replayed to the other service's UDP port.
  expect_break(reply_with(kSent), reply_with("understood: ok"));
}

TEST_F(Suite1Break, OneTextTwiceGivesNothingAway) {
  const Bytes reply = reply_with(kSent);
  EXPECT_EQ(reply_with(kSent), reply);
  // Without the key a changed request fails.
  const Bytes change(4, 1);
  EXPECT_EQ(server_->open(forge_from(request_, Block{1, 2}, change)).drop, DropReason::kTag);
}

TEST_F(Suite1Break, ArithmeticOfTheAttack) {
  const Block a{0x0123456789abcdef, 0xfedcba9876543210};
  const Block one{std::uint64_t{1} << 63, 0};
  EXPECT_EQ(a * one, a);
  EXPECT_EQ(a * invert(a), one);
  EXPECT_EQ(square_root(a) * square_root(a), a);
}

}  // namespace
}  // namespace pssst::testing
