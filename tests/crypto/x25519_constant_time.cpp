// Multiplies and checks with scalars, points and expected results that memcheck takes for
// undefined, so that it reports each branch and each address that depends on one. Runs under
// valgrind; x25519_constant_time_test.py says what must come of it.
//
//   x25519_constant_time            names the kernels that run here
//   x25519_constant_time KERNEL     or leak_branch or leak_address, which must be reported
#include <cstdio>
#include <string_view>

#include "crypto/curve25519.hpp"
#include "crypto/memcheck.hpp"
#include "crypto/reference.hpp"
#include "crypto/x25519.hpp"

namespace pssst::crypto {
namespace {

/// Not one bit is known but bit 255, always clear: what was secret got here. False outside
/// valgrind, too.
bool is_secret(const Bytes32& bytes) {
  Bytes32 undefined{};
  if (VALGRIND_GET_VBITS(bytes.data(), undefined.data(), undefined.size()) != 1) return false;
  undefined.back() |= 0x80;
  return std::all_of(undefined.begin(), undefined.end(), [](auto bits) { return bits == 0xff; });
}

std::uint64_t scalar_bit(const std::uint8_t* scalar, int position) {
  return scalar[position / 8] >> (position % 8) & 1u;
}

/// The ladder as one must not write it, by a branch or by an address.
enum class Leak { kBranch, kAddress };

template <Leak kLeak>
void leaky_ladders(const std::uint8_t* const* scalars, const std::uint8_t* points,
                   ProjectivePoint* results, std::size_t n) noexcept {
  for (std::size_t i = 0; i < n; ++i) {
    const Field25519 u = field_from_bytes(points + kX25519Size * i);
    ProjectivePoint state[2] = {{field_small(1), field_small(0)}, {u, field_small(1)}};
    for (int position = 254; position >= 0; --position) {
      const std::uint64_t bit = scalar_bit(scalars[i], position);
      if constexpr (kLeak == Leak::kAddress) {
        ladder_step(u, state[bit], state[1 - bit]);
      } else if (bit != 0) {
        __asm__ volatile("" : : : "memory");  // keeps the branch
        ladder_step(u, state[1], state[0]);
      } else {
        ladder_step(u, state[0], state[1]);
      }
    }
    results[i] = state[0];
  }
}

X25519Kernel leaky_kernel(X25519Ladders* ladders) {
  const X25519Part part{.ladders = ladders};
  X25519Kernel kernel = *select_x25519_kernel("portable");
  kernel.plan = X25519Plan(std::span(&part, 1));
  return kernel;
}

/// More than a vector, and a lane of small order, whose denominator is masked.
void run(const X25519Kernel& kernel) {
  constexpr std::size_t kSmallOrderLane = 1;
  const std::size_t n = kernel.vector_lanes + 2;
  test::SeededBytes random(60);
  std::array<X25519Scalar, kX25519LanesMax> scalars;
  std::array<const X25519Scalar*, kX25519LanesMax> pointers{};
  std::array<Bytes32, kX25519LanesMax> points{};
  std::array<Bytes32, kX25519LanesMax> out{};
  std::vector<Bytes32> expected;
  for (std::size_t i = 0; i < n; ++i) {
    Bytes32 scalar = random.bytes32();
    points.at(i) = i == kSmallOrderLane ? test::kOrder8[0] : random.bytes32();
    expected.push_back(test::reference_x25519(scalar, points.at(i)));
    make_secret(scalar);
    make_secret(points.at(i));
    scalars.at(i).assign(scalar);
    pointers.at(i) = &scalars.at(i);
  }

  LaneMask zero = kernel.multiply(pointers.data(), points.data(), out.data(), n);
  for (std::size_t i = 0; i < n; ++i) {
    require(is_secret(out.at(i)), "a result that does not depend on its secrets");
    make_public(out.at(i));
    require(out.at(i) == expected.at(i), "a wrong result");
    make_secret(expected.at(i));
  }
  make_public(zero);
  require(zero == LaneMask{1} << kSmallOrderLane, "wrong zero lanes");

  X25519CheckResult result = kernel.check(pointers.data(), points.data(), expected.data(), n);
  make_public(result);
  require(result.zero == zero, "check: wrong zero lanes");
  require(result.equal == (((LaneMask{1} << n) - 1) & ~zero), "check: wrong equal lanes");
}

int main_of(int argc, char** argv) {
  if (argc == 1) {
    for (const X25519Kernel& kernel : x25519_kernels()) {
      if (kernel.supported()) std::puts(std::string(kernel.name).c_str());
    }
    std::puts("auto");
    return 0;
  }
  require(RUNNING_ON_VALGRIND != 0, "not under valgrind, which is what looks");
  const std::string_view name = argv[1];
  if (name == "leak_branch") {
    run(leaky_kernel(leaky_ladders<Leak::kBranch>));
  } else if (name == "leak_address") {
    run(leaky_kernel(leaky_ladders<Leak::kAddress>));
  } else {
    const X25519Kernel* const kernel = select_x25519_kernel(name);
    require(kernel != nullptr, "no such kernel");
    run(*kernel);
  }
  return 0;
}

}  // namespace
}  // namespace pssst::crypto

int main(int argc, char** argv) {
  return pssst::crypto::main_of(argc, argv);
}
