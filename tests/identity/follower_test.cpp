#include "identity/follower.hpp"

#include <gtest/gtest.h>

#include <map>
#include <mutex>

#include "identity/table_testing.hpp"

namespace pssst::identity {
namespace {

using std::chrono::milliseconds;

/// A store in memory, with a log, that fails as told.
class FakeStore {
 public:
  struct Record {
    bool revoked = false;
    std::vector<std::uint8_t> metadata;
  };

  void enrol(std::uint64_t i, std::vector<std::uint8_t> metadata = {}) {
    const std::scoped_lock lock(mutex);
    records[i] = {.revoked = false, .metadata = std::move(metadata)};
    log.push_back({i, records[i]});
  }
  void revoke(std::uint64_t i) {
    const std::scoped_lock lock(mutex);
    records[i].revoked = true;
    log.push_back({i, records[i]});
  }
  void remove(std::uint64_t i) {
    const std::scoped_lock lock(mutex);
    records.erase(i);
    log.push_back({i, std::nullopt});
  }
  /// Another store, with nobody.
  void replace() {
    const std::scoped_lock lock(mutex);
    name += "+";
    records.clear();
    log.clear();
  }
  void fail(FollowerAlarm alarm) {
    const std::scoped_lock lock(mutex);
    failure = alarm;
  }

  struct Logged {
    std::uint64_t key;
    std::optional<Record> record;
  };
  std::mutex mutex;
  std::string name = "one";
  std::map<std::uint64_t, Record> records;
  std::vector<Logged> log;
  FollowerAlarm failure = FollowerAlarm::kNone;
  std::size_t fail_after = SIZE_MAX;  ///< records of a load or changes
  std::atomic<int> pause_us = 0;      ///< between records of a load
};

class FakeSource final : public ClientSource {
 public:
  explicit FakeSource(FakeStore& store) : store_(store) {}

  SourceResult<SourcePosition> load(const std::function<void(const Extent&)>& begin,
                                    const RecordSink& sink) override {
    if (auto failed = failure()) return tl::unexpected(*failed);
    std::unique_lock lock(store_.mutex);
    begin({.records = store_.records.size(), .metadata_bytes = 0});
    const auto records = store_.records;
    const SourcePosition position = here(store_.log.size());
    const std::size_t fail_after = store_.fail_after;
    lock.unlock();
    std::size_t n = 0;
    for (const auto& [i, record] : records) {
      if (n++ == fail_after) return tl::unexpected(error(FollowerAlarm::kTruncated));
      if (!sink(enrolment(i, record))) break;
      if (store_.pause_us > 0)
        std::this_thread::sleep_for(std::chrono::microseconds(store_.pause_us));
    }
    return position;
  }

  SourceResult<SourcePosition> follow(const SourcePosition& from, std::size_t limit,
                                      const ChangeSink& sink) override {
    if (auto failed = failure()) return tl::unexpected(*failed);
    const std::scoped_lock lock(store_.mutex);
    const auto first = static_cast<std::size_t>(from.sequence);
    if (from.store != store_.name || first > store_.log.size()) {
      return tl::unexpected(error(FollowerAlarm::kReplaced));
    }
    std::size_t n = 0;
    for (; n < limit && first + n < store_.log.size(); ++n) {
      if (n == store_.fail_after) return tl::unexpected(error(FollowerAlarm::kTruncated));
      const auto& [i, record] = store_.log[first + n];
      static const FakeStore::Record nothing;
      const SourceChange change{.client = enrolment(i, record ? *record : nothing),
                                .removed = !record};
      if (!sink(change)) break;
    }
    return here(first + n);
  }

 private:
  static SourceError error(FollowerAlarm alarm) {
    return {.alarm = alarm, .error = {.what = "it is so", .where = "the fake", .remedy = "wait"}};
  }
  std::optional<SourceError> failure() {
    const std::scoped_lock lock(store_.mutex);
    if (store_.failure == FollowerAlarm::kNone) return std::nullopt;
    return error(store_.failure);
  }
  static Enrolment enrolment(std::uint64_t i, const FakeStore::Record& record) {
    return {.key = key_of(i), .revoked = record.revoked, .metadata = record.metadata};
  }
  SourcePosition here(std::size_t sequence) {
    return {.store = store_.name,
            .sequence = static_cast<std::int64_t>(sequence),
            .time_ms = 1000 + static_cast<std::int64_t>(sequence),
            .change = {}};
  }

  FakeStore& store_;
};

class FollowerTest : public testing::Test {
 protected:
  void start(const FollowerSettings& settings = {.poll = milliseconds(5)}) {
    follower_ =
        std::make_unique<Follower>(directory_, std::make_unique<FakeSource>(store_), settings);
    follower_->start();
  }
  void start_loaded(const FollowerSettings& settings = {.poll = milliseconds(5)}) {
    start(settings);
    ASSERT_TRUE(is_loaded());
  }
  /// This thread reads as a worker does, and passes a quiescent point before each look.
  FoundClient find(std::uint64_t i) {
    readers_.pass(0);
    return find_one(directory_, key_of(i));
  }
  DropReason drop_of(std::uint64_t i) { return find(i).drop; }
  /// Whether `condition` comes true within some seconds.
  template <class Condition>
  bool comes_true(const Condition& condition) {
    for (int i = 0; i < 5000; ++i) {
      readers_.pass(0);
      if (condition()) return true;
      std::this_thread::sleep_for(milliseconds(1));
    }
    return false;
  }
  bool is_loaded() {
    return comes_true([&] { return follower_->status().loaded; });
  }
  void stop() {
    readers_.leave(0);
    follower_->stop();
  }
  void TearDown() override { stop(); }
  bool alarm_becomes(FollowerAlarm alarm) {
    return comes_true([&] { return follower_->status().alarm == alarm; });
  }
  bool becomes(std::uint64_t i, DropReason drop) {
    return comes_true([&] { return drop_of(i) == drop; });
  }

  base::Quiescence readers_{1};
  ClientDirectory directory_{readers_};
  FakeStore store_;
  std::unique_ptr<Follower> follower_;
};

TEST_F(FollowerTest, LoadsAndFollows) {
  store_.enrol(1);
  store_.enrol(2, {1, 2, 3});
  store_.revoke(1);
  start_loaded();
  EXPECT_EQ(drop_of(1), DropReason::kClientRevoked);
  EXPECT_EQ(metadata_of(find(2)), (std::vector<std::uint8_t>{1, 2, 3}));
  EXPECT_EQ(drop_of(3), DropReason::kClientUnknown);
  store_.enrol(3, {9});
  EXPECT_TRUE(becomes(3, DropReason::kNone));
  store_.revoke(2);
  EXPECT_TRUE(becomes(2, DropReason::kClientRevoked));
  store_.remove(2);
  EXPECT_TRUE(becomes(2, DropReason::kClientUnknown));
  EXPECT_TRUE(comes_true([&] { return follower_->status().sequence == 6; }));
  const FollowerStatus status = follower_->status();
  EXPECT_TRUE(status.loaded);
  EXPECT_EQ(status.loads, 1U);
  EXPECT_EQ(status.records_expected, 2U);
  EXPECT_EQ(status.records_loaded, 2U);
  EXPECT_EQ(status.clients, 2U);
  EXPECT_EQ(status.revoked, 1U);
  EXPECT_EQ(status.newest_change_ms, 1006);
  EXPECT_GT(status.newest_change_age_ms, 1'000'000);
  EXPECT_GT(status.table_bytes, 0U);
  EXPECT_EQ(status.alarm, FollowerAlarm::kNone);
}

TEST_F(FollowerTest, MoreChangesThanABatchComeAtOnce) {
  start_loaded({.poll = milliseconds(400)});
  for (std::uint64_t i = 0; i < 30'000; ++i) store_.enrol(i);
  follower_->wake();
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_TRUE(becomes(29'999, DropReason::kNone));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, milliseconds(2000));
  for (std::uint64_t i = 0; i < 30'000; ++i) ASSERT_EQ(drop_of(i), DropReason::kNone);
}

TEST_F(FollowerTest, ServesNobodyBeforeItHasLoadedAll) {
  for (std::uint64_t i = 0; i < 100; ++i) store_.enrol(i);
  store_.fail_after = 50;
  start();
  EXPECT_TRUE(alarm_becomes(FollowerAlarm::kTruncated));
  EXPECT_FALSE(follower_->wait_until_loaded(milliseconds(50)));
  for (std::uint64_t i = 0; i < 100; ++i) EXPECT_EQ(drop_of(i), DropReason::kClientsUnavailable);
  {
    const std::scoped_lock lock(store_.mutex);
    store_.fail_after = SIZE_MAX;
  }
  EXPECT_TRUE(is_loaded());
  for (std::uint64_t i = 0; i < 100; ++i) EXPECT_EQ(drop_of(i), DropReason::kNone);
  EXPECT_TRUE(alarm_becomes(FollowerAlarm::kNone));
}

TEST_F(FollowerTest, ServesWhoIsLoadedIfItIsToldTo) {
  for (std::uint64_t i = 0; i < 100; ++i) store_.enrol(i);
  store_.pause_us = 2000;
  start({.poll = milliseconds(5), .serve_while_loading = true});
  EXPECT_TRUE(comes_true([&] { return follower_->status().records_loaded >= 20; }));
  const FollowerStatus status = follower_->status();
  EXPECT_FALSE(status.loaded);
  EXPECT_EQ(status.records_expected, 100U);
  EXPECT_EQ(drop_of(0), DropReason::kNone);
  EXPECT_EQ(drop_of(99), DropReason::kClientUnknown);
  store_.pause_us = 0;
  EXPECT_TRUE(becomes(99, DropReason::kNone));
}

TEST_F(FollowerTest, ASecondTryAtLoadingForgetsWhoIsGoneMeanwhile) {
  for (std::uint64_t i = 0; i < 100; ++i) store_.enrol(i);
  store_.fail_after = 50;
  start({.poll = milliseconds(5), .serve_while_loading = true});
  EXPECT_TRUE(alarm_becomes(FollowerAlarm::kTruncated));
  EXPECT_EQ(drop_of(0), DropReason::kNone);
  store_.remove(0);
  {
    const std::scoped_lock lock(store_.mutex);
    store_.fail_after = SIZE_MAX;
  }
  EXPECT_TRUE(is_loaded());
  EXPECT_EQ(drop_of(0), DropReason::kClientUnknown);
  EXPECT_EQ(drop_of(99), DropReason::kNone);
}

TEST_F(FollowerTest, WhateverHappensTheLastGoodTableStays) {
  store_.enrol(1);
  start_loaded();
  std::uint64_t next = 2;
  for (const FollowerAlarm alarm :
       {FollowerAlarm::kLocked, FollowerAlarm::kTruncated, FollowerAlarm::kNotADatabase,
        FollowerAlarm::kGone, FollowerAlarm::kUnreadable}) {
    store_.fail(alarm);
    ASSERT_TRUE(alarm_becomes(alarm));
    const FollowerStatus status = follower_->status();
    EXPECT_EQ(status.alarm_text, "the fake: it is so: wait");
    EXPECT_GT(status.alarm_since_ms, 0);
    store_.enrol(next);
    EXPECT_EQ(drop_of(1), DropReason::kNone);
    EXPECT_EQ(drop_of(next), DropReason::kClientUnknown);
    store_.fail(FollowerAlarm::kNone);
    ASSERT_TRUE(alarm_becomes(FollowerAlarm::kNone));
    EXPECT_TRUE(becomes(next++, DropReason::kNone));
    EXPECT_EQ(follower_->status().alarm_text, "");
    EXPECT_EQ(follower_->status().loads, 1U);
  }
}

TEST_F(FollowerTest, AnotherStoreIsLoadedAnewAndDeletionsTakeEffect) {
  store_.enrol(1);
  store_.enrol(2);
  start_loaded();
  store_.replace();
  store_.enrol(2, {7});
  EXPECT_TRUE(becomes(1, DropReason::kClientUnknown));
  EXPECT_EQ(metadata_of(find(2)), std::vector<std::uint8_t>{7});
  EXPECT_TRUE(comes_true([&] { return follower_->status().loads == 2; }));
  EXPECT_TRUE(alarm_becomes(FollowerAlarm::kNone));
}

TEST_F(FollowerTest, WhileAnotherStoreIsLoadedTheOldTableServesWhole) {
  for (std::uint64_t i = 0; i < 50; ++i) store_.enrol(i);
  start_loaded({.poll = milliseconds(5), .serve_while_loading = true});
  store_.pause_us = 4000;
  store_.replace();
  for (std::uint64_t i = 100; i < 150; ++i) store_.enrol(i);
  ASSERT_TRUE(alarm_becomes(FollowerAlarm::kReplaced));
  EXPECT_EQ(drop_of(49), DropReason::kNone);
  EXPECT_EQ(drop_of(100), DropReason::kClientUnknown);
  store_.pause_us = 0;
  EXPECT_TRUE(becomes(149, DropReason::kNone));
  EXPECT_EQ(drop_of(49), DropReason::kClientUnknown);
}

TEST_F(FollowerTest, HalfAReadOfChangesChangesNothing) {
  store_.enrol(1);
  start_loaded({.poll = milliseconds(5)});
  store_.fail(FollowerAlarm::kLocked);
  ASSERT_TRUE(alarm_becomes(FollowerAlarm::kLocked));
  {
    const std::scoped_lock lock(store_.mutex);
    store_.fail_after = 1;
  }
  store_.enrol(2);
  store_.revoke(1);
  store_.fail(FollowerAlarm::kNone);
  ASSERT_TRUE(alarm_becomes(FollowerAlarm::kTruncated));
  EXPECT_EQ(drop_of(2), DropReason::kClientUnknown);
  EXPECT_EQ(drop_of(1), DropReason::kNone);
  {
    const std::scoped_lock lock(store_.mutex);
    store_.fail_after = SIZE_MAX;
  }
  EXPECT_TRUE(becomes(1, DropReason::kClientRevoked));
  EXPECT_TRUE(becomes(2, DropReason::kNone));
}

TEST_F(FollowerTest, AStaleTableIsServedOrRefusedAsTold) {
  store_.enrol(1);
  start_loaded({.poll = milliseconds(5), .stale_after = milliseconds(50)});
  store_.fail(FollowerAlarm::kGone);
  ASSERT_TRUE(alarm_becomes(FollowerAlarm::kGone));
  std::this_thread::sleep_for(milliseconds(150));
  EXPECT_EQ(drop_of(1), DropReason::kNone);
  EXPECT_FALSE(follower_->status().refusing);
  stop();

  store_.fail(FollowerAlarm::kNone);
  start_loaded(
      {.poll = milliseconds(5), .stale = StalePolicy::kRefuse, .stale_after = milliseconds(200)});
  store_.fail(FollowerAlarm::kGone);
  ASSERT_TRUE(alarm_becomes(FollowerAlarm::kGone));
  EXPECT_EQ(drop_of(1), DropReason::kNone);
  EXPECT_TRUE(becomes(1, DropReason::kClientsUnavailable));
  EXPECT_TRUE(comes_true([&] { return follower_->status().refusing; }));
  store_.fail(FollowerAlarm::kNone);
  EXPECT_TRUE(becomes(1, DropReason::kNone));
  EXPECT_TRUE(comes_true([&] { return !follower_->status().refusing; }));
}

TEST_F(FollowerTest, StopsInTheMiddleOfALoad) {
  for (std::uint64_t i = 0; i < 10'000; ++i) store_.enrol(i);
  store_.pause_us = 1000;
  start();
  EXPECT_TRUE(comes_true([&] { return follower_->status().records_loaded > 10; }));
  const auto begun = std::chrono::steady_clock::now();
  stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, milliseconds(1000));
  EXPECT_FALSE(follower_->status().loaded);
  EXPECT_EQ(drop_of(0), DropReason::kClientsUnavailable);
}

TEST(FollowerAlarm, HasAWordForEach) {
  std::map<std::string_view, int> words;
  for (int i = 0; i <= static_cast<int>(FollowerAlarm::kNoRoom); ++i) {
    ++words[to_string(static_cast<FollowerAlarm>(i))];
  }
  EXPECT_EQ(words.size(), 8U);
  EXPECT_FALSE(words.contains("?"));
}

}  // namespace
}  // namespace pssst::identity
