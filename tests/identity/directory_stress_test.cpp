// Readers without locks beside a writer that changes, grows, and replaces. The thread sanitizer
// sees more of it:
//   meson setup build-tsan -Ddpdk=disabled -Db_sanitize=thread -Db_lundef=false
//   ninja -C build-tsan tests/identity/identity_tests tests/base/base_test
//   build-tsan/tests/identity/identity_tests --gtest_filter='*Stress*'
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <thread>

#include "identity/client_directory.hpp"
#include "identity/table_testing.hpp"

namespace pssst::identity {
namespace {

constexpr std::size_t kReaders = 3;
constexpr std::uint64_t kAlways = 0;    // families of keys: enrolled throughout,
constexpr std::uint64_t kNever = 1;     // never enrolled,
constexpr std::uint64_t kChanging = 2;  // on and off
constexpr std::size_t kKeys = 2000;     // of each

std::vector<std::uint8_t> metadata_for(std::uint64_t family, std::uint64_t i) {
  return std::vector<std::uint8_t>(i % 65, static_cast<std::uint8_t>(3 * i + family));
}

/// What was declared of a changing key: settled, so that no reader may see anything else; or
/// being changed.
enum Declared : int { kOff = 0, kOn = 1, kInFlight = 2 };

class DirectoryStress : public testing::Test {
 protected:
  DirectoryStress() : declared_(kKeys) {
    directory_.replace(full_table());
    directory_.serve(true);
  }

  static std::unique_ptr<ShardedTable> full_table() {
    auto table = std::make_unique<ShardedTable>();
    for (std::uint64_t i = 0; i < kKeys; ++i) {
      table->put({.key = key_of(i, kAlways), .metadata = metadata_for(kAlways, i)});
    }
    table->reclaim();
    return table;
  }

  void read(std::size_t reader) {
    std::mt19937_64 random(reader);
    std::array<PublicKey, kBurstLanesMax> keys;
    std::array<std::uint64_t, kBurstLanesMax> numbers;
    std::array<const std::uint8_t*, kBurstLanesMax> pointers;
    std::array<FoundClient, kBurstLanesMax> found;
    std::array<int, kBurstLanesMax> before;
    for (std::size_t i = 0; i < keys.size(); ++i) pointers[i] = keys[i].data();
    while (!stop_) {
      readers_.pass(reader);
      for (std::size_t i = 0; i < keys.size(); ++i) {
        numbers[i] = random() % kKeys;
        keys[i] = key_of(numbers[i], i % 3);
        before[i] = declared_[numbers[i]].load();
      }
      directory_.find(pointers, found);
      for (std::size_t i = 0; i < keys.size(); ++i) {
        const bool served = found[i].drop == DropReason::kNone;
        if (served && (found[i].identity.public_key != keys[i] ||
                       metadata_of(found[i]) != metadata_for(i % 3, numbers[i]))) {
          ++wrong_content_;
        }
        // A changing key that was declared before this look-up and is still so after it.
        const bool steady = before[i] != kInFlight && declared_[numbers[i]].load() == before[i];
        if (i % 3 == kAlways && !served) ++lost_;
        if (i % 3 == kNever && found[i].drop != DropReason::kClientUnknown) ++invented_;
        if (i % 3 == kChanging && steady && served != (before[i] == kOn)) ++outdated_;
        if (i % 3 == kChanging && steady) ++compared_;
      }
    }
    readers_.leave(reader);
  }

  void change_at_random(std::mt19937_64& random, std::uint64_t count) {
    std::vector<std::pair<std::uint64_t, int>> batch;
    for (std::uint64_t n = 0; n < count; ++n) {
      const std::uint64_t i = random() % kKeys;
      if (declared_[i].load() == kInFlight) continue;
      const int target = static_cast<int>(random() % 2);
      declared_[i] = kInFlight;
      batch.emplace_back(i, target);
      const PublicKey key = key_of(i, kChanging);
      const auto metadata = metadata_for(kChanging, i);
      if (target == kOn) {
        directory_.table().put({.key = key, .metadata = metadata});
      } else if (random() % 2 == 0) {
        directory_.table().put({.key = key, .revoked = true});
      } else {
        directory_.table().remove(key);
      }
    }
    directory_.settle();
    for (const auto& [i, target] : batch) declared_[i] = target;
  }

  void write() {
    std::mt19937_64 random(99);
    for (int round = 0; round < 300; ++round) {
      change_at_random(random, 1 + random() % 50);
      if (round % 20 == 7) grow_and_shrink();
      if (round % 50 == 49) replace();
    }
  }

  /// So that shards are copied under their readers.
  void grow_and_shrink() {
    for (std::uint64_t i = 0; i < 4000; ++i) directory_.table().put({.key = key_of(i, 7)});
    directory_.settle();
    for (std::uint64_t i = 0; i < 4000; ++i) directory_.table().remove(key_of(i, 7));
    directory_.settle();
  }

  void replace() {
    for (auto& declared : declared_) declared = kInFlight;
    directory_.replace(full_table());
    for (auto& declared : declared_) declared = kOff;
  }

  base::Quiescence readers_{kReaders};
  ClientDirectory directory_{readers_};
  std::vector<std::atomic<int>> declared_;
  std::atomic<bool> stop_ = false;
  std::atomic<std::uint64_t> lost_ = 0;
  std::atomic<std::uint64_t> invented_ = 0;
  std::atomic<std::uint64_t> outdated_ = 0;
  std::atomic<std::uint64_t> wrong_content_ = 0;
  std::atomic<std::uint64_t> compared_ = 0;
};

TEST_F(DirectoryStress, ReadersSeeWhatWasDeclaredAndNothingElse) {
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kReaders; ++i) {
    threads.emplace_back([this, i] { read(i); });
  }
  write();
  stop_ = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(lost_, 0U);
  EXPECT_EQ(invented_, 0U);
  EXPECT_EQ(outdated_, 0U);
  EXPECT_EQ(wrong_content_, 0U);
  EXPECT_GT(compared_, 1000U);
}

}  // namespace
}  // namespace pssst::identity
