#include "base/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace pssst::base {

void assertion_failed(const char* condition, const char* file, int line) noexcept {
  static_cast<void>(std::fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, condition));
  std::abort();
}

}  // namespace pssst::base
