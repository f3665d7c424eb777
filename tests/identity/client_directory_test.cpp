#include "identity/client_directory.hpp"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "base/coarse_clock.hpp"
#include "identity/table_testing.hpp"

namespace pssst::identity {
namespace {

TEST(ClientDirectory, ServesNobodyUntilTold) {
  base::Quiescence readers(0);
  ClientDirectory directory(readers);
  directory.table().put({.key = key_of(1)});
  EXPECT_EQ(find_one(directory, key_of(1)).drop, DropReason::kClientsUnavailable);
  EXPECT_EQ(find_one(directory, key_of(2)).drop, DropReason::kClientsUnavailable);
  directory.serve(true);
  EXPECT_EQ(find_one(directory, key_of(1)).drop, DropReason::kNone);
  EXPECT_EQ(find_one(directory, key_of(2)).drop, DropReason::kClientUnknown);
  directory.serve(false);
  EXPECT_EQ(find_one(directory, key_of(1)).drop, DropReason::kClientsUnavailable);
}

TEST(ClientDirectory, GoesByTheTimeOfDay) {
  base::Quiescence readers(0);
  ClientDirectory directory(readers);
  directory.serve(true);
  const std::int64_t now = base::unix_seconds_coarse();
  directory.table().put({.key = key_of(1), .not_after = now + 2});
  directory.table().put({.key = key_of(2), .not_before = now + 2});
  EXPECT_EQ(find_one(directory, key_of(1)).drop, DropReason::kNone);
  EXPECT_EQ(find_one(directory, key_of(2)).drop, DropReason::kClientNotValidNow);
  while (base::unix_seconds_coarse() < now + 3) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_EQ(find_one(directory, key_of(1)).drop, DropReason::kClientNotValidNow);
  EXPECT_EQ(find_one(directory, key_of(2)).drop, DropReason::kNone);
}

TEST(ClientDirectory, BeforeAnybodyWasServedNoReaderIsWaitedFor) {
  base::Quiescence readers(1);
  ClientDirectory directory(readers);
  directory.table().put({.key = key_of(1)});
  directory.settle();
  directory.replace(std::make_unique<ShardedTable>());
}

TEST(ClientDirectory, SettledChangesAreSeenAndTheirMemoryIsTakenBack) {
  base::Quiescence readers(1);
  ClientDirectory directory(readers);
  directory.serve(true);
  readers.pass(0);
  directory.table().put({.key = key_of(1)});
  directory.table().remove(key_of(1));
  EXPECT_TRUE(directory.table().has_retired());
  std::atomic<bool> settled = false;
  std::thread writer([&] {
    directory.settle();
    settled = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_FALSE(settled);
  readers.pass(0);
  writer.join();
  EXPECT_FALSE(directory.table().has_retired());
}

TEST(ClientDirectory, AReplacedTableLivesUntilItsReadersHaveMovedOn) {
  base::Quiescence readers(1);
  ClientDirectory directory(readers);
  directory.serve(true);
  const std::vector<std::uint8_t> metadata(40, 7);
  directory.table().put({.key = key_of(1), .metadata = metadata});
  readers.pass(0);
  const FoundClient held = find_one(directory, key_of(1));
  std::thread writer([&] {
    auto next = std::make_unique<ShardedTable>();
    next->put({.key = key_of(2)});
    directory.replace(std::move(next));
  });
  while (find_one(directory, key_of(2)).drop != DropReason::kNone) std::this_thread::yield();
  EXPECT_EQ(metadata_of(held), metadata);
  EXPECT_EQ(find_one(directory, key_of(1)).drop, DropReason::kClientUnknown);
  readers.pass(0);
  writer.join();
  EXPECT_EQ(directory.table().size(), 1U);
}

std::set<PublicKey> walk_to_end(const ClientDirectory& directory, ClientDirectory::Cursor& cursor) {
  std::set<PublicKey> seen;
  while (!directory.at_end(cursor)) {
    std::array<Identity, 4> some;
    const std::size_t n = directory.walk(cursor, some);
    for (const Identity& client : std::span(some).first(n)) seen.insert(client.public_key);
  }
  return seen;
}

TEST(ClientDirectory, AWalkBeginsAnewInAnotherTable) {
  base::Quiescence readers(0);
  ClientDirectory directory(readers);
  directory.serve(true);
  directory.table().put({.key = key_of(1)});
  ClientDirectory::Cursor cursor;
  std::array<Identity, 4> some;
  EXPECT_EQ(walk_to_end(directory, cursor), std::set{key_of(1)});
  EXPECT_EQ(directory.walk(cursor, some), 0U);
  auto next = std::make_unique<ShardedTable>();
  next->put({.key = key_of(2)});
  next->put({.key = key_of(3)});
  directory.replace(std::move(next));
  EXPECT_FALSE(directory.at_end(cursor));
  EXPECT_EQ(walk_to_end(directory, cursor), (std::set{key_of(2), key_of(3)}));
}

}  // namespace
}  // namespace pssst::identity
