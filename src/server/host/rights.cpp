// Memlock, users, files and capabilities: what the server's process may do.
#include <linux/capability.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "server/config/credentials.hpp"
#include "server/host/host_check.hpp"
#include "server/privileges.hpp"

namespace pssst::server {
namespace {

constexpr std::uint64_t bit(unsigned capability) {
  return std::uint64_t{1} << capability;
}

struct CapabilityName {
  unsigned number;
  const char* name;
};
constexpr std::array kCapabilityNames{
    CapabilityName{CAP_NET_BIND_SERVICE, "CAP_NET_BIND_SERVICE"},
    CapabilityName{CAP_NET_ADMIN, "CAP_NET_ADMIN"},
    CapabilityName{CAP_NET_RAW, "CAP_NET_RAW"},
    CapabilityName{CAP_SYS_ADMIN, "CAP_SYS_ADMIN"},
};

/// Those of this process.
std::uint64_t own_capabilities(const Machine& machine) {
  return machine.number_in("proc/self/status", "CapEff:", 16).value_or(0);
}

bool has_vdev(const Configuration& configuration, std::string_view kind) {
  return configuration.port == PortKind::kDpdk &&
         std::ranges::any_of(configuration.dpdk.vdevs,
                             [&](const std::string& vdev) { return vdev.starts_with(kind); });
}

bool has_exception_taps(const Configuration& configuration) {
  return configuration.port == PortKind::kDpdk && !configuration.dpdk.exception_taps.empty();
}

/// What it takes to start; part of it is given up later.
std::uint64_t capabilities_to_start(const Configuration& configuration, const Machine& machine) {
  std::uint64_t needed = needed_capabilities(configuration);
  if (has_vdev(configuration, "net_af_xdp")) needed |= bit(CAP_NET_RAW) | bit(CAP_SYS_ADMIN);
  if (has_vdev(configuration, "net_af_packet")) needed |= bit(CAP_NET_RAW);
  if (has_exception_taps(configuration)) needed |= bit(CAP_NET_ADMIN);
  const auto first_free = machine.number_in("proc/sys/net/ipv4/ip_unprivileged_port_start", "");
  const bool all_free =
      std::ranges::all_of(configuration.services, [&](const ServiceSettings& service) {
        return service.udp_port >= first_free.value_or(1024);
      });
  return all_free ? needed & ~bit(CAP_NET_BIND_SERVICE) : needed;
}

/// Of deploy/pssstd.service.d; empty: none of them is what it takes.
std::string drop_in_for(const Configuration& configuration) {
  if (has_vdev(configuration, "net_af_xdp")) return "deploy/pssstd.service.d/af_xdp.conf";
  if (has_vdev(configuration, "net_tap")) return "deploy/pssstd.service.d/tap.conf";
  if (has_exception_taps(configuration)) return "deploy/pssstd.service.d/exception.conf";
  return {};
}

/// The user that serves, and the number; nothing: whoever starts it.
std::optional<unsigned> serving_user(const Configuration& configuration, const Machine& machine) {
  std::string name = configuration.privileges.user;
  if (name.empty()) {
    const auto words = unit_words(machine.unit(), "User");
    if (!words.empty()) name = words.back();
  }
  return name.empty() ? std::nullopt : machine.user_id(name);
}

/// That systemd makes /run/NAME or /var/lib/NAME, as the setting says.
bool is_made_by_unit(const Machine& machine, const std::string& folder, const std::string& parent,
                     const std::string& setting) {
  const auto names = unit_words(machine.unit(), setting);
  return std::ranges::any_of(
      names, [&](const std::string& name) { return folder == parent + "/" + name; });
}

std::string fault_of_folder(const Machine& machine, const std::string& folder,
                            const std::string& setting, std::optional<unsigned> user) {
  const auto owner = machine.owner_of(folder);
  if (!owner) {
    return "there is no folder " + folder + ": write " + setting +
           "= into the unit, or install -d " + folder;
  }
  if (!S_ISDIR(owner->mode)) return folder + " is no folder: mend the configuration";
  const bool by_all = (owner->mode & S_IWOTH) != 0;
  if (!user || *user == 0 || owner->user == *user || by_all) return {};
  return folder + " belongs to user " + std::to_string(owner->user) + ", and user " +
         std::to_string(*user) + " must write there: chown " + std::to_string(*user) + " " + folder;
}

std::string fault_of_key(const std::string& file, unsigned owner, unsigned user) {
  return file + " belongs to user " + std::to_string(owner) + ", and user " + std::to_string(user) +
         " must read it at each reload: chown " + std::to_string(user) + " " + file;
}

}  // namespace

TopicFaults check_memlock(const Configuration& configuration, const Machine& machine) {
  // Keys take some pages each; NICs and AF_XDP lock all that datagrams lie in.
  constexpr std::uint64_t kForKeys = std::uint64_t{1} << 20;
  const bool buffers =
      !configuration.dpdk.pci_devices.empty() || has_vdev(configuration, "net_af_xdp");
  const std::uint64_t needed = kForKeys + (configuration.port == PortKind::kDpdk && buffers
                                               ? std::uint64_t{configuration.dpdk.memory_mb} << 20
                                               : 0);
  const auto words = unit_words(machine.unit(), "LimitMEMLOCK");
  if (!words.empty() && words.back() == "infinity") return {};
  if ((own_capabilities(machine) & bit(CAP_IPC_LOCK)) != 0) return {};
  const std::string limits = machine.read("proc/self/limits").value_or("");
  const auto limit = machine.number_in("proc/self/limits", "Max locked memory");
  // Not a number: unlimited.
  if (limits.empty() || !limit || *limit >= needed) return {};
  return {.faults = {std::to_string(*limit >> 10) + " kB may be locked, and " +
                     std::to_string(needed >> 10) +
                     " kB are needed: write LimitMEMLOCK=infinity into the unit, or raise ulimit "
                     "-l"}};
}

TopicFaults check_users(const Configuration& configuration, const Machine& machine) {
  std::vector<std::string> users = configuration.control.users;
  if (!configuration.privileges.user.empty()) {
    users.insert(users.begin(), configuration.privileges.user);
  }
  if (users.empty()) return {.not_needed = "the configuration names nobody"};
  TopicFaults found;
  for (const std::string& user : users) {
    if (machine.user_id(user)) continue;
    found.faults.push_back("there is no user " + user +
                           ": create it (useradd --system) or name another");
  }
  return found;
}

TopicFaults check_files(const Configuration& configuration, const Machine& machine) {
  namespace fs = std::filesystem;
  TopicFaults found;
  const auto user = serving_user(configuration, machine);
  for (const ServiceSettings& service : configuration.services) {
    for (const std::string& file : service.key_files) {
      if (is_credential_file(file)) continue;
      const auto owner = machine.owner_of(fs::absolute(file).string());
      if (!owner || !user || *user == 0 || owner->user == *user) continue;
      found.faults.push_back(fault_of_key(file, owner->user, *user));
    }
  }
  const auto check_folder = [&](const std::string& folder, const std::string& parent,
                                const std::string& setting) {
    if (is_made_by_unit(machine, folder, parent, setting)) return;
    if (std::string fault = fault_of_folder(machine, folder, setting, user); !fault.empty()) {
      found.faults.push_back(std::move(fault));
    }
  };
  if (!configuration.control.socket.empty()) {
    const fs::path socket = fs::absolute(configuration.control.socket);
    check_folder(socket.parent_path().string(), "/run", "RuntimeDirectory");
  }
  if (!configuration.state_directory.empty()) {
    check_folder(fs::absolute(configuration.state_directory).string(), "/var/lib",
                 "StateDirectory");
  }
  return found;
}

TopicFaults check_capabilities(const Configuration& configuration, const Machine& machine) {
  const std::uint64_t needed = capabilities_to_start(configuration, machine);
  if (needed == 0) return {.not_needed = "this port takes none"};
  const auto words = unit_words(machine.unit(), "AmbientCapabilities");
  const std::uint64_t own = words.empty() ? own_capabilities(machine) : 0;
  std::string missing;
  for (const CapabilityName& capability : kCapabilityNames) {
    if ((needed & bit(capability.number)) == 0 || (own & bit(capability.number)) != 0 ||
        std::ranges::find(words, capability.name) != words.end()) {
      continue;
    }
    missing += (missing.empty() ? "" : ", ") + std::string(capability.name);
  }
  if (missing.empty()) return {};
  const std::string drop_in = drop_in_for(configuration);
  return {
      .faults = {missing + (missing.find(',') == std::string::npos ? " is" : " are") +
                 " needed and not there: " +
                 (drop_in.empty() ? "write AmbientCapabilities= and CapabilityBoundingSet= into "
                                    "the unit"
                                  : "install " + drop_in) +
                 ", or start as root with [privileges] user"}};
}

}  // namespace pssst::server
