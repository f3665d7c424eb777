/// Errors off the hot path.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace pssst::base {

/// What went wrong, where, and what to do about it: each a phrase without a full stop.
struct Error {
  std::string what;
  std::string where;   ///< a file, an option, a device; may be empty
  std::string remedy;  ///< may be empty

  /// "where: what: remedy", one line.
  [[nodiscard]] std::string to_string() const;
};

template <class T>
using Result = tl::expected<T, Error>;

[[nodiscard]] inline tl::unexpected<Error> fail(std::string what, std::string where = {},
                                                std::string remedy = {}) {
  return tl::unexpected<Error>(Error{std::move(what), std::move(where), std::move(remedy)});
}

/// strerror_r(3) of `error_number`.
[[nodiscard]] std::string describe_errno(int error_number);

}  // namespace pssst::base
