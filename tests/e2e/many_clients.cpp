// Prints public keys of clients that nobody is, one a line: points of the prime-order subgroup, a
// million a second. "many_clients N": A + i Q for i below N, of two fresh keys A and Q.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/hex.hpp"
#include "crypto/edwards25519.hpp"
#include "pssst/keys.hpp"

namespace pssst::crypto {
namespace {

EdwardsExtended fresh_point() {
  const PublicKey key = PrivateKey::generate().public_key();
  EdwardsExtended point{};
  if (edwards_from_montgomery(field_from_bytes(key.data()), point) == 0) std::abort();
  return point;
}

/// u = (Z + Y) / (Z - Y) of all, with one inversion.
bool print_keys(const std::vector<EdwardsExtended>& points, std::size_t n) {
  std::vector<Field25519> products{field_small(1)};
  for (std::size_t i = 0; i < n; ++i) {
    const EdwardsPoint& p = points[i].point;
    products.push_back(field_multiply(products.back(), field_subtract(p.z, p.y)));
  }
  Field25519 inverse = field_invert(products.back());
  std::vector<std::string> lines(n);
  for (std::size_t i = n; i-- > 0;) {
    const EdwardsPoint& p = points[i].point;
    const Field25519 below = field_multiply(inverse, products[i]);
    inverse = field_multiply(inverse, field_subtract(p.z, p.y));
    PublicKey key{};
    field_to_bytes(field_multiply(field_add(p.z, p.y), below), key.data());
    lines[i] = base::to_hex(key) + "\n";
  }
  return std::ranges::all_of(
      lines, [](const std::string& line) { return std::fputs(line.c_str(), stdout) >= 0; });
}

bool print_many(std::size_t n) {
  constexpr std::size_t kTracks = 1024;
  EdwardsExtended step = fresh_point();
  std::vector<EdwardsExtended> points{fresh_point()};
  while (points.size() < kTracks) points.push_back(edwards_add(points.back(), step));
  for (std::size_t i = 1; i < kTracks; i *= 2) step = edwards_double(step.point);
  for (std::size_t left = n; left > 0;) {
    const std::size_t some = left < kTracks ? left : kTracks;
    if (!print_keys(points, some)) return false;
    left -= some;
    for (EdwardsExtended& point : points) point = edwards_add(point, step);
  }
  return std::fflush(stdout) == 0;
}

}  // namespace
}  // namespace pssst::crypto

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  return pssst::crypto::print_many(std::strtoull(argv[1], nullptr, 10)) ? 0 : 1;
}
