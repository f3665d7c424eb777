#include "server/config/service.hpp"

#include <array>
#include <utility>

#include "identity/key_file.hpp"
#include "server/handlers.hpp"

namespace pssst::server {
namespace {

std::string place_of(const Service& service) {
  return "service at UDP port " + std::to_string(service.udp_port);
}

base::Result<void> check_handler(const Service& service) {
  const HandlerTraits& traits = service.handler->traits();
  if (service.suite != kSuite1 || !traits.replies || traits.reply_is_pure) return {};
  return base::fail("the replies of handler " + std::string(traits.name) +
                        " vary, and suite 1 is broken by two different replies to one request",
                    place_of(service), "choose a handler whose reply depends on the request alone");
}

base::Result<void> check_pair(const Service& a, const Service& b) {
  if (a.udp_port == b.udp_port) {
    return base::fail("two services at this UDP port", place_of(a), "give each its own");
  }
  const bool both_reply = a.handler->traits().replies && b.handler->traits().replies;
  if (a.suite == kSuite1 && b.suite == kSuite1 && both_reply &&
      a.key.public_key() == b.key.public_key()) {
    return base::fail(
        "the service at UDP port " + std::to_string(a.udp_port) +
            " replies under the same key, and a suite 1 key must have one reply function only",
        place_of(b), "give each service its own key");
  }
  return {};
}

base::Result<void> check_not_a_client(const Service& service, const ClientLookup& clients) {
  const std::array<const std::uint8_t*, 1> key{service.key.public_key().data()};
  std::array<const Identity*, 1> found{};
  clients.find(key, found);
  if (found[0] == nullptr) return {};
  return base::fail(
      "its key is enrolled as a client's, and one key is never both a client's and a server's",
      place_of(service), "give the service or the client a new key");
}

}  // namespace

base::Result<std::vector<Service>> make_services(std::span<const ServiceSettings> settings) {
  std::vector<Service> services;
  services.reserve(settings.size());
  for (const ServiceSettings& one : settings) {
    auto handler = make_handler(one.handler, one.reply);
    if (!handler) return tl::unexpected(handler.error());
    auto key = identity::read_private_key(one.key_file);
    if (!key) return tl::unexpected(key.error());
    services.push_back(Service{.udp_port = one.udp_port,
                               .suite = kSuite1,
                               .key = ServerKey(*key),
                               .policy = one.policy,
                               .handler = std::move(*handler),
                               .index = services.size()});
  }
  return services;
}

base::Result<void> check_services(std::span<const Service> services, const ClientLookup& clients) {
  for (std::size_t i = 0; i < services.size(); ++i) {
    if (auto fit = check_handler(services[i]); !fit) return fit;
    if (auto fit = check_not_a_client(services[i], clients); !fit) return fit;
    for (std::size_t j = 0; j < i; ++j) {
      if (auto fit = check_pair(services[j], services[i]); !fit) return fit;
    }
  }
  return {};
}

}  // namespace pssst::server
