// Checks proofs by table with scalars, tables and expected results that memcheck takes for
// undefined, so that it reports each branch and each address that depends on one. Runs under
// valgrind; proof_constant_time_test.py says what must come of it.
//
//   proof_constant_time            names the kernels that run here
//   proof_constant_time KERNEL     or leak, which must be reported
#include <cstdio>
#include <string_view>

#include "crypto/edwards25519.hpp"
#include "crypto/memcheck.hpp"
#include "crypto/proof_combs.hpp"
#include "crypto/proof_digits.hpp"
#include "crypto/proof_testing.hpp"

namespace pssst::crypto {
namespace {

/// Reads the one word that it wants, as one must not.
X25519CheckResult leaky_check(const X25519Scalar* const* scalars, const ProofTable* const* tables,
                              const Bytes32*, std::size_t n) noexcept {
  X25519CheckResult result;
  for (std::size_t i = 0; i < n; ++i) {
    ProofDigits digits;
    proof_digits(scalars[i]->clamped().data(), digits);
    for (const std::uint32_t entry : digits.entry) {
      result.equal ^= tables[i]->word[0][0][entry];
    }
  }
  return result;
}

/// More than a vector; the last lane's proof is wrong.
X25519CheckResult run(const ProofKernel& kernel, std::size_t n) {
  test::SeededBytes random(68);
  std::array<X25519Scalar, kX25519LanesMax> scalars;
  std::array<const X25519Scalar*, kX25519LanesMax> scalar_pointers{};
  std::vector<ProofTable> tables(n);
  std::vector<const ProofTable*> table_pointers;
  std::vector<Bytes32> expected;
  for (std::size_t i = 0; i < n; ++i) {
    const Bytes32 key = test::honest_key(random);
    require(make_proof_table(key.data(), kernel.form, tables[i]), "no table");
    Bytes32 scalar = random.bytes32();
    expected.push_back(test::reference_x25519(scalar, key));
    if (i + 1 == n) expected.back()[7] ^= 0x20;
    make_secret(scalar);
    make_secret(tables[i]);
    make_secret(expected.back());
    scalars.at(i).assign(scalar);
    scalar_pointers.at(i) = &scalars.at(i);
    table_pointers.push_back(&tables[i]);
  }
  return kernel.check(scalar_pointers.data(), table_pointers.data(), expected.data(), n);
}

int main_of(int argc, char** argv) {
  if (argc == 1) {
    for (const ProofKernel* kernel : test::supported_proof_kernels()) {
      std::puts(std::string(kernel->name).c_str());
    }
    return 0;
  }
  require(RUNNING_ON_VALGRIND != 0, "not under valgrind, which is what looks");
  const std::string_view name = argv[1];
  ProofKernel kernel = proof_kernels().back();
  const bool leaks = name == "leak";
  for (const ProofKernel* other : test::supported_proof_kernels()) {
    if (other->name == name) kernel = *other;
  }
  if (leaks) kernel.check = leaky_check;
  require(leaks || kernel.name == name, "no such kernel");
  const std::size_t n = kernel.vector_lanes + 2;
  X25519CheckResult result = run(kernel, n);
  LaneMask undefined = 0;
  require(VALGRIND_GET_VBITS(&result.equal, &undefined, sizeof undefined) == 1 && undefined != 0,
          "a result that does not depend on its secrets");
  make_public(result);
  if (leaks) return 0;
  require(result.equal == (LaneMask{1} << (n - 1)) - 1, "wrong equal lanes");
  require(result.zero == 0, "wrong zero lanes");
  return 0;
}

}  // namespace
}  // namespace pssst::crypto

int main(int argc, char** argv) {
  return pssst::crypto::main_of(argc, argv);
}
