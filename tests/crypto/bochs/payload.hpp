/// What the files of the payload share.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {

/// Called by start.S; the stack is all the memory there is.
[[noreturn]] void payload_main() noexcept;
/// Called by start.S for exceptions; `vector` says which.
[[noreturn]] void payload_exception(std::uint32_t vector) noexcept;

struct alignas(64) VectorRegisters {
  std::uint64_t zmm[32][8];
  std::uint64_t k[8];
};
void payload_store_vector_registers(VectorRegisters& registers) noexcept;

}  // extern "C"

namespace pssst::test {

/// low and high come in as accumulators of vpmadd52luq and vpmadd52huq and go out as their results.
struct alignas(64) MultiplyAdd52 {
  std::uint64_t a[8];
  std::uint64_t b[8];
  std::uint64_t low[8];
  std::uint64_t high[8];
};
void multiply_add_52(MultiplyAdd52& operands) noexcept;

}  // namespace pssst::test
