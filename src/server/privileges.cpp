#include "server/privileges.hpp"

#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <vector>

#include "base/secret_memory.hpp"
#include "server/account.hpp"
#include "server/every_thread.hpp"
#include "server/system_call_filter.hpp"

namespace pssst::server {
namespace {

constexpr std::uint64_t bit(unsigned capability) {
  return std::uint64_t{1} << capability;
}

/// Read by the actions below, which run in signal handlers; written before.
std::uint64_t kept;

__user_cap_header_struct this_thread() noexcept {
  return {_LINUX_CAPABILITY_VERSION_3, 0};
}

/// Of this thread. 0 or an errno.
int read_permitted(std::uint64_t& permitted) noexcept {
  auto header = this_thread();
  std::array<__user_cap_data_struct, 2> sets{};
  if (syscall(SYS_capget, &header, sets.data()) != 0) return errno;
  permitted = std::uint64_t{sets[1].permitted} << 32 | sets[0].permitted;
  return 0;
}

int empty_bounding_set() noexcept {
  for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; ++capability) {
    if (prctl(PR_CAPBSET_DROP, capability) != 0) return errno;
  }
  return 0;
}

int keep_through_user_change() noexcept {
  if (const int failed = empty_bounding_set(); failed != 0) return failed;
  return prctl(PR_SET_KEEPCAPS, 1UL) == 0 ? 0 : errno;
}

int keep_only_needed() noexcept {
  std::uint64_t permitted = 0;
  if (const int failed = read_permitted(permitted); failed != 0) return failed;
  auto header = this_thread();
  // A thread may have fewer than the process began with.
  const std::uint64_t keep = kept & permitted;
  const auto low = static_cast<std::uint32_t>(keep);
  const auto high = static_cast<std::uint32_t>(keep >> 32);
  const std::array<__user_cap_data_struct, 2> sets{{{low, low, 0}, {high, high, 0}}};
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0UL, 0UL, 0UL) != 0) return errno;
  if (syscall(SYS_capset, &header, sets.data()) != 0) return errno;
  return prctl(PR_SET_KEEPCAPS, 0UL) == 0 ? 0 : errno;
}

int forbid_new_privileges() noexcept {
  return prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) == 0 ? 0 : errno;
}

base::Result<void> become(const std::string& user) {
  const std::string where = "user " + user;
  const auto found = find_account(user, where);
  if (!found) return tl::unexpected(found.error());
  if (!*found)
    return base::fail("no such user", where, "create it (useradd --system) or name another");
  // Keys that a reload makes are locked in memory too, without CAP_IPC_LOCK.
  const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
  if (setrlimit(RLIMIT_MEMLOCK, &unlimited) != 0) kept |= bit(CAP_IPC_LOCK);
  if (auto set = on_every_thread(keep_through_user_change, "emptying the bounding set"); !set) {
    return set;
  }
  const Account& account = **found;
  if (initgroups(user.c_str(), account.group) != 0 ||
      setresgid(account.group, account.group, account.group) != 0 ||
      setresuid(account.user, account.user, account.user) != 0) {
    return base::fail("cannot become this user: " + base::describe_errno(errno), where,
                      "start with CAP_SETUID, CAP_SETGID and CAP_SETPCAP, or as that user");
  }
  return {};
}

/// Without root one can only be who one is.
base::Result<void> check_self(const std::string& user) {
  const auto found = find_account(geteuid(), "user " + user);
  if (!found) return tl::unexpected(found.error());
  if (*found && user == (*found)->name) return {};
  return base::fail("only root can become another user", "user " + user,
                    "start as root, or as that user without this setting");
}

base::Result<void> change_user(const std::string& user) {
  if (geteuid() == 0) {
    if (user.empty()) return {};
    if (auto became = become(user); !became) return became;
  } else {
    if (auto self = user.empty() ? base::Result<void>{} : check_self(user); !self) return self;
    std::uint64_t permitted = 0;
    if (const int failed = read_permitted(permitted); failed != 0) {
      return base::fail("cannot read capabilities: " + base::describe_errno(failed), "capget");
    }
    kept |= permitted & bit(CAP_IPC_LOCK);
  }
  return on_every_thread(keep_only_needed, "dropping capabilities");
}

}  // namespace

std::uint64_t needed_capabilities(const Configuration& configuration) {
  const auto& services = configuration.services;
  if (configuration.port == PortKind::kSocket) {
    const bool low = std::any_of(services.begin(), services.end(),
                                 [](const auto& service) { return service.udp_port < 1024; });
    return low ? bit(CAP_NET_BIND_SERVICE) : 0;
  }
  std::uint64_t needed = 0;
  for (const std::string_view vdev : configuration.dpdk.vdevs) {
    // To take the XDP program from the interface, and to undo what was set on the tap.
    if (vdev.starts_with("net_af_xdp") || vdev.starts_with("net_tap")) needed |= bit(CAP_NET_ADMIN);
  }
  return needed;
}

base::Result<std::string> drop_privileges(const Configuration& configuration) {
  const PrivilegeOptions& options = configuration.privileges;
  kept = needed_capabilities(configuration);
  if (auto changed = change_user(options.user); !changed) return tl::unexpected(changed.error());
  // A change of user resets it.
  if (!base::disable_core_dumps()) {
    return base::fail("the kernel refuses to keep keys out of core dumps", "prctl PR_SET_DUMPABLE",
                      "do not forbid prctl and setrlimit to the server");
  }
  if (auto set = on_every_thread(forbid_new_privileges, "prctl PR_SET_NO_NEW_PRIVS"); !set) {
    return tl::unexpected(set.error());
  }
  std::string done = "privileges: user " + std::to_string(geteuid());
  if (!options.seccomp) return done + "; no system call filter, as told";
  if (!can_filter_system_calls()) return done + "; no system call filter in a sanitizer's build";
  if (auto loaded = filter_system_calls(configuration); !loaded) {
    return tl::unexpected(loaded.error());
  }
  return done + "; system calls filtered";
}

}  // namespace pssst::server
