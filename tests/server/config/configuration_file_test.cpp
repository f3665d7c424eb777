#include "server/config/configuration_file.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/hex.hpp"
#include "identity/temporary_folder.hpp"
#include "server/snapshot.hpp"
#include "support/environment.hpp"

namespace pssst::server {
namespace {

using Words = std::vector<std::string>;

class ConfigurationFile : public testing::Test {
 protected:
  ConfigurationFile() {
    forget_systemd();
    write_key("server.key", PrivateKey::generate());
    write_key("other.key", PrivateKey::generate());
    write_key("new.key", PrivateKey::generate(), "f002:");
  }

  void write_key(std::string_view name, const PrivateKey& key, const std::string& prefix = "") {
    folder_.write(name, prefix + base::to_hex(key.bytes()) + "\n");
  }

  [[nodiscard]] Configuration read(const std::string& text) const {
    const auto read = read_configuration(folder_.write("pssstd.toml", text));
    if (read) return *read;
    for (const Fault& fault : read.error()) ADD_FAILURE() << to_string(fault);
    return {};
  }

  /// What is wrong with it, without the name of the folder.
  [[nodiscard]] Words faults(const std::string& text) const {
    const auto read = read_configuration(folder_.write("pssstd.toml", text));
    Words lines;
    if (read) return lines;
    for (const Fault& fault : read.error()) {
      std::string line = to_string(fault);
      const std::string folder = folder_.path("");
      for (std::size_t at = 0; (at = line.find(folder, at)) != std::string::npos;) {
        line.erase(at, folder.size());
      }
      lines.push_back(line);
    }
    return lines;
  }

  [[nodiscard]] std::string path(std::string_view name) const { return folder_.path(name); }

  identity::TemporaryFolder folder_;
  const std::string service_ =
      "[[service]]\nudp_port = 7700\nhandler = \"echo\"\nkeys = [\"server.key\"]\n";
};

TEST_F(ConfigurationFile, TheLeastThatServes) {
  Configuration expected;
  expected.file = path("pssstd.toml");
  expected.services.resize(1);
  expected.services[0].udp_port = 7700;
  expected.services[0].handler = "echo";
  expected.services[0].key_files = {path("server.key")};
  EXPECT_EQ(read(service_), expected);
}

constexpr const char* kEverythingForSockets = R"(
[server]
lcores = "3,0-1"
idle = "spin"
x25519_kernel = "portable"
proof_table_memory_mb = 12
state_directory = "state"
counters = "json"
[port]
kind = "socket"
[socket]
addresses = ["127.0.0.1", "::1", "192.0.2.1"]
[clients]
file = "clients"
[control]
socket = "control"
mode = "0660"
users = ["ada", "bob"]
[metrics]
listen = "[::1]:9477"
[log]
target = "journal"
level = "debug"
[privileges]
user = "pssst"
seccomp = false
[drain]
deadline = "2m"
quiet = "5000ms"
[protection]
known_sources = 100
unknown_share = 10
source_limits = "count"
charge = "all"
rate_ipv4_32 = 1
burst_ipv4_32 = 2
rate_ipv4_24 = 3
burst_ipv4_24 = 4
rate_ipv6_64 = 0
burst_ipv6_64 = 6
rate_ipv6_48 = 7
burst_ipv6_48 = 8
allow = ["192.0.2.0/25", "2001:db8::/32"]
charged_sources = 200
replay_window = "5s"
replays = 300
[[service]]
name = "valves.1"
udp_port = 1
addresses = ["192.0.2.1", "::1"]
handler = "ack"
reply = "o=k!"
keys = ["server.key", "other.key"]
second_key = "try"
reply_limit = 1.5
policy = "required"
[[service]]
udp_port = 65535
handler = "ack"
reply_hex = "00fF"
keys = "new.key"
suite = 0xf002
label = "valves.example"
reply_limit = 3
policy = "anonymous"
)";

TEST_F(ConfigurationFile, EverythingForSockets) {
  folder_.write("clients", base::to_hex(PrivateKey::generate().public_key()) + "\n");
  Configuration expected;
  expected.file = path("pssstd.toml");
  expected.cpus = {3, 0, 1};
  expected.idle = IdleMode::kSpin;
  expected.x25519_kernel = "portable";
  expected.proof_table_memory_mb = 12;
  expected.state_directory = path("state");
  expected.counters = CountersForm::kJson;
  expected.socket.addresses = {"127.0.0.1", "::1", "192.0.2.1"};
  expected.clients_file = path("clients");
  expected.control = {.socket = path("control"), .mode = 0660, .users = {"ada", "bob"}};
  expected.metrics.listen = "[::1]:9477";
  expected.log = {.target = LogTarget::kJournal, .level = LogLevel::kDebug};
  expected.privileges = {.user = "pssst", .seccomp = false};
  expected.drain = {.deadline = std::chrono::minutes(2), .quiet = std::chrono::seconds(5)};
  expected.protection = {
      .unknown_share = 10,
      .limit = LimitMode::kCount,
      .charge = Charge::kAll,
      .rates = {.ipv4_32 = {.rate = 1, .burst = 2},
                .ipv4_24 = {.rate = 3, .burst = 4},
                .ipv6_64 = {.rate = 0, .burst = 6},
                .ipv6_48 = {.rate = 7, .burst = 8}},
      .allow = {*parse_address_range("192.0.2.0/25"), *parse_address_range("2001:db8::/32")}};
  expected.protection_memory = {.known_sources = 100,
                                .charged_sources = 200,
                                .replays = 300,
                                .replay_window = std::chrono::seconds(5)};
  ServiceSettings first;
  first.name = "valves.1";
  first.udp_port = 1;
  first.addresses = {"192.0.2.1", "::1"};
  first.handler = "ack";
  first.reply = {'o', '=', 'k', '!'};
  first.key_files = {path("server.key"), path("other.key")};
  first.try_second_key = true;
  first.reply_limit = 150;
  first.policy = ClientPolicy::kRequired;
  ServiceSettings second;
  second.udp_port = 65535;
  second.handler = "ack";
  second.reply = {0x00, 0xff};
  second.key_files = {path("new.key")};
  second.suite = kSuiteF002;
  second.label = "valves.example";
  second.reply_limit = 300;
  second.policy = ClientPolicy::kAnonymous;
  expected.services = {first, second};
  EXPECT_EQ(read(kEverythingForSockets), expected);
}

TEST_F(ConfigurationFile, EverythingForDpdk) {
  const Configuration read_one = read(R"([port]
kind = "dpdk"
[dpdk]
vdevs = ["net_tap0,iface=pssst0", "net_tap1"]
pci = ["0000:81:00.0"]
addresses = ["192.0.2.9", "2001:db8::9"]
vlans = [0, 4094]
gateway_mac = "02:00:00:00:00:fe"
mtu = 1400
exception = ["ex0", "ex1"]
capture_drops = ["tag", "vlan"]
capture_file = "drops.pcap"
capture_rate = 7
capture_size_mb = 2
hugepages = true
memory_mb = 512
queue_size = 256
verify_udp_checksum = false
eal = ["--log-level=8", "x"]
[server]
lcores = [2, 4]
)" + service_ + "addresses = [\"2001:db8::9\"]\n");
  EXPECT_EQ(read_one.port, PortKind::kDpdk);
  EXPECT_EQ(read_one.idle, IdleMode::kSpin) << "as on the command line";
  EXPECT_EQ(read_one.cpus, (std::vector<unsigned>{2, 4}));
  const DpdkOptions expected{
      .vdevs = {"net_tap0,iface=pssst0", "net_tap1"},
      .pci_devices = {"0000:81:00.0"},
      .addresses = {*parse_address("192.0.2.9"), *parse_address("2001:db8::9")},
      .vlans = {0, 4094},
      .gateway_mac = net::MacAddress{2, 0, 0, 0, 0, 0xfe},
      .mtu = 1400,
      .exception_taps = {"ex0", "ex1"},
      .capture_drops = {DropReason::kTag, DropReason::kVlan},
      .capture_file = path("drops.pcap"),
      .capture_rate = 7,
      .capture_size_mb = 2,
      .hugepages = true,
      .memory_mb = 512,
      .queue_size = 256,
      .verify_udp_checksum = false,
      .eal_arguments = {"--log-level=8", "x"}};
  EXPECT_EQ(read_one.dpdk, expected);
  EXPECT_EQ(read("server.idle = \"sleep\"\nport.kind = \"dpdk\"\n"
                 "dpdk = {vdevs = [\"net_tap0\"], addresses = [\"10.0.0.1\"]}\n" +
                 service_)
                .idle,
            IdleMode::kSleep);
}

TEST_F(ConfigurationFile, AStoreOfClients) {
  const Configuration read_one = read(
      "[identity]\nstore = \"clients.db\"\nstart = \"at-once\"\n"
      "stale = \"refuse\"\nstale_after = \"90s\"\n" +
      service_);
  const IdentityOptions expected{.store = path("clients.db"),
                                 .serve_while_loading = true,
                                 .stale = identity::StalePolicy::kRefuse,
                                 .stale_after = std::chrono::seconds(90)};
  EXPECT_EQ(read_one.identity, expected);
  EXPECT_EQ(read("[identity]\nstart = \"loaded\"\nstale = \"serve\"\n" + service_).identity,
            IdentityOptions());
  folder_.write("clients", "");
  EXPECT_EQ(
      faults("[clients]\nfile = \"clients\"\n[identity]\nstore = \"clients.db\"\n"
             "start = \"later\"\nstale_after = \"0s\"\n" +
             service_),
      (Words{"pssstd.toml:4:9: [identity] store stands beside [clients] file: take one out; "
             "pssst identity import writes a list into a store",
             "pssstd.toml:5:9: [identity] start is \"later\": choose \"loaded\" or \"at-once\"",
             "pssstd.toml:6:15: [identity] stale_after is \"0s\": choose \"1s\" to \"2592000s\""}));
}

TEST_F(ConfigurationFile, SectionsWithoutKeysSayNothing) {
  Configuration expected = read(service_);
  EXPECT_EQ(read("[dpdk]\n[socket]\n[server]\n[control]\n" + service_), expected);
  expected.socket.addresses = {};
  EXPECT_EQ(read("[socket]\naddresses = []\n" + service_), expected);
}

TEST_F(ConfigurationFile, PathsAreRelativeToItsFolder) {
  const std::filesystem::path before = std::filesystem::current_path();
  folder_.write("pssstd.toml", service_);
  std::filesystem::current_path(folder_.path(""));
  const auto here = read_configuration("pssstd.toml");
  std::filesystem::current_path(before);
  ASSERT_TRUE(here);
  EXPECT_EQ(here->services[0].key_files, Words{"server.key"});
}

TEST_F(ConfigurationFile, MayBeReadAgainAndAgain) {
  const Configuration first = read(service_);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(read(service_), first);
  const auto loaded = load_snapshot(first);
  ASSERT_TRUE(loaded) << loaded.error().to_string();
  EXPECT_EQ(read(service_), first) << "and once its keys have answered";
}

TEST_F(ConfigurationFile, WritesNothing) {
  const auto names = [&] {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path(""))) {
      found.push_back(entry.path().filename().string());
    }
    std::sort(found.begin(), found.end());
    return found;
  };
  folder_.write("pssstd.toml", "");
  const auto before = names();
  static_cast<void>(read("[server]\nstate_directory = \"state\"\n" + service_));
  static_cast<void>(read(service_));
  static_cast<void>(faults(service_ + service_));
  EXPECT_EQ(names(), before);
}

TEST_F(ConfigurationFile, EveryFaultIsReportedInTheOrderOfTheText) {
  EXPECT_EQ(faults("[sever]\n[server]\nidle = \"nap\"\nlcore = \"1\"\n"
                   "[[service]]\nudp_port = 0\nkeys = [\"server.key\", \"none\"]\n"),
            (Words{"pssstd.toml:1:2: there is no section [sever]: did you mean [server]?",
                   "pssstd.toml:3:8: [server] idle is \"nap\": choose \"spin\" or \"sleep\"",
                   "pssstd.toml:4:1: [server] has no key \"lcore\": did you mean \"lcores\"?",
                   "pssstd.toml:5:1: [[service]] has no handler: write one: handler = \"echo\"",
                   "pssstd.toml:6:12: [[service]] udp_port is 0: choose 1 to 65535"}));
}

TEST_F(ConfigurationFile, FaultsOfTheFileAsAWhole) {
  const auto lines = [](const std::string& name) {
    const auto read = read_configuration(name);
    return read ? std::string("good") : to_string(read.error().front());
  };
  EXPECT_EQ(lines("/nonexistent/pssstd.toml"),
            "/nonexistent/pssstd.toml: cannot open the configuration file: No such file or "
            "directory: pssstd.toml(5) tells how to write one");
  EXPECT_EQ(lines("/dev/zero"), "/dev/zero: not a regular file: name a configuration file");
  EXPECT_EQ(faults(std::string((1 << 20) + 1, '#')),
            Words{"pssstd.toml: more than 1 MiB: see what file this is"});
  EXPECT_EQ(faults(""), Words{"pssstd.toml:1:1: there is no service: write a section [[service]] "
                              "with udp_port, handler and keys"});
}

TEST_F(ConfigurationFile, ASuite1KeyThatAnsweredOtherwiseIsRefused) {
  ASSERT_TRUE(load_snapshot(read(service_)));
  const std::string ack =
      "[[service]]\nudp_port = 7700\nhandler = \"ack\"\nkeys = [\"server.key\"]\n";
  const std::string line =
      "server.key.replies: under this suite 1 key requests were answered by echo, version 1, "
      "replies to 1420 bytes; by ack, version 1, replies to 0 bytes they would get a second "
      "answer, "
      "which lets requests be forged: give the service a new key: pssst genkey";
  EXPECT_EQ(faults(ack), Words{"pssstd.toml:4:9: " + line});
  EXPECT_EQ(faults("server.state_directory = \"state\"\n" + ack), Words{"pssstd.toml:5:9: " + line})
      << "what stands beside the key counts wherever new records go";
  EXPECT_EQ(faults(service_), Words{});
}

TEST_F(ConfigurationFile, RecordsInTheStateDirectory) {
  std::filesystem::create_directory(path("state"));
  const std::string state = "[server]\nstate_directory = \"state\"\n";
  const Configuration configuration = read(state + service_);
  ASSERT_TRUE(load_snapshot(configuration));
  EXPECT_FALSE(std::filesystem::exists(path("server.key.replies")));
  EXPECT_TRUE(std::filesystem::exists(path("state/suite1.replies")));
  const std::string ack = "[[service]]\nudp_port = 7700\nhandler = \"ack\"\nkeys = [\"";
  EXPECT_EQ(faults(state + ack + "server.key\"]\n").size(), 1U);
  // A copy of the key, or its new name, is still the same key.
  std::filesystem::rename(path("server.key"), path("renamed.key"));
  const Words renamed = faults(state + ack + "renamed.key\"]\n");
  ASSERT_EQ(renamed.size(), 1U);
  EXPECT_TRUE(renamed[0].starts_with("pssstd.toml:6:9: state/suite1.replies: under this suite 1 "))
      << renamed[0];
  folder_.write("state/suite1.replies", "nonsense\n");
  EXPECT_EQ(faults(state + service_).size(), 1U);
}

TEST_F(ConfigurationFile, CredentialsComeFromSystemd) {
  const std::string text =
      "[[service]]\nudp_port = 7700\nhandler = \"echo\"\nkeys = [\"credential:the.key\"]\n";
  EXPECT_EQ(faults(text),
            Words{"pssstd.toml:4:9: [[service]] keys has \"credential:the.key\": "
                  "CREDENTIALS_DIRECTORY is not set, as systemd does for credentials: write "
                  "LoadCredential=the.key:FILE into the unit; elsewhere set CREDENTIALS_DIRECTORY "
                  "yourself"});
  std::filesystem::create_directory(path("credentials"));
  write_key("credentials/the.key", PrivateKey::generate());
  const Variable credentials("CREDENTIALS_DIRECTORY", path("credentials"));
  EXPECT_EQ(faults(text),
            Words{"pssstd.toml:4:9: credentials/the.key: a suite 1 key that systemd hands over "
                  "needs a place where the server writes down what it answers with: set [server] "
                  "state_directory, or StateDirectory= in the unit"});
  const Variable state("STATE_DIRECTORY", path("state") + ":/elsewhere");
  const Configuration configuration = read(text);
  EXPECT_EQ(configuration.services[0].key_files, Words{path("credentials/the.key")});
  EXPECT_EQ(configuration.state_directory, path("state"));
  EXPECT_EQ(read("server.state_directory = \"/own\"\n" + text).state_directory, "/own");
  for (const char* name : {"", "..", "a/b"}) {
    EXPECT_EQ(faults("[[service]]\nudp_port = 7700\nhandler = \"echo\"\nkeys = [\"credential:" +
                     std::string(name) + "\"]\n")
                  .size(),
              1U)
        << name;
  }
}

}  // namespace
}  // namespace pssst::server
