/// What differs from suite to suite in the layout of datagrams. What a suite does is in
/// suite1.hpp and suite_f002.hpp: it parses, derives and seals, and never multiplies.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/assert.hpp"
#include "crypto/x25519.hpp"
#include "pssst/drop_reason.hpp"
#include "pssst/wire.hpp"

namespace pssst::protocol {

struct SuiteLayout {
  std::size_t dh_offset;              ///< of dh or enc: what the server's key multiplies
  std::size_t request_size_min;       ///< of an anonymous request
  std::size_t auth_request_size_min;  ///< of a client-authenticated one
  std::size_t reply_offset;           ///< of the message in a reply
  std::size_t reply_overhead;         ///< bytes around it

  [[nodiscard]] constexpr std::size_t size_min(bool authenticated) const noexcept {
    return authenticated ? auth_request_size_min : request_size_min;
  }
};

inline constexpr SuiteLayout kSuite1Layout{.dh_offset = kDhOffset,
                                           .request_size_min = kOverheadSize,
                                           .auth_request_size_min = kAuthOverheadSize,
                                           .reply_offset = kCiphertextOffset,
                                           .reply_overhead = kOverheadSize};
inline constexpr SuiteLayout kSuiteF002Layout{.dh_offset = kEncOffset,
                                              .request_size_min = kF002OverheadSize,
                                              .auth_request_size_min = kF002AuthOverheadSize,
                                              .reply_offset = kF002ReplyOverheadSize - kTagSize,
                                              .reply_overhead = kF002ReplyOverheadSize};

/// `suite` is kSuite1 or kSuiteF002.
[[nodiscard]] constexpr const SuiteLayout& layout_of(std::uint16_t suite) noexcept {
  return suite == kSuite1 ? kSuite1Layout : kSuiteF002Layout;
}

/// dh or enc of `datagram`, which is long enough.
[[nodiscard]] inline crypto::Bytes32 read_dh(std::span<const std::uint8_t> datagram,
                                             const SuiteLayout& layout) noexcept {
  crypto::Bytes32 dh;
  PSSST_ASSERT(datagram.size() >= layout.request_size_min);
  std::memcpy(dh.data(), datagram.data() + layout.dh_offset, sizeof dh);
  return dh;
}

/// kNone, kDhNotCanonical or kDhSmallOrder. Variable time: dh is public.
[[nodiscard]] inline DropReason check_dh(const crypto::Bytes32& dh) noexcept {
  if (!crypto::is_canonical(dh)) return DropReason::kDhNotCanonical;
  if (crypto::is_small_order(dh)) return DropReason::kDhSmallOrder;
  return DropReason::kNone;
}

}  // namespace pssst::protocol
