/// What all workers serve from: immutable, replaced as a whole.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "identity/client_table.hpp"
#include "server/config/configuration.hpp"
#include "server/config/protection.hpp"
#include "server/config/service.hpp"
#include "server/counter_slots.hpp"
#include "server/handler/attached_handler.hpp"
#include "server/handler/handler_runtime.hpp"

namespace pssst::server {

class Snapshot {
 public:
  /// Services that check_services() accepts; an Error otherwise. `slots` gives them the places of
  /// their counters; without it they get those that come first.
  static base::Result<std::unique_ptr<const Snapshot>> create(std::vector<Service> services,
                                                              std::vector<Identity> clients,
                                                              CounterSlots* slots = nullptr,
                                                              Protection protection = {});

  /// The service at this UDP port (host order) and destination address, or null: the one that names
  /// the address, or else the one that names none.
  [[nodiscard]] const Service* find_service(std::uint16_t udp_port,
                                            const Address& destination = {}) const noexcept {
    const std::uint32_t entry = service_at_[udp_port];
    if (entry == 0) return nullptr;
    const Service& first = services_[entry - 1];
    return first.addresses.empty() ? &first : find_by_address(first, destination);
  }
  [[nodiscard]] std::span<const Service> services() const noexcept { return services_; }
  /// The handlers of all services, and of their message types, that workers start and finish.
  [[nodiscard]] std::span<const AttachedHandler* const> attached() const noexcept {
    return attached_;
  }
  /// Never another's, of all that this process makes, and never 0: the next one may lie where this
  /// one did.
  [[nodiscard]] std::uint64_t serial() const noexcept { return serial_; }
  /// Those of the list; none where there is a store.
  [[nodiscard]] const identity::ClientTable& clients() const noexcept { return clients_; }
  [[nodiscard]] const Protection& protection() const noexcept { return protection_; }
  /// Whether it is the public key of one of the services' keys.
  [[nodiscard]] bool is_server_key(const PublicKey& key) const noexcept;

 private:
  Snapshot(std::vector<Service> services, std::vector<Identity> clients, Protection protection);

  [[nodiscard]] const Service* find_by_address(const Service& first,
                                               const Address& destination) const noexcept;

  const std::uint64_t serial_;
  std::vector<Service> services_;
  /// Per UDP port: index + 1 into services_, 0: none. Where several services share it, the first of
  /// those with addresses.
  std::vector<std::uint32_t> service_at_;
  std::vector<const AttachedHandler*> attached_;
  identity::ClientTable clients_;
  Protection protection_;
  std::array<bool, 256> server_key_begins_{};  ///< by a key's first byte
};

/// Reads everything that `configuration` names and checks that it may serve together, and that
/// every suite 1 key answers as it did before (reply_record.hpp), which is written down at its
/// first use. Handlers that are not built in are attached to `runtime`; without one the snapshot is
/// to be looked at, and must not serve.
base::Result<std::unique_ptr<const Snapshot>> load_snapshot(const Configuration& configuration,
                                                            CounterSlots* slots = nullptr,
                                                            HandlerRuntime* runtime = nullptr);

}  // namespace pssst::server
