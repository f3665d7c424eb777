/// An X25519 kernel alone.
#pragma once

#include <vector>

#include "crypto/x25519.hpp"
#include "server/replay_worker.hpp"

namespace pssst::bench {

/// The kernel alone, on bursts as a worker forms them.
class Ceiling {
 public:
  Ceiling(const Population& population, const crypto::X25519Kernel& kernel)
      : kernel_(kernel),
        server_(population.server_key().bytes()),
        scalars_(kernel.burst_limit, &server_),
        points_(kernel.burst_limit, population.server_key().public_key()),
        results_(kernel.burst_limit) {}

  void multiply_burst() {
    static_cast<void>(
        kernel_.multiply(scalars_.data(), points_.data(), results_.data(), results_.size()));
  }

 private:
  const crypto::X25519Kernel& kernel_;
  crypto::X25519Scalar server_;
  std::vector<const crypto::X25519Scalar*> scalars_;
  std::vector<crypto::Bytes32> points_;
  std::vector<crypto::Bytes32> results_;
};

}  // namespace pssst::bench
