#include "server/config/service.hpp"

#include <gtest/gtest.h>

#include <string>

#include "base/hex.hpp"
#include "identity/client_table.hpp"
#include "identity/temporary_folder.hpp"
#include "server/test_services.hpp"

namespace pssst::server {
namespace {

using identity::ClientTable;

class CheckServices : public testing::Test {
 protected:
  static std::string refusal(const std::vector<Service>& services,
                             std::vector<Identity> clients = {}) {
    const auto checked = check_services(services, ClientTable(std::move(clients)));
    return checked ? "" : checked.error().to_string();
  }

  const PrivateKey a_ = PrivateKey::generate();
  const PrivateKey b_ = PrivateKey::generate();
};

TEST_F(CheckServices, DifferentPortsAndKeysServeTogether) {
  EXPECT_EQ(refusal(services_of(make_service(7700, "echo", a_), make_service(7701, "ack", b_))),
            "");
}

TEST_F(CheckServices, OneUdpPortOneService) {
  EXPECT_EQ(refusal(services_of(make_service(7700, "echo", a_), make_service(7700, "ack", b_))),
            "service at UDP port 7700: two services at this UDP port: give each its own, or "
            "addresses that tell them apart");
}

TEST_F(CheckServices, AddressesTellServicesAtOneUdpPortApart) {
  const Address first = *parse_address("192.0.2.1");
  const Address second = *parse_address("2001:db8::1");
  const auto at = [&](std::vector<Address> of_a, std::vector<Address> of_b) {
    auto services = services_of(make_service(7700, "echo", a_), make_service(7700, "ack", b_));
    services[0].name = "a";
    services[0].addresses = std::move(of_a);
    services[1].addresses = std::move(of_b);
    return refusal(std::move(services));
  };
  EXPECT_EQ(at({first}, {second}), "");
  EXPECT_EQ(at({first, second}, {}), "");
  EXPECT_NE(at({first}, {second, first}), "");
}

TEST_F(CheckServices, OneNameOneService) {
  auto services = services_of(make_service(7700, "echo", a_), make_service(7701, "ack", b_));
  services[1].name = services[0].name;
  EXPECT_EQ(refusal(std::move(services)),
            "service udp-7700 at UDP port 7701: two services of the name udp-7700: give each its "
            "own");
}

TEST_F(CheckServices, ASecondKeyIsTriedOnlyWhereThereAreTwo) {
  Service one = make_service(7700, "echo", a_);
  one.try_second_key = true;
  EXPECT_EQ(refusal(services_of(std::move(one))),
            "service at UDP port 7700: a second key is to be tried, but it has 1 key of suite 1: "
            "give it two, or leave second_key out");
  Service two = make_service(7700, "echo", a_);
  two.keys.emplace_back(b_);
  EXPECT_EQ(two.second_key(), nullptr);
  two.try_second_key = true;
  EXPECT_EQ(two.second_key(), &two.keys[1]);
  EXPECT_EQ(refusal(services_of(std::move(two))), "");
  Service twice = make_service(7700, "echo", a_);
  twice.keys.emplace_back(a_);
  twice.try_second_key = true;
  EXPECT_NE(refusal(services_of(std::move(twice))), "");
}

TEST_F(CheckServices, OneSuite1KeyOneReplyFunction) {
  EXPECT_EQ(
      refusal(services_of(make_service(7700, "echo", a_), make_service(7701, "ack", a_))),
      "service at UDP port 7701: the service at UDP port 7700 replies under the same key, and "
      "a suite 1 key must have one reply function only: give each service its own key");
  // Also for the same handler: two services have two settings that may part later.
  EXPECT_NE(refusal(services_of(make_service(7700, "echo", a_), make_service(7701, "echo", a_))),
            "");
}

TEST_F(CheckServices, KeysThatClampToOneAreOneKey) {
  std::array<std::uint8_t, kKeySize> alias{};
  std::copy(a_.bytes().begin(), a_.bytes().end(), alias.begin());
  alias[0] ^= 7;
  alias[31] ^= 0x80;
  EXPECT_NE(refusal(services_of(make_service(7700, "echo", a_),
                                make_service(7701, "ack", PrivateKey(alias)))),
            "");
}

TEST_F(CheckServices, DiscardMayShareAKey) {
  EXPECT_EQ(refusal(services_of(make_service(7700, "echo", a_), make_service(7701, "discard", a_),
                                make_service(7702, "discard", a_))),
            "");
}

TEST_F(CheckServices, VaryingRepliesAreRefusedOnSuite1) {
  EXPECT_EQ(refusal(services_of(make_service(7700, varying_handler(), a_))),
            "service at UDP port 7700: the replies of handler varying vary, and suite 1 is broken "
            "by two different replies to one request: choose a handler whose reply depends on the "
            "request alone, or a key of suite 0xF002");
  EXPECT_EQ(refusal(services_of(make_service(7700, varying_handler(false), a_))), "");
  std::vector<Service> f002 = services_of(
      make_service(7700, varying_handler(), a_, ClientPolicy::kOptional, {.suite = kSuiteF002}));
  EXPECT_EQ(refusal(f002), "");
  // One key of suite 1 among its keys is one too many.
  f002[0].keys.emplace_back(b_);
  EXPECT_NE(refusal(f002).find("suite 1 is broken"), std::string::npos);
}

TEST_F(CheckServices, KeysThatRequestsDoNotTellApartAreRefused) {
  const PrivateKey c = PrivateKey::generate();
  std::vector<Service> services = services_of(make_service(7700, "echo", a_));
  services[0].keys.emplace_back(b_, KeyUse{.suite = kSuiteF002, .label = "x"});
  EXPECT_EQ(refusal(services), "");
  services[0].keys.emplace_back(c, KeyUse{.suite = kSuiteF002, .label = "x"});
  EXPECT_EQ(refusal(services), "");
  services[0].keys.emplace_back(c, KeyUse{.suite = kSuiteF002, .label = "x"});
  EXPECT_NE(refusal(services).find("two keys with the key id "), std::string::npos);
  services[0].keys.pop_back();
  services[0].keys.emplace_back(PrivateKey::generate());
  EXPECT_NE(refusal(services).find("two keys of suite 1"), std::string::npos);
  services[0].keys.clear();
  EXPECT_NE(refusal(services).find("no key"), std::string::npos);
}

TEST_F(CheckServices, AKeyServesOneSuite) {
  const KeyUse f002{.suite = kSuiteF002};
  std::vector<Service> services =
      services_of(make_service(7700, "echo", a_),
                  make_service(7701, "echo", a_, ClientPolicy::kOptional, {}, f002));
  EXPECT_NE(refusal(services).find("one key in two suites"), std::string::npos);
  std::vector<Service> one = services_of(make_service(7700, "echo", a_));
  one[0].keys.emplace_back(a_, f002);
  EXPECT_NE(refusal(one).find("one key in two suites"), std::string::npos);
  // Several services may share a key of suite 0xF002.
  EXPECT_EQ(refusal(services_of(make_service(7700, "echo", a_, ClientPolicy::kOptional, {}, f002),
                                make_service(7701, "echo", a_, ClientPolicy::kOptional, {}, f002))),
            "");
}

TEST_F(CheckServices, AClientsKeyIsNoServersKey) {
  EXPECT_EQ(
      refusal(services_of(make_service(7700, "echo", a_), make_service(7701, "ack", b_)),
              {Identity{PrivateKey::generate().public_key()}, Identity{b_.public_key()}}),
      "service at UDP port 7701: its key is enrolled as a client's, and one key is never both a "
      "client's and a server's: give the service or the client a new key");
}

class MakeServices : public testing::Test {
 protected:
  std::string write_key(std::string_view name, const PrivateKey& key) {
    return folder_.write(name, base::to_hex(key.bytes()));
  }
  identity::TemporaryFolder folder_;
};

TEST_F(MakeServices, ReadsKeysAndMakesHandlers) {
  const PrivateKey a = PrivateKey::generate();
  const PrivateKey b = PrivateKey::generate();
  const std::vector<ServiceSettings> settings{
      make_settings(7700, "echo", write_key("a", a)),
      make_settings(7701, "ack", write_key("b", b), ClientPolicy::kRequired, {1, 2})};
  const auto services = make_services(settings);
  ASSERT_TRUE(services) << services.error().to_string();
  ASSERT_EQ(services->size(), 2U);
  EXPECT_EQ((*services)[0].keys[0].public_key(), a.public_key());
  EXPECT_EQ((*services)[1].keys[0].public_key(), b.public_key());
  EXPECT_EQ((*services)[1].udp_port, 7701);
  EXPECT_EQ((*services)[1].policy, ClientPolicy::kRequired);
  EXPECT_EQ((*services)[1].handler->traits().reply_size_max, 2U);
  EXPECT_EQ((*services)[1].index, 1U);
}

TEST_F(MakeServices, KeyFilesSayTheirSuite) {
  const PrivateKey a = PrivateKey::generate();
  const PrivateKey b = PrivateKey::generate();
  ServiceSettings settings = make_settings(7700, "echo", write_key("a", a));
  settings.key_files.push_back(folder_.write("b", "f002:" + base::to_hex(b.bytes())));
  settings.label = "valves.example";
  const auto services = make_services(std::span(&settings, 1));
  ASSERT_TRUE(services) << services.error().to_string();
  const std::span keys = services->front().keys;
  ASSERT_EQ(keys.size(), 2U);
  EXPECT_EQ(keys[0].suite(), kSuite1);
  EXPECT_EQ(keys[0].label(), "");
  EXPECT_EQ(keys[1].suite(), kSuiteF002);
  EXPECT_EQ(keys[1].label(), "valves.example");
  EXPECT_EQ(keys[1].public_key(), b.public_key());
  settings.suite = kSuiteF002;
  const auto refused = make_services(std::span(&settings, 1));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().what,
            "the key is of suite 1, but the service at UDP port 7700 is to serve suite 0xF002");
  settings.suite.reset();
  settings.key_files.pop_back();
  EXPECT_FALSE(make_services(std::span(&settings, 1)));  // a label, and nothing that takes it
}

TEST_F(MakeServices, PassesOnWhatIsWrong) {
  const std::string key = write_key("key", PrivateKey::generate());
  const auto fails = [](ServiceSettings one) {
    return !make_services(std::vector<ServiceSettings>{std::move(one)});
  };
  EXPECT_FALSE(fails(make_settings(1, "echo", key)));
  EXPECT_TRUE(fails(make_settings(1, "clock", key)));
  EXPECT_TRUE(fails(make_settings(1, "echo", folder_.path("none"))));
  EXPECT_TRUE(fails(make_settings(1, "ack", key, ClientPolicy::kOptional, Bytes(1421))));
}

}  // namespace
}  // namespace pssst::server
