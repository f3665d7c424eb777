/// What the constant-time programs share. Under valgrind, memcheck takes for undefined what is to
/// be secret, and reports each branch and each address that depends on it.
#pragma once

#include <valgrind/memcheck.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace pssst::crypto {

template <class T>
void make_secret(T& object) {
  VALGRIND_MAKE_MEM_UNDEFINED(&object, sizeof object);
}

template <class T>
void make_public(T& object) {
  VALGRIND_MAKE_MEM_DEFINED(&object, sizeof object);
}

/// Ends the program with status 3 unless `ok`.
inline void require(bool ok, const char* what) {
  if (ok) return;
  std::fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
  std::exit(3);
}

}  // namespace pssst::crypto
