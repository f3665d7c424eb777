#include "server/config/configuration_change.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/hex.hpp"
#include "server/report.hpp"

namespace pssst::server {
namespace {

/// A setting that is read at the start alone. `copy` takes it over from the running configuration.
struct StartSetting {
  const char* name;
  bool (*equal)(const Configuration& a, const Configuration& b);
  void (*copy)(const Configuration& running, Configuration& next);
};

template <auto Member>
constexpr StartSetting setting(const char* name) {
  return {
      name, [](const Configuration& a, const Configuration& b) { return a.*Member == b.*Member; },
      [](const Configuration& running, Configuration& next) { next.*Member = running.*Member; }};
}

constexpr std::array kStartSettings{
    setting<&Configuration::port>("port"),
    setting<&Configuration::cpus>("server.lcores"),
    setting<&Configuration::idle>("server.idle"),
    setting<&Configuration::x25519_kernel>("server.x25519_kernel"),
    setting<&Configuration::proof_table_memory_mb>("server.proof_table_memory_mb"),
    setting<&Configuration::later_replies>("server.later_replies"),
    setting<&Configuration::state_directory>("server.state_directory"),
    StartSetting{
        "identity",
        [](const Configuration& a, const Configuration& b) { return a.identity == b.identity; },
        [](const Configuration& running, Configuration& next) {
          // A list in place of a store, or the other way round: as before, too.
          const bool had_store = !running.identity.store.empty();
          const bool has_store = !next.identity.store.empty();
          if (had_store != has_store) next.clients_file = running.clients_file;
          next.identity = running.identity;
        }},
    setting<&Configuration::socket>("socket"),
    setting<&Configuration::dpdk>("dpdk"),
    setting<&Configuration::control>("control"),
    setting<&Configuration::metrics>("metrics"),
    StartSetting{
        "log.target",
        [](const Configuration& a, const Configuration& b) { return a.log.target == b.log.target; },
        [](const Configuration& running, Configuration& next) {
          next.log.target = running.log.target;
        }},
    setting<&Configuration::privileges>("privileges"),
    setting<&Configuration::protection_memory>(
        "protection: known_sources, charged_sources, replays, replay_window"),
};

std::string fingerprint(const ServerKey& key) {
  return base::to_hex(std::span(key.public_key()).first(8));
}

bool has_key(const Service& service, const ServerKey& key) {
  return std::ranges::any_of(service.keys, [&](const ServerKey& other) {
    return other.public_key() == key.public_key() && other.suite() == key.suite();
  });
}

const Service* find(const Snapshot& snapshot, std::string_view name) {
  const auto services = snapshot.services();
  const auto found = std::ranges::find(services, name, &Service::name);
  return found == services.end() ? nullptr : &*found;
}

std::string describe_new(const Service& service) {
  std::string line = "service " + service.name + " added: UDP port " +
                     std::to_string(service.udp_port) + ", " +
                     std::string(service.handler->traits().name);
  for (const ServerKey& key : service.keys) line += ", key " + fingerprint(key);
  return line;
}

void describe_handlers(const ServiceSettings& a, const ServiceSettings& b,
                       const std::string& service, std::vector<std::string>& lines) {
  if (a.types != b.types) {
    lines.push_back(service + "message types changed");
  } else if (a.options != b.options) {
    lines.push_back(service + "options of the handler changed");
  } else if (uses_library(b)) {
    lines.push_back(service + "library loaded again");
  }
}

/// What of the service itself is new, but for its keys.
void describe_settings(const Serving& before, const Serving& after, const Service& old,
                       const Service& next, std::vector<std::string>& lines) {
  const ServiceSettings& a = before.configuration.services[old.index];
  const ServiceSettings& b = after.configuration.services[next.index];
  const std::string service = "service " + next.name + ": ";
  if (a.udp_port != b.udp_port) {
    lines.push_back(service + "UDP port " + std::to_string(a.udp_port) + " is now " +
                    std::to_string(b.udp_port));
  }
  if (old.addresses != next.addresses) lines.push_back(service + "addresses changed");
  if (a.handler != b.handler) {
    lines.push_back(service + "handler " + a.handler + " is now " + b.handler);
  } else if (a.reply != b.reply) {
    lines.push_back(service + "reply changed");
  }
  describe_handlers(a, b, service, lines);
  if (a.policy != b.policy) {
    lines.push_back(service + "client policy " + std::string(policy_text(a.policy)) + " is now " +
                    std::string(policy_text(b.policy)));
  }
  if (a.reply_limit != b.reply_limit) {
    lines.push_back(service + "reply limit of " + std::to_string(a.reply_limit) +
                    " % of a request is now " + std::to_string(b.reply_limit) + " %");
  }
  if (a.label != b.label) lines.push_back(service + "label changed");
  if (a.try_second_key != b.try_second_key) {
    lines.push_back(service + (b.try_second_key ? "tries its second key from now on"
                                                : "tries its second key no more"));
  }
}

void describe_keys(const Service& old, const Service& next, std::vector<std::string>& lines) {
  for (const ServerKey& key : next.keys) {
    if (!has_key(old, key)) {
      lines.push_back("service " + next.name + ": key " + fingerprint(key) + " added");
    }
  }
  for (const ServerKey& key : old.keys) {
    if (!has_key(next, key)) {
      lines.push_back("service " + next.name + ": key " + fingerprint(key) + " retired and wiped");
    }
  }
}

std::size_t count_missing(const identity::ClientTable& wanted, const identity::ClientTable& in) {
  std::size_t missing = 0;
  for (const Identity& client : wanted.identities()) {
    const std::uint8_t* key = client.public_key.data();
    FoundClient found;
    in.find({&key, 1}, {&found, 1});
    if (found.drop != DropReason::kNone) ++missing;
  }
  return missing;
}

void describe_clients(const identity::ClientTable& old, const identity::ClientTable& next,
                      std::vector<std::string>& lines) {
  const std::size_t added = count_missing(next, old);
  const std::size_t removed = count_missing(old, next);
  if (added + removed == 0) return;
  lines.push_back("clients: " + std::to_string(added) + " enrolled, " + std::to_string(removed) +
                  " removed, " + std::to_string(next.size()) + " now");
}

}  // namespace

std::vector<std::string> changes_that_need_restart(const Configuration& running,
                                                   const Configuration& next) {
  std::vector<std::string> lines;
  for (const StartSetting& setting : kStartSettings) {
    if (!setting.equal(running, next)) {
      lines.push_back(std::string(setting.name) + ": stays as it was until a restart");
    }
  }
  return lines;
}

Configuration without_restart_changes(const Configuration& running, Configuration next) {
  for (const StartSetting& setting : kStartSettings) setting.copy(running, next);
  return next;
}

std::vector<std::string> describe_changes(const Serving& before, const Serving& after) {
  std::vector<std::string> lines;
  for (const Service& service : after.snapshot.services()) {
    const Service* const old = find(before.snapshot, service.name);
    if (old == nullptr) {
      lines.push_back(describe_new(service));
    } else {
      describe_settings(before, after, *old, service, lines);
      describe_keys(*old, service, lines);
    }
  }
  for (const Service& service : before.snapshot.services()) {
    if (find(after.snapshot, service.name) == nullptr) {
      lines.push_back("service " + service.name + " removed, its keys wiped");
    }
  }
  describe_clients(before.snapshot.clients(), after.snapshot.clients(), lines);
  const Configuration& a = before.configuration;
  const Configuration& b = after.configuration;
  if (a.log.level != b.log.level) lines.emplace_back("log.level changed");
  if (a.counters != b.counters) lines.emplace_back("server.counters changed");
  if (!(a.drain == b.drain)) lines.emplace_back("drain changed");
  if (!(a.protection == b.protection)) lines.emplace_back("protection changed");
  return lines;
}

}  // namespace pssst::server
