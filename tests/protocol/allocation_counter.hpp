/// Counts what this program allocates with operator new.
#pragma once

#include <cstddef>

namespace pssst::testing {

[[nodiscard]] std::size_t allocation_count() noexcept;

}  // namespace pssst::testing
