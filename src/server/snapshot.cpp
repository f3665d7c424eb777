#include "server/snapshot.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

#include "identity/client_list.hpp"
#include "server/config/reply_memory.hpp"

namespace pssst::server {
namespace {

/// `services` are those of `settings`, in the same order.
base::Result<void> hold_reply_functions(std::span<const ServiceSettings> settings,
                                        std::span<const Service> services,
                                        const std::string& state_directory) {
  const auto functions = key_functions_of(settings, services);
  if (!functions) return tl::unexpected(functions.error());
  for (const KeyFunction& one : *functions) {
    auto held = hold_reply_function(settings[one.service].key_files[one.key], one.public_key,
                                    one.function, state_directory);
    if (!held) return held;
  }
  return {};
}

std::uint64_t next_serial() noexcept {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

void add_attached(const Handler& handler, std::vector<const AttachedHandler*>& attached) {
  if (const auto* one = dynamic_cast<const AttachedHandler*>(&handler)) attached.push_back(one);
  for (const auto& part : handler.parts()) add_attached(*part, attached);
}

}  // namespace

Snapshot::Snapshot(std::vector<Service> services, std::vector<Identity> clients,
                   Protection protection)
    : serial_(next_serial()),
      services_(std::move(services)),
      service_at_(65536),
      clients_(std::move(clients)),
      protection_(std::move(protection)) {
  for (std::size_t i = 0; i < services_.size(); ++i) {
    services_[i].index = i;
    std::uint32_t& entry = service_at_[services_[i].udp_port];
    if (entry == 0 || services_[entry - 1].addresses.empty()) {
      entry = static_cast<std::uint32_t>(i + 1);
    }
    for (const ServerKey& key : services_[i].keys) {
      server_key_begins_.at(key.public_key().front()) = true;
    }
    add_attached(*services_[i].handler, attached_);
  }
}

bool Snapshot::is_server_key(const PublicKey& key) const noexcept {
  if (!server_key_begins_.at(key.front())) return false;
  const auto has_key = [&key](const Service& service) {
    return std::ranges::find(service.keys, key, &ServerKey::public_key) != service.keys.end();
  };
  return std::ranges::any_of(services_, has_key);
}

const Service* Snapshot::find_by_address(const Service& first,
                                         const Address& destination) const noexcept {
  const Service* any = nullptr;
  for (const Service& service : services_) {
    if (service.udp_port != first.udp_port) continue;
    if (service.addresses.empty()) any = &service;
    if (std::ranges::find(service.addresses, destination) != service.addresses.end()) {
      return &service;
    }
  }
  return any;
}

base::Result<std::unique_ptr<const Snapshot>> Snapshot::create(std::vector<Service> services,
                                                               std::vector<Identity> clients,
                                                               CounterSlots* slots,
                                                               Protection protection) {
  std::unique_ptr<Snapshot> snapshot(
      new Snapshot(std::move(services), std::move(clients), std::move(protection)));
  if (auto fit = check_services(snapshot->services(), snapshot->clients()); !fit) {
    return tl::unexpected(fit.error());
  }
  CounterSlots fresh;
  if (auto placed = (slots == nullptr ? fresh : *slots).assign(snapshot->services_); !placed) {
    return tl::unexpected(placed.error());
  }
  return snapshot;
}

base::Result<std::unique_ptr<const Snapshot>> load_snapshot(const Configuration& configuration,
                                                            CounterSlots* slots,
                                                            HandlerRuntime* runtime) {
  auto services = make_services(configuration.services, runtime);
  if (!services) return tl::unexpected(services.error());
  std::vector<Identity> clients;
  if (!configuration.clients_file.empty()) {
    auto listed = identity::read_client_list(configuration.clients_file);
    if (!listed) return tl::unexpected(listed.error());
    clients = std::move(*listed);
  }
  auto snapshot =
      Snapshot::create(std::move(*services), std::move(clients), slots, configuration.protection);
  if (!snapshot) return snapshot;
  if (auto held = hold_reply_functions(configuration.services, (*snapshot)->services(),
                                       configuration.state_directory);
      !held) {
    return tl::unexpected(held.error());
  }
  return snapshot;
}

}  // namespace pssst::server
