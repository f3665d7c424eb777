#include "server/config/configuration.hpp"

#include <algorithm>

namespace pssst::server {

std::vector<std::uint16_t> udp_ports_of(const Configuration& configuration) {
  std::vector<std::uint16_t> udp_ports;
  for (const ServiceSettings& service : configuration.services) {
    udp_ports.push_back(service.udp_port);
  }
  std::ranges::sort(udp_ports);
  udp_ports.erase(std::unique(udp_ports.begin(), udp_ports.end()), udp_ports.end());
  return udp_ports;
}

}  // namespace pssst::server
