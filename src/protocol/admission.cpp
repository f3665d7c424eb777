#include "protocol/header.hpp"
#include "protocol/suite1.hpp"
#include "pssst/server.hpp"

namespace pssst {

DropReason admit(std::span<const std::uint8_t> datagram, ClientPolicy policy) noexcept {
  namespace suite1 = protocol::suite1;
  if (datagram.size() < kHeaderSize) return DropReason::kTooShort;
  const auto [flags, suite] = protocol::read_header(datagram.first<kHeaderSize>());
  if (suite != kSuite1) return DropReason::kSuite;
  if ((flags & kFlagReply) != 0) return DropReason::kReplyFlag;
  if ((flags & ~kFlagClientAuth) != 0) return DropReason::kReservedFlags;

  const bool authenticated = (flags & kFlagClientAuth) != 0;
  if (datagram.size() < suite1::request_size_min(authenticated)) {
    return DropReason::kTooShortForSuite;
  }
  if (policy == ClientPolicy::kRequired && !authenticated) return DropReason::kPolicyAnonymous;
  if (policy == ClientPolicy::kAnonymous && authenticated) return DropReason::kPolicyAuthenticated;
  return suite1::check_dh(suite1::read_dh(datagram));
}

}  // namespace pssst
