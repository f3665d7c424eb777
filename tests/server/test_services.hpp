/// Services, clients and handlers for tests.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pssst/handler.hpp"
#include "pssst/keys.hpp"
#include "server/config/configuration.hpp"
#include "server/config/service.hpp"
#include "server/handlers.hpp"

namespace pssst::server {

using Bytes = std::vector<std::uint8_t>;

/// Replies as its traits and sizes say, or do not say.
class TestHandler final : public Handler {
 public:
  TestHandler(HandlerTraits traits, std::optional<std::size_t> reply_size)
      : traits_(traits), reply_size_(reply_size) {}
  [[nodiscard]] const HandlerTraits& traits() const noexcept override { return traits_; }
  void handle_burst(std::size_t, std::span<HandlerMessage> messages) const noexcept override {
    for (HandlerMessage& message : messages) message.reply_size = reply_size_;
  }

 private:
  HandlerTraits traits_;
  std::optional<std::size_t> reply_size_;
};

inline std::unique_ptr<const Handler> varying_handler(bool replies = true) {
  return std::make_unique<const TestHandler>(
      HandlerTraits{
          .name = "varying", .reply_is_pure = false, .replies = replies, .reply_size_max = 8},
      std::nullopt);
}

inline Service make_service(std::uint16_t udp_port, std::unique_ptr<const Handler> handler,
                            const PrivateKey& key, ClientPolicy policy = ClientPolicy::kOptional,
                            const KeyUse& use = {}) {
  Service service{.name = "udp-" + std::to_string(udp_port),
                  .udp_port = udp_port,
                  .keys = {},
                  .policy = policy,
                  .handler = std::move(handler),
                  .index = 0};
  service.keys.emplace_back(key, use);
  return service;
}

inline Service make_service(std::uint16_t udp_port, std::string_view handler, const PrivateKey& key,
                            ClientPolicy policy = ClientPolicy::kOptional, const Bytes& reply = {},
                            const KeyUse& use = {}) {
  return make_service(udp_port, std::move(*make_handler(handler, reply)), key, policy, use);
}

inline ServiceSettings make_settings(std::uint16_t udp_port, std::string_view handler,
                                     std::string key_file = {},
                                     ClientPolicy policy = ClientPolicy::kOptional,
                                     Bytes reply = {}) {
  return {.udp_port = udp_port,
          .handler = std::string(handler),
          .key_files = {std::move(key_file)},
          .policy = policy,
          .reply = std::move(reply),
          .suite = {},
          .label = {}};
}

/// A configuration of these alone. No file of clients: nobody is enrolled.
inline Configuration configuration_of(std::vector<ServiceSettings> services,
                                      std::string clients_file = {}) {
  Configuration configuration;
  configuration.services = std::move(services);
  configuration.clients_file = std::move(clients_file);
  return configuration;
}

/// A vector of services, which are not copyable.
template <class... Services>
std::vector<Service> services_of(Services&&... services) {
  std::vector<Service> list;
  (list.push_back(std::forward<Services>(services)), ...);
  return list;
}

}  // namespace pssst::server
