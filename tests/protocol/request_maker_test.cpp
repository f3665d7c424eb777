#include "protocol/request_maker.hpp"

#include <gtest/gtest.h>

#include <set>

#include "protocol/protocol_testing.hpp"

namespace pssst::protocol {
namespace {

using testing::Bytes;
using testing::EnrolledKeys;

class RequestMakerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const PrivateKey& client : client_keys_) enrolled_.enrol(client.public_key());
    std::string error;
    server_ = SingleServer::create(key_, &enrolled_, ClientPolicy::kOptional, &error);
    ASSERT_NE(server_, nullptr) << error;
  }

  std::unique_ptr<RequestMaker> make(std::string_view kernel) {
    auto maker = RequestMaker::create(key_.public_key(), kernel);
    if (!maker) throw std::runtime_error(maker.error().to_string());
    for (const PrivateKey& client : client_keys_) {
      const auto added = (*maker)->add_client(client);
      if (!added) throw std::runtime_error(added.error().to_string());
      EXPECT_EQ(*added, client.public_key());
    }
    return std::move(*maker);
  }

  const PrivateKey private_key_ = PrivateKey::generate();
  const ServerKey key_{private_key_};
  const std::array<PrivateKey, 2> client_keys_{PrivateKey::generate(), PrivateKey::generate()};
  EnrolledKeys enrolled_;
  std::unique_ptr<SingleServer> server_;
};

struct Made {
  std::size_t client;
  Bytes message;
  Bytes datagram;
  crypto::Bytes32 key_material{};
};

std::vector<Made> make_batch(RequestMaker& maker, std::size_t count) {
  testing::Random random(count);
  constexpr std::array<std::size_t, 3> kClients{RequestMaker::kAnonymous, 0, 1};
  std::vector<Made> made(count);
  std::vector<RequestPlan> plans;
  for (std::size_t i = 0; i < count; ++i) {
    made[i].client = kClients[i % kClients.size()];
    made[i].message = random.bytes(37 * i % 1300);
    made[i].datagram.resize(RequestMaker::request_size(made[i].client, made[i].message.size()));
    plans.push_back({made[i].client, made[i].message, made[i].datagram, &made[i].key_material});
  }
  maker.seal(plans);
  return made;
}

TEST_F(RequestMakerTest, ServersAcceptThemAndTheirRepliesOpenWithEveryKernel) {
  for (const crypto::X25519Kernel& kernel : crypto::x25519_kernels()) {
    if (!kernel.supported()) continue;
    SCOPED_TRACE(kernel.name);
    const auto maker = make(kernel.name);
    EXPECT_EQ(maker->x25519_kernel(), kernel.name);
    for (const std::size_t count : {std::size_t{1}, std::size_t{7}, RequestMaker::kBatchMax}) {
      for (const Made& made : make_batch(*maker, count)) {
        const auto opened = server_->open(made.datagram);
        ASSERT_EQ(opened.drop, DropReason::kNone) << to_string(opened.drop);
        EXPECT_EQ(Bytes(opened.message.begin(), opened.message.end()), made.message);
        ASSERT_EQ(opened.client == nullptr, made.client == RequestMaker::kAnonymous);
        if (opened.client != nullptr) {
          EXPECT_EQ(opened.client->public_key, client_keys_[made.client].public_key());
        }
        const auto reply = server_->reply(made.message);
        Bytes text(made.message.size());
        EXPECT_TRUE(maker->open_reply(made.key_material, reply, text));
        EXPECT_EQ(text, made.message);
      }
    }
  }
}

TEST_F(RequestMakerTest, NoTwoAreAlike) {
  const auto maker = make({});
  std::set<Bytes> seen;
  for (int round = 0; round < 4; ++round) {
    for (const Made& made : make_batch(*maker, RequestMaker::kBatchMax)) {
      const auto dh = made.datagram.begin() + kDhOffset;
      EXPECT_TRUE(seen.emplace(dh, dh + kDhSize).second);
    }
  }
}

TEST_F(RequestMakerTest, AChangedReplyDoesNotOpen) {
  const auto maker = make({});
  const std::vector<Made> made = make_batch(*maker, 2);
  ASSERT_EQ(server_->open(made[1].datagram).drop, DropReason::kNone);
  const auto reply = server_->reply(made[1].message);
  Bytes changed(reply.begin(), reply.end());
  changed.back() ^= 1;
  Bytes text(made[1].message.size(), 0xaa);
  EXPECT_FALSE(maker->open_reply(made[1].key_material, changed, text));
  EXPECT_EQ(text, Bytes(text.size()));
  EXPECT_FALSE(maker->open_reply(made[0].key_material, reply, text));
}

TEST_F(RequestMakerTest, RefusesKeysAsClientDoes) {
  EXPECT_FALSE(RequestMaker::create(PublicKey{}, {}));
  EXPECT_FALSE(RequestMaker::create(PublicKey{9}, {}));
  EXPECT_FALSE(RequestMaker::create(key_.public_key(), "no such kernel"));
  const auto maker = make({});
  EXPECT_FALSE(maker->add_client(private_key_));
  EXPECT_EQ(maker->client_count(), client_keys_.size());
}

}  // namespace
}  // namespace pssst::protocol
