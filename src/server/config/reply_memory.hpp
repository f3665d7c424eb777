/// What suite 1 keys have answered with since the server started, whatever becomes of their
/// records on disk (reply_record.hpp).
#pragma once

#include <map>
#include <span>
#include <vector>

#include "base/error.hpp"
#include "server/config/reply_record.hpp"
#include "server/config/service.hpp"

namespace pssst::server {

/// One suite 1 key of a service that replies.
struct KeyFunction {
  std::size_t service = 0;  ///< index of the service
  std::size_t key = 0;      ///< index of the key among the service's
  PublicKey public_key{};
  ReplyFunction function;
};
/// `services` are those of `settings`, in the same order.
base::Result<std::vector<KeyFunction>> key_functions_of(std::span<const ServiceSettings> settings,
                                                        std::span<const Service> services);

class ReplyMemory {
 public:
  /// Fails if one of these keys would answer otherwise than it did.
  [[nodiscard]] base::Result<void> check(std::span<const KeyFunction> functions) const;
  /// They serve from now on.
  void add(std::span<const KeyFunction> functions);

 private:
  std::map<PublicKey, ReplyFunction> functions_;
};

}  // namespace pssst::server
