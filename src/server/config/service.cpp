#include "server/config/service.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "base/hex.hpp"
#include "identity/key_file.hpp"
#include "server/handler/handler_factory.hpp"

namespace pssst::server {
namespace {

std::string place_of(const Service& service) {
  const std::string place = "service at UDP port " + std::to_string(service.udp_port);
  return service.name.empty() || service.name == default_service_name(service.udp_port)
             ? place
             : "service " + service.name + " at UDP port " + std::to_string(service.udp_port);
}

bool serves_suite1(const Service& service) noexcept {
  return std::ranges::any_of(service.keys,
                             [](const ServerKey& key) { return key.suite() == kSuite1; });
}

base::Result<void> check_one_handler(const Service& service, const Handler& handler, bool typed) {
  const HandlerTraits& traits = handler.traits();
  const std::string name(traits.name);
  if (serves_suite1(service) && traits.replies && !traits.reply_is_pure) {
    return base::fail("the replies of handler " + name +
                          " vary, and suite 1 is broken by two different replies to one request",
                      place_of(service),
                      "choose a handler whose reply depends on the request alone, or a key of "
                      "suite 0xF002");
  }
  const bool fits = service.policy == ClientPolicy::kRequired ||
                    (typed && service.policy == ClientPolicy::kOptional);
  if (traits.needs_client && !fits) {
    return base::fail("handler " + name + " needs authenticated clients, and others may call",
                      place_of(service), "set the policy to required");
  }
  return {};
}

base::Result<void> check_handler(const Service& service) {
  const auto parts = service.handler->parts();
  for (const auto& part : parts) {
    if (auto fit = check_one_handler(service, *part, true); !fit) return fit;
  }
  return parts.empty() ? check_one_handler(service, *service.handler, false) : base::Result<void>();
}

/// Within one service.
base::Result<void> check_keys(const Service& service) {
  if (service.keys.empty()) return base::fail("no key", place_of(service), "give it one");
  const auto of_suite1 = std::ranges::count(service.keys, kSuite1, &ServerKey::suite);
  if (service.try_second_key && of_suite1 != 2) {
    return base::fail("a second key is to be tried, but it has " + std::to_string(of_suite1) +
                          (of_suite1 == 1 ? " key" : " keys") + " of suite 1",
                      place_of(service), "give it two, or leave try_second_key out");
  }
  for (std::size_t i = 0; i < service.keys.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const ServerKey& a = service.keys[j];
      const ServerKey& b = service.keys[i];
      if (a.suite() != b.suite() || a.key_id() != b.key_id()) continue;
      if (a.suite() == kSuite1) {
        if (service.try_second_key && a.public_key() != b.public_key()) continue;
        return base::fail(
            "two keys of suite 1, whose requests do not say which they are for", place_of(service),
            "give it one, and others of suite 0xF002; or let try_second_key try both, "
            "which doubles what junk costs");
      }
      return base::fail("two keys with the key id " + base::to_hex(a.key_id()), place_of(service),
                        "give it a new key in place of one of them");
    }
  }
  return {};
}

base::Result<void> check_pair_of_keys(const Service& a, const ServerKey& key_a, const Service& b,
                                      const ServerKey& key_b) {
  if (key_a.public_key() != key_b.public_key()) return {};
  if (key_a.suite() != key_b.suite()) {
    return base::fail("one key in two suites", place_of(b), "give each suite a key of its own");
  }
  const bool both_reply = a.handler->traits().replies && b.handler->traits().replies;
  if (&a != &b && key_a.suite() == kSuite1 && both_reply) {
    return base::fail(
        "the service at UDP port " + std::to_string(a.udp_port) +
            " replies under the same key, and a suite 1 key must have one reply function only",
        place_of(b), "give each service its own key");
  }
  return {};
}

/// At one UDP port: by the addresses that are called.
bool tells_apart(const Service& a, const Service& b) {
  if (a.addresses.empty() && b.addresses.empty()) return false;
  return std::ranges::none_of(a.addresses, [&](const Address& address) {
    return std::ranges::find(b.addresses, address) != b.addresses.end();
  });
}

/// Of two services, or of one with itself.
base::Result<void> check_pair(const Service& a, const Service& b) {
  if (&a != &b && a.udp_port == b.udp_port && !tells_apart(a, b)) {
    return base::fail("two services at this UDP port", place_of(a),
                      "give each its own, or addresses that tell them apart");
  }
  if (&a != &b && a.name == b.name) {
    return base::fail("two services of the name " + a.name, place_of(b), "give each its own");
  }
  for (const ServerKey& key_a : a.keys) {
    for (const ServerKey& key_b : b.keys) {
      if (&key_a == &key_b) continue;
      if (auto fit = check_pair_of_keys(a, key_a, b, key_b); !fit) return fit;
    }
  }
  return {};
}

base::Result<void> check_not_a_client(const Service& service, const ClientLookup& clients) {
  for (const ServerKey& server_key : service.keys) {
    const std::array<const std::uint8_t*, 1> key{server_key.public_key().data()};
    std::array<FoundClient, 1> found{};
    clients.find(key, found);
    const DropReason drop = found[0].drop;
    if (drop == DropReason::kClientUnknown || drop == DropReason::kClientsUnavailable) continue;
    return base::fail(
        "its key is enrolled as a client's, and one key is never both a client's and a server's",
        place_of(service), "give the service or the client a new key");
  }
  return {};
}

std::string suite_name(std::uint16_t suite) {
  return suite == kSuite1 ? "1" : "0xF002";
}

base::Result<std::vector<ServerKey>> read_keys(const ServiceSettings& settings) {
  std::vector<ServerKey> keys;
  bool any_f002 = false;
  for (const std::string& path : settings.key_files) {
    const auto read = identity::read_server_private_key(path);
    if (!read) return tl::unexpected(read.error());
    if (settings.suite && read->suite != *settings.suite) {
      return base::fail("the key is of suite " + suite_name(read->suite) +
                            ", but the service at UDP port " + std::to_string(settings.udp_port) +
                            " is to serve suite " + suite_name(*settings.suite),
                        path,
                        "make a key for it: pssst genkey --suite " + suite_name(*settings.suite));
    }
    const bool f002 = read->suite == kSuiteF002;
    any_f002 = any_f002 || f002;
    keys.emplace_back(
        read->key, KeyUse{.suite = read->suite,
                          .label = f002 ? std::string_view(settings.label) : std::string_view()});
  }
  if (!any_f002 && !settings.label.empty()) {
    return base::fail("it has a label, but no key of suite 0xF002, which takes one",
                      "service at UDP port " + std::to_string(settings.udp_port),
                      "make a key: pssst genkey --suite 0xf002");
  }
  return keys;
}

base::Result<std::vector<Address>> parse_addresses(const ServiceSettings& settings) {
  std::vector<Address> addresses;
  for (const std::string& text : settings.addresses) {
    const auto address = parse_address(text);
    if (!address) {
      return base::fail("\"" + text + "\" is not a numeric IPv4 or IPv6 address",
                        "service at UDP port " + std::to_string(settings.udp_port));
    }
    addresses.push_back(*address);
  }
  return addresses;
}

}  // namespace

std::optional<Address> parse_address(const std::string& text) {
  Address address{};
  if (inet_pton(AF_INET6, text.c_str(), address.data()) == 1) return address;
  address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (inet_pton(AF_INET, text.c_str(), &address[12]) == 1) return address;
  return std::nullopt;
}

std::string default_service_name(std::uint16_t udp_port) {
  return "udp-" + std::to_string(udp_port);
}

std::string to_string(const Address& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool mapped = IN6_IS_ADDR_V4MAPPED(reinterpret_cast<const in6_addr*>(address.data()));
  return mapped ? inet_ntop(AF_INET, &address[12], text.data(), text.size())
                : inet_ntop(AF_INET6, address.data(), text.data(), text.size());
}

const ServerKey* Service::second_key() const noexcept {
  if (!try_second_key) return nullptr;
  const auto of_suite1 = [](const ServerKey& key) { return key.suite() == kSuite1; };
  const auto first = std::ranges::find_if(keys, of_suite1);
  return &*std::find_if(std::next(first), keys.end(), of_suite1);
}

base::Result<std::vector<Service>> make_services(std::span<const ServiceSettings> settings,
                                                 HandlerRuntime* runtime) {
  std::vector<Service> services;
  services.reserve(settings.size());
  for (const ServiceSettings& one : settings) {
    auto handler = make_service_handler(one, runtime);
    if (!handler) return tl::unexpected(handler.error());
    auto keys = read_keys(one);
    if (!keys) return tl::unexpected(keys.error());
    auto addresses = parse_addresses(one);
    if (!addresses) return tl::unexpected(addresses.error());
    services.push_back(
        Service{.name = one.name.empty() ? default_service_name(one.udp_port) : one.name,
                .udp_port = one.udp_port,
                .addresses = std::move(*addresses),
                .keys = std::move(*keys),
                .try_second_key = one.try_second_key,
                .policy = one.policy,
                .handler = std::move(*handler),
                .index = services.size()});
  }
  return services;
}

base::Result<void> check_services(std::span<const Service> services, const ClientLookup& clients) {
  for (std::size_t i = 0; i < services.size(); ++i) {
    if (auto fit = check_keys(services[i]); !fit) return fit;
    if (auto fit = check_handler(services[i]); !fit) return fit;
    if (auto fit = check_not_a_client(services[i], clients); !fit) return fit;
    for (std::size_t j = 0; j <= i; ++j) {
      if (auto fit = check_pair(services[j], services[i]); !fit) return fit;
    }
  }
  return {};
}

}  // namespace pssst::server
