// A worker that serves the clients of a directory, which changes while it does.
#include "identity/table_testing.hpp"
#include "server/worker_fixture.hpp"

namespace pssst::server {
namespace {

struct Directory {
  base::Quiescence readers{1};
  identity::ClientDirectory directory{readers};
};

class WorkerDirectoryTest : private Directory, public WorkerTest {
 protected:
  WorkerDirectoryTest() : WorkerTest(settings(directory)) { directory.serve(true); }
  static WorkerSettings settings(const identity::ClientDirectory& directory) {
    WorkerSettings settings;
    settings.directory = &directory;
    settings.clients_expected = 100;
    return settings;
  }
  /// This thread is the worker's, and not reading.
  void put(const PublicKey& key, bool revoked = false) {
    directory.table().put({.key = key, .revoked = revoked});
    readers.pass(0);
  }
  void serve(bool on) { directory.serve(on); }
};

TEST_F(WorkerDirectoryTest, ServesWhomTheDirectoryHas) {
  put(stranger_.public_key());
  Call known = call(kAckPort, {}, &stranger_);
  // In the list of the snapshot, which counts for nothing.
  Call unknown = call(kAckPort, {}, &enrolled_);
  Call anonymous = call(kEchoPort, {1});
  poll_all();
  EXPECT_TRUE(replied(known, {'o', 'k'}));
  EXPECT_TRUE(replied(anonymous, {1}));
  EXPECT_EQ(port_.reply_to(unknown.request), nullptr);
  EXPECT_EQ(drops(DropReason::kClientUnknown), 1U);
}

TEST_F(WorkerDirectoryTest, GoesByEachChange) {
  for (int i = 0; i < 3; ++i) {
    Call before = call(kAckPort, {}, &stranger_);
    poll_all();
    EXPECT_EQ(port_.reply_to(before.request), nullptr);
    put(stranger_.public_key());
    Call enrolled = call(kAckPort, {}, &stranger_);
    poll_all();
    EXPECT_TRUE(replied(enrolled, {'o', 'k'}));
    put(stranger_.public_key(), true);
  }
  EXPECT_EQ(drops(DropReason::kClientUnknown), 1U);
  EXPECT_EQ(drops(DropReason::kClientRevoked), 2U);
}

TEST_F(WorkerDirectoryTest, WhenNobodyIsServedAnonymousClientsAre) {
  put(stranger_.public_key());
  serve(false);
  Call known = call(kAckPort, {}, &stranger_);
  Call anonymous = call(kEchoPort, {1});
  poll_all();
  EXPECT_EQ(port_.reply_to(known.request), nullptr);
  EXPECT_TRUE(replied(anonymous, {1}));
  EXPECT_EQ(drops(DropReason::kClientsUnavailable), 1U);
  serve(true);
  Call again = call(kAckPort, {}, &stranger_);
  poll_all();
  EXPECT_TRUE(replied(again, {'o', 'k'}));
}

TEST_F(WorkerDirectoryTest, AServersKeyIsNoClients) {
  const PrivateKey& server = server_keys_.at(kDiscardPort);
  put(server.public_key());
  put(f002_key_.public_key());
  Call one = call(kAckPort, {}, &server);
  Call other = call(kAckPort, {}, &f002_key_);
  poll_all();
  EXPECT_EQ(port_.reply_to(one.request), nullptr);
  EXPECT_EQ(port_.reply_to(other.request), nullptr);
  EXPECT_EQ(drops(DropReason::kClientUnknown), 2U);
}

}  // namespace
}  // namespace pssst::server
