// HPKE alone, against another implementation's vectors, in every lane.
#include "protocol/hpke.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>

#include "crypto/symmetric.hpp"
#include "protocol/protocol_testing.hpp"
#include "support/vectors.hpp"

namespace pssst::testing {
namespace {

namespace hpke = protocol::hpke;

struct Row {
  Bytes32 dh{};
  Bytes32 enc{};
  PublicKey public_key{};
  hpke::KeyScheduleContext context{};
  Bytes aad;
  Bytes plaintext;
  Bytes ciphertext;
  struct Export {
    Bytes context;
    Bytes value;
  };
  std::vector<Export> exports;
};

class HpkeTest : public ::testing::Test {
 protected:
  HpkeTest() {
    for (const auto& row : test::load_test_vectors("hpke_base_x25519_aes128gcm.json")) {
      rows_.push_back({.dh = x25519(test::bytes_of_size<32>(row.at("skRm")),
                                    test::bytes_of_size<32>(row.at("enc"))),
                       .enc = test::bytes_of_size<32>(row.at("enc")),
                       .public_key = test::bytes_of_size<32>(row.at("pkRm")),
                       .context = hpke::make_key_schedule_context(engine_->sha256(),
                                                                  test::bytes(row.at("info"))),
                       .aad = test::bytes(row.at("aad")),
                       .plaintext = test::bytes(row.at("pt")),
                       .ciphertext = test::bytes(row.at("ct")),
                       .exports = {}});
      for (const auto& exported : row.at("exports")) {
        rows_.back().exports.push_back(
            {test::bytes(exported.at("context")), test::bytes(exported.at("value"))});
        EXPECT_EQ(rows_.back().exports.back().value.size(), exported.at("L").get<std::size_t>());
      }
    }
  }

  /// The key schedules of n lanes, the first of which has row `first`.
  void derive(std::size_t n, std::size_t first) {
    for (std::size_t lane = 0; lane < n; ++lane) {
      const Row& row = row_in(first, lane);
      dh_[lane] = row.dh.data();
      enc_[lane] = row.enc.data();
      public_key_[lane] = row.public_key.data();
      context_[lane] = row.context.data();
      key_out_[lane] = keys_[lane].data();
      nonce_out_[lane] = nonces_[lane].data();
    }
    schedule_.derive(engine_->sha256(),
                     {.dh = dh_.data(),
                      .enc = enc_.data(),
                      .public_key = public_key_.data(),
                      .context = context_.data()},
                     key_out_.data(), nonce_out_.data(), n);
  }

  const Row& row_in(std::size_t first, std::size_t lane) const {
    return rows_[(first + lane) % rows_.size()];
  }

  Bytes seal(std::size_t lane, const Row& row) {
    Bytes out(row.plaintext.size() + crypto::kGcmTagSize);
    engine_->set_key(lane, keys_[lane], row.plaintext.size());
    engine_->seal(lane, nonces_[lane], row.aad, row.plaintext.data(), row.plaintext.size(),
                  out.data(), std::span(out).last<crypto::kGcmTagSize>());
    return out;
  }

  Bytes exported(std::size_t lane, const Row::Export& wanted) {
    Bytes out(wanted.value.size());
    std::uint8_t* const to = out.data();
    const std::array lanes{static_cast<std::uint8_t>(lane)};
    schedule_.export_secrets(engine_->sha256(), lanes, wanted.context, &to, out.size());
    return out;
  }

  template <class T>
  using Lanes = std::array<T, kBurstLanesMax>;

  std::unique_ptr<crypto::SymmetricEngine> engine_ = std::move(*crypto::SymmetricEngine::create());
  std::vector<Row> rows_;
  hpke::KeySchedule schedule_{engine_->sha256()};
  Lanes<const std::uint8_t*> dh_{};
  Lanes<const std::uint8_t*> enc_{};
  Lanes<const std::uint8_t*> public_key_{};
  Lanes<const std::uint8_t*> context_{};
  Lanes<std::uint8_t*> key_out_{};
  Lanes<std::uint8_t*> nonce_out_{};
  Lanes<std::array<std::uint8_t, hpke::kNkSize>> keys_{};
  Lanes<std::array<std::uint8_t, hpke::kNnSize>> nonces_{};
};

TEST_F(HpkeTest, SealsAndExportsAsTheOtherImplementationInEveryLane) {
  ASSERT_EQ(rows_.size(), 6u);
  for (std::size_t first = 0; first < rows_.size(); ++first) {
    derive(kBurstLanesMax, first);
    for (std::size_t lane = 0; lane < kBurstLanesMax; ++lane) {
      const Row& row = row_in(first, lane);
      ASSERT_EQ(seal(lane, row), row.ciphertext) << lane;
      for (const Row::Export& wanted : row.exports) {
        ASSERT_EQ(exported(lane, wanted), wanted.value) << lane;
      }
    }
  }
}

TEST_F(HpkeTest, EveryLaneCount) {
  for (std::size_t n = 1; n <= kBurstLanesMax; ++n) {
    derive(n, n);
    for (const std::size_t lane : {std::size_t{0}, n - 1}) {
      ASSERT_EQ(seal(lane, row_in(n, lane)), row_in(n, lane).ciphertext) << n;
    }
  }
  derive(0, 0);
}

TEST_F(HpkeTest, WipedSchedulesExportNothingOfUse) {
  derive(1, 0);
  const Row::Export& wanted = row_in(0, 0).exports.front();
  ASSERT_EQ(exported(0, wanted), wanted.value);
  schedule_.wipe(1);
  EXPECT_NE(exported(0, wanted), wanted.value);
}

}  // namespace
}  // namespace pssst::testing
