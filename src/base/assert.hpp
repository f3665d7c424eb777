/// Programmer errors abort, in every build.
#pragma once

namespace pssst::base {
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line) noexcept;
}  // namespace pssst::base

#define PSSST_ASSERT(condition)       \
  ((condition) ? static_cast<void>(0) \
               : ::pssst::base::assertion_failed(#condition, __FILE__, __LINE__))
