#include <algorithm>

#include "protocol/header.hpp"
#include "protocol/suite.hpp"
#include "protocol/suite1.hpp"
#include "pssst/server.hpp"

namespace pssst {
namespace {

/// The first key that serves `suite`, or null.
const ServerKey* find_key(std::span<const ServerKey> keys, std::uint16_t suite) noexcept {
  for (const ServerKey& key : keys) {
    if (key.suite() == suite) return &key;
  }
  return nullptr;
}

/// The key of suite 0xF002 that `datagram`, long enough, names; or null.
const ServerKey* find_named_key(std::span<const ServerKey> keys,
                                std::span<const std::uint8_t> datagram) noexcept {
  const auto key_id = datagram.subspan(kHeaderSize, kKeyIdSize);
  for (const ServerKey& key : keys) {
    if (key.suite() == kSuiteF002 && std::ranges::equal(key.key_id(), key_id)) return &key;
  }
  return nullptr;
}

}  // namespace

Admitted admit(std::span<const std::uint8_t> datagram, ClientPolicy policy,
               std::span<const ServerKey> keys) noexcept {
  if (datagram.size() < kHeaderSize) return {DropReason::kTooShort};
  const auto [flags, suite] = protocol::read_header(datagram.first<kHeaderSize>());
  const ServerKey* key = find_key(keys, suite);
  if (key == nullptr) return {DropReason::kSuite};
  if ((flags & kFlagReply) != 0) return {DropReason::kReplyFlag};
  if ((flags & ~kFlagClientAuth) != 0) return {DropReason::kReservedFlags};

  const bool authenticated = (flags & kFlagClientAuth) != 0;
  const protocol::SuiteLayout& layout = protocol::layout_of(suite);
  if (datagram.size() < layout.size_min(authenticated)) return {DropReason::kTooShortForSuite};
  if (policy == ClientPolicy::kRequired && !authenticated) return {DropReason::kPolicyAnonymous};
  if (policy == ClientPolicy::kAnonymous && authenticated) {
    return {DropReason::kPolicyAuthenticated};
  }
  if (suite == kSuiteF002) key = find_named_key(keys, datagram);
  if (key == nullptr) return {DropReason::kKeyId};
  const DropReason drop = protocol::check_dh(protocol::read_dh(datagram, layout));
  return {drop, drop == DropReason::kNone ? key : nullptr};
}

}  // namespace pssst
