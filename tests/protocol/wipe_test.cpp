// What is left in memory when the work is done.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

#include "base/secret_memory.hpp"
#include "crypto/x25519.hpp"
#include "protocol/client_internals.hpp"
#include "protocol/protocol_testing.hpp"
#include "protocol/suite1.hpp"
#include "pssst/server.hpp"
#include "support/secret_pages.hpp"

namespace pssst::testing {
namespace {

using Secrets = std::vector<std::pair<std::string, Bytes>>;

/// Which of these secrets lie anywhere in the memory, in windows of 16 bytes.
std::vector<std::string> found_in(std::span<const std::uint8_t> memory, const Secrets& secrets) {
  std::vector<std::string> found;
  for (const auto& [name, secret] : secrets) {
    for (std::size_t at = 0; at + 16 <= secret.size(); at += 16) {
      if (memmem(memory.data(), memory.size(), secret.data() + at, 16) == nullptr) continue;
      found.push_back(name + " at " + std::to_string(at));
    }
  }
  return found;
}

std::size_t window_count(const Secrets& secrets) {
  std::size_t count = 0;
  for (const auto& [name, secret] : secrets) count += secret.size() / 16;
  return count;
}

class WipeTest : public ::testing::Test {
 protected:
  WipeTest() {
    requests_ = {
        honest_request(server_, &client_, ephemeral_key_, message_),        // answered
        honest_request(server_, &client_, ephemeral_key_, message_),        // not answered
        honest_request(server_, &client_, ephemeral_key_, message_),        // answered too long
        forged(x25519(ephemeral_key_, client_public_), random_.bytes32()),  // unknown client
        forged(x25519(random_.bytes32(), client_public_), client_public_),  // wrong proof
        forge_request(server_, {0, kSuite1}, Bytes32{}, message_),          // zero shared secret
    };
    remember("e", ephemeral_key_);
    remember("C", client_public_);
    remember("message", message_);
    for (std::size_t i = 0; i < requests_.size() - 1; ++i) {
      const Bytes32 dh = protocol::suite1::read_dh(requests_[i]);
      remember("shared secret", x25519(server_, dh));
      remember("key material", key_material_for(server_, dh));
    }
  }

  Bytes forged(const Bytes32& dh, const Bytes32& claimed) const {
    Bytes payload(claimed.begin(), claimed.end());
    payload.insert(payload.end(), ephemeral_key_.begin(), ephemeral_key_.end());
    return forge_request(server_, {kFlagClientAuth, kSuite1}, dh, payload);
  }

  void remember(std::string name, std::span<const std::uint8_t> secret) {
    secrets_.emplace_back(std::move(name), Bytes(secret.begin(), secret.end()));
  }

  void open_and_seal() {
    for (const Bytes& request : requests_) burst_->add(request, key_);
    open_burst(*processor_, *burst_, clients_);
    answer(*burst_, 0, message_of(*burst_, 0));
    answer(*burst_, 2, Bytes(kReplySizeMax + 1, 0x77));
    processor_->seal(*burst_);
  }

  Random random_{29};
  const Bytes32 server_ = random_.bytes32();
  const Bytes32 client_ = random_.bytes32();
  // Clamped already, so that it is searched for as the kernels see it.
  const Bytes32 ephemeral_key_ = crypto::X25519Scalar(random_.bytes32()).clamped();
  const Bytes message_ = random_.bytes(64);
  const PublicKey client_public_ = PrivateKey(client_).public_key();
  const ServerKey key_{PrivateKey(server_)};
  const EnrolledKeys clients_{std::vector{client_public_}};
  std::unique_ptr<RequestProcessor> processor_ = make_processor();
  RequestBurstPointer burst_ = make_request_burst();
  std::vector<Bytes> requests_;
  Secrets secrets_;
};

TEST_F(WipeTest, TheBurstKeepsNoSecretButTheSealedReplies) {
  remember("long reply", Bytes(kReplySizeMax, 0x77));
  open_and_seal();
  const std::span memory(reinterpret_cast<const std::uint8_t*>(burst_.get()), sizeof *burst_);
  // They are all there, so the search finds what it looks for.
  EXPECT_EQ(found_in(memory, secrets_).size(), window_count(secrets_));
  const Bytes reply = reply_of(*burst_, 0);
  processor_->wipe_secrets(*burst_);
  EXPECT_EQ(found_in(memory, secrets_), std::vector<std::string>{});
  EXPECT_EQ(reply_of(*burst_, 0), reply);
}

TEST_F(WipeTest, NoSecretPagesKeepAny) {
  open_and_seal();
  std::size_t found = 0;
  for (const auto pages : test::secret_pages()) found += found_in(pages, secrets_).size();
  EXPECT_GE(found, window_count(secrets_));
  processor_->wipe_secrets(*burst_);
  for (const auto pages : test::secret_pages()) {
    EXPECT_EQ(found_in(pages, secrets_), std::vector<std::string>{});
  }
}

TEST_F(WipeTest, TheProcessorKeepsNothingFromStageToStageButKeysOfReplies) {
  const auto found_outside_the_burst = [&] {
    const auto copy = std::make_unique<RequestBurst>(*burst_);
    base::wipe(burst_.get(), sizeof *burst_);
    std::vector<std::string> found;
    for (const auto pages : test::secret_pages()) {
      std::ranges::move(found_in(pages, secrets_), std::back_inserter(found));
    }
    *burst_ = *copy;
    return found;
  };
  for (const Bytes& request : requests_) burst_->add(request, key_);
  processor_->multiply(*burst_);
  EXPECT_EQ(found_outside_the_burst(), std::vector<std::string>{}) << "multiply";
  // What follows needs the AES key, the first half of the key material, as the burst has it, too.
  const std::vector<std::string> keys(requests_.size() - 1, "key material at 0");
  processor_->open(*burst_);
  EXPECT_EQ(found_outside_the_burst(), keys) << "open";
  processor_->identify(*burst_, clients_);
  EXPECT_EQ(found_outside_the_burst(), keys) << "identify";
  processor_->prove(*burst_);
  EXPECT_EQ(found_outside_the_burst(), keys) << "prove";
  burst_->has_reply[0] = 1;
  processor_->seal(*burst_);
  EXPECT_EQ(found_outside_the_burst(), keys) << "seal";
}

TEST_F(WipeTest, AClientKeepsNothingOfAMessage) {
  const PrivateKey private_key(client_);
  const auto client = Client::create(key_.public_key(), &private_key, nullptr);
  ASSERT_NE(client, nullptr);
  // C is the client's own and stays.
  std::erase_if(secrets_, [](const auto& secret) { return secret.first == "C"; });
  Bytes request(requests_[0].size());
  PendingRequest pending;
  ASSERT_EQ(protocol::ClientInternals::seal(*client, ephemeral_key_, message_, request, pending),
            request.size());
  for (const auto pages : test::secret_pages()) {
    EXPECT_EQ(found_in(pages, secrets_), std::vector<std::string>{});
  }
  burst_->add(requests_[0], key_);
  open_burst(*processor_, *burst_, clients_);
  answer(*burst_, 0, message_);
  processor_->seal(*burst_);
  processor_->wipe_secrets(*burst_);
  Bytes message(message_.size());
  EXPECT_EQ(client->open(burst_->reply_datagram(0), pending, message).fault, ReplyFault::kNone);
  for (const auto pages : test::secret_pages()) {
    EXPECT_EQ(found_in(pages, secrets_), std::vector<std::string>{});
  }
}

TEST_F(WipeTest, AClientForgetsTheEphemeralKeyThatItDrew) {
  const PrivateKey private_key(client_);
  const auto client = Client::create(key_.public_key(), &private_key, nullptr);
  ASSERT_NE(client, nullptr);
  Bytes request(client->overhead_size());
  PendingRequest pending;
  ASSERT_EQ(client->seal({}, request, pending), request.size());
  burst_->add(request, key_);
  processor_->multiply(*burst_);
  processor_->open(*burst_);
  secrets_.clear();
  remember("e", protocol::suite1::proof_ephemeral_key(*burst_, 0));
  processor_->wipe_secrets(*burst_);
  for (const auto pages : test::secret_pages()) {
    EXPECT_EQ(found_in(pages, secrets_), std::vector<std::string>{});
  }
}

}  // namespace
}  // namespace pssst::testing
