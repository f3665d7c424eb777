#include "server/snapshot.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "base/hex.hpp"
#include "identity/temporary_folder.hpp"
#include "server/test_services.hpp"

namespace pssst::server {
namespace {

TEST(Snapshot, FindsServicesByUdpPort) {
  const auto snapshot =
      Snapshot::create(services_of(make_service(1, "echo", PrivateKey::generate()),
                                   make_service(65535, "ack", PrivateKey::generate()),
                                   make_service(7700, "discard", PrivateKey::generate())),
                       {Identity{PrivateKey::generate().public_key()}});
  ASSERT_TRUE(snapshot) << snapshot.error().to_string();
  for (std::size_t i = 0; i < 3; ++i) {
    const Service& service = (*snapshot)->services()[i];
    EXPECT_EQ(service.index, i);
    EXPECT_EQ((*snapshot)->find_service(service.udp_port), &service);
  }
  for (const std::uint16_t udp_port : std::array<std::uint16_t, 5>{0, 2, 7699, 7701, 65534}) {
    EXPECT_EQ((*snapshot)->find_service(udp_port), nullptr) << udp_port;
  }
  EXPECT_EQ((*snapshot)->clients().size(), 1U);
}

TEST(Snapshot, KnowsItsOwnKeys) {
  const PrivateKey first = PrivateKey::generate();
  const PrivateKey second = PrivateKey::generate();
  auto services = services_of(make_service(1, "echo", first), make_service(2, "ack", second));
  const auto snapshot = Snapshot::create(std::move(services), {});
  ASSERT_TRUE(snapshot) << snapshot.error().to_string();
  EXPECT_TRUE((*snapshot)->is_server_key(first.public_key()));
  EXPECT_TRUE((*snapshot)->is_server_key(second.public_key()));
  PublicKey other = first.public_key();
  other.back() ^= 1;
  EXPECT_FALSE((*snapshot)->is_server_key(other));
  other.front() ^= 1;
  EXPECT_FALSE((*snapshot)->is_server_key(other));
}

TEST(Snapshot, FindsServicesByDestination) {
  const Address a = *parse_address("192.0.2.1");
  const Address b = *parse_address("2001:db8::1");
  auto services = services_of(make_service(7, "echo", PrivateKey::generate()),
                              make_service(7, "ack", PrivateKey::generate()));
  services[0].name = "any";
  services[1].addresses = {a};
  const auto snapshot = Snapshot::create(std::move(services), {});
  ASSERT_TRUE(snapshot) << snapshot.error().to_string();
  EXPECT_EQ((*snapshot)->find_service(7, a), &(*snapshot)->services()[1]);
  EXPECT_EQ((*snapshot)->find_service(7, b), &(*snapshot)->services()[0]);
  EXPECT_EQ((*snapshot)->find_service(8, a), nullptr);
}

TEST(Snapshot, KeepsCounterPlacesAndFreesThemOnlyWhenTold) {
  CounterSlots slots;
  const auto first = Snapshot::create(services_of(make_service(1, "echo", PrivateKey::generate()),
                                                  make_service(2, "ack", PrivateKey::generate())),
                                      {}, &slots);
  ASSERT_TRUE(first);
  const auto next = Snapshot::create(services_of(make_service(3, "echo", PrivateKey::generate()),
                                                 make_service(2, "ack", PrivateKey::generate())),
                                     {}, &slots);
  ASSERT_TRUE(next);
  EXPECT_EQ((*next)->services()[1].slot, (*first)->services()[1].slot);
  EXPECT_EQ((*next)->services()[0].slot, 2U);
  const auto freed = slots.free_all_but((*next)->services());
  EXPECT_EQ(freed.services, std::vector<std::size_t>{0});
  EXPECT_EQ(freed.keys, (std::vector<std::size_t>{0, 1}));
}

TEST(Snapshot, RefusesServicesThatMustNotServeTogether) {
  const PrivateKey key = PrivateKey::generate();
  EXPECT_FALSE(Snapshot::create(
      services_of(make_service(1, "echo", key), make_service(2, "echo", key)), {}));
  EXPECT_FALSE(
      Snapshot::create(services_of(make_service(1, "echo", key)), {Identity{key.public_key()}}));
}

TEST(LoadSnapshot, ReadsKeysAndClients) {
  const identity::TemporaryFolder folder;
  const PrivateKey key = PrivateKey::generate();
  const std::vector<ServiceSettings> settings{
      make_settings(7700, "echo", folder.write("key", base::to_hex(key.bytes())))};
  const std::string clients =
      folder.write("clients", base::to_hex(PrivateKey::generate().public_key()) + "\n" +
                                  base::to_hex(PrivateKey::generate().public_key()) + "\n");
  const auto with_clients = load_snapshot(configuration_of(settings, clients));
  ASSERT_TRUE(with_clients) << with_clients.error().to_string();
  EXPECT_EQ((*with_clients)->clients().size(), 2U);
  EXPECT_EQ((*with_clients)->find_service(7700)->keys[0].public_key(), key.public_key());
  const auto without = load_snapshot(configuration_of(settings));
  ASSERT_TRUE(without);
  EXPECT_EQ((*without)->clients().size(), 0U);
  const auto missing = load_snapshot(configuration_of(settings, folder.path("none")));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().where, folder.path("none"));
}

}  // namespace
}  // namespace pssst::server
