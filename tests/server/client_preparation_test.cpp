#include "server/client_preparation.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "pssst/client.hpp"
#include "server/test_services.hpp"

namespace pssst::server {
namespace {

constexpr KeyUse kF002{.suite = kSuiteF002};

std::unique_ptr<const Snapshot> make_snapshot(std::vector<Service> services, std::size_t clients) {
  std::vector<Identity> identities;
  for (std::size_t i = 0; i < clients; ++i) {
    identities.push_back({PrivateKey::generate().public_key()});
  }
  auto snapshot = Snapshot::create(std::move(services), std::move(identities));
  EXPECT_TRUE(snapshot) << snapshot.error().to_string();
  return std::move(*snapshot);
}

/// Two keys of suite 0xF002 that clients may authenticate to, among others.
std::vector<Service> services() {
  std::vector<Service> list = services_of(
      make_service(1, "echo", PrivateKey::generate()),
      make_service(2, "echo", PrivateKey::generate(), ClientPolicy::kOptional, {}, kF002),
      make_service(3, "echo", PrivateKey::generate(), ClientPolicy::kAnonymous, {}, kF002),
      make_service(4, "echo", PrivateKey::generate()));
  list[3].keys.emplace_back(PrivateKey::generate(), kF002);
  return list;
}

std::unique_ptr<RequestProcessor> make_processor(std::size_t secrets) {
  std::string error;
  auto processor = RequestProcessor::create({}, &error, 0, secrets);
  EXPECT_NE(processor, nullptr) << error;
  return processor;
}

std::size_t steps_to_the_end(ClientPreparation& preparation, RequestProcessor& processor) {
  std::size_t steps = 0;
  while (preparation.step(processor)) ++steps;
  EXPECT_FALSE(preparation.step(processor));
  return steps;
}

TEST(ClientPreparation, WalksThroughAllClientsOfEveryKeyOnce) {
  const auto processor = make_processor(1024);
  ClientPreparation preparation;
  EXPECT_FALSE(preparation.step(*processor));
  const auto snapshot = make_snapshot(services(), 20);
  EXPECT_FALSE(preparation.start(*snapshot));
  EXPECT_FALSE(preparation.start(*snapshot));
  // 8 + 8 + 4 for each of the two keys.
  EXPECT_EQ(steps_to_the_end(preparation, *processor), 6U);
  const auto next = make_snapshot(services(), 1);
  EXPECT_TRUE(preparation.start(*next));
  EXPECT_EQ(steps_to_the_end(preparation, *processor), 2U);
}

TEST(ClientPreparation, NothingToPrepare) {
  const auto processor = make_processor(1024);
  const auto suite1 =
      make_snapshot(services_of(make_service(1, "echo", PrivateKey::generate())), 9);
  ClientPreparation preparation;
  preparation.start(*suite1);
  EXPECT_EQ(steps_to_the_end(preparation, *processor), 0U);
  const auto nobody = make_snapshot(services(), 0);
  preparation.start(*nobody);
  EXPECT_EQ(steps_to_the_end(preparation, *processor), 0U);
}

TEST(ClientPreparation, NoFurtherThanThereIsRoom) {
  const auto snapshot = make_snapshot(services(), 100);
  ClientPreparation preparation;
  preparation.start(*snapshot);
  EXPECT_EQ(steps_to_the_end(preparation, *make_processor(64)), 8U);
  const auto none = make_processor(0);
  ClientPreparation another;
  another.start(*snapshot);
  EXPECT_EQ(steps_to_the_end(another, *none), 0U);
}

/// Of a request of this client to the only service, which is to be served, its X25519(s, C) was at
/// hand.
void expect_prepared(RequestProcessor& processor, const Snapshot& snapshot,
                     const ClientLookup& clients, const PrivateKey& client) {
  const ServerKey& key = snapshot.services()[0].keys[0];
  const StaticSecretCounts before = processor.static_secret_counts();
  const auto caller = Client::create(key.public_key(), &client, nullptr, kF002);
  Bytes request(caller->overhead_size());
  PendingRequest pending;
  ASSERT_EQ(caller->seal({}, request, pending), request.size());
  const RequestBurstPointer burst = make_request_burst();
  burst->add(request, key);
  processor.multiply(*burst);
  processor.open(*burst);
  processor.identify(*burst, clients);
  processor.prove(*burst);
  EXPECT_EQ(to_string(burst->drop[0]), to_string(DropReason::kNone));
  EXPECT_EQ(processor.static_secret_counts().found, before.found + 1);
  EXPECT_EQ(processor.static_secret_counts().multiplied, before.multiplied);
  processor.wipe_secrets(*burst);
}

std::unique_ptr<const Snapshot> one_service(std::vector<Identity> clients) {
  auto snapshot = Snapshot::create(services_of(make_service(1, "echo", PrivateKey::generate(),
                                                            ClientPolicy::kOptional, {}, kF002)),
                                   std::move(clients));
  EXPECT_TRUE(snapshot);
  return *std::move(snapshot);
}

TEST(ClientPreparation, PreparedClientsCostNoMultiplicationMore) {
  const PrivateKey client = PrivateKey::generate();
  const auto snapshot = one_service({Identity{client.public_key()}});
  const auto processor = make_processor(64);
  ClientPreparation preparation;
  preparation.start(*snapshot);
  EXPECT_EQ(steps_to_the_end(preparation, *processor), 1U);
  expect_prepared(*processor, *snapshot, snapshot->clients(), client);
}

TEST(ClientPreparation, WalksThroughADirectory) {
  base::Quiescence readers(1);
  identity::ClientDirectory directory(readers);
  const auto snapshot = one_service({});
  ClientPreparation preparation;
  const auto processor = make_processor(1024);
  preparation.start(*snapshot, &directory);
  EXPECT_FALSE(preparation.step(*processor)) << "nobody is served yet";
  std::vector<PrivateKey> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(PrivateKey::generate());
    directory.table().put({.key = clients.back().public_key()});
  }
  directory.table().put({.key = PrivateKey::generate().public_key(), .revoked = true});
  directory.serve(true);
  EXPECT_GE(steps_to_the_end(preparation, *processor), 3U);
  for (const PrivateKey& client : clients) {
    expect_prepared(*processor, *snapshot, directory, client);
  }
}

TEST(StaticSecretsWanted, AsManyAsThereArePairsWithinBounds) {
  const auto suite1 =
      make_snapshot(services_of(make_service(1, "echo", PrivateKey::generate())), 3);
  EXPECT_EQ(static_secrets_wanted(*suite1, 1'000'000), 1024U);
  // Three keys of suite 0xF002.
  const auto snapshot = make_snapshot(services(), 3);
  EXPECT_EQ(static_secrets_wanted(*snapshot, 3), kStaticSecretsDefault);
  EXPECT_EQ(static_secrets_wanted(*snapshot, kStaticSecretsDefault), 6 * kStaticSecretsDefault);
  EXPECT_EQ(static_secrets_wanted(*snapshot, 10'000'000), std::size_t{1} << 18);
  EXPECT_EQ(static_secrets_wanted(*snapshot, SIZE_MAX), std::size_t{1} << 18);
}

}  // namespace
}  // namespace pssst::server
