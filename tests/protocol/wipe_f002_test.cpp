// What suite 0xF002 leaves in memory when the work is done.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "protocol/client_internals.hpp"
#include "protocol/protocol_testing.hpp"
#include "protocol/suite_f002.hpp"
#include "protocol/suite_f002_vectors.hpp"
#include "support/secret_pages.hpp"

namespace pssst::testing {
namespace {

using Secrets = std::vector<std::pair<std::string, Bytes>>;

/// Those of which 16 bytes lie anywhere in secret pages.
std::vector<std::string> found(const Secrets& secrets) {
  std::vector<std::string> names;
  for (const auto pages : test::secret_pages()) {
    for (const auto& [name, secret] : secrets) {
      for (std::size_t at = 0; at + 16 <= secret.size(); at += 16) {
        if (memmem(pages.data(), pages.size(), secret.data() + at, 16) == nullptr) continue;
        if (names.empty() || names.back() != name) names.push_back(name);
      }
    }
  }
  return names;
}

const F002Positive& row_of(bool authenticated) {
  const auto& rows = f002_vectors().positive;
  return *std::ranges::find_if(rows, [&](const F002Positive& row) {
    return row.client.has_value() == authenticated && row.message.size() >= 64;
  });
}

class F002WipeTest : public ::testing::TestWithParam<bool> {
 protected:
  F002WipeTest() {
    remember("dh", row_.dh);
    remember("HPKE key", row_.hpke_key);
    remember("message", row_.message);
    remember("rs", row_.reply_secret);
    remember("rid", row_.rid);
    remember("reply key", row_.reply_key);
    if (!row_.client) return;
    clients_.enrol(row_.client->public_key);
    remember("export", row_.client->exported);
    remember("prk", row_.client->prk);
    remember("client key", row_.client->key);
    // Where the processor keeps them they are meant to stay.
    static_.emplace_back("static secret", Bytes(row_.client->static_secret.begin(),
                                                row_.client->static_secret.end()));
  }

  void remember(std::string name, std::span<const std::uint8_t> secret) {
    secrets_.emplace_back(std::move(name), Bytes(secret.begin(), secret.end()));
  }

  const F002Positive& row_ = row_of(GetParam());
  Secrets secrets_;
  Secrets static_;
  EnrolledKeys clients_;
};

TEST_P(F002WipeTest, TheProcessorKeepsNothingButStaticSecrets) {
  const ServerKey key(PrivateKey(row_.server_private), {.suite = kSuiteF002, .label = row_.label});
  const auto processor = make_processor();
  const RequestBurstPointer burst = make_request_burst();
  burst->add(row_.request, key);
  burst->add(row_.request, key);
  open_burst(*processor, *burst, clients_);
  ASSERT_EQ(burst->drop[0], DropReason::kNone);
  answer(*burst, 0, row_.reply_message);
  processor->seal(*burst);
  // They are there, so the search finds what it looks for.
  const auto before = found(secrets_);
  for (const char* name : {"dh", "message", "rs", "rid"}) {
    EXPECT_TRUE(std::ranges::count(before, name)) << name;
  }
  processor->wipe_secrets(*burst);
  // The sealed reply stays, and in it rid, which everybody sees.
  std::erase_if(secrets_, [](const auto& secret) { return secret.first == "rid"; });
  EXPECT_EQ(found(secrets_), std::vector<std::string>{});
  EXPECT_EQ(found(static_).size(), static_.size());
  processor->forget_static_secrets();
  EXPECT_EQ(found(static_), std::vector<std::string>{});
}

TEST_P(F002WipeTest, AClientKeepsNothingOfAMessage) {
  std::optional<PrivateKey> private_key;
  if (row_.client) private_key.emplace(row_.client->private_key);
  const auto client = Client::create(row_.server_public, private_key ? &*private_key : nullptr,
                                     nullptr, {.suite = kSuiteF002, .label = row_.label});
  ASSERT_NE(client, nullptr);
  private_key.reset();
  remember("e", crypto::X25519Scalar(row_.ephemeral_private).clamped());
  Bytes request(row_.request.size());
  PendingRequest pending;
  ASSERT_EQ(protocol::ClientInternals::seal(
                *client, row_.ephemeral_private, row_.message, request, pending,
                request.size() - row_.message.size() - client->overhead_size()),
            request.size());
  ASSERT_EQ(request, row_.request);
  EXPECT_EQ(found(secrets_), std::vector<std::string>{});
  Bytes message(row_.reply.size());
  EXPECT_EQ(client->open(row_.reply, pending, message).fault, ReplyFault::kNone);
  EXPECT_EQ(found(secrets_), std::vector<std::string>{});
}

INSTANTIATE_TEST_SUITE_P(BothKinds, F002WipeTest, ::testing::Bool(),
                         [](const auto& kind) { return kind.param ? "client" : "anonymous"; });

}  // namespace
}  // namespace pssst::testing
