#include "base/cpu_features.hpp"

#include <gtest/gtest.h>

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

TEST(CpuName, IsTheKernelsModelName) {
  std::string model = cpuinfo("model name");
  model.erase(model.find_last_not_of(' ') + 1);
  EXPECT_EQ(cpu_name(), model);
}

}  // namespace
}  // namespace pssst::base
