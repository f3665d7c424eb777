#include "server/counter_slots.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "server/test_services.hpp"

namespace pssst::server {
namespace {

Service service_named(std::string name, const PrivateKey& key) {
  Service service = make_service(1, "echo", key);
  service.name = std::move(name);
  return service;
}

class CounterSlotsTest : public testing::Test {
 protected:
  const PrivateKey key_a_ = PrivateKey::generate();
  const PrivateKey key_b_ = PrivateKey::generate();
  CounterSlots slots_;
};

TEST_F(CounterSlotsTest, ServicesAndKeysKeepTheirPlaces) {
  auto first = services_of(service_named("a", key_a_), service_named("b", key_b_));
  ASSERT_TRUE(slots_.assign(first));
  EXPECT_NE(first[0].slot, first[1].slot);
  EXPECT_NE(first[0].key_slots, first[1].key_slots);

  // In another order, and with the keys changed over.
  auto second = services_of(service_named("b", key_a_), service_named("a", key_b_));
  ASSERT_TRUE(slots_.assign(second));
  EXPECT_EQ(second[0].slot, first[1].slot);
  EXPECT_EQ(second[1].slot, first[0].slot);
  EXPECT_EQ(second[0].key_slots, first[0].key_slots);
  EXPECT_EQ(second[1].key_slots, first[1].key_slots);
  EXPECT_TRUE(slots_.free_all_but(second).services.empty());
  EXPECT_TRUE(slots_.free_all_but(second).keys.empty());
}

TEST_F(CounterSlotsTest, WhatIsGoneLeavesItsPlaceToOthersOnlyWhenItIsFreed) {
  auto first = services_of(service_named("a", key_a_));
  ASSERT_TRUE(slots_.assign(first));
  auto second = services_of(service_named("b", key_b_));
  ASSERT_TRUE(slots_.assign(second));
  EXPECT_NE(second[0].slot, first[0].slot);

  const CounterSlots::Freed freed = slots_.free_all_but(second);
  EXPECT_EQ(freed.services, std::vector{first[0].slot});
  EXPECT_EQ(freed.keys, first[0].key_slots);
  auto third = services_of(service_named("c", PrivateKey::generate()));
  ASSERT_TRUE(slots_.assign(third));
  EXPECT_EQ(third[0].slot, first[0].slot);
  EXPECT_EQ(third[0].key_slots, first[0].key_slots);
}

TEST_F(CounterSlotsTest, TooManyServicesAreRefused) {
  std::vector<Service> services;
  for (std::size_t i = 0; i <= telemetry::kServicesMax; ++i) {
    services.push_back(service_named(std::to_string(i), key_a_));
  }
  const auto assigned = slots_.assign(services);
  ASSERT_FALSE(assigned);
  EXPECT_EQ(assigned.error().to_string(),
            "service 64: more than 64 services: give them to several servers");
}

TEST_F(CounterSlotsTest, TooManyKeysAreRefused) {
  std::vector<Service> services;
  services.push_back(service_named("many", key_a_));
  for (std::size_t i = 0; i < telemetry::kServerKeysMax; ++i) {
    services[0].keys.emplace_back(PrivateKey::generate());
  }
  const auto assigned = slots_.assign(services);
  ASSERT_FALSE(assigned);
  EXPECT_EQ(assigned.error().to_string(),
            "service many: more than 128 server keys: give them to several servers");
}

}  // namespace
}  // namespace pssst::server
