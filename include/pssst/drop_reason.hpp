/// Why a frame or a datagram was dropped: one list for the whole path.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

/// X(enumerator, counter name, text). Frame drops happen before a PSSST datagram was found.
#define PSSST_FRAME_DROPS(X)                                                                  \
  X(kFrameTruncated, "frame_truncated", "shorter than its headers say")                       \
  X(kFrameOversized, "frame_oversized", "longer than the largest datagram served")            \
  X(kFrameNotForUs, "frame_not_for_us", "Ethernet or IP destination is not ours")             \
  X(kFrameEtherType, "frame_ethertype", "neither IP nor ARP")                                 \
  X(kVlan, "vlan", "VLAN that is not served")                                                 \
  X(kVlanNested, "vlan_nested", "more than one VLAN tag, or a service provider's")            \
  X(kArpMalformed, "arp_malformed", "ARP packet that is not a well-formed Ethernet/IPv4 one") \
  X(kArpIgnored, "arp_ignored", "ARP packet that asks nothing of us")                         \
  X(kNdpMalformed, "ndp_malformed", "neighbour solicitation that is not valid (RFC 4861)")    \
  X(kNdpIgnored, "ndp_ignored", "neighbour discovery that asks nothing of us")                \
  X(kIpHeader, "ip_header", "IP version, header length or total length is wrong")             \
  X(kIpOptions, "ip_options", "IP options are not served")                                    \
  X(kIpExtension, "ip_extension", "IPv6 extension headers are not served")                    \
  X(kIpFragment, "ip_fragment", "IP fragments are not served")                                \
  X(kIpChecksum, "ip_checksum", "IP header checksum is wrong")                                \
  X(kIpSource, "ip_source", "IP source address cannot be replied to")                         \
  X(kIpProtocol, "ip_protocol", "neither UDP nor ICMP")                                       \
  X(kIcmpMalformed, "icmp_malformed", "ICMP message that is short or has a wrong checksum")   \
  X(kIcmpIgnored, "icmp_ignored", "ICMP message that is no echo request")                     \
  X(kUdpLength, "udp_length", "UDP length disagrees with the IP length")                      \
  X(kUdpChecksum, "udp_checksum", "UDP checksum is wrong")                                    \
  X(kUdpPort, "udp_port", "no service at this UDP port, or source port 0")                    \
  X(kKernelQueueFull, "kernel_queue_full", "for the kernel, which takes no more now")

/// Datagram drops, in the order in which the checks are made: the cheapest first.
#define PSSST_DATAGRAM_DROPS(X)                                                                \
  X(kTooShort, "too_short", "shorter than the four header bytes")                              \
  X(kSuite, "suite", "suite unknown or not enabled for the service")                           \
  X(kReplyFlag, "reply_flag", "reply flag set on a request")                                   \
  X(kReservedFlags, "reserved_flags", "reserved flag bit set")                                 \
  X(kTooShortForSuite, "too_short_for_suite", "shorter than the suite's smallest request")     \
  X(kPolicyAnonymous, "policy_anonymous",                                                      \
    "anonymous request where client authentication is required")                               \
  X(kPolicyAuthenticated, "policy_authenticated",                                              \
    "client-authenticated request where only anonymous ones are served")                       \
  X(kKeyId, "key_id", "kid names no key of the service")                                       \
  X(kDhNotCanonical, "dh_not_canonical", "dh or enc has bit 255 set or is not below 2^255-19") \
  X(kDhSmallOrder, "dh_small_order", "dh or enc is a point of small order")                    \
  X(kSourceRate, "source_rate", "a prefix of the source has cost more than it may")            \
  X(kQueueFull, "queue_full", "the worker's queue for this kind of source is full")            \
  X(kSharedSecretZero, "shared_secret_zero", "X25519 of server key and dh is zero")            \
  X(kTag, "tag", "GCM tag is wrong")                                                           \
  X(kProofTooShort, "proof_too_short", "plaintext shorter than the proof")                     \
  X(kClientUnknown, "client_unknown", "client key is not enrolled")                            \
  X(kClientRevoked, "client_revoked", "client key was revoked")                                \
  X(kClientNotValidNow, "client_not_valid_now", "client key is not valid yet or any more")     \
  X(kClientsUnavailable, "clients_unavailable",                                                \
    "who is enrolled is not loaded yet, or too old to go by")                                  \
  X(kProofZero, "proof_zero", "X25519 of the proof is zero")                                   \
  X(kProofMismatch, "proof_mismatch", "the proof does not give dh")                            \
  X(kClientTag, "client_tag", "GCM tag under the client's static secret is wrong")             \
  X(kMessageLength, "message_length", "message length goes past the end of the plaintext")     \
  X(kPadding, "padding", "padding holds something else than zeros")                            \
  X(kMessageType, "message_type", "no handler for messages of this type")                      \
  X(kHandlerUnavailable, "handler_unavailable",                                                \
    "the handler did not start at this worker, or none of its backends takes messages")        \
  X(kLaterFull, "later_full", "as many later replies are awaited as there is room for")        \
  X(kReplyTooLong, "reply_too_long", "the handler's reply does not fit a datagram")            \
  X(kReplyLimit, "reply_limit", "the reply is longer than the service allows for the request") \
  X(kHandlerMisbehaved, "handler_misbehaved", "the handler returned what it did not declare")  \
  X(kLaterExpired, "later_expired", "the later reply had not come by its deadline")            \
  X(kReplyOverMtu, "reply_over_mtu", "the reply would need fragments")                         \
  X(kTransmit, "transmit", "the port could not send the reply")                                \
  X(kShutdown, "shutdown", "still queued when the worker stopped")

namespace pssst {

/// kNone (0) means "not dropped"; all others as listed above, frame drops first.
enum class DropReason : std::uint8_t {
  kNone = 0,
#define PSSST_DROP_ENUMERATOR(enumerator, name, text) enumerator,
  PSSST_FRAME_DROPS(PSSST_DROP_ENUMERATOR) PSSST_DATAGRAM_DROPS(PSSST_DROP_ENUMERATOR)
#undef PSSST_DROP_ENUMERATOR
};

struct DropReasonInfo {
  std::string_view name;  ///< counter name, snake_case
  std::string_view text;  ///< for people
};

/// Indexed by DropReason; entry 0 is kNone.
inline constexpr std::array kDropReasons{
    DropReasonInfo{"none", "not dropped"},
#define PSSST_DROP_INFO(enumerator, name, text) DropReasonInfo{name, text},
    PSSST_FRAME_DROPS(PSSST_DROP_INFO) PSSST_DATAGRAM_DROPS(PSSST_DROP_INFO)
#undef PSSST_DROP_INFO
};

inline constexpr std::size_t kDropReasonCount = kDropReasons.size();

[[nodiscard]] constexpr std::string_view to_string(DropReason reason) noexcept {
  return kDropReasons.at(static_cast<std::size_t>(reason)).name;
}

/// True for drops that happen before a PSSST datagram was found ("frame drops" in the books).
[[nodiscard]] constexpr bool is_frame_drop(DropReason reason) noexcept {
  return reason > DropReason::kNone && reason < DropReason::kTooShort;
}

}  // namespace pssst
