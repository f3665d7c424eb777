/// All that multiply here: our kernels, OpenSSL and libsodium, each as a call that can be timed.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/x25519.hpp"

namespace pssst::bench {

/// A server's request as its X25519 costs it: one private key, a new point each time.
struct X25519Contender {
  std::string name;       ///< "avx2", "avx2 check", "OpenSSL EVP"
  std::string kernel;     ///< one of our kernels, or empty
  bool check = false;     ///< a kernel's check() instead of its multiply()
  std::size_t lanes = 1;  ///< multiplications in one call
  std::function<void()> call;
  /// What the last call computed; empty for check().
  std::function<std::span<const crypto::Bytes32>()> results;
};

inline constexpr std::string_view kOpensslEvp = "OpenSSL EVP";
inline constexpr std::string_view kOpensslDerive = "OpenSSL EVP_PKEY_derive alone";
inline constexpr std::string_view kLibsodium = "libsodium";

/// The names of our kernels that this CPU runs, without models of other CPUs' instructions; first
/// what is chosen of itself.
[[nodiscard]] std::vector<std::string> native_kernels();

/// OpenSSL twice (with a new peer key each request on one derive context, as a good server calls
/// it, and EVP_PKEY_derive alone), libsodium, and each kernel of `kernels` at each of `lanes`.
/// Aborts if two of them disagree about a result.
[[nodiscard]] std::vector<X25519Contender> make_x25519_contenders(
    std::span<const std::string> kernels, std::span<const std::size_t> lanes);

/// "OpenSSL 3.0.15 3 Sep 2024", "libsodium 1.0.18"
[[nodiscard]] std::string openssl_version();
[[nodiscard]] std::string libsodium_version();

}  // namespace pssst::bench
