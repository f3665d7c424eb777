// In suite 0xF002, time does not tell whether a client key is enrolled, or was and is no more.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "base/tsc.hpp"
#include "protocol/protocol_testing.hpp"

namespace pssst::testing {
namespace {

class UnknownClientTimeTest : public ::testing::Test {
 protected:
  static constexpr std::size_t kRounds = 80;
  using Requests = std::vector<Bytes>;

  /// Forged requests that name the client: the box opens, the text does not.
  Requests forged(const Bytes32& client_private) {
    const PrivateKey key(client_private);
    const auto client = Client::create(key_.public_key(), &key, nullptr, {.suite = kSuiteF002});
    Requests requests;
    for (std::size_t i = 0; i < processor_->burst_limit(); ++i) {
      requests.emplace_back(client->overhead_size() + 64);
      PendingRequest pending;
      EXPECT_GT(client->seal(Bytes(64), requests.back(), pending), 0u);
      requests.back().back() ^= 1;
    }
    return requests;
  }

  /// How much longer or shorter, as a share, requests take that name `stranger`, who is dropped for
  /// `reason`, beyond what the same requests of an enrolled client differ from themselves.
  double difference(const Requests& enrolled, const Requests& stranger, DropReason reason) {
    std::array<std::vector<double>, 3> times;
    for (std::size_t round = 0; round < kRounds; ++round) {
      times[0].push_back(ticks(enrolled, DropReason::kClientTag));
      times[1].push_back(ticks(stranger, reason));
      times[2].push_back(ticks(enrolled, DropReason::kClientTag));
    }
    const double first = lower_quartile(times[0]);
    const double again = lower_quartile(times[2]);
    const double apart = std::abs(lower_quartile(times[1]) - (first + again) / 2);
    return std::max(0.0, apart - std::abs(first - again)) / first;
  }

  double ticks(const Requests& requests, DropReason expected) {
    burst_->size = 0;
    for (const Bytes& request : requests) burst_->add(request, key_);
    const std::uint64_t start = base::read_tsc();
    open_burst(*processor_, *burst_, clients_);
    processor_->wipe_secrets(*burst_);
    const std::uint64_t end = base::read_tsc();
    EXPECT_EQ(to_string(burst_->drop[0]), to_string(expected));
    return static_cast<double>(end - start);
  }

  static double lower_quartile(std::vector<double>& values) {
    std::ranges::nth_element(values, values.begin() + kRounds / 4);
    return values[kRounds / 4];
  }

  Random random_{59};
  const Bytes32 enrolled_ = random_.bytes32();
  const Bytes32 unknown_ = random_.bytes32();
  const Bytes32 revoked_ = random_.bytes32();
  const ServerKey key_{PrivateKey(random_.bytes32()), {.suite = kSuiteF002}};
  EnrolledKeys clients_{std::vector{PrivateKey(enrolled_).public_key()}};
  std::unique_ptr<RequestProcessor> processor_ = make_processor();
  RequestBurstPointer burst_ = make_request_burst();
};

TEST_F(UnknownClientTimeTest, DiffersByNoMoreThanTheSameTestAgainstItself) {
  const Requests enrolled = forged(enrolled_);
  clients_.set(PrivateKey(revoked_).public_key(), {.drop = DropReason::kClientRevoked});
  const struct {
    Requests requests;
    DropReason reason;
  } strangers[] = {{forged(unknown_), DropReason::kClientUnknown},
                   {forged(revoked_), DropReason::kClientRevoked}};
  static_cast<void>(ticks(enrolled, DropReason::kClientTag));  // Its secret is in the table now.
  // What the second stage costs is five times the bound. A machine that is busy elsewhere may spoil
  // a measurement, so it has three tries.
  constexpr double kBound = 0.01;
  for (const auto& [requests, reason] : strangers) {
    double least = 1;
    for (int attempt = 0; attempt < 3 && least > kBound; ++attempt) {
      least = difference(enrolled, requests, reason);
    }
    EXPECT_LE(least, kBound) << to_string(reason);
  }
}

}  // namespace
}  // namespace pssst::testing
