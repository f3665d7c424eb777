#include "crypto/x25519.hpp"

#include <algorithm>
#include <string>

#include "base/assert.hpp"
#include "base/cpu_features.hpp"
#include "base/secret_memory.hpp"
#include "crypto/x25519_affine.hpp"
#include "crypto/x25519_ladders.hpp"

namespace pssst::crypto {
namespace {

constexpr bool always_supported() noexcept {
  return true;
}

bool has_avx2_and_fma() noexcept {
  return base::cpu_features().avx2 && base::cpu_features().fma;
}

bool has_avx512ifma() noexcept {
  return base::cpu_features().avx512f && base::cpu_features().avx512dq &&
         base::cpu_features().avx512ifma;
}

bool has_bmi2() noexcept {
  return base::cpu_features().bmi2;
}

bool has_avx2_fma_and_bmi2() noexcept {
  return has_avx2_and_fma() && has_bmi2();
}

void run_ladders(const X25519Plan& plan, const X25519Scalar* const* scalars, const Bytes32* points,
                 ProjectivePoint* results, std::size_t n) noexcept {
  PSSST_ASSERT(n <= kX25519LanesMax);
  std::array<const std::uint8_t*, kX25519LanesMax> clamped;
  for (std::size_t i = 0; i < n; ++i) {
    clamped[i] = scalars[i]->clamped().data();
    // The ladders take bit 254 for granted. A scalar made before a fork() is zero in the child,
    // whose shared secrets everybody could compute. These two bits are the same in every scalar:
    // no secret decides this branch.
    PSSST_ASSERT((clamped[i][kX25519Size - 1] & 0xc0) == 0x40);
  }
  std::size_t first = 0;
  for (std::size_t i = 0; i < plan.parts().size(); ++i) {
    const std::size_t lanes = plan.lanes(n, i);
    if (lanes == 0) continue;
    plan.parts()[i].ladders(clamped.data() + first, points[first].data(), results + first, lanes);
    first += lanes;
  }
}

/// What decides between kernels: thousands of TSC cycles for one run of the ladder. 0: a kernel
/// that is there to be chosen by name alone.
struct Cost {
  std::uint32_t halved;  ///< where 512-bit operations run as two halves, or there are none
  std::uint32_t whole;
};
constexpr Cost kByNameAlone{.halved = 0, .whole = 0};

struct Row {
  X25519Kernel kernel;
  Cost costs;

  [[nodiscard]] std::uint32_t cost() const noexcept {
    const base::CpuFeatures& cpu = base::cpu_features();
    return cpu.avx512f && !cpu.avx512_halved ? costs.whole : costs.halved;
  }
};

constexpr Row make_row(std::string_view name, std::size_t vector_lanes,
                       bool (*supported)() noexcept, X25519Ladders* ladders, Cost costs) noexcept {
  const X25519Part part{.ladders = ladders, .vector_lanes = vector_lanes};
  return {.kernel = {.name = name,
                     .vector_lanes = vector_lanes,
                     .burst_limit = std::min(8 * vector_lanes, kX25519LanesMax),
                     .supported = supported,
                     .plan = X25519Plan(std::span(&part, 1))},
          .costs = costs};
}

// Measured on AMD EPYC at a TSC of 2.6 GHz, ladders alone: `halved` on Zen 4 (family 25, model 17),
// medians of 400 interleaved windows; `whole` on Zen 5, whole calls less their inversion, but for
// portable and avx2_mulx, which were not measured there. It follows
//
//     lanes       1     2 to 4   5          6 to 8       9        10 to 12
//     halved      mulx  avx2     avx2_mulx  avx512ifma   + mulx   + avx2      and so on
//       AVX2      mulx  avx2     avx2_mulx  6: + mulx, more: + avx2
//     whole       avx512ifma, as soon as there is one lane
//
// where 6 lanes of AVX2 take 139 and not 148. The inversion is the same for all: 7 for one lane and
// 0.2 for each further one.
//
// A path for bursts with one scalar would save next to nothing: of the 1,737 instructions of an
// avx2 step three are about the select bits, which a step needs anyway; packing a lane's bits takes
// about 50 instructions of more than 100,000.
constexpr std::array kRows{
    make_row("avx512ifma", 8, has_avx512ifma, x25519_ladders_avx512ifma,
             {.halved = 100, .whole = 37}),
    make_row("avx2_mulx", 5, has_avx2_fma_and_bmi2, x25519_ladders_avx2_mulx,
             {.halved = 81, .whole = 67}),
    make_row("avx2", 4, has_avx2_and_fma, x25519_ladders_avx2, {.halved = 74, .whole = 64}),
    make_row("avx2_readable", 4, has_avx2_and_fma, x25519_ladders_avx2_readable, kByNameAlone),
    make_row("mulx", 1, has_bmi2, x25519_ladders_mulx, {.halved = 58, .whole = 38}),
    make_row("avx512ifma_model", 8, always_supported, x25519_ladders_avx512ifma_model,
             kByNameAlone),
    make_row("portable", 1, always_supported, x25519_ladders_portable, {.halved = 81, .whole = 75}),
};

constexpr auto kKernels = [] {
  std::array<X25519Kernel, kRows.size()> kernels{};
  for (std::size_t i = 0; i < kRows.size(); ++i) kernels[i] = kRows[i].kernel;
  return kernels;
}();
static_assert(kRows.size() <= X25519Plan::kPartsMax);
static_assert(kKernels.back().name == "portable", "x25519_public() takes it without asking");

/// What select_x25519_kernel() chooses of itself: all that this CPU runs, by cost.
class Automatic {
 public:
  Automatic() {
    const Row* main = &kRows.back();  // whose lane is cheapest
    std::array<X25519Part, kRows.size()> parts;
    std::array<std::string_view, kRows.size()> names;
    std::size_t count = 0;
    for (const Row& row : kRows) {
      if (row.cost() == 0 || !row.kernel.supported()) continue;
      if (row.cost() * main->kernel.vector_lanes < main->cost() * row.kernel.vector_lanes) {
        main = &row;
      }
      names[count] = row.kernel.name;
      parts[count] = row.kernel.plan.parts().front();
      parts[count++].cost = row.cost();
    }
    kernel_ = main->kernel;
    kernel_.plan = X25519Plan(std::span(parts).first(count));
    for (std::size_t i = 0; i < count; ++i) {
      if (!uses(i)) continue;
      name_.append(name_.empty() ? "" : "+").append(names[i]);
    }
    kernel_.name = name_;
  }
  Automatic(const Automatic&) = delete;
  Automatic& operator=(const Automatic&) = delete;
  ~Automatic() = default;

  [[nodiscard]] const X25519Kernel& kernel() const noexcept { return kernel_; }

 private:
  [[nodiscard]] bool uses(std::size_t part) const noexcept {
    for (std::size_t n = 1; n <= kX25519LanesMax; ++n) {
      if (kernel_.plan.lanes(n, part) != 0) return true;
    }
    return false;
  }

  std::string name_;
  X25519Kernel kernel_{};
};

constexpr Bytes32 kBasePoint{9};

/// 2^255 - 19 less `offset`, little-endian; offset at most 0xed.
constexpr Bytes32 below_p(std::uint8_t offset) noexcept {
  Bytes32 bytes{};
  bytes.fill(0xff);
  bytes.front() = static_cast<std::uint8_t>(0xed - offset);
  bytes.back() = 0x7f;
  return bytes;
}

// Of order 2, 4, 4 (on the twist) and 8 twice.
constexpr std::array<Bytes32, 5> kSmallOrder{{
    {0},
    {1},
    below_p(1),
    {0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
     0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
     0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00},
    {0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1,
     0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c,
     0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57},
}};

}  // namespace

X25519Scalar::X25519Scalar(std::span<const std::uint8_t, kX25519Size> bytes) noexcept {
  assign(bytes);
}

X25519Scalar::~X25519Scalar() {
  base::wipe_object(clamped_);
}

void X25519Scalar::assign(std::span<const std::uint8_t, kX25519Size> bytes) noexcept {
  std::copy(bytes.begin(), bytes.end(), clamped_.begin());
  clamped_.front() &= 0xf8;
  clamped_.back() = static_cast<std::uint8_t>((clamped_.back() & 0x7f) | 0x40);
}

std::span<const X25519Kernel> x25519_kernels() noexcept {
  return kKernels;
}

const X25519Kernel* select_x25519_kernel(std::string_view name) noexcept {
  static const Automatic automatic;
  const X25519Kernel& best = automatic.kernel();
  const auto* const found =
      std::find_if(kKernels.begin(), kKernels.end(), [name](const X25519Kernel& kernel) noexcept {
        return kernel.name == name && kernel.supported();
      });
  if (found != kKernels.end()) return found;
  return name.empty() || name == "auto" || name == best.name ? &best : nullptr;
}

LaneMask X25519Kernel::multiply(const X25519Scalar* const* scalars, const Bytes32* points,
                                Bytes32* out, std::size_t n) const noexcept {
  if (n == 0) return 0;
  std::array<ProjectivePoint, kX25519LanesMax> results;
  run_ladders(plan, scalars, points, results.data(), n);
  return x25519_to_bytes(results.data(), out, n);
}

X25519CheckResult X25519Kernel::check(const X25519Scalar* const* scalars, const Bytes32* points,
                                      const Bytes32* expected, std::size_t n) const noexcept {
  if (n == 0) return {};
  std::array<ProjectivePoint, kX25519LanesMax> results;
  run_ladders(plan, scalars, points, results.data(), n);
  return x25519_compare(results.data(), expected, n);
}

Bytes32 x25519_public(const X25519Scalar& scalar) noexcept {
  const X25519Scalar* const scalars[] = {&scalar};
  Bytes32 out;
  static_cast<void>(kKernels.back().multiply(scalars, &kBasePoint, &out, 1));
  return out;
}

bool is_canonical(const Bytes32& u) noexcept {
  constexpr Bytes32 kP = below_p(0);
  return std::lexicographical_compare(u.rbegin(), u.rend(), kP.rbegin(), kP.rend());
}

bool is_small_order(const Bytes32& u) noexcept {
  return std::find(kSmallOrder.begin(), kSmallOrder.end(), u) != kSmallOrder.end();
}

}  // namespace pssst::crypto
