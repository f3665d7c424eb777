// The stages of a burst allocate nothing.
#include <gtest/gtest.h>

#include "protocol/allocation_counter.hpp"
#include "protocol/protocol_testing.hpp"

namespace pssst::testing {
namespace {

TEST(AllocationTest, AWholeBurstAllocatesNothing) {
  std::string error;
  Random random(31);
  const Bytes32 server = random.bytes32();
  const ServerKey key{PrivateKey(server)};
  const Bytes32 client = random.bytes32();
  const EnrolledKeys clients(std::vector{PrivateKey(client).public_key()});
  const Bytes request = honest_request(server, &client, random.bytes32(), random.bytes(100));
  const ServerKey f002(PrivateKey(random.bytes32()), {.suite = kSuiteF002, .label = "label"});
  const PrivateKey client_key(client);
  const auto caller = Client::create(f002.public_key(), &client_key, nullptr,
                                     {.suite = kSuiteF002, .label = "label"});
  Bytes f002_request(caller->overhead_size() + 100);
  PendingRequest pending;
  ASSERT_EQ(caller->seal(Bytes(100), f002_request, pending), f002_request.size());
  const auto processor = RequestProcessor::create({}, &error, 100000);
  ASSERT_NE(processor, nullptr) << error;
  const RequestBurstPointer burst = make_request_burst();
  const std::size_t before = allocation_count();
  // The first burst builds the client's table, the second uses it.
  for (int i = 0; i < 2; ++i) {
    burst->size = 0;
    for (std::size_t lane = 0; lane < kBurstLanesMax; lane += 2) {
      burst->add(request, key);
      burst->add(f002_request, f002);
    }
    open_burst(*processor, *burst, clients);
    for (std::size_t lane = 0; lane < kBurstLanesMax; ++lane) burst->has_reply[lane] = 1;
    processor->seal(*burst);
    processor->wipe_secrets(*burst);
  }
  EXPECT_EQ(processor->proof_counts().tables_built, 1U);
  EXPECT_EQ(processor->proof_counts().by_table, kBurstLanesMax / 2);
  EXPECT_EQ(processor->static_secret_counts().found, kBurstLanesMax / 2);
  EXPECT_EQ(allocation_count(), before);
  EXPECT_GT(before, 0u);
  EXPECT_EQ(burst->drop[62], DropReason::kNone);
  EXPECT_EQ(burst->drop[63], DropReason::kNone);
}

}  // namespace
}  // namespace pssst::testing
