// Compiled with -mavx512f -mavx512ifma.
#include <immintrin.h>

#include "crypto/bochs/payload.hpp"

namespace pssst::test {

void multiply_add_52(MultiplyAdd52& operands) noexcept {
  const __m512i a = _mm512_load_si512(operands.a);
  const __m512i b = _mm512_load_si512(operands.b);
  const __m512i low = _mm512_load_si512(operands.low);
  const __m512i high = _mm512_load_si512(operands.high);
  _mm512_store_si512(operands.low, _mm512_madd52lo_epu64(low, a, b));
  _mm512_store_si512(operands.high, _mm512_madd52hi_epu64(high, a, b));
}

}  // namespace pssst::test
