// Every X25519 kernel against `portable` and OpenSSL on as many lanes as asked for, and RFC 7748's
// iterations. tests/run takes 10^6 lanes of it, tests/campaign 10^8; see usage().
#include <getopt.h>

#include <bit>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>

#include "base/hex.hpp"
#include "crypto/reference.hpp"
#include "crypto/x25519.hpp"

namespace pssst::crypto {
namespace {

constexpr std::size_t kOpensslShare = 16;
constexpr std::size_t kCheckShare = 16;
/// The model of an instruction set is far slower than it, and the automatic choice runs other
/// kernels' ladders.
constexpr std::size_t kSecondaryShare = 10;

struct Options {
  std::uint64_t lanes = 0;
  std::uint64_t iterations = 0;
  std::uint64_t seed = 1;
  std::string kernel;  ///< empty: all
};

/// A kernel's part in the campaign.
struct Contender {
  const X25519Kernel* kernel = nullptr;
  bool secondary = false;
  std::uint64_t lanes = 0;
};

class Mismatch : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Scalars and points that are random, or hard, or results of earlier multiplications.
class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed), bytes_(~seed) {}

  std::uint64_t below(std::uint64_t end) { return random_() % end; }

  Bytes32 scalar() {
    Bytes32 bytes{};
    switch (below(8)) {
      case 0:
        bytes.fill(below(2) == 0 ? 0x00 : 0xff);
        return bytes;
      case 1:  // long runs of equal bits
        for (std::uint8_t& byte : bytes) byte = below(4) == 0 ? 0x0f : (below(2) == 0 ? 0 : 0xff);
        return bytes;
      default:
        return bytes_.bytes32();
    }
  }

  Bytes32 point() {
    switch (below(6)) {
      case 0:
        return hard_[below(hard_.size())];
      case 1:
        return extreme_limbs();
      case 2:
        return earlier_;
      default:
        return bytes_.bytes32();
    }
  }

  void keep(const Bytes32& result) { earlier_ = result; }

 private:
  /// Limbs of one of the kernels' radices, each next to zero, to its largest value or to the middle
  /// where a signed carry turns.
  Bytes32 extreme_limbs() {
    constexpr std::size_t kRadix[] = {51, 51, 52, 64, 26};
    const std::size_t radix = kRadix[below(std::size(kRadix))];
    Bytes32 bytes{};
    for (std::size_t bit = 0; bit < 256; bit += radix) {
      const std::uint64_t end = radix == 64 ? 0 : std::uint64_t{1} << radix;
      const std::uint64_t middle = std::uint64_t{1} << (radix - 1);
      const std::uint64_t near[] = {0,          1,        18,       19,      middle - 1, middle,
                                    middle + 1, end - 20, end - 19, end - 2, end - 1};
      const std::uint64_t limb = near[below(std::size(near))];
      for (std::size_t i = 0; i < radix && bit + i < 256; ++i) {
        bytes.at((bit + i) / 8) |= static_cast<std::uint8_t>((limb >> i & 1) << (bit + i) % 8);
      }
    }
    return bytes;
  }

  std::mt19937_64 random_;
  test::SeededBytes bytes_;
  const std::vector<Bytes32> hard_ = test::adversarial_points();
  Bytes32 earlier_{9};
};

/// One burst, several lanes of which share a scalar.
struct Burst {
  std::size_t n = 0;
  std::array<Bytes32, kX25519LanesMax> raw{};
  std::array<X25519Scalar, kX25519LanesMax> scalars;
  std::array<const X25519Scalar*, kX25519LanesMax> pointers{};
  std::array<Bytes32, kX25519LanesMax> points{};
  std::array<Bytes32, kX25519LanesMax> expected{};
  LaneMask zero = 0;

  [[nodiscard]] const Bytes32& raw_scalar(std::size_t lane) const {
    return raw.at(static_cast<std::size_t>(pointers.at(lane) - scalars.data()));
  }
};

void fill(Generator& generator, Burst& burst) {
  burst.n = generator.below(2) == 0 ? kX25519LanesMax : 1 + generator.below(kX25519LanesMax);
  const std::size_t keys = 1 + generator.below(burst.n);
  for (std::size_t i = 0; i < keys; ++i) {
    burst.raw.at(i) = generator.scalar();
    burst.scalars.at(i).assign(burst.raw.at(i));
  }
  for (std::size_t i = 0; i < burst.n; ++i) {
    burst.pointers.at(i) = &burst.scalars.at(generator.below(keys));
    burst.points.at(i) = generator.point();
  }
}

void fail(const Burst& burst, std::size_t lane, std::string_view kernel, const std::string& what) {
  throw Mismatch(std::string(kernel) + ": " + what + " in lane " + std::to_string(lane) + " of " +
                 std::to_string(burst.n) + ": scalar " + base::to_hex(burst.raw_scalar(lane)) +
                 ", point " + base::to_hex(burst.points.at(lane)));
}

void expect_lanes(const Burst& burst, LaneMask got, LaneMask wanted, std::string_view kernel,
                  const std::string& what) {
  if (got == wanted) return;
  fail(burst, static_cast<std::size_t>(std::countr_zero(got ^ wanted)), kernel, what);
}

void compare_multiply(const X25519Kernel& kernel, const Burst& burst) {
  std::array<Bytes32, kX25519LanesMax> out{};
  const LaneMask zero =
      kernel.multiply(burst.pointers.data(), burst.points.data(), out.data(), burst.n);
  for (std::size_t i = 0; i < burst.n; ++i) {
    if (out.at(i) != burst.expected.at(i)) {
      fail(burst, i, kernel.name,
           "not " + base::to_hex(burst.expected.at(i)) + " but " + base::to_hex(out.at(i)));
    }
  }
  expect_lanes(burst, zero, burst.zero, kernel.name, "wrong zero lanes");
}

/// check() with some lanes off by one bit.
void compare_check(const X25519Kernel& kernel, const Burst& burst, Generator& generator) {
  std::array<Bytes32, kX25519LanesMax> expected = burst.expected;
  LaneMask equal = 0;
  for (std::size_t i = 0; i < burst.n; ++i) {
    const std::uint64_t bit = generator.below(512);
    if (bit < 256) expected.at(i).at(bit / 8) ^= static_cast<std::uint8_t>(1u << bit % 8);
    if (bit >= 256 && (burst.zero >> i & 1) == 0) equal |= LaneMask{1} << i;
  }
  const X25519CheckResult result =
      kernel.check(burst.pointers.data(), burst.points.data(), expected.data(), burst.n);
  expect_lanes(burst, result.zero, burst.zero, kernel.name, "check: wrong zero lanes");
  expect_lanes(burst, result.equal, equal, kernel.name, "check: wrong equal lanes");
}

/// Fills `expected` by the portable kernel; returns how many lanes OpenSSL confirmed.
std::uint64_t expect(Burst& burst, Generator& generator) {
  burst.zero =
      select_x25519_kernel("portable")
          ->multiply(burst.pointers.data(), burst.points.data(), burst.expected.data(), burst.n);
  std::uint64_t confirmed = 0;
  for (std::size_t i = 0; i < burst.n; ++i) {
    const bool is_zero = burst.expected.at(i) == Bytes32{};
    if (is_zero != ((burst.zero >> i & 1) != 0)) fail(burst, i, "portable", "wrong zero lane");
    if (!is_zero) generator.keep(burst.expected.at(i));
    if (generator.below(kOpensslShare) != 0) continue;
    ++confirmed;
    if (test::reference_x25519(burst.raw_scalar(i), burst.points.at(i)) != burst.expected.at(i)) {
      fail(burst, i, "portable", "not what OpenSSL says");
    }
  }
  return confirmed;
}

void run_differential(const Options& options, std::vector<Contender>& contenders) {
  Generator generator(options.seed);
  Burst burst;
  std::uint64_t lanes = 0;
  std::uint64_t confirmed = 0;
  std::uint64_t next_report = 1'000'000;
  for (std::uint64_t number = 0; lanes < options.lanes; ++number) {
    fill(generator, burst);
    confirmed += expect(burst, generator);
    lanes += burst.n;
    for (Contender& contender : contenders) {
      if (contender.secondary && number % kSecondaryShare != 0) continue;
      compare_multiply(*contender.kernel, burst);
      if (generator.below(kCheckShare) == 0) compare_check(*contender.kernel, burst, generator);
      contender.lanes += burst.n;
    }
    if (lanes >= next_report) {
      std::fprintf(stderr, "seed %llu: %llu lanes so far\n",
                   static_cast<unsigned long long>(options.seed),
                   static_cast<unsigned long long>(lanes));
      next_report += 1'000'000;
    }
  }
  std::printf("seed %llu: portable %llu lanes, of which OpenSSL confirmed %llu\n",
              static_cast<unsigned long long>(options.seed), static_cast<unsigned long long>(lanes),
              static_cast<unsigned long long>(confirmed));
  for (const Contender& contender : contenders) {
    std::printf("seed %llu: %s %llu lanes agree with portable\n",
                static_cast<unsigned long long>(options.seed),
                std::string(contender.kernel->name).c_str(),
                static_cast<unsigned long long>(contender.lanes));
  }
}

/// RFC 7748, section 5.2.
std::optional<std::string_view> iterated_value(std::uint64_t iterations) {
  switch (iterations) {
    case 1:
      return "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079";
    case 1000:
      return "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51";
    case 1'000'000:
      return "7c3911e0ab2586fd864497297e575e6f3bc601c0883c30df5f4dd2d24f665424";
    default:
      return std::nullopt;
  }
}

/// The same iteration in all lanes of a vector.
void run_iterations(const X25519Kernel& kernel, std::uint64_t iterations) {
  const std::size_t n = kernel.vector_lanes;
  X25519Scalar scalar;
  const std::vector<const X25519Scalar*> scalars(n, &scalar);
  Bytes32 k = test::small_value(9);
  std::vector<Bytes32> points(n, k);
  std::vector<Bytes32> out(n);
  for (std::uint64_t i = 1; i <= iterations; ++i) {
    scalar.assign(k);
    static_cast<void>(kernel.multiply(scalars.data(), points.data(), out.data(), n));
    for (const Bytes32& result : out) {
      if (result != out.front()) throw Mismatch(std::string(kernel.name) + ": lanes differ");
    }
    points.assign(n, k);
    k = out.front();
    const std::optional<std::string_view> known = iterated_value(i);
    if (known && base::to_hex(k) != *known) {
      throw Mismatch(std::string(kernel.name) + ": wrong after " + std::to_string(i) +
                     " iterations");
    }
  }
  std::printf("%s %llu iterations of RFC 7748\n", std::string(kernel.name).c_str(),
              static_cast<unsigned long long>(iterations));
}

void usage() {
  std::puts(
      "x25519_campaign [--lanes N] [--iterations N] [--seed N] [--kernel NAME]\n"
      "  --lanes       lanes of the differential test, for each kernel that this CPU runs; each\n"
      "                against portable, one in 16 against OpenSSL. A model of an instruction set\n"
      "                and the automatic choice take a tenth\n"
      "  --iterations  of RFC 7748, section 5.2, for each kernel: 1, 1000 or 1000000\n"
      "  --seed        of the inputs; 1 if not given\n"
      "  --kernel      one kernel alone");
}

std::optional<Options> parse(int argc, char** argv) {
  const option known[] = {{"lanes", required_argument, nullptr, 'l'},
                          {"iterations", required_argument, nullptr, 'i'},
                          {"seed", required_argument, nullptr, 's'},
                          {"kernel", required_argument, nullptr, 'k'},
                          {nullptr, 0, nullptr, 0}};
  Options options;
  const auto number = [](std::uint64_t& value) {
    const char* const end = optarg + std::strlen(optarg);
    const auto [stop, error] = std::from_chars(optarg, end, value);
    return error == std::errc() && stop == end;
  };
  for (int found = 0; (found = getopt_long(argc, argv, "", known, nullptr)) != -1;) {
    bool fine = true;
    if (found == 'l') {
      fine = number(options.lanes);
    } else if (found == 'i') {
      fine = number(options.iterations) &&
             (options.iterations == 0 || iterated_value(options.iterations));
    } else if (found == 's') {
      fine = number(options.seed);
    } else if (found == 'k') {
      options.kernel = optarg;
    } else {
      fine = false;
    }
    if (!fine) return std::nullopt;
  }
  return optind == argc ? std::optional(options) : std::nullopt;
}

std::vector<Contender> choose(const Options& options) {
  std::vector<Contender> contenders;
  for (const X25519Kernel& kernel : x25519_kernels()) {
    if (!kernel.supported()) continue;
    contenders.push_back({&kernel, kernel.name.ends_with("_model")});
  }
  const X25519Kernel* const automatic = select_x25519_kernel("auto");
  contenders.push_back({automatic, true});
  std::erase_if(contenders, [&](const Contender& contender) {
    return !options.kernel.empty() && contender.kernel->name != options.kernel;
  });
  return contenders;
}

int run(int argc, char** argv) {
  const std::optional<Options> options = parse(argc, argv);
  if (!options) {
    usage();
    return 2;
  }
  std::vector<Contender> contenders = choose(*options);
  if (contenders.empty()) {
    std::fprintf(stderr, "this CPU runs no kernel %s\n", options->kernel.c_str());
    return 2;
  }
  if (options->iterations > 0) {
    for (const Contender& contender : contenders) {
      if (!contender.secondary) run_iterations(*contender.kernel, options->iterations);
    }
  }
  if (options->lanes > 0) {
    // What makes the reference has no need to be compared with itself.
    std::erase_if(contenders, [](const Contender& c) { return c.kernel->name == "portable"; });
    run_differential(*options, contenders);
  }
  return 0;
}

}  // namespace
}  // namespace pssst::crypto

int main(int argc, char** argv) {
  setlinebuf(stdout);  // hours of it go to a file
  try {
    return pssst::crypto::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
