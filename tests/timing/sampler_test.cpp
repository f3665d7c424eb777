#include "timing/sampler.hpp"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include "base/tsc.hpp"

namespace pssst::bench {
namespace {

// Its machine code is one small loop.
__attribute__((noinline)) void work_hard(std::uint64_t rounds) {
  __asm__ volatile(
      "1: dec %0\n"
      "jnz 1b\n"
      : "+r"(rounds)
      :
      : "cc");
}

TEST(SamplerTest, FindsWhereTheTimeGoes) {
  Sampler sampler(200);
  const std::uint64_t begin = base::read_tsc();
  while (base::read_tsc() - begin < base::tsc_hz() / 5) work_hard(100'000);
  Dl_info info{};
  ASSERT_NE(dladdr(reinterpret_cast<const void*>(&work_hard), &info), 0);
  const auto start = reinterpret_cast<std::uintptr_t>(&work_hard) -
                     reinterpret_cast<std::uintptr_t>(info.dli_fbase);
  std::size_t inside = 0;
  std::size_t all = 0;
  for (const Sampler::Place& place : sampler.places()) {
    all += place.count;
    const bool here = place.file == info.dli_fname && place.offset - start < 256;
    inside += here ? place.count : 0;
  }
  EXPECT_GT(all, 20U);
  EXPECT_GT(inside, all / 2);
}

TEST(SamplerTest, StopsAndStartsAgain) {
  for (int i = 0; i < 3; ++i) {
    Sampler sampler(1000);
    const auto places = sampler.places();
    EXPECT_EQ(sampler.places().size(), places.size());
  }
}

}  // namespace
}  // namespace pssst::bench
