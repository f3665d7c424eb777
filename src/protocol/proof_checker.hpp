/// The proofs of a burst's client-authenticated lanes: by table where the client has one, else by a
/// second multiplication.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "crypto/proof_check.hpp"
#include "crypto/x25519.hpp"
#include "protocol/proof_cache.hpp"
#include "pssst/drop_reason.hpp"
#include "pssst/request_burst.hpp"
#include "pssst/server.hpp"

namespace pssst::protocol {

/// Scratch memory and tables of one thread. In secret pages: ephemeral keys are secrets for the
/// length of a call.
class ProofChecker {
 public:
  /// `kernel` outlives it.
  ProofChecker(const crypto::X25519Kernel& kernel, std::unique_ptr<ProofCache> cache) noexcept;

  /// reasons[i] = kNone, kProofZero or kProofMismatch of lane lanes[i], which is opened and whose
  /// client is enrolled: whether X25519(e, C) is dh, in constant time. At most one client is given
  /// a table in a call. The two spans have one length.
  void check(const RequestBurst& burst, std::span<const std::uint8_t> lanes,
             std::span<DropReason> reasons) noexcept;

  [[nodiscard]] const ProofCounts& counts() const noexcept { return counts_; }

 private:
  /// What a kernel takes, packed.
  struct Arguments {
    std::array<std::size_t, kBurstLanesMax> place{};  ///< in `lanes`
    std::array<const crypto::X25519Scalar*, kBurstLanesMax> scalars{};
    alignas(64) std::array<crypto::X25519Scalar, kBurstLanesMax> ephemeral_keys;
    alignas(64) std::array<crypto::Bytes32, kBurstLanesMax> points{};
    alignas(64) std::array<crypto::Bytes32, kBurstLanesMax> expected{};
    std::array<const crypto::ProofTable*, kBurstLanesMax> tables{};
    std::size_t size = 0;
  };

  void load(const RequestBurst& burst, std::span<const std::uint8_t> lanes,
            bool with_table) noexcept;
  void settle(const crypto::X25519CheckResult& result, std::span<DropReason> reasons) noexcept;
  void make_table(std::span<const DropReason> reasons) noexcept;

  const crypto::X25519Kernel& kernel_;
  const crypto::ProofKernel& proof_kernel_;
  const std::unique_ptr<ProofCache> cache_;
  ProofCounts counts_;
  std::array<const std::uint8_t*, kBurstLanesMax> client_keys_{};   ///< per entry of `lanes`
  std::array<const crypto::ProofTable*, kBurstLanesMax> tables_{};  ///< the same
  Arguments arguments_;
};

}  // namespace pssst::protocol
