#include "server/config/service.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <iterator>
#include <utility>

#include "base/hex.hpp"
#include "identity/key_file.hpp"
#include "server/config/credentials.hpp"
#include "server/handler/handler_factory.hpp"

namespace pssst::server {
namespace {

constexpr std::size_t kNameSizeMax = 64;

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

/// At one UDP port: by the addresses that are called.
bool tells_apart(const Service& a, const Service& b) {
  if (a.addresses.empty() && b.addresses.empty()) return false;
  return std::ranges::none_of(a.addresses, [&](const Address& address) {
    return std::ranges::find(b.addresses, address) != b.addresses.end();
  });
}

/// Collects what is wrong with the services.
class ServiceInspection {
 public:
  ServiceInspection(std::span<const Service> services, const ClientLookup& clients)
      : services_(services), clients_(clients) {}

  std::vector<ServiceFault> find() && {
    for (std::size_t i = 0; i < services_.size(); ++i) {
      check_keys(services_[i]);
      check_handler(services_[i]);
      check_no_client(services_[i]);
      for (std::size_t j = 0; j < i; ++j) check_pair(services_[j], services_[i]);
      check_pair_of_keys(services_[i], services_[i]);
    }
    return std::move(faults_);
  }

 private:
  void refuse(const Service& service, std::string_view part, std::size_t key, std::string what,
              std::string remedy) {
    faults_.push_back(
        {.service = static_cast<std::size_t>(&service - services_.data()),
         .part = part,
         .key = key,
         .error = {
             .what = std::move(what), .where = place_of(service), .remedy = std::move(remedy)}});
  }

  void check_handler(const Service& service) {
    const auto parts = service.handler->parts();
    for (const auto& part : parts) check_handler(service, *part, true);
    if (parts.empty()) check_handler(service, *service.handler, false);
  }

  void check_handler(const Service& service, const Handler& handler, bool typed) {
    const HandlerTraits& traits = handler.traits();
    const std::string name(traits.name);
    if (serves_suite1(service) && traits.replies && !traits.reply_is_pure) {
      refuse(service, typed ? "types" : "handler", 0,
             "the replies of handler " + name +
                 " vary, and suite 1 is broken by two different replies to one request",
             "choose a handler whose reply depends on the request alone, or a key of suite 0xF002");
    }
    const bool fits = service.policy == ClientPolicy::kRequired ||
                      (typed && service.policy == ClientPolicy::kOptional);
    if (traits.needs_client && !fits) {
      refuse(service, typed ? "types" : "handler", 0,
             "handler " + name + " needs authenticated clients, and others may call",
             "set the policy to required");
    }
  }

  /// Within one service.
  void check_keys(const Service& service) {
    if (service.keys.empty()) return refuse(service, "keys", 0, "no key", "give it one");
    const auto of_suite1 = std::ranges::count(service.keys, kSuite1, &ServerKey::suite);
    if (service.try_second_key && of_suite1 != 2) {
      refuse(service, "second_key", 0,
             "a second key is to be tried, but it has " + std::to_string(of_suite1) +
                 (of_suite1 == 1 ? " key" : " keys") + " of suite 1",
             "give it two, or leave second_key out");
    }
    for (std::size_t i = 0; i < service.keys.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) check_key_after(service, j, i);
    }
  }

  void check_key_after(const Service& service, std::size_t first, std::size_t second) {
    const ServerKey& a = service.keys[first];
    const ServerKey& b = service.keys[second];
    if (a.suite() != b.suite() || a.key_id() != b.key_id()) return;
    if (a.suite() != kSuite1) {
      return refuse(service, "keys", second, "two keys with the key id " + base::to_hex(a.key_id()),
                    "give it a new key in place of one of them");
    }
    if (service.try_second_key && a.public_key() != b.public_key()) return;
    refuse(service, "keys", second,
           "two keys of suite 1, whose requests do not say which they are for",
           "give it one, and others of suite 0xF002; or let second_key try both, which doubles "
           "what junk costs");
  }

  void check_pair(const Service& a, const Service& b) {
    if (a.udp_port == b.udp_port && !tells_apart(a, b)) {
      refuse(b, "udp_port", 0, "two services at this UDP port",
             "give each its own, or addresses that tell them apart");
    } else if (a.name == b.name) {
      refuse(b, "name", 0, "two services of the name " + a.name, "give each its own");
    } else {
      check_pair_of_keys(a, b);
    }
  }

  /// Of two services, or of one with itself.
  void check_pair_of_keys(const Service& a, const Service& b) {
    const bool both_reply = a.handler->traits().replies && b.handler->traits().replies;
    for (const ServerKey& key_a : a.keys) {
      for (std::size_t i = 0; i < b.keys.size(); ++i) {
        const ServerKey& key_b = b.keys[i];
        if (&key_a == &key_b || key_a.public_key() != key_b.public_key()) continue;
        if (key_a.suite() != key_b.suite()) {
          return refuse(b, "keys", i, "one key in two suites", "give each suite a key of its own");
        }
        if (&a == &b || key_a.suite() != kSuite1 || !both_reply) continue;
        return refuse(b, "keys", i,
                      "the service at UDP port " + std::to_string(a.udp_port) +
                          " replies under the same key, and a suite 1 key must have one reply "
                          "function only",
                      "give each service its own key");
      }
    }
  }

  void check_no_client(const Service& service) {
    for (std::size_t i = 0; i < service.keys.size(); ++i) {
      const std::array<const std::uint8_t*, 1> key{service.keys[i].public_key().data()};
      std::array<FoundClient, 1> found{};
      clients_.find(key, found);
      const DropReason drop = found[0].drop;
      if (drop == DropReason::kClientUnknown || drop == DropReason::kClientsUnavailable) continue;
      refuse(service, "keys", i,
             "its key is enrolled as a client's, and one key is never both a client's and a "
             "server's",
             "give the service or the client a new key");
    }
  }

  std::span<const Service> services_;
  const ClientLookup& clients_;
  std::vector<ServiceFault> faults_;
};

std::string suite_name(std::uint16_t suite) {
  return suite == kSuite1 ? "1" : "0xF002";
}

base::Result<std::vector<ServerKey>> read_keys(const ServiceSettings& settings) {
  std::vector<ServerKey> keys;
  for (const std::string& path : settings.key_files) {
    auto key = read_service_key(settings, path);
    if (!key) return tl::unexpected(key.error());
    keys.push_back(std::move(*key));
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

std::optional<unsigned> reply_limit_percent(double factor) noexcept {
  constexpr double kTolerance = 1e-6;
  const double percent = std::round(factor * 100);
  // Written so that it is false for a NaN.
  const bool is_good = percent >= kReplyLimitMin && percent <= kReplyLimitMax &&
                       std::abs(factor * 100 - percent) < kTolerance;
  if (!is_good) return std::nullopt;
  return static_cast<unsigned>(percent);
}

std::optional<Address> parse_address(const std::string& text) {
  Address address{};
  if (inet_pton(AF_INET6, text.c_str(), address.data()) == 1) return address;
  address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (inet_pton(AF_INET, text.c_str(), &address[12]) == 1) return address;
  return std::nullopt;
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

bool is_service_name(std::string_view name) noexcept {
  const auto fits = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.';
  };
  return !name.empty() && name.size() <= kNameSizeMax && std::ranges::all_of(name, fits);
}

std::string_view service_name_remedy() noexcept {
  return "choose 1 to 64 letters, digits, '-', '_' and '.'";
}

base::Result<ServerKey> read_service_key(const ServiceSettings& settings,
                                         const std::string& key_file) {
  const auto kind = is_credential_file(key_file) ? identity::KeyFileKind::kCredential
                                                 : identity::KeyFileKind::kOperators;
  const auto read = identity::read_server_private_key(key_file, kind);
  if (!read) return tl::unexpected(read.error());
  if (settings.suite && read->suite != *settings.suite) {
    return base::fail(
        "the key is of suite " + suite_name(read->suite) + ", but the service at UDP port " +
            std::to_string(settings.udp_port) + " is to serve suite " + suite_name(*settings.suite),
        key_file, "make a key for it: pssst genkey --suite " + suite_name(*settings.suite));
  }
  const bool labelled = read->suite == kSuiteF002;
  return ServerKey(
      read->key, KeyUse{.suite = read->suite,
                        .label = labelled ? std::string_view(settings.label) : std::string_view()});
}

base::Result<void> check_label(const ServiceSettings& settings, std::span<const ServerKey> keys) {
  if (settings.label.empty() || std::ranges::count(keys, kSuiteF002, &ServerKey::suite) > 0) {
    return {};
  }
  return base::fail("it has a label, but no key of suite 0xF002, which takes one",
                    "service at UDP port " + std::to_string(settings.udp_port),
                    "make a key: pssst genkey --suite 0xf002");
}

std::string default_service_name(std::uint16_t udp_port) {
  return "udp-" + std::to_string(udp_port);
}

base::Result<Service> make_service_without_keys(const ServiceSettings& settings,
                                                HandlerRuntime* runtime) {
  auto handler = make_service_handler(settings, runtime);
  if (!handler) return tl::unexpected(handler.error());
  auto addresses = parse_addresses(settings);
  if (!addresses) return tl::unexpected(addresses.error());
  return Service{
      .name = settings.name.empty() ? default_service_name(settings.udp_port) : settings.name,
      .udp_port = settings.udp_port,
      .addresses = std::move(*addresses),
      .keys = {},
      .try_second_key = settings.try_second_key,
      .policy = settings.policy,
      .handler = std::move(*handler),
      .reply_limit = settings.reply_limit};
}

base::Result<std::vector<Service>> make_services(std::span<const ServiceSettings> settings,
                                                 HandlerRuntime* runtime) {
  std::vector<Service> services;
  services.reserve(settings.size());
  for (const ServiceSettings& one : settings) {
    auto service = make_service_without_keys(one, runtime);
    if (!service) return tl::unexpected(service.error());
    auto keys = read_keys(one);
    if (!keys) return tl::unexpected(keys.error());
    if (auto fit = check_label(one, *keys); !fit) return tl::unexpected(fit.error());
    service->keys = std::move(*keys);
    service->index = services.size();
    services.push_back(std::move(*service));
  }
  return services;
}

std::vector<ServiceFault> find_service_faults(std::span<const Service> services,
                                              const ClientLookup& clients) {
  return ServiceInspection(services, clients).find();
}

base::Result<void> check_services(std::span<const Service> services, const ClientLookup& clients) {
  std::vector<ServiceFault> faults = find_service_faults(services, clients);
  if (faults.empty()) return {};
  return tl::unexpected(std::move(faults.front().error));
}

}  // namespace pssst::server
