/// The unit of work: up to 64 requests side by side, as a structure of arrays.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "pssst/drop_reason.hpp"
#include "pssst/handler.hpp"
#include "pssst/wire.hpp"

namespace pssst {

inline constexpr std::size_t kBurstLanesMax = 64;

class ServerKey;

/// What seals the reply of a lane whose burst is gone. Secret: whoever has it wipes it. The
/// datagram stays where it is until the reply is sealed.
struct KeptReply {
  const std::uint8_t* datagram = nullptr;
  std::uint16_t datagram_size = 0;
  std::uint16_t suite = 0;
  std::uint8_t reply_offset = 0;
  std::uint8_t reply_overhead = 0;
  std::uint8_t authenticated = 0;
  std::array<std::uint8_t, 32> key_material{};
  std::array<std::uint8_t, 48> reply_secret{};
};

/// Lanes 0 to size-1, filled by add() after size was set to 0. A lane whose `drop` is set is
/// skipped by every later stage. About 200 KB: allocate once, with make_request_burst().
struct RequestBurst {
  template <class T>
  using Lanes = std::array<T, kBurstLanesMax>;

  std::size_t size = 0;

  // Set by add(). The datagram is read, never written, and stays where it is until seal().
  Lanes<const std::uint8_t*> datagram;
  Lanes<std::uint16_t> datagram_size;  ///< the suite's smallest request to kDatagramSizeMax
  Lanes<const ServerKey*> key;
  Lanes<std::uint16_t> suite;          ///< the key's
  Lanes<std::uint8_t> reply_offset;    ///< of the message in the reply, by suite
  Lanes<std::uint8_t> reply_overhead;  ///< bytes that sealing adds to a reply's message, by suite

  // Set by the stages.
  Lanes<DropReason> drop;              ///< kNone: live
  Lanes<std::uint8_t> authenticated;   ///< 1: the request carries the client authentication flag
  Lanes<const std::uint8_t*> message;  ///< in plaintext; null in a dropped lane
  Lanes<std::uint16_t> message_size;
  Lanes<const Identity*> client;  ///< null: anonymous, or not known (yet)
  Lanes<Identity> identity;       ///< where `client` points

  // Set by whoever answers, before seal().
  Lanes<std::uint8_t> has_reply;
  Lanes<std::size_t> reply_size;  ///< plaintext bytes at reply_space(lane)

  // Set by seal().
  Lanes<std::uint16_t> reply_datagram_size;  ///< 0: none

  // Storage; use the functions below.
  alignas(64) std::array<std::array<std::uint8_t, kDatagramSizeMax>, kBurstLanesMax> plaintext;
  alignas(64) std::array<std::array<std::uint8_t, kDatagramSizeMax>, kBurstLanesMax> reply;
  // Secret; wiped by wipe_secrets().
  alignas(64) Lanes<std::array<std::uint8_t, 32>> shared_secret;
  alignas(64) Lanes<std::array<std::uint8_t, 32>> key_material;
  alignas(64) Lanes<std::array<std::uint8_t, 48>> reply_secret;  ///< suite 0xF002

  /// Appends a live lane for `request`, which has passed admit() with this key, of at most
  /// kDatagramSizeMax bytes. The burst is not full.
  void add(std::span<const std::uint8_t> request, const ServerKey& server_key) noexcept;

  /// What seals lane `i`'s reply, by value; after prove() and before seal().
  void keep(std::size_t i, KeptReply& kept) const noexcept;
  /// Appends a live lane to be sealed and nothing else, of a request whose reply was kept. The
  /// burst is not full.
  void add_kept(const KeptReply& kept) noexcept;

  /// Where lane `i`'s reply message is written, in place: kReplySizeMax bytes, or as many fewer as
  /// its suite adds more than suite 1.
  [[nodiscard]] std::span<std::uint8_t> reply_space(std::size_t i) noexcept {
    return std::span(reply[i]).subspan(reply_offset[i], kDatagramSizeMax - reply_overhead[i]);
  }
  /// The sealed reply of lane `i`, after seal().
  [[nodiscard]] std::span<const std::uint8_t> reply_datagram(std::size_t i) const noexcept {
    return std::span(reply[i]).first(reply_datagram_size[i]);
  }
};

}  // namespace pssst
