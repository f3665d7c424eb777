#include "base/cpu_features.hpp"

#include <cpuid.h>
#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

namespace pssst::base {
namespace {

/// What follows "key : " in the first such line of /proc/cpuinfo.
std::string cpuinfo(const std::string& key) {
  std::ifstream stream("/proc/cpuinfo");
  for (std::string line; std::getline(stream, line);) {
    const std::size_t colon = line.find(':');
    if (line.rfind(key, 0) == 0 && colon != std::string::npos && colon + 2 <= line.size()) {
      return line.substr(colon + 2);
    }
  }
  return {};
}

TEST(CpuFeatures, AgreeWithTheKernel) {
  std::istringstream words(cpuinfo("flags"));
  const std::set<std::string> flags{std::istream_iterator<std::string>(words), {}};
  ASSERT_FALSE(flags.empty());
  const CpuFeatures& cpu = cpu_features();
  const std::pair<const char*, bool> expected[] = {
      {"sse4_2", cpu.sse42},
      {"aes", cpu.aes},
      {"pclmulqdq", cpu.pclmul},
      {"sha_ni", cpu.sha},
      {"avx2", cpu.avx2},
      {"fma", cpu.fma},
      {"bmi2", cpu.bmi2},
      {"adx", cpu.adx},
      {"avx512f", cpu.avx512f},
      {"avx512vl", cpu.avx512vl},
      {"avx512dq", cpu.avx512dq},
      {"avx512bw", cpu.avx512bw},
      {"avx512ifma", cpu.avx512ifma},
  };
  for (const auto& [flag, present] : expected) EXPECT_EQ(flags.contains(flag), present) << flag;
}

TEST(CpuFeatures, Avx512IsHalvedOnZen4Alone) {
  const bool family_of_zen4 =
      cpuinfo("vendor_id") == "AuthenticAMD" && cpuinfo("cpu family") == "25";
  EXPECT_EQ(cpu_features().avx512_halved, family_of_zen4 && cpu_features().avx512f);
}

TEST(CpuFeatures, AreReadOnce) {
  EXPECT_EQ(&cpu_features(), &cpu_features());
}

// Not the kernel's model name: a virtual machine may have been moved since the kernel read it.
TEST(CpuName, IsTheBrandStringOfCpuid) {
  std::string brand;
  for (unsigned leaf = 0x80000002; leaf <= 0x80000004; ++leaf) {
    std::array<unsigned, 4> words{};
    ASSERT_EQ(__get_cpuid(leaf, &words[0], &words[1], &words[2], &words[3]), 1);
    for (const unsigned word : words) {
      for (int shift = 0; shift < 32; shift += 8) brand += static_cast<char>(word >> shift & 0xff);
    }
  }
  brand.resize(brand.find_last_not_of(std::string(" \0", 2)) + 1);
  brand.erase(0, brand.find_first_not_of(' '));
  EXPECT_EQ(cpu_name(), brand);
}

}  // namespace
}  // namespace pssst::base
