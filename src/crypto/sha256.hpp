/// SHA-256 (FIPS 180-4) and HMAC-SHA256 (RFC 2104) of many messages side by side.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/error.hpp"
#include "crypto/x25519.hpp"

namespace pssst::crypto {

inline constexpr std::size_t kSha256Size = 32;
inline constexpr std::size_t kSha256BlockSize = 64;
/// Bytes of a lane's longest message.
inline constexpr std::size_t kLaneMessageSizeMax = 4 * kSha256BlockSize - 9;

/// One part of the messages of a batch: the same bytes in every lane, or as many bytes of its own
/// in each. All messages of a batch have one size, which is public.
struct MessagePart {
  const std::uint8_t* common = nullptr;          ///< null: each lane has its own
  const std::uint8_t* const* of_lane = nullptr;  ///< one pointer a lane
  std::size_t size = 0;                          ///< bytes

  [[nodiscard]] static constexpr MessagePart same(std::span<const std::uint8_t> bytes) noexcept {
    return {.common = bytes.data(), .of_lane = nullptr, .size = bytes.size()};
  }
  [[nodiscard]] static constexpr MessagePart each(const std::uint8_t* const* pointers,
                                                  std::size_t size) noexcept {
    return {.common = nullptr, .of_lane = pointers, .size = size};
  }
};

/// All that can be computed of an HMAC before the message is known: the states, in the CPU's byte
/// order, after the block of key xor ipad and after that of key xor opad. As secret as the key.
struct HmacKey {
  alignas(16) std::array<std::uint32_t, 8> inner;
  alignas(16) std::array<std::uint32_t, 8> outer;
};

/// How it is done.
struct Sha256Kernel {
  std::string_view name;
  bool (*supported)() noexcept;
  const struct Sha256Functions& functions;  ///< internal
};
/// All that were built, best first: "sha_ni", four lanes interleaved; "ipsec_mb", that library's
/// vector lanes, for every CPU that SymmetricEngine takes.
[[nodiscard]] std::span<const Sha256Kernel> sha256_kernels() noexcept;

/// One per thread: it owns scratch memory, and is not thread-safe. Allocates when made, never
/// afterwards. Every function takes 0 to kX25519LanesMax lanes, is constant time in all bytes that
/// it reads (not in sizes and counts), gathers its input before it writes, so that outputs may lie
/// over inputs, and leaves no copy of either behind.
class Sha256Engine {
 public:
  /// By name, or the best that this CPU has if `kernel` is empty. Fails if there is no such kernel
  /// or this CPU does not run it.
  static base::Result<std::unique_ptr<Sha256Engine>> create(std::string_view kernel = {});
  Sha256Engine(const Sha256Engine&) = delete;
  Sha256Engine& operator=(const Sha256Engine&) = delete;
  ~Sha256Engine();

  [[nodiscard]] std::string_view kernel() const noexcept;
  /// Blocks of 64 bytes compressed since it was made, of all lanes.
  [[nodiscard]] std::uint64_t blocks() const noexcept;

  /// 32 bytes at digests[i] = SHA-256(message of lane i), 1 to kLaneMessageSizeMax bytes.
  void hash(std::span<const MessagePart> message, std::uint8_t* const* digests,
            std::size_t n) noexcept;

  /// out[i] = the HMAC key of the 32 bytes at keys[i].
  void make_hmac_keys(const std::uint8_t* const* keys, HmacKey* const* out, std::size_t n) noexcept;
  /// The HMAC key of any number of bytes up to kLaneMessageSizeMax, none included: for keys that
  /// are made once.
  void make_hmac_key(std::span<const std::uint8_t> key, HmacKey& out) noexcept;

  /// The first mac_size bytes, at most 32, of HMAC-SHA256(keys[i], message of lane i) at macs[i].
  /// The message has 1 to kLaneMessageSizeMax bytes. Lanes may share a key.
  void hmac(const HmacKey* const* keys, std::span<const MessagePart> message,
            std::uint8_t* const* macs, std::size_t mac_size, std::size_t n) noexcept;

 private:
  struct Impl;
  struct ImplDeleter {
    void operator()(Impl* impl) const noexcept;
  };
  explicit Sha256Engine(std::unique_ptr<Impl, ImplDeleter> impl) noexcept;
  std::unique_ptr<Impl, ImplDeleter> impl_;
};

}  // namespace pssst::crypto
