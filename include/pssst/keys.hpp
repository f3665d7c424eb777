/// Keys of servers and clients: X25519 (RFC 7748).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "pssst/wire.hpp"

namespace pssst {

inline constexpr std::size_t kKeySize = 32;  ///< bytes, private and public

using PublicKey = std::array<std::uint8_t, kKeySize>;
using KeyId = std::array<std::uint8_t, kKeyIdSize>;

/// What server and clients agree on beside a server's key. A server key serves one suite only.
struct KeyUse {
  std::uint16_t suite = kSuite1;
  /// The service's name, 0 to kLabelSizeMax bytes; suite 1 has none.
  std::string_view label{};
};

/// A sentence for people on what is wrong with it; empty if nothing is.
[[nodiscard]] std::string_view fault_of(const KeyUse& use) noexcept;

/// What is wrong with a public key; checked of every server key at the client and of every client
/// key at enrolment, so that one private key passes under one public key only and no shared secret
/// is zero.
enum class PublicKeyFault : std::uint8_t {
  kNone = 0,
  kNotCanonical,   ///< bit 255 is set, or it is not below 2^255-19
  kSmallOrder,     ///< 0, 1, p-1 or one of the two points of order 8
  kOnTwist,        ///< not the u-coordinate of a point of the curve
  kNotPrimeOrder,  ///< has a small-order component: one private key would pass under several keys
  kBasePoint,      ///< 9
};

/// One sentence for people.
[[nodiscard]] std::string_view to_string(PublicKeyFault fault) noexcept;

/// Variable time: public keys are public. Takes about half as long as a scalar multiplication.
[[nodiscard]] PublicKeyFault check_public_key(const PublicKey& key) noexcept;

/// A private key in locked memory, left out of core dumps and wiped on destruction. A forked child
/// finds zeros in its place, and aborts when it multiplies by them: fork before keys are made.
/// Move-only; a moved-from key may only be destroyed or assigned to.
class PrivateKey {
 public:
  /// 32 fresh bytes from the operating system's generator.
  static PrivateKey generate();
  /// Copies `bytes`; the caller wipes its own copy. Clamped when used (RFC 7748, section 5).
  explicit PrivateKey(std::span<const std::uint8_t, kKeySize> bytes);
  PrivateKey(PrivateKey&&) noexcept;
  PrivateKey& operator=(PrivateKey&&) noexcept;
  PrivateKey(const PrivateKey&) = delete;
  PrivateKey& operator=(const PrivateKey&) = delete;
  ~PrivateKey();

  /// As given or drawn, not clamped.
  [[nodiscard]] std::span<const std::uint8_t, kKeySize> bytes() const noexcept;
  /// X25519(key, 9). Constant time.
  [[nodiscard]] PublicKey public_key() const noexcept;

 private:
  struct Secret;
  struct SecretDeleter {
    void operator()(Secret* secret) const noexcept;
  };
  std::unique_ptr<Secret, SecretDeleter> secret_;
};

}  // namespace pssst
