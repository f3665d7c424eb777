#include "base/random.hpp"

#include <sys/random.h>

#include <cerrno>

#include "base/assert.hpp"

namespace pssst::base {

void fill_random(std::span<std::uint8_t> bytes) noexcept {
  while (!bytes.empty()) {
    const ssize_t got = ::getrandom(bytes.data(), bytes.size(), 0);
    // Only a signal may interrupt it; a generator that fails otherwise must not be worked around.
    PSSST_ASSERT(got > 0 || (got < 0 && errno == EINTR));
    if (got > 0) bytes = bytes.subspan(static_cast<std::size_t>(got));
  }
}

}  // namespace pssst::base
