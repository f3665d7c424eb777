#include "base/cpu_features.hpp"

#include <cpuid.h>

#include <array>
#include <cstdint>
#include <cstring>

namespace pssst::base {
namespace {

struct Registers {
  std::uint32_t eax = 0;
  std::uint32_t ebx = 0;
  std::uint32_t ecx = 0;
  std::uint32_t edx = 0;
};

/// All zero where the CPU has no such leaf.
Registers cpuid(std::uint32_t leaf, std::uint32_t subleaf) noexcept {
  Registers r;
  if (__get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx) == 0) return {};
  return r;
}

/// XCR0. Only where cpuid reports OSXSAVE. By hand: the intrinsic would need -mxsave.
std::uint64_t read_xcr0() noexcept {
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return std::uint64_t{high} << 32 | low;
}

constexpr bool bit(std::uint32_t word, unsigned position) noexcept {
  return (word >> position & 1u) != 0;
}

bool is_amd() noexcept {
  const Registers vendor = cpuid(0, 0);  // "Auth" "enti" "cAMD"
  return vendor.ebx == 0x68747541 && vendor.edx == 0x69746e65 && vendor.ecx == 0x444d4163;
}

/// Of AMD's CPUs; the extended family counts on top of 15 (AMD64 manual, volume 3, CPUID 1).
constexpr std::uint32_t amd_family(std::uint32_t signature) noexcept {
  return (signature >> 8 & 0xf) + (signature >> 20 & 0xff);
}
constexpr std::uint32_t kAmdZen3And4 = 0x19;

// Intel SDM volume 2, CPUID, leaves 1 and 7; volume 1, section 13.3, XCR0.
CpuFeatures detect() noexcept {
  const Registers basic = cpuid(1, 0);
  const Registers extended = cpuid(7, 0);
  const bool os_saves = bit(basic.ecx, 27);
  const std::uint64_t xcr0 = os_saves ? read_xcr0() : 0;
  constexpr std::uint64_t kYmm = 0x06;  // SSE, AVX
  constexpr std::uint64_t kZmm = 0xe6;  // and opmask, the upper halves, zmm16 to zmm31
  const bool ymm = (xcr0 & kYmm) == kYmm;
  const bool zmm = (xcr0 & kZmm) == kZmm;

  CpuFeatures features;
  features.sse42 = bit(basic.ecx, 20);
  features.aes = bit(basic.ecx, 25);
  features.pclmul = bit(basic.ecx, 1);
  features.sha = bit(extended.ebx, 29);
  features.avx2 = ymm && bit(extended.ebx, 5);
  features.fma = ymm && bit(basic.ecx, 12);
  features.bmi2 = bit(extended.ebx, 8);
  features.adx = bit(extended.ebx, 19);
  features.avx512f = zmm && bit(extended.ebx, 16);
  features.avx512vl = zmm && bit(extended.ebx, 31);
  features.avx512dq = zmm && bit(extended.ebx, 17);
  features.avx512bw = zmm && bit(extended.ebx, 30);
  features.avx512ifma = zmm && bit(extended.ebx, 21);
  // Of that family only Zen 4 has AVX-512.
  features.avx512_halved = features.avx512f && is_amd() && amd_family(basic.eax) == kAmdZen3And4;
  return features;
}

}  // namespace

const CpuFeatures& cpu_features() noexcept {
  static const CpuFeatures features = detect();
  return features;
}

std::string cpu_name() {
  std::array<Registers, 3> words{};
  for (std::uint32_t i = 0; i < words.size(); ++i) words.at(i) = cpuid(0x80000002 + i, 0);
  std::array<char, sizeof words + 1> text{};
  std::memcpy(text.data(), words.data(), sizeof words);
  std::string name(text.data());
  const std::size_t first = name.find_first_not_of(' ');
  if (first == std::string::npos) return "unknown";
  const std::size_t last = name.find_last_not_of(' ');
  return name.substr(first, last - first + 1);
}

}  // namespace pssst::base
