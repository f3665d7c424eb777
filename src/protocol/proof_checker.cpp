#include "protocol/proof_checker.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "base/secret_memory.hpp"
#include "protocol/suite1.hpp"

namespace pssst::protocol {

ProofChecker::ProofChecker(const crypto::X25519Kernel& kernel,
                           std::unique_ptr<ProofCache> cache) noexcept
    : kernel_(kernel),
      proof_kernel_(crypto::proof_kernel_beside(kernel)),
      cache_(std::move(cache)) {}

void ProofChecker::check(const RequestBurst& burst, std::span<const std::uint8_t> lanes,
                         std::span<DropReason> reasons) noexcept {
  PSSST_ASSERT(lanes.size() <= kBurstLanesMax && lanes.size() == reasons.size());
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    client_keys_[i] = suite1::proof_client_key(burst, lanes[i]).data();
  }
  cache_->find(std::span(client_keys_).first(lanes.size()), std::span(tables_).first(lanes.size()));

  Arguments& a = arguments_;
  load(burst, lanes, true);
  counts_.by_table += a.size;
  settle(proof_kernel_.check(a.scalars.data(), a.tables.data(), a.expected.data(), a.size),
         reasons);
  load(burst, lanes, false);
  counts_.by_ladder += a.size;
  settle(kernel_.check(a.scalars.data(), a.points.data(), a.expected.data(), a.size), reasons);
  make_table(reasons);
  // Who called is a secret too: the wire does not show C.
  base::wipe_object(a.points);
  base::wipe_object(a.tables);
  base::wipe_object(tables_);
}

void ProofChecker::load(const RequestBurst& burst, std::span<const std::uint8_t> lanes,
                        bool with_table) noexcept {
  Arguments& a = arguments_;
  a.size = 0;
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    if ((tables_[i] != nullptr) != with_table) continue;
    const std::size_t lane = lanes[i];
    const std::size_t n = a.size++;
    a.place[n] = i;
    a.tables[n] = tables_[i];
    std::copy_n(client_keys_[i], crypto::kX25519Size, a.points[n].begin());
    a.ephemeral_keys[n].assign(suite1::proof_ephemeral_key(burst, lane));
    a.scalars[n] = &a.ephemeral_keys[n];
    a.expected[n] = suite1::read_dh({burst.datagram[lane], burst.datagram_size[lane]});
  }
}

void ProofChecker::settle(const crypto::X25519CheckResult& result,
                          std::span<DropReason> reasons) noexcept {
  Arguments& a = arguments_;
  for (std::size_t n = 0; n < a.size; ++n) {
    DropReason& reason = reasons[a.place[n]];
    if ((result.zero >> n & 1) != 0) {
      reason = DropReason::kProofZero;
    } else if ((result.equal >> n & 1) == 0) {
      reason = DropReason::kProofMismatch;
    } else {
      reason = DropReason::kNone;
      if (a.tables[n] != nullptr) cache_->count_use(a.tables[n]);
    }
    a.ephemeral_keys[n].assign(crypto::Bytes32{});
  }
}

/// Of the lanes that went up the ladder, which are those loaded last.
void ProofChecker::make_table(std::span<const DropReason> reasons) noexcept {
  bool made = false;
  for (std::size_t n = 0; n < arguments_.size; ++n) {
    const std::size_t i = arguments_.place[n];
    if (reasons[i] != DropReason::kNone || !cache_->remember(client_keys_[i]) || made) continue;
    made = cache_->add(client_keys_[i]);
  }
  counts_.tables_built += made ? 1 : 0;
}

}  // namespace pssst::protocol
