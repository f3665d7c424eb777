#include "server/snapshot.hpp"

#include <utility>

#include "identity/client_list.hpp"

namespace pssst::server {

Snapshot::Snapshot(std::vector<Service> services, std::vector<Identity> clients)
    : services_(std::move(services)), service_at_(65536), clients_(std::move(clients)) {
  for (std::size_t i = 0; i < services_.size(); ++i) {
    services_[i].index = i;
    service_at_[services_[i].udp_port] = static_cast<std::uint32_t>(i + 1);
  }
}

base::Result<std::unique_ptr<const Snapshot>> Snapshot::create(std::vector<Service> services,
                                                               std::vector<Identity> clients) {
  std::unique_ptr<const Snapshot> snapshot(new Snapshot(std::move(services), std::move(clients)));
  if (auto fit = check_services(snapshot->services(), snapshot->clients()); !fit) {
    return tl::unexpected(fit.error());
  }
  return snapshot;
}

base::Result<std::unique_ptr<const Snapshot>> load_snapshot(
    std::span<const ServiceSettings> settings, const std::string& client_list) {
  auto services = make_services(settings);
  if (!services) return tl::unexpected(services.error());
  std::vector<Identity> clients;
  if (!client_list.empty()) {
    auto listed = identity::read_client_list(client_list);
    if (!listed) return tl::unexpected(listed.error());
    clients = std::move(*listed);
  }
  return Snapshot::create(std::move(*services), std::move(clients));
}

}  // namespace pssst::server
