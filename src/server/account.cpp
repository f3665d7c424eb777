#include "server/account.hpp"

#include <pwd.h>

#include <cerrno>
#include <vector>

namespace pssst::server {
namespace {

/// `look_up`: getpwnam_r or getpwuid_r of something, but for the last four arguments.
template <class LookUp>
base::Result<std::optional<Account>> find(const std::string& where, LookUp look_up) {
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> text(1024);
  int failed = 0;
  while ((failed = look_up(&entry, text.data(), text.size(), &found)) == ERANGE) {
    text.resize(text.size() * 2);
  }
  if (failed != 0) {
    return base::fail("cannot look up users: " + base::describe_errno(failed), where,
                      "mend /etc/nsswitch.conf or what it names");
  }
  if (found == nullptr) return std::nullopt;
  return Account{.name = entry.pw_name, .user = entry.pw_uid, .group = entry.pw_gid};
}

}  // namespace

base::Result<std::optional<Account>> find_account(const std::string& name,
                                                  const std::string& where) {
  return find(where, [&](auto... rest) { return getpwnam_r(name.c_str(), rest...); });
}

base::Result<std::optional<Account>> find_account(uid_t user, const std::string& where) {
  return find(where, [&](auto... rest) { return getpwuid_r(user, rest...); });
}

}  // namespace pssst::server
