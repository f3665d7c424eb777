#include "protocol/proof_checker.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "protocol/protocol_testing.hpp"
#include "protocol/suite1.hpp"

namespace pssst::testing {
namespace {

constexpr protocol::Header kAuthHeader{.flags = kFlagClientAuth, .suite = kSuite1};

/// Lanes through multiply(), open() and identify(); then the proofs, by ladder and by table.
class ProofCheckerTest : public ::testing::TestWithParam<std::string> {
 protected:
  static constexpr std::size_t kClients = 6;

  ProofCheckerTest() {
    for (std::size_t i = 0; i < kClients; ++i) {
      private_keys_.push_back(random_.bytes32());
      clients_.enrol(PrivateKey(private_keys_[i]).public_key());
    }
  }
  void SetUp() override {
    // A kernel that this CPU does not run: the checks are those of the best that it has.
    if (crypto::select_x25519_kernel(GetParam()) != nullptr) name_ = GetParam();
    processor_ = make(std::size_t{1} << 20);
  }
  std::unique_ptr<RequestProcessor> make(std::size_t memory) const {
    std::string error;
    auto processor = RequestProcessor::create(name_, &error, memory);
    EXPECT_NE(processor, nullptr) << error;
    return processor;
  }

  PublicKey client_public(std::size_t i) const { return PrivateKey(private_keys_[i]).public_key(); }
  Bytes honest(std::size_t client) {
    return honest_request(server_, &private_keys_[client], random_.bytes32(), message_);
  }
  Bytes forged(const Bytes32& dh, const Bytes32& c, const Bytes32& e) const {
    Bytes payload(c.begin(), c.end());
    payload.insert(payload.end(), e.begin(), e.end());
    return forge_request(server_, kAuthHeader, dh, payload);
  }

  std::vector<DropReason> run(RequestProcessor& processor, const std::vector<Bytes>& requests,
                              const ClientLookup& clients) {
    burst_->size = 0;
    for (const Bytes& request : requests) burst_->add(request, key_);
    open_burst(processor, *burst_, clients);
    std::vector<DropReason> reasons(burst_->drop.begin(), burst_->drop.begin() + requests.size());
    processor.wipe_secrets(*burst_);
    return reasons;
  }
  std::vector<DropReason> run(const std::vector<Bytes>& requests) {
    return run(*processor_, requests, clients_);
  }
  static std::vector<DropReason> all_good(std::size_t n) {
    return std::vector<DropReason>(n, DropReason::kNone);
  }

  Random random_{71};
  const Bytes32 server_ = random_.bytes32();
  const Bytes message_ = random_.bytes(30);
  const ServerKey key_{PrivateKey(server_)};
  std::vector<Bytes32> private_keys_;
  EnrolledKeys clients_;
  std::string name_;
  std::unique_ptr<RequestProcessor> processor_;
  RequestBurstPointer burst_ = make_request_burst();
};

std::vector<std::string> kernel_names() {
  std::vector<std::string> names;
  for (const crypto::X25519Kernel& kernel : crypto::x25519_kernels()) {
    names.emplace_back(kernel.name);
  }
  return names;
}
std::string kernel_name(const ::testing::TestParamInfo<std::string>& info) {
  return info.param;
}
INSTANTIATE_TEST_SUITE_P(Kernels, ProofCheckerTest, ::testing::ValuesIn(kernel_names()),
                         kernel_name);

TEST_P(ProofCheckerTest, ATableIsBuiltAtTheSecondRightProof) {
  EXPECT_EQ(run({honest(0)}), all_good(1));
  EXPECT_EQ(processor_->proof_counts().tables_built, 0U);
  EXPECT_EQ(run({honest(0)}), all_good(1));
  EXPECT_EQ(processor_->proof_counts().tables_built, 1U);
  EXPECT_EQ(processor_->proof_counts().by_ladder, 2U);
  EXPECT_EQ(processor_->proof_counts().by_table, 0U);
  EXPECT_EQ(run({honest(0), honest(1), honest(0)}), all_good(3));
  EXPECT_EQ(processor_->proof_counts().by_ladder, 3U);
  EXPECT_EQ(processor_->proof_counts().by_table, 2U);
  EXPECT_EQ(processor_->proof_counts().tables_built, 1U);
}

TEST_P(ProofCheckerTest, ABurstBuildsOneTableAtMost) {
  std::vector<Bytes> requests;
  for (std::size_t i = 0; i < 4 * kClients; ++i) requests.push_back(honest(i % kClients));
  for (std::size_t built = 1; built <= kClients; ++built) {
    EXPECT_EQ(run(requests), all_good(requests.size()));
    EXPECT_EQ(processor_->proof_counts().tables_built, built);
  }
  const std::uint64_t by_ladder = processor_->proof_counts().by_ladder;
  EXPECT_EQ(run(requests), all_good(requests.size()));
  EXPECT_EQ(processor_->proof_counts().by_ladder, by_ladder) << "everybody has a table";
  EXPECT_EQ(processor_->proof_counts().tables_built, kClients);
}

TEST_P(ProofCheckerTest, WithoutMemoryEveryProofGoesUpTheLadder) {
  const auto processor = make(0);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(run(*processor, {honest(0)}, clients_), all_good(1));
  EXPECT_EQ(processor->proof_counts().by_ladder, 4U);
  EXPECT_EQ(processor->proof_counts().by_table, 0U);
  EXPECT_EQ(processor->proof_counts().tables_built, 0U);
}

TEST_P(ProofCheckerTest, WrongProofsBuildNothing) {
  const Bytes wrong =
      forged(x25519(random_.bytes32(), client_public(0)), client_public(0), random_.bytes32());
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(run({wrong, wrong}), std::vector(2, DropReason::kProofMismatch));
  }
  // A right one before does not make them count.
  EXPECT_EQ(run({honest(0)}), all_good(1));
  EXPECT_EQ(run({wrong, wrong, wrong}), std::vector(3, DropReason::kProofMismatch));
  EXPECT_EQ(processor_->proof_counts().tables_built, 0U);
}

// Whatever a lane holds, the table says what the ladder says, among any neighbours.
TEST_P(ProofCheckerTest, ReasonsAreThoseOfTheLadder) {
  const auto by_ladder = make(0);
  const Bytes32 c = client_public(0);
  const Bytes32 e = random_.bytes32();
  const Bytes32 dh = x25519(e, c);
  Bytes32 zero_e{};
  Bytes32 ones{};
  ones.fill(0xff);
  Bytes32 top_bit = dh;
  top_bit.back() |= 0x80;
  std::vector<Bytes> requests{
      honest(0),
      forged(dh, c, e),
      forged(dh, c, random_.bytes32()),
      forged(Bytes32{9}, c, e),
      forged(x25519(zero_e, c), c, zero_e),
      forged(x25519(ones, c), c, ones),
      forged(top_bit, c, e),
      forged(dh, client_public(1), e),
      forged(x25519(e, client_public(1)), c, e),
      honest(1),
      honest(2),
  };
  // e as it is on the wire need not be clamped: the bits that clamping sets do not count.
  Bytes32 unclamped = e;
  unclamped[0] ^= 7;
  unclamped[31] ^= 0xc0;
  requests.push_back(forged(dh, c, unclamped));
  EXPECT_EQ(run({honest(0)}), all_good(1));
  EXPECT_EQ(run({honest(0)}), all_good(1));
  for (std::size_t turn = 0; turn < requests.size(); ++turn) {
    std::ranges::rotate(requests, requests.begin() + 1);
    const auto expected = run(*by_ladder, requests, clients_);
    EXPECT_EQ(run(requests), expected) << turn;
    EXPECT_EQ(std::ranges::count(expected, DropReason::kNone), 7) << turn;
  }
  EXPECT_GT(processor_->proof_counts().by_table, 50U);
  EXPECT_EQ(by_ladder->proof_counts().by_table, 0U);
}

TEST_P(ProofCheckerTest, EveryBurstSizeWithMixedLanes) {
  // Clients 0 and 1 have tables, the others not yet.
  for (std::size_t client = 0; client < 2; ++client) {
    for (int i = 0; i < 2; ++i) EXPECT_EQ(run({honest(client)}), all_good(1));
  }
  std::vector<Bytes> requests;
  std::vector<DropReason> expected;
  for (std::size_t i = 0; i < kBurstLanesMax; ++i) {
    const bool right = i % 5 != 2;
    const std::size_t client = i * 7 % kClients;
    const Bytes32 e = random_.bytes32();
    requests.push_back(right ? honest(client)
                             : forged(x25519(e, client_public((client + 1) % kClients)),
                                      client_public(client), e));
    expected.push_back(right ? DropReason::kNone : DropReason::kProofMismatch);
  }
  for (std::size_t n = 1; n <= requests.size(); n += 3) {
    const std::vector<Bytes> some(requests.begin(), requests.begin() + static_cast<long>(n));
    EXPECT_EQ(run(some), std::vector(expected.begin(), expected.begin() + static_cast<long>(n)))
        << n;
  }
}

TEST_P(ProofCheckerTest, AnUnknownClientIsDroppedThoughItHasATable) {
  for (int i = 0; i < 2; ++i) EXPECT_EQ(run({honest(0)}), all_good(1));
  EXPECT_EQ(processor_->proof_counts().tables_built, 1U);
  // Another snapshot, in which the client is enrolled no more; and one in which it is again.
  EnrolledKeys without;
  without.enrol(client_public(1));
  EXPECT_EQ(run(*processor_, {honest(0)}, without), std::vector(1, DropReason::kClientUnknown));
  EXPECT_EQ(processor_->proof_counts().by_table, 0U);
  EXPECT_EQ(run({honest(0)}), all_good(1));
  EXPECT_EQ(processor_->proof_counts().by_table, 1U);
}

TEST(ProofTableMemory, TooMuchIsAnError) {
  std::string error;
  EXPECT_EQ(RequestProcessor::create({}, &error, std::size_t{1} << 62), nullptr);
  EXPECT_NE(error.find("proof tables"), std::string::npos) << error;
}

}  // namespace
}  // namespace pssst::testing
