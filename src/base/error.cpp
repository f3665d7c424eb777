#include "base/error.hpp"

#include <array>
#include <cstring>

namespace pssst::base {

std::string Error::to_string() const {
  std::string line;
  for (const std::string* part : {&where, &what, &remedy}) {
    if (part->empty()) continue;
    if (!line.empty()) line += ": ";
    line += *part;
  }
  return line;
}

std::string describe_errno(int error_number) {
  std::array<char, 128> buffer{};
  // The GNU strerror_r: it returns a constant string or `buffer`, and never fails.
  return ::strerror_r(error_number, buffer.data(), buffer.size());
}

}  // namespace pssst::base
