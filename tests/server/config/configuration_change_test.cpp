#include "server/config/configuration_change.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "server/test_services.hpp"

namespace pssst::server {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(ConfigurationChange, NamesEachSettingThatNeedsARestartAndKeepsIt) {
  struct Change {
    void (*make)(Configuration&);
    const char* line;
  };
  const std::vector<Change> changes{
      {[](Configuration& c) { c.port = PortKind::kDpdk; }, "port"},
      {[](Configuration& c) { c.cpus = {3}; }, "server.lcores"},
      {[](Configuration& c) { c.idle = IdleMode::kSpin; }, "server.idle"},
      {[](Configuration& c) { c.x25519_kernel = "portable"; }, "server.x25519_kernel"},
      {[](Configuration& c) { c.proof_table_memory_mb = 1; }, "server.proof_table_memory_mb"},
      {[](Configuration& c) { c.later_replies = 7; }, "server.later_replies"},
      {[](Configuration& c) { c.state_directory = "/s"; }, "server.state_directory"},
      {[](Configuration& c) { c.identity.stale_after = std::chrono::seconds(5); }, "identity"},
      {[](Configuration& c) { c.socket.addresses = {"::1"}; }, "socket"},
      {[](Configuration& c) { c.dpdk.memory_mb = 1; }, "dpdk"},
      {[](Configuration& c) { c.control.mode = 0660; }, "control"},
      {[](Configuration& c) { c.metrics.listen = "[::1]:1"; }, "metrics"},
      {[](Configuration& c) { c.log.target = LogTarget::kJournal; }, "log.target"},
      {[](Configuration& c) { c.privileges.user = "pssst"; }, "privileges"},
      {[](Configuration& c) { c.protection_memory.known_sources = 1; },
       "protection: known_sources, charged_sources, replays, replay_window"},
  };
  const Configuration running;
  for (const Change& change : changes) {
    Configuration next = running;
    change.make(next);
    EXPECT_THAT(changes_that_need_restart(running, next),
                ElementsAre(change.line + std::string(": stays as it was until a restart")));
    EXPECT_THAT(changes_that_need_restart(running, without_restart_changes(running, next)),
                IsEmpty());
  }
}

TEST(ConfigurationChange, AListAndAStoreChangePlacesOnlyAtARestart) {
  Configuration list;
  list.clients_file = "clients";
  Configuration store;
  store.identity.store = "clients.db";
  const Configuration still_list = without_restart_changes(list, store);
  EXPECT_EQ(still_list.clients_file, "clients");
  EXPECT_EQ(still_list.identity.store, "");
  const Configuration still_store = without_restart_changes(store, list);
  EXPECT_EQ(still_store.clients_file, "");
  EXPECT_EQ(still_store.identity.store, "clients.db");
  Configuration other_list = list;
  other_list.clients_file = "others";
  EXPECT_EQ(without_restart_changes(list, other_list).clients_file, "others");
}

TEST(ConfigurationChange, KeepsWhatARunningServerCanChange) {
  const Configuration running;
  Configuration next;
  next.services = {make_settings(7700, "echo")};
  next.clients_file = "clients";
  next.log.level = LogLevel::kDebug;
  next.drain.quiet = std::chrono::seconds(7);
  next.protection.unknown_share = 50;
  EXPECT_THAT(changes_that_need_restart(running, next), IsEmpty());
  const Configuration kept = without_restart_changes(running, next);
  EXPECT_EQ(kept.services, next.services);
  EXPECT_EQ(kept.clients_file, "clients");
  EXPECT_EQ(kept.log.level, LogLevel::kDebug);
  EXPECT_EQ(kept.drain, next.drain);
  EXPECT_EQ(kept.protection, next.protection);
}

/// One state of a server: its settings and the snapshot of them.
class State {
 public:
  State& add(ServiceSettings settings, const std::vector<const PrivateKey*>& keys) {
    if (settings.name.empty()) settings.name = "udp-" + std::to_string(settings.udp_port);
    Service service = make_service(settings.udp_port, settings.handler, *keys.front(),
                                   settings.policy, settings.reply);
    service.name = settings.name;
    service.try_second_key = settings.try_second_key;
    for (std::size_t i = 1; i < keys.size(); ++i) service.keys.emplace_back(*keys[i], KeyUse{});
    for (const std::string& address : settings.addresses) {
      service.addresses.push_back(*parse_address(address));
    }
    services_.push_back(std::move(service));
    configuration_.services.push_back(std::move(settings));
    return *this;
  }
  State& enrol(const PrivateKey& client) {
    clients_.push_back({client.public_key()});
    return *this;
  }
  Configuration& configuration() { return configuration_; }

  [[nodiscard]] Serving serving() {
    if (snapshot_ == nullptr) {
      snapshot_ = *Snapshot::create(std::move(services_), std::move(clients_));
    }
    return {configuration_, *snapshot_};
  }

 private:
  Configuration configuration_;
  std::vector<Service> services_;
  std::vector<Identity> clients_;
  std::unique_ptr<const Snapshot> snapshot_;
};

std::string fingerprint(const PrivateKey& key) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const PublicKey bytes = key.public_key();
  std::string text;
  for (std::size_t i = 0; i < 8; ++i) {
    text += kDigits[bytes.at(i) >> 4];
    text += kDigits[bytes.at(i) & 15];
  }
  return text;
}

const PrivateKey kA = PrivateKey::generate();
const PrivateKey kB = PrivateKey::generate();
const PrivateKey kC = PrivateKey::generate();

TEST(ConfigurationChange, SaysNothingOfWhatStays) {
  State before;
  State after;
  for (State* state : {&before, &after}) {
    state->add(make_settings(7700, "echo", "key"), {&kA}).enrol(kB);
  }
  after.configuration().services[0].key_files = {"another file of the same key"};
  EXPECT_THAT(describe_changes(before.serving(), after.serving()), IsEmpty());
}

TEST(ConfigurationChange, DescribesServicesThatComeAndGo) {
  State before;
  before.add(make_settings(7700, "echo"), {&kA});
  State after;
  after.add(make_settings(7701, "ack"), {&kB});
  EXPECT_THAT(describe_changes(before.serving(), after.serving()),
              ElementsAre("service udp-7701 added: UDP port 7701, ack, key " + fingerprint(kB),
                          "service udp-7700 removed, its keys wiped"));
}

TEST(ConfigurationChange, DescribesKeysThatComeAndGo) {
  ServiceSettings settings = make_settings(7700, "echo");
  State before;
  before.add(settings, {&kA});
  settings.try_second_key = true;
  State after;
  after.add(settings, {&kA, &kB});
  EXPECT_THAT(describe_changes(before.serving(), after.serving()),
              ElementsAre("service udp-7700: tries its second key from now on",
                          "service udp-7700: key " + fingerprint(kB) + " added"));
  EXPECT_THAT(describe_changes(after.serving(), before.serving()),
              ElementsAre("service udp-7700: tries its second key no more",
                          "service udp-7700: key " + fingerprint(kB) + " retired and wiped"));
}

TEST(ConfigurationChange, DescribesSettingsOfAService) {
  ServiceSettings settings = make_settings(7700, "ack", {}, ClientPolicy::kOptional, {1});
  settings.name = "meters";
  State before;
  before.add(settings, {&kA});
  settings.reply = {2};
  settings.udp_port = 7701;
  settings.policy = ClientPolicy::kRequired;
  settings.addresses = {"192.0.2.1"};
  settings.label = "x";
  State after;
  after.add(settings, {&kA});
  EXPECT_THAT(describe_changes(before.serving(), after.serving()),
              ElementsAre("service meters: UDP port 7700 is now 7701",
                          "service meters: addresses changed", "service meters: reply changed",
                          "service meters: client policy optional is now required",
                          "service meters: label changed"));
  settings.handler = "discard";
  settings.reply = {};
  State last;
  last.add(settings, {&kA});
  EXPECT_THAT(describe_changes(after.serving(), last.serving()),
              ElementsAre("service meters: handler ack is now discard"));
}

TEST(ConfigurationChange, DescribesHandlersThatAreNotBuiltIn) {
  State before;
  State after;
  for (State* state : {&before, &after}) {
    for (const std::uint16_t udp_port : std::array<std::uint16_t, 4>{1, 2, 3, 4}) {
      state->add(make_settings(udp_port, "discard"), {&kA});
    }
    // What the snapshot is made of is not looked at here.
    state->configuration().services[0].handler = "library";
    state->configuration().services[1].handler = "forward";
    state->configuration().services[2].types = {{.first = 1, .last = 1, .handler = "library"}};
  }
  after.configuration().services[1].options.backends = {"/run/a"};
  after.configuration().services[3].types = {{.first = 1, .last = 1, .handler = "echo"}};
  EXPECT_THAT(
      describe_changes(before.serving(), after.serving()),
      ElementsAre("service udp-1: library loaded again",
                  "service udp-2: options of the handler changed",
                  "service udp-3: library loaded again", "service udp-4: message types changed"));
}

TEST(ConfigurationChange, CountsClientsAndNamesOtherSettings) {
  State before;
  before.add(make_settings(7700, "echo"), {&kA}).enrol(kB);
  State after;
  after.add(make_settings(7700, "echo"), {&kA}).enrol(kC);
  after.configuration().log.level = LogLevel::kError;
  after.configuration().counters = CountersForm::kJson;
  after.configuration().drain.deadline = std::chrono::seconds(1);
  after.configuration().protection.rates.ipv4_32.rate = 1;
  EXPECT_THAT(describe_changes(before.serving(), after.serving()),
              ElementsAre("clients: 1 enrolled, 1 removed, 1 now", "log.level changed",
                          "server.counters changed", "drain changed", "protection changed"));
}

}  // namespace
}  // namespace pssst::server
