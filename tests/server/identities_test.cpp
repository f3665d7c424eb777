#include "server/identities.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "identity/sqlite.hpp"
#include "identity/store.hpp"
#include "identity/table_testing.hpp"
#include "identity/temporary_folder.hpp"

namespace pssst::server {
namespace {

using identity::FollowerAlarm;
using identity::key_of;
using identity::Store;
using std::chrono::milliseconds;
using testing::HasSubstr;

class IdentitiesTest : public testing::Test {
 protected:
  IdentitiesTest() { testing::internal::CaptureStderr(); }
  ~IdentitiesTest() override {
    readers_.leave(0);
    identities_.reset();
    static_cast<void>(testing::internal::GetCapturedStderr());
  }
  void enrol(std::uint64_t first, std::uint64_t last, bool revoked = false) const {
    auto store = Store::open(options_.store, Store::Mode::kCreate);
    ASSERT_TRUE(store && store->begin());
    for (std::uint64_t i = first; i < last; ++i) {
      ASSERT_TRUE(store->apply({.key = key_of(i), .revoked = revoked}));
    }
    ASSERT_TRUE(store->commit());
  }
  base::Result<void> start() {
    auto started = Identities::start(options_, readers_);
    if (!started) return tl::unexpected(started.error());
    identities_ = *std::move(started);
    return {};
  }
  /// This thread reads as a worker does.
  DropReason drop_of(std::uint64_t i) {
    readers_.pass(0);
    return identity::find_one(identities_->directory(), key_of(i)).drop;
  }
  template <class Condition>
  bool comes_true(const Condition& condition) {
    for (int i = 0; i < 5000; ++i) {
      readers_.pass(0);
      identities_->look();
      if (condition()) return true;
      std::this_thread::sleep_for(milliseconds(1));
    }
    return false;
  }
  static std::string log() {
    std::string text = testing::internal::GetCapturedStderr();
    testing::internal::CaptureStderr();
    return text;
  }

  identity::TemporaryFolder folder_;
  IdentityOptions options_{.store = folder_.path("clients.db")};
  base::Quiescence readers_{1};
  std::unique_ptr<Identities> identities_;
};

TEST_F(IdentitiesTest, AreThereWhenItHasStarted) {
  enrol(0, 1000);
  enrol(10, 20, true);
  ASSERT_TRUE(start());
  EXPECT_EQ(drop_of(999), DropReason::kNone);
  EXPECT_EQ(drop_of(15), DropReason::kClientRevoked);
  EXPECT_EQ(count_enrolled(identities_->status()), 990U);
  identities_->look();
  EXPECT_THAT(log(), HasSubstr("clients: loaded 1000, 10 of them revoked; last change 1010"));
}

TEST_F(IdentitiesTest, FollowTheStore) {
  enrol(0, 1);
  ASSERT_TRUE(start());
  enrol(1, 2);
  EXPECT_TRUE(comes_true([&] { return drop_of(1) == DropReason::kNone; }));
  enrol(0, 1, true);
  EXPECT_TRUE(comes_true([&] { return drop_of(0) == DropReason::kClientRevoked; }));
}

TEST_F(IdentitiesTest, WithoutAStoreThereIsNoStart) {
  const auto missing = start();
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().to_string(), HasSubstr("No such file or directory"));
  folder_.write("clients.db", "key\n");
  const auto text = start();
  ASSERT_FALSE(text);
  EXPECT_THAT(text.error().to_string(), HasSubstr("not a SQLite database"));
}

TEST_F(IdentitiesTest, AtOnceItStartsWithWhatIsThere) {
  options_.serve_while_loading = true;
  ASSERT_TRUE(start());
  EXPECT_TRUE(comes_true([&] { return identities_->status().alarm == FollowerAlarm::kGone; }));
  EXPECT_THAT(log(), HasSubstr("clients: the last good table stays: "));
  EXPECT_EQ(drop_of(0), DropReason::kClientUnknown);
  enrol(0, 1);
  EXPECT_TRUE(comes_true([&] { return drop_of(0) == DropReason::kNone; }));
  EXPECT_TRUE(comes_true([&] { return identities_->status().alarm == FollowerAlarm::kNone; }));
  EXPECT_THAT(log(), HasSubstr("clients: the store is followed again"));
}

TEST_F(IdentitiesTest, WaitForALock) {
  enrol(0, 1);
  auto other = identity::sqlite::Database::open(
      options_.store, identity::sqlite::Database::Mode::kWrite, milliseconds(0));
  ASSERT_TRUE(other && other->execute("BEGIN EXCLUSIVE"));
  std::thread unlocker([&] {
    std::this_thread::sleep_for(milliseconds(600));
    EXPECT_TRUE(other->execute("COMMIT"));
  });
  EXPECT_TRUE(start());
  unlocker.join();
  EXPECT_THAT(log(), HasSubstr("another process keeps the store locked"));
  EXPECT_EQ(drop_of(0), DropReason::kNone);
}

TEST_F(IdentitiesTest, ASignalToEndEndsTheWait) {
  enrol(0, 1);
  auto other = identity::sqlite::Database::open(
      options_.store, identity::sqlite::Database::Mode::kWrite, milliseconds(0));
  ASSERT_TRUE(other && other->execute("BEGIN EXCLUSIVE"));
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ASSERT_EQ(::kill(::getpid(), SIGTERM), 0);
  const auto started = start();
  int taken = 0;
  EXPECT_EQ(sigwait(&signals, &taken), 0);
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().what, "told to end before the clients were loaded");
}

TEST_F(IdentitiesTest, RefuseWhenTheTableIsTooOldIfTheyAreToldTo) {
  options_.stale = identity::StalePolicy::kRefuse;
  options_.stale_after = std::chrono::seconds(1);
  enrol(0, 1);
  ASSERT_TRUE(start());
  std::filesystem::rename(options_.store, folder_.path("elsewhere"));
  EXPECT_TRUE(comes_true([&] { return drop_of(0) == DropReason::kClientsUnavailable; }));
  EXPECT_TRUE(comes_true([&] { return identities_->status().refusing; }));
  EXPECT_EQ(count_enrolled(identities_->status()), 0U);
  EXPECT_THAT(log(), HasSubstr("nobody is served by it"));
  std::filesystem::rename(folder_.path("elsewhere"), options_.store);
  EXPECT_TRUE(comes_true([&] { return drop_of(0) == DropReason::kNone; }));
  EXPECT_TRUE(comes_true([&] { return !identities_->status().refusing; }));
  EXPECT_THAT(log(), HasSubstr("clients: served again"));
}

}  // namespace
}  // namespace pssst::server
