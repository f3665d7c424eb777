/// What the tests of proofs by table share.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <vector>

#include "crypto/proof_check.hpp"
#include "crypto/reference.hpp"

namespace pssst::test {

using crypto::ProofTable;

/// Many lanes of (e, C, D), checked by table and by ladder.
class ProofLanes {
 public:
  /// `table` outlives this.
  void add(const Bytes32& e, const Bytes32& client_key, const ProofTable& table,
           const Bytes32& expected) {
    scalars_.emplace_back(e);
    points_.push_back(client_key);
    tables_.push_back(&table);
    expected_.push_back(expected);
  }
  void clear() {
    scalars_.clear();
    points_.clear();
    tables_.clear();
    expected_.clear();
  }
  [[nodiscard]] std::size_t size() const { return points_.size(); }

  [[nodiscard]] crypto::X25519CheckResult by_table(const crypto::ProofKernel& kernel,
                                                   std::size_t first, std::size_t n) const {
    const auto scalars = pointers(first, n);
    return kernel.check(scalars.data(), tables_.data() + first, expected_.data() + first, n);
  }
  [[nodiscard]] crypto::X25519CheckResult by_ladder(std::size_t first, std::size_t n) const {
    const auto scalars = pointers(first, n);
    return crypto::select_x25519_kernel({})->check(scalars.data(), points_.data() + first,
                                                   expected_.data() + first, n);
  }

  /// Both agree on all lanes, in bursts of `n`; returns how many lanes were equal and zero.
  std::pair<int, int> expect_agreement(const crypto::ProofKernel& kernel, std::size_t n) const {
    int equal = 0;
    int zero = 0;
    for (std::size_t first = 0; first < size(); first += n) {
      const std::size_t count = std::min(n, size() - first);
      const auto ladder = by_ladder(first, count);
      const auto table = by_table(kernel, first, count);
      EXPECT_EQ(table.equal, ladder.equal) << kernel.name << ", lanes from " << first;
      EXPECT_EQ(table.zero, ladder.zero) << kernel.name << ", lanes from " << first;
      equal += __builtin_popcountll(ladder.equal);
      zero += __builtin_popcountll(ladder.zero);
    }
    return {equal, zero};
  }

 private:
  [[nodiscard]] std::vector<const crypto::X25519Scalar*> pointers(std::size_t first,
                                                                  std::size_t n) const {
    std::vector<const crypto::X25519Scalar*> list;
    for (std::size_t i = 0; i < n; ++i) list.push_back(&scalars_[first + i]);
    return list;
  }

  std::deque<crypto::X25519Scalar> scalars_;
  std::vector<Bytes32> points_;
  std::vector<const ProofTable*> tables_;
  std::vector<Bytes32> expected_;
};

/// Every kernel that this CPU runs; the portable one is always among them.
inline std::vector<const crypto::ProofKernel*> supported_proof_kernels() {
  std::vector<const crypto::ProofKernel*> list;
  for (const crypto::ProofKernel& kernel : crypto::proof_kernels()) {
    if (kernel.supported()) list.push_back(&kernel);
  }
  return list;
}

/// X25519(private_key, 9): a key as honest clients have it.
inline Bytes32 honest_key(SeededBytes& random) {
  return crypto::x25519_public(crypto::X25519Scalar(random.bytes32()));
}

/// Little-endian integers for exponents, wrapping modulo 2^256.
inline Bytes32 add_small(Bytes32 value, std::int64_t addend) {
  __extension__ __int128 carry = addend;
  for (std::uint8_t& byte : value) {
    carry += byte;
    byte = static_cast<std::uint8_t>(carry & 0xff);
    carry >>= 8;
  }
  return value;
}

}  // namespace pssst::test
