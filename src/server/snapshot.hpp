/// What all workers serve from: immutable, replaced as a whole.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "identity/client_table.hpp"
#include "server/config/service.hpp"

namespace pssst::server {

class Snapshot {
 public:
  /// Services that check_services() accepts; an Error otherwise.
  static base::Result<std::unique_ptr<const Snapshot>> create(std::vector<Service> services,
                                                              std::vector<Identity> clients);

  /// The service at this UDP port (host order), or null.
  [[nodiscard]] const Service* find_service(std::uint16_t udp_port) const noexcept {
    const std::uint32_t entry = service_at_[udp_port];
    return entry == 0 ? nullptr : &services_[entry - 1];
  }
  [[nodiscard]] std::span<const Service> services() const noexcept { return services_; }
  [[nodiscard]] const identity::ClientTable& clients() const noexcept { return clients_; }

 private:
  Snapshot(std::vector<Service> services, std::vector<Identity> clients);

  std::vector<Service> services_;
  std::vector<std::uint32_t> service_at_;  ///< per UDP port: index + 1 into services_, 0: none
  identity::ClientTable clients_;
};

/// Reads everything that `settings` and `client_list` name and checks that it may serve together,
/// and that every suite 1 key answers as it did before (reply_record.hpp), which is written down at
/// its first use. An empty `client_list` path: nobody is enrolled.
base::Result<std::unique_ptr<const Snapshot>> load_snapshot(
    std::span<const ServiceSettings> settings, const std::string& client_list);

}  // namespace pssst::server
