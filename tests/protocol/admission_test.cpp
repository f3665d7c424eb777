#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "protocol/header.hpp"
#include "protocol/protocol_testing.hpp"
#include "pssst/server.hpp"

namespace pssst::testing {
namespace {

using protocol::Header;

constexpr std::array kPolicies{ClientPolicy::kOptional, ClientPolicy::kAnonymous,
                               ClientPolicy::kRequired};

/// admit() reads header and dh alone, so the rest may be anything.
Bytes datagram(std::size_t size, Header header, const Bytes32& dh = Bytes32{9}) {
  Bytes out(std::max(size, kOverheadSize), 0x5a);
  protocol::write_header(header, std::span(out).first<kHeaderSize>());
  std::ranges::copy(dh, out.begin() + kDhOffset);
  out.resize(size);
  // An own allocation of the exact size: a read behind its end is seen by AddressSanitizer.
  return {out.begin(), out.end()};
}

constexpr Header kAnonymousHeader{.flags = 0, .suite = kSuite1};
constexpr Header kAuthHeader{.flags = kFlagClientAuth, .suite = kSuite1};

DropReason expected_by_length(std::size_t size, bool authenticated) {
  if (size < 4) return DropReason::kTooShort;
  if (size < (authenticated ? 116u : 52u)) return DropReason::kTooShortForSuite;
  return DropReason::kNone;
}

TEST(AdmitTest, EveryLength) {
  for (std::size_t size = 0; size <= 140; ++size) {
    EXPECT_EQ(admit(datagram(size, kAnonymousHeader), ClientPolicy::kOptional),
              expected_by_length(size, false))
        << size;
    EXPECT_EQ(admit(datagram(size, kAuthHeader), ClientPolicy::kOptional),
              expected_by_length(size, true))
        << size;
  }
  EXPECT_EQ(admit(datagram(kDatagramSizeMax, kAnonymousHeader), ClientPolicy::kOptional),
            DropReason::kNone);
}

TEST(AdmitTest, EveryPolicyAgainstTheClientAuthenticationFlag) {
  const Bytes anonymous = datagram(116, kAnonymousHeader);
  const Bytes authenticated = datagram(116, kAuthHeader);
  EXPECT_EQ(admit(anonymous, ClientPolicy::kOptional), DropReason::kNone);
  EXPECT_EQ(admit(authenticated, ClientPolicy::kOptional), DropReason::kNone);
  EXPECT_EQ(admit(anonymous, ClientPolicy::kAnonymous), DropReason::kNone);
  EXPECT_EQ(admit(authenticated, ClientPolicy::kAnonymous), DropReason::kPolicyAuthenticated);
  EXPECT_EQ(admit(anonymous, ClientPolicy::kRequired), DropReason::kPolicyAnonymous);
  EXPECT_EQ(admit(authenticated, ClientPolicy::kRequired), DropReason::kNone);
}

TEST(AdmitTest, EveryFlagBit) {
  for (int bit = 0; bit < 16; ++bit) {
    const auto flag = static_cast<std::uint16_t>(1u << bit);
    DropReason expected = DropReason::kReservedFlags;
    if (flag == kFlagReply) expected = DropReason::kReplyFlag;
    if (flag == kFlagClientAuth) expected = DropReason::kNone;
    EXPECT_EQ(admit(datagram(116, {.flags = flag, .suite = kSuite1}), ClientPolicy::kOptional),
              expected)
        << bit;
  }
}

TEST(AdmitTest, EverySuiteBut1) {
  for (std::uint32_t suite = 0; suite <= 0xffff; ++suite) {
    const Header header{.flags = 0, .suite = static_cast<std::uint16_t>(suite)};
    EXPECT_EQ(admit(datagram(52, header), ClientPolicy::kOptional),
              suite == 1 ? DropReason::kNone : DropReason::kSuite)
        << suite;
  }
}

TEST(AdmitTest, TheCheaperCheckComesFirst) {
  const Bytes32 small_order{};
  Bytes32 not_canonical{};
  not_canonical.back() = 0x80;
  // Everything is wrong at first; one thing after the other is put right.
  EXPECT_EQ(admit(datagram(3, {0xffff, 2}, not_canonical), ClientPolicy::kRequired),
            DropReason::kTooShort);
  EXPECT_EQ(admit(datagram(51, {0xbfff, 2}, not_canonical), ClientPolicy::kRequired),
            DropReason::kSuite);
  EXPECT_EQ(admit(datagram(51, {0xbfff, 1}, not_canonical), ClientPolicy::kRequired),
            DropReason::kReplyFlag);
  EXPECT_EQ(admit(datagram(51, {0x3fff, 1}, not_canonical), ClientPolicy::kRequired),
            DropReason::kReservedFlags);
  EXPECT_EQ(admit(datagram(51, {0, 1}, not_canonical), ClientPolicy::kRequired),
            DropReason::kTooShortForSuite);
  EXPECT_EQ(admit(datagram(52, {0, 1}, not_canonical), ClientPolicy::kRequired),
            DropReason::kPolicyAnonymous);
  EXPECT_EQ(admit(datagram(52, {0, 1}, not_canonical), ClientPolicy::kOptional),
            DropReason::kDhNotCanonical);
  EXPECT_EQ(admit(datagram(52, {0, 1}, small_order), ClientPolicy::kOptional),
            DropReason::kDhSmallOrder);
  EXPECT_EQ(admit(datagram(52, {0, 1}), ClientPolicy::kOptional), DropReason::kNone);
}

TEST(AdmitTest, EveryDhNearTheEdges) {
  for (int low = 0; low <= 0xff; ++low) {
    for (const std::uint8_t top : std::to_array<std::uint8_t>({0x00, 0x7f, 0x80, 0xff})) {
      Bytes32 dh;
      dh.fill((top & 1) != 0 ? std::uint8_t{0xff} : std::uint8_t{0});
      dh.front() = static_cast<std::uint8_t>(low);
      dh.back() = top;
      DropReason expected = DropReason::kNone;
      if (top >= 0x80 || (top == 0x7f && low >= 0xed)) {
        expected = DropReason::kDhNotCanonical;
      } else if ((top == 0 && low <= 1) || (top == 0x7f && low == 0xec)) {
        expected = DropReason::kDhSmallOrder;
      }
      EXPECT_EQ(admit(datagram(52, kAnonymousHeader, dh), ClientPolicy::kOptional), expected)
          << low << " " << int{top};
    }
  }
}

TEST(AdmitTest, BothPointsOfOrder8) {
  for (const char* hex : {"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
                          "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"}) {
    EXPECT_EQ(admit(datagram(52, kAnonymousHeader, unhex32(hex)), ClientPolicy::kOptional),
              DropReason::kDhSmallOrder);
    Bytes32 next = unhex32(hex);
    ++next.front();
    EXPECT_EQ(admit(datagram(52, kAnonymousHeader, next), ClientPolicy::kOptional),
              DropReason::kNone);
  }
}

TEST(AdmitTest, GoodVectorsPassUnderTheirPolicy) {
  for (const PositiveVector& row : suite1_vectors().positive) {
    for (const ClientPolicy policy : kPolicies) {
      DropReason expected = DropReason::kNone;
      if (row.client_public && policy == ClientPolicy::kAnonymous) {
        expected = DropReason::kPolicyAuthenticated;
      } else if (!row.client_public && policy == ClientPolicy::kRequired) {
        expected = DropReason::kPolicyAnonymous;
      }
      EXPECT_EQ(admit(row.request, policy), expected) << row.id;
    }
  }
}

TEST(AdmitTest, BadVectorsAreRefusedHereOrPassForTheProcessor) {
  std::size_t refused = 0;
  for (const NegativeRequest& row : suite1_vectors().negative_requests) {
    const bool here = row.drop != DropReason::kNone && row.drop < DropReason::kSharedSecretZero;
    EXPECT_EQ(admit(row.request, ClientPolicy::kOptional), here ? row.drop : DropReason::kNone)
        << row.id;
    refused += here ? 1 : 0;
  }
  EXPECT_EQ(refused, 50u);
}

}  // namespace
}  // namespace pssst::testing
