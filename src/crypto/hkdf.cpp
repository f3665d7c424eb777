#include "crypto/hkdf.hpp"

#include <algorithm>
#include <array>

#include "base/assert.hpp"

namespace pssst::crypto {

void hkdf_extract(Sha256Engine& engine, const HmacKey* const* salts,
                  std::span<const MessagePart> ikm, std::uint8_t* const* prks,
                  std::size_t n) noexcept {
  engine.hmac(salts, ikm, prks, kSha256Size, n);
}

void hkdf_expand(Sha256Engine& engine, const HmacKey* const* prks,
                 std::span<const MessagePart> info, std::uint8_t* const* okm, std::size_t size,
                 std::size_t n) noexcept {
  PSSST_ASSERT(size > 0 && size <= kHkdfSizeMax && info.size() <= kHkdfInfoPartsMax);
  PSSST_ASSERT(n <= kX25519LanesMax);
  // T(i) = HMAC(PRK, T(i - 1) || info || i); T(i) goes where it belongs in okm and is read there.
  std::array<const std::uint8_t*, kX25519LanesMax> before{};
  std::array<std::uint8_t*, kX25519LanesMax> next{};
  std::copy_n(okm, n, next.begin());
  std::array<MessagePart, kHkdfInfoPartsMax + 2> message;
  auto* const info_end = std::copy(info.begin(), info.end(), message.begin() + 1);
  std::uint8_t counter = 1;
  *info_end = MessagePart::same({&counter, 1});
  const std::span parts(message.begin(), info_end + 1);
  for (std::size_t done = 0; done < size; done += kSha256Size, ++counter) {
    engine.hmac(prks, done == 0 ? parts.subspan(1) : parts, next.data(),
                std::min(kSha256Size, size - done), n);
    message.front() = MessagePart::each(before.data(), kSha256Size);
    for (std::size_t i = 0; i < n; ++i) {
      before[i] = next[i];
      next[i] += kSha256Size;
    }
  }
}

}  // namespace pssst::crypto
