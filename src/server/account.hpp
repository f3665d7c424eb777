/// Users of this machine.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/error.hpp"

namespace pssst::server {

struct Account {
  std::string name;
  uid_t user = 0;
  gid_t group = 0;
};

/// Nothing: there is no such user. An error, with `where`: nobody can say.
base::Result<std::optional<Account>> find_account(const std::string& name,
                                                  const std::string& where);
base::Result<std::optional<Account>> find_account(uid_t user, const std::string& where);

}  // namespace pssst::server
