#include "server/report.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/hex.hpp"
#include "server/test_services.hpp"

namespace pssst::server {
namespace {

Books balanced_books() {
  Books books;
  books.frames = 100;
  books.answered = 3;
  books.handed_to_kernel = 2;
  books.frame_drops[static_cast<std::size_t>(DropReason::kIpChecksum)] = 5;
  books.datagrams = 90;
  books.replied = 60;
  books.answered_without_reply = 10;
  books.pending = 8;
  books.datagram_drops[static_cast<std::size_t>(DropReason::kTag)] = 7;
  books.datagram_drops[static_cast<std::size_t>(DropReason::kTransmit)] = 5;
  return books;
}

TEST(Books, Balance) {
  EXPECT_TRUE(Books{}.balanced());
  EXPECT_TRUE(balanced_books().balanced());
}

TEST(Books, EveryEntryCounts) {
  for (std::uint64_t Books::*entry :
       {&Books::frames, &Books::datagrams, &Books::answered, &Books::handed_to_kernel,
        &Books::replied, &Books::answered_without_reply, &Books::pending}) {
    Books books = balanced_books();
    ++(books.*entry);
    EXPECT_FALSE(books.balanced());
  }
  for (std::size_t i = 1; i < kDropReasonCount; ++i) {
    Books books = balanced_books();
    auto& drops =
        is_frame_drop(static_cast<DropReason>(i)) ? books.frame_drops : books.datagram_drops;
    ++drops.at(i);
    EXPECT_FALSE(books.balanced()) << kDropReasons.at(i).name;
  }
}

TEST(Books, AddUp) {
  Books sum = balanced_books();
  sum.tsc_total = 100;
  sum.tsc_busy = 25;
  Books other = balanced_books();
  other.tsc_total = 300;
  other.tsc_busy = 175;
  sum += other;
  EXPECT_TRUE(sum.balanced());
  EXPECT_EQ(sum.frames, 200U);
  EXPECT_EQ(sum.datagram_drops[static_cast<std::size_t>(DropReason::kTag)], 14U);
  EXPECT_DOUBLE_EQ(sum.busy_share(), 0.5);
  EXPECT_DOUBLE_EQ(Books{}.busy_share(), 0);
}

std::string_view text_of(DropReason reason) {
  return kDropReasons.at(static_cast<std::size_t>(reason)).text;
}

/// Two workers' counters.
class ReportTest : public testing::Test {
 protected:
  ReportTest() {
    snapshot_ = std::move(*Snapshot::create(
        services_of(make_service(7700, "echo", key_), make_service(7701, "discard", key_)), {}));
    for (std::size_t i = 0; i < 2; ++i) {
      workers_.at(i) = std::make_unique<telemetry::WorkerCounters>();
      sources_.push_back({static_cast<unsigned>(3 + i), &ports_.at(i), workers_.at(i).get()});
      const std::uint64_t n = i + 1;
      ports_.at(i).frames.add(10 * n);
      ports_.at(i).drops.add(DropReason::kIpFragment, n);
      ports_.at(i).answered.add(2 * n);
      ports_.at(i).datagrams.add(7 * n);
      ports_.at(i).missed.add(100 * n);
      ports_.at(i).sent_for_kernel.add(n);
      ports_.at(i).announced.add(2 * n);
      ports_.at(i).kernel_lost.add(3 * n);
      ports_.at(i).captured.add(4 * n);
      ports_.at(i).capture_missed.add(5 * n);
      ports_.at(i).capture_unwritten.add(6 * n);
      ports_.at(i).bytes_in.add(1000 * n);
      ports_.at(i).bytes_out.add(500 * n);
      workers_.at(i)->replied.add(4 * n);
      workers_.at(i)->answered_without_reply.add(n);
      workers_.at(i)->pending.set(n);
      workers_.at(i)->drops.add(DropReason::kProofMismatch, n);
      workers_.at(i)->proofs_by_table.set(3 * n);
      workers_.at(i)->proofs_by_ladder.set(2 * n);
      workers_.at(i)->proof_tables_built.set(n);
      workers_.at(i)->bursts.add(2 * n);
      workers_.at(i)->lanes.add(7 * n);
      workers_.at(i)->loops.add(10 * n);
      workers_.at(i)->loops_busy.add(3 * n);
      workers_.at(i)->tsc_total.set(1000);
      workers_.at(i)->tsc_busy.set(250 * n);
      workers_.at(i)->services()[0].requests.add(5 * n);
      workers_.at(i)->services()[0].authenticated.add(2 * n);
      workers_.at(i)->services()[0].replied.add(4 * n);
    }
  }

  const PrivateKey key_ = PrivateKey::generate();
  std::unique_ptr<const Snapshot> snapshot_;
  std::array<net::PortCounters, 2> ports_;
  std::array<std::unique_ptr<telemetry::WorkerCounters>, 2> workers_;
  std::vector<WorkerSource> sources_;
};

TEST_F(ReportTest, JsonHoldsTotalsWorkersAndServices) {
  const std::string text = to_json(collect_report(sources_, *snapshot_));
  EXPECT_EQ(text.find('\n'), std::string::npos);
  const auto json = nlohmann::json::parse(text);
  EXPECT_EQ(json.at("version"), PSSST_VERSION);
  EXPECT_EQ(json.at("books_balance"), true);
  const auto expected = nlohmann::json::parse(R"({
    "frames": 30, "datagrams": 21, "answered": 6, "handed_to_kernel": 0, "replied": 12,
    "answered_without_reply": 3, "pending": 3, "drops": {"ip_fragment": 3, "proof_mismatch": 3},
    "missed": 300, "sent_for_kernel": 3, "announced": 6, "kernel_lost": 9, "captured": 12,
    "capture_missed": 15, "capture_unwritten": 18, "bytes_in": 3000, "bytes_out": 1500,
    "admitted_known": 0, "admitted_unknown": 0, "over_rate_admitted": 0, "replays": 0,
    "proofs_by_table": 9, "proofs_by_ladder": 6, "proof_tables_built": 3,
    "bursts": 6, "lanes": 21, "loops": 30, "loops_busy": 9, "tsc_total": 2000,
    "tsc_busy": 750, "busy_share": 0.375})");
  EXPECT_EQ(json.at("total"), expected);
  ASSERT_EQ(json.at("workers").size(), 2U);
  EXPECT_EQ(json.at("workers").at(1).at("cpu"), 4);
  EXPECT_EQ(json.at("workers").at(1).at("frames"), 20);
  EXPECT_EQ(json.at("workers").at(0).at("drops").at("ip_fragment"), 1);
  EXPECT_EQ(json.at("workers").at(0).at("busy_share"), 0.25);
  using Json = nlohmann::json;
  const auto services = nlohmann::json::parse(R"([
    {"udp_port": 7700, "handler": "echo", "requests": 15, "authenticated": 6, "replied": 12,
     "name": "udp-7700", "addresses": [], "policy": "optional", "drops": {}},
    {"udp_port": 7701, "handler": "discard", "requests": 0, "authenticated": 0, "replied": 0}])");
  for (std::size_t i = 0; i < 2; ++i) {
    auto service = json.at("services").at(i);
    EXPECT_EQ(service.at("public_keys"), Json::array({base::to_hex(key_.public_key())}));
    EXPECT_EQ(service.at("keys").at(0).at("public_key"), base::to_hex(key_.public_key()));
    EXPECT_EQ(service.at("keys").at(0).at("fingerprint"),
              base::to_hex(key_.public_key()).substr(0, 16));
    for (const auto& [name, value] : services.at(i).items()) EXPECT_EQ(service.at(name), value);
  }
}

TEST_F(ReportTest, TextNamesOnlyDropsThatHappened) {
  const std::string text = to_text(collect_report(sources_, *snapshot_));
  EXPECT_NE(text.find("counters of 2 workers\n"), std::string::npos);
  EXPECT_NE(text.find(text_of(DropReason::kIpFragment)), std::string::npos);
  EXPECT_NE(text.find(text_of(DropReason::kProofMismatch)), std::string::npos);
  EXPECT_EQ(text.find(text_of(DropReason::kTag)), std::string::npos);
  EXPECT_NE(text.find("3.5 lanes each"), std::string::npos);
  EXPECT_NE(text.find("37.5 % of time busy"), std::string::npos);
  EXPECT_NE(text.find("the books balance\n"), std::string::npos);
}

TEST_F(ReportTest, SaysSoIfTheBooksDoNotBalance) {
  ports_[0].frames.add(1);
  const Report report = collect_report(sources_, *snapshot_);
  EXPECT_FALSE(report.balanced());
  EXPECT_EQ(nlohmann::json::parse(to_json(report)).at("books_balance"), false);
  EXPECT_NE(to_text(report).find("THE BOOKS DO NOT BALANCE"), std::string::npos);
}

TEST_F(ReportTest, OneWorkersSurplusDoesNotHideAnothersLoss) {
  ports_[0].frames.add(1);
  workers_[1]->drops.add(DropReason::kTag, 1);
  ports_[1].datagrams.add(1);
  ports_[1].answered.add(1);
  const Report report = collect_report(sources_, *snapshot_);
  EXPECT_FALSE(report.balanced());
}

TEST_F(ReportTest, AReaderWaitsForAWorkerCaughtBetweenTwoStores) {
  ports_[0].frames.add(1);
  std::thread worker([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    ports_[0].answered.add(1);
  });
  EXPECT_TRUE(read_balanced_books(sources_[0]).balanced());
  worker.join();
}

}  // namespace
}  // namespace pssst::server
