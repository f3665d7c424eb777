#include "server/worker.hpp"

#include <xmmintrin.h>

#include <algorithm>

#include "base/assert.hpp"
#include "protocol/proof_cache.hpp"

namespace pssst::server {
namespace {

/// Bounds what the queue adds to a reply's latency, some 8 ms on AVX2, and what it can take up:
/// with sixteen bursts, stalls of a virtual machine lost 1.6 % of a load at 90 % of capacity, and
/// with these 0.3 %.
constexpr std::size_t kQueuedBurstsMax = 32;

/// For some two thousand clients that may be enrolled later.
constexpr std::size_t kProofTableMemoryMore = std::size_t{4} << 20;

}  // namespace

base::Result<void> check_rounding_mode() {
  if (_MM_GET_ROUNDING_MODE() == _MM_ROUND_NEAREST) return {};
  return base::fail("the thread does not round to nearest (MXCSR)", "worker",
                    "start the server from a program that leaves the rounding mode alone");
}

bool is_fault_of_source(DropReason reason) noexcept {
  switch (reason) {
    case DropReason::kSharedSecretZero:
    case DropReason::kTag:
    case DropReason::kProofTooShort:
    case DropReason::kClientUnknown:
    case DropReason::kClientRevoked:
    case DropReason::kClientNotValidNow:
    case DropReason::kProofZero:
    case DropReason::kProofMismatch:
    case DropReason::kClientTag:
    case DropReason::kMessageLength:
    case DropReason::kPadding:
      return true;
    default:
      return false;
  }
}

std::size_t admission_queue_capacity(std::size_t port_capacity, std::size_t burst_limit) {
  PSSST_ASSERT(port_capacity >= 2 * kReceiveBatch);
  return std::min((port_capacity - kReceiveBatch) / 2, kQueuedBurstsMax * burst_limit);
}

std::size_t proof_table_memory(std::size_t limit, std::size_t clients) noexcept {
  // Twice the room: keys fall unevenly into the cache's sets.
  return std::min(limit,
                  2 * clients * protocol::ProofCache::kBytesPerTable + kProofTableMemoryMore);
}

}  // namespace pssst::server
