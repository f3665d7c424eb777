#include <cstring>

#include "base/assert.hpp"
#include "crypto/ipsec_mb.hpp"
#include "crypto/sha256_workspace.hpp"

namespace pssst::crypto {
namespace {

/// Jobs that `job` and those behind it have completed.
std::size_t count_completed(IMB_MGR* manager, const IMB_JOB* job) noexcept {
  std::size_t completed = 0;
  for (; job != nullptr; job = IMB_GET_COMPLETED_JOB(manager)) {
    completed += job->status == IMB_STATUS_COMPLETED ? 1 : 0;
  }
  return completed;
}

/// `set(job, lane)` says what is special about a lane's job.
template <class Set>
void run_jobs(Sha256Workspace& workspace, std::size_t size, std::size_t n, Set&& set) noexcept {
  IMB_MGR* const manager = workspace.manager;
  std::size_t completed = 0;
  for (std::size_t i = 0; i < n; ++i) {
    IMB_JOB* const job = IMB_GET_NEXT_JOB(manager);
    job->cipher_mode = IMB_CIPHER_NULL;
    job->cipher_direction = IMB_DIR_ENCRYPT;
    job->chain_order = IMB_ORDER_HASH_CIPHER;
    job->src = workspace.lane(i);
    job->hash_start_src_offset_in_bytes = 0;
    job->msg_len_to_hash_in_bytes = size;
    job->auth_tag_output_len_in_bytes = kSha256Size;
    set(*job, i);
    completed += count_completed(manager, IMB_SUBMIT_JOB_NOCHECK(manager));
  }
  while (const IMB_JOB* job = IMB_FLUSH_JOB(manager)) completed += count_completed(manager, job);
  PSSST_ASSERT(completed == n);
}

void hash(Sha256Workspace& workspace, std::size_t size, std::uint8_t* const* digests,
          std::size_t n) noexcept {
  run_jobs(workspace, size, n, [&](IMB_JOB& job, std::size_t i) {
    job.hash_alg = IMB_AUTH_SHA_256;
    job.auth_tag_output = digests[i];
  });
}

void make_hmac_keys(Sha256Workspace& workspace, HmacKey* const* out, std::size_t n) noexcept {
  const auto absorb = [&](std::size_t lane, std::uint8_t pad, std::array<std::uint32_t, 8>& state) {
    std::array<std::uint8_t, kSha256BlockSize> block;
    for (std::size_t i = 0; i < block.size(); ++i) {
      block[i] = static_cast<std::uint8_t>(workspace.lane(lane)[i] ^ pad);
    }
    IMB_SHA256_ONE_BLOCK(workspace.manager, block.data(), state.data());
  };
  for (std::size_t lane = 0; lane < n; ++lane) {
    absorb(lane, 0x36, out[lane]->inner);
    absorb(lane, 0x5c, out[lane]->outer);
  }
}

void hmac(Sha256Workspace& workspace, const HmacKey* const* keys, std::size_t size,
          std::uint8_t* const* macs, std::size_t mac_size, std::size_t n) noexcept {
  run_jobs(workspace, size, n, [&](IMB_JOB& job, std::size_t i) {
    job.hash_alg = IMB_AUTH_HMAC_SHA_256;
    job.auth_tag_output = workspace.digests[i].data();
    job.u.HMAC._hashed_auth_key_xor_ipad =
        reinterpret_cast<const std::uint8_t*>(keys[i]->inner.data());
    job.u.HMAC._hashed_auth_key_xor_opad =
        reinterpret_cast<const std::uint8_t*>(keys[i]->outer.data());
  });
  // The library truncates to 16 bytes or not at all.
  for (std::size_t i = 0; i < n; ++i) std::memcpy(macs[i], workspace.digests[i].data(), mac_size);
}

}  // namespace

const Sha256Functions sha256_over_ipsec_mb{
    .hash = hash, .make_hmac_keys = make_hmac_keys, .hmac = hmac};

}  // namespace pssst::crypto
