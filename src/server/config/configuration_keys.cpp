#include "server/config/configuration_keys.hpp"

#include <sys/un.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "crypto/x25519.hpp"
#include "server/config/dpdk_keys.hpp"

namespace pssst::server {
namespace {

using Reader = ValueReader;
using Node = TomlNode;
using ConfigurationKey = Key<Configuration>;

void read_x25519_kernel(Reader& reader, const Node& node, Configuration& to) {
  std::string name;
  reader.text(node, name);
  std::string names;
  for (const crypto::X25519Kernel& kernel : crypto::x25519_kernels()) {
    names += std::string(kernel.name) + ", ";
  }
  const auto has_name = [&](const crypto::X25519Kernel& kernel) { return kernel.name == name; };
  if (name.empty() || name == "auto" || std::ranges::any_of(crypto::x25519_kernels(), has_name)) {
    to.x25519_kernel = name;
  } else {
    reader.refuse(node.place, "is " + in_quotes(name), "choose " + names + "or leave it out");
  }
}

void read_control_socket(Reader& reader, const Node& node, Configuration& to) {
  constexpr std::size_t kSizeMax = sizeof(sockaddr_un{}.sun_path) - 1;
  std::string path;
  reader.path(node, path);
  if (path.size() > kSizeMax) {
    return reader.refuse(node.place, "has " + std::to_string(path.size()) + " characters",
                         "choose a path of at most " + std::to_string(kSizeMax));
  }
  to.control.socket = path;
}

void read_listen(Reader& reader, const Node& node, Configuration& to) {
  std::string text;
  reader.text(node, text);
  if (!text.empty() && !parse_listen_address(text)) {
    return reader.refuse(node.place, "is " + in_quotes(text),
                         R"(write ADDRESS:PORT, like "127.0.0.1:9477" or "[::1]:9477")");
  }
  to.metrics.listen = text;
}

constexpr std::array kServerKeys{
    ConfigurationKey{"lcores",
                     [](Reader& r, const Node& v, Configuration& to) { r.cpus(v, to.cpus); }},
    ConfigurationKey{
        "idle",
        [](Reader& r, const Node& v, Configuration& to) {
          r.choice(v, {{"spin", IdleMode::kSpin}, {"sleep", IdleMode::kSleep}}, to.idle);
        }},
    ConfigurationKey{"x25519_kernel", read_x25519_kernel},
    ConfigurationKey{"proof_table_memory_mb",
                     [](Reader& r, const Node& v, Configuration& to) {
                       r.number(v, 0U, 1048576U, to.proof_table_memory_mb);
                     }},
    ConfigurationKey{"later_replies",
                     [](Reader& r, const Node& v, Configuration& to) {
                       r.number(v, 1U, 16384U, to.later_replies);
                     }},
    ConfigurationKey{"state_directory", [](Reader& r, const Node& v,
                                           Configuration& to) { r.path(v, to.state_directory); }},
    ConfigurationKey{
        "counters",
        [](Reader& r, const Node& v, Configuration& to) {
          r.choice(v, {{"text", CountersForm::kText}, {"json", CountersForm::kJson}}, to.counters);
        }},
};

constexpr std::array kPortKeys{
    ConfigurationKey{
        "kind",
        [](Reader& r, const Node& v, Configuration& to) {
          r.choice(v, {{"socket", PortKind::kSocket}, {"dpdk", PortKind::kDpdk}}, to.port);
        }},
};

constexpr std::array kSocketKeys{
    ConfigurationKey{"addresses", [](Reader& r, const Node& v,
                                     Configuration& to) { r.addresses(v, to.socket.addresses); }},
};

constexpr std::array kClientsKeys{
    ConfigurationKey{
        "file", [](Reader& r, const Node& v, Configuration& to) { r.path(v, to.clients_file); }},
};

constexpr std::array kIdentityKeys{
    ConfigurationKey{
        "store", [](Reader& r, const Node& v, Configuration& to) { r.path(v, to.identity.store); }},
    ConfigurationKey{
        "start",
        [](Reader& r, const Node& v, Configuration& to) {
          r.choice(v, {{"loaded", false}, {"at-once", true}}, to.identity.serve_while_loading);
        }},
    ConfigurationKey{"stale",
                     [](Reader& r, const Node& v, Configuration& to) {
                       r.choice(v,
                                {{"serve", identity::StalePolicy::kServe},
                                 {"refuse", identity::StalePolicy::kRefuse}},
                                to.identity.stale);
                     }},
    ConfigurationKey{"stale_after",
                     [](Reader& r, const Node& v, Configuration& to) {
                       r.seconds(v, std::chrono::seconds(1), std::chrono::seconds(86400 * 30),
                                 to.identity.stale_after);
                     }},
};

constexpr std::array kControlKeys{
    ConfigurationKey{"socket", read_control_socket},
    ConfigurationKey{
        "mode", [](Reader& r, const Node& v, Configuration& to) { r.mode(v, to.control.mode); }},
    ConfigurationKey{
        "users", [](Reader& r, const Node& v, Configuration& to) { r.texts(v, to.control.users); }},
};

constexpr std::array kMetricsKeys{
    ConfigurationKey{"listen", read_listen},
};

constexpr std::array kLogKeys{
    ConfigurationKey{"target",
                     [](Reader& r, const Node& v, Configuration& to) {
                       r.choice(v,
                                {{"stderr", LogTarget::kStderr}, {"journal", LogTarget::kJournal}},
                                to.log.target);
                     }},
    ConfigurationKey{"level",
                     [](Reader& r, const Node& v, Configuration& to) {
                       r.choice(v,
                                {{"error", LogLevel::kError},
                                 {"warning", LogLevel::kWarning},
                                 {"info", LogLevel::kInfo},
                                 {"debug", LogLevel::kDebug}},
                                to.log.level);
                     }},
};

constexpr std::array kPrivilegesKeys{
    ConfigurationKey{
        "user", [](Reader& r, const Node& v, Configuration& to) { r.text(v, to.privileges.user); }},
    ConfigurationKey{"seccomp", [](Reader& r, const Node& v,
                                   Configuration& to) { r.flag(v, to.privileges.seccomp); }},
};

using std::chrono::seconds;

constexpr std::array kDrainKeys{
    ConfigurationKey{"deadline",
                     [](Reader& r, const Node& v, Configuration& to) {
                       r.seconds(v, seconds(0), seconds(3600), to.drain.deadline);
                     }},
    ConfigurationKey{"quiet",
                     [](Reader& r, const Node& v, Configuration& to) {
                       r.seconds(v, seconds(0), seconds(3600), to.drain.quiet);
                     }},
};

template <RateLimit RateLimits::*Limit>
void read_rate(Reader& reader, const Node& node, Configuration& to) {
  reader.number(node, 0U, kRateMax, (to.protection.rates.*Limit).rate);
}

template <RateLimit RateLimits::*Limit>
void read_burst(Reader& reader, const Node& node, Configuration& to) {
  reader.number(node, 1U, kBurstMax, (to.protection.rates.*Limit).burst);
}

/// Each is 16 bytes for every worker: at most 1 GiB.
template <std::size_t ProtectionMemory::*Count>
void read_count(Reader& reader, const Node& node, Configuration& to) {
  reader.number(node, std::size_t{0}, std::size_t{1} << 26, to.protection_memory.*Count);
}

void read_allow(Reader& reader, const Node& node, Configuration& to) {
  std::vector<std::string> ranges;
  reader.texts(node, ranges,
               {.canonical =
                    [](const std::string& text) {
                      const auto range = parse_address_range(text);
                      return range ? to_string(range->first) + "/" + std::to_string(range->bits)
                                   : std::string();
                    },
                .wanted = R"(a list of prefixes: ["192.0.2.0/24", "2001:db8::/32"])",
                .remedy = "write a prefix without further bits, or an address"});
  to.protection.allow.clear();
  for (const std::string& range : ranges) {
    to.protection.allow.push_back(*parse_address_range(range));
  }
}

constexpr std::array kProtectionKeys{
    ConfigurationKey{"known_sources", read_count<&ProtectionMemory::known_sources>},
    ConfigurationKey{"unknown_share",
                     [](Reader& r, const Node& v, Configuration& to) {
                       r.number(v, 1U, 100U, to.protection.unknown_share);
                     }},
    ConfigurationKey{
        "source_limits",
        [](Reader& r, const Node& v, Configuration& to) {
          r.choice(
              v,
              {{"drop", LimitMode::kDrop}, {"count", LimitMode::kCount}, {"off", LimitMode::kOff}},
              to.protection.limit);
        }},
    ConfigurationKey{
        "charge",
        [](Reader& r, const Node& v, Configuration& to) {
          r.choice(v, {{"failed", Charge::kFailed}, {"all", Charge::kAll}}, to.protection.charge);
        }},
    ConfigurationKey{"rate_ipv4_32", read_rate<&RateLimits::ipv4_32>},
    ConfigurationKey{"burst_ipv4_32", read_burst<&RateLimits::ipv4_32>},
    ConfigurationKey{"rate_ipv4_24", read_rate<&RateLimits::ipv4_24>},
    ConfigurationKey{"burst_ipv4_24", read_burst<&RateLimits::ipv4_24>},
    ConfigurationKey{"rate_ipv6_64", read_rate<&RateLimits::ipv6_64>},
    ConfigurationKey{"burst_ipv6_64", read_burst<&RateLimits::ipv6_64>},
    ConfigurationKey{"rate_ipv6_48", read_rate<&RateLimits::ipv6_48>},
    ConfigurationKey{"burst_ipv6_48", read_burst<&RateLimits::ipv6_48>},
    ConfigurationKey{"allow", read_allow},
    ConfigurationKey{"charged_sources", read_count<&ProtectionMemory::charged_sources>},
    ConfigurationKey{"replay_window",
                     [](Reader& r, const Node& v, Configuration& to) {
                       r.seconds(v, seconds(0), seconds(3600), to.protection_memory.replay_window);
                     }},
    ConfigurationKey{"replays", read_count<&ProtectionMemory::replays>},
};

constexpr std::array kSections{
    Section{"server", kServerKeys},   Section{"port", kPortKeys},
    Section{"socket", kSocketKeys},   Section{"dpdk", dpdk_keys},
    Section{"clients", kClientsKeys}, Section{"identity", kIdentityKeys},
    Section{"control", kControlKeys}, Section{"metrics", kMetricsKeys},
    Section{"log", kLogKeys},         Section{"privileges", kPrivilegesKeys},
    Section{"drain", kDrainKeys},     Section{"protection", kProtectionKeys},
};

}  // namespace

std::span<const Section> configuration_sections() noexcept {
  return kSections;
}

}  // namespace pssst::server
