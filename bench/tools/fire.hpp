/// What hostile datagrams cost a worker, and what its protections cost when nobody attacks.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "crypto/x25519.hpp"
#include "timing/windows.hpp"

namespace pssst::bench {

/// Datagrams that are dropped before they are multiplied.
struct CheapDrop {
  std::string what;
  Figures figures;  ///< per datagram: receiving, parsing, dropping
};

struct FireFigures {
  Figures multiply;          ///< per X25519, by full bursts of the kernel alone
  Figures with_protections;  ///< per good request, all on
  Figures without;           ///< per good request, all off
  std::vector<CheapDrop> drops;
};

/// Protections on and off in turns, and drops in turns with the multiplication. `kernel_name`: as
/// ReplayWorker takes it; `kernel` is that one.
[[nodiscard]] FireFigures measure_fire(std::size_t clients, const std::string& kernel_name,
                                       const crypto::X25519Kernel& kernel,
                                       const WindowSettings& settings);

}  // namespace pssst::bench
