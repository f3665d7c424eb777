/// Tests that every kernel has to pass.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "crypto/x25519.hpp"

namespace pssst::test {

/// One run for each kernel that was built; skipped where this CPU does not have the instructions.
class KernelTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    kernel_ = crypto::select_x25519_kernel(GetParam());
    if (kernel_ == nullptr) GTEST_SKIP() << "this CPU does not run the kernel " << GetParam();
  }
  [[nodiscard]] const crypto::X25519Kernel& kernel() const { return *kernel_; }

 private:
  const crypto::X25519Kernel* kernel_ = nullptr;
};

/// All that were built, and what is chosen where nobody chooses.
inline std::vector<std::string> kernel_names() {
  std::vector<std::string> names{"auto"};
  for (const crypto::X25519Kernel& kernel : crypto::x25519_kernels()) {
    names.emplace_back(kernel.name);
  }
  return names;
}

inline std::string kernel_name(const testing::TestParamInfo<std::string>& info) {
  return info.param;
}

}  // namespace pssst::test
