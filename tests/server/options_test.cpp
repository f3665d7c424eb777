// long file: each option of the command line has its place here
#include "server/options.hpp"

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

namespace pssst::server {
namespace {

using Words = std::vector<std::string>;

base::Result<CommandLine> parse(const Words& words) {
  std::vector<const char*> argv{"pssstd"};
  for (const std::string& word : words) argv.push_back(word.c_str());
  return parse_command_line(static_cast<int>(argv.size()), argv.data());
}

Configuration options_of(const Words& words) {
  const auto parsed = parse(words);
  if (!parsed || !std::holds_alternative<Configuration>(*parsed)) {
    ADD_FAILURE() << (parsed ? "a text" : parsed.error().to_string());
    return {};
  }
  return std::get<Configuration>(*parsed);
}

const std::string kEcho = "port=7700,handler=echo,key=server.key";

Words with_service(Words words) {
  words.insert(words.begin(), {"--service", kEcho});
  return words;
}

TEST(Options, Defaults) {
  const Configuration options = options_of({"--service", kEcho});
  EXPECT_EQ(options.port, PortKind::kSocket);
  ASSERT_EQ(options.services.size(), 1U);
  EXPECT_EQ(options.services[0].udp_port, 7700);
  EXPECT_EQ(options.services[0].handler, "echo");
  EXPECT_EQ(options.services[0].key_files, Words{"server.key"});
  EXPECT_EQ(options.services[0].policy, ClientPolicy::kOptional);
  EXPECT_TRUE(options.services[0].reply.empty());
  EXPECT_TRUE(options.clients_file.empty());
  EXPECT_TRUE(options.cpus.empty());
  EXPECT_EQ(options.idle, IdleMode::kSleep);
  EXPECT_EQ(options.counters, CountersForm::kText);
  EXPECT_TRUE(options.x25519_kernel.empty());
  EXPECT_EQ(options.proof_table_memory_mb, 256U);
  EXPECT_EQ(proof_table_bytes(options), 0U) << "nobody is enrolled";
  EXPECT_TRUE(options.socket.addresses.empty());
}

TEST(Options, SuitesAndLabels) {
  const Configuration options = options_of(
      {"--service", "port=1,handler=time,key=a,key=b,suite=0xf002,label=valves.example"});
  ASSERT_EQ(options.services.size(), 1U);
  EXPECT_EQ(options.services[0].key_files, (Words{"a", "b"}));
  EXPECT_EQ(options.services[0].suite, kSuiteF002);
  EXPECT_EQ(options.services[0].label, "valves.example");
  const std::string label(64, 'x');
  EXPECT_EQ(options_of({"--service", kEcho + ",label=" + label}).services[0].label, label);
  EXPECT_FALSE(parse({"--service", kEcho + ",label=x" + label}));
}

TEST(Options, NamesAddressesAndSecondKeys) {
  const Configuration options = options_of(
      {"--service",
       "port=1,handler=echo,key=a,key=b,name=old-1.x_y,address=192.0.2.1,address=2001:db8::1,"
       "second-key=try"});
  EXPECT_EQ(options.services[0].name, "old-1.x_y");
  EXPECT_EQ(options.services[0].addresses, (Words{"192.0.2.1", "2001:db8::1"}));
  EXPECT_TRUE(options.services[0].try_second_key);
  EXPECT_FALSE(options_of({"--service", kEcho}).services[0].try_second_key);
  for (const char* bad : {",name=", ",name=a b", ",name=a\n", ",address=", ",address=example.net",
                          ",second-key=yes", ",name=a,name=b"}) {
    EXPECT_FALSE(parse({"--service", kEcho + bad})) << bad;
  }
  EXPECT_FALSE(parse({"--service", kEcho + ",name=" + std::string(65, 'x')}));
}

TEST(Options, HandlersOutOfLibraries) {
  const Configuration options = options_of(
      {"--service",
       "port=1,handler=library,library=/lib/a.so,option=table=a=b,option=n=,deadline=250,"
       "in-flight=7,key=k",
       "--later-replies", "99"});
  EXPECT_EQ(options.services[0].handler, "library");
  EXPECT_EQ(options.services[0].options, (HandlerOptions{.library = "/lib/a.so",
                                                         .options = {{"table", "a=b"}, {"n", ""}},
                                                         .deadline = std::chrono::milliseconds(250),
                                                         .in_flight = 7}));
  EXPECT_EQ(options.later_replies, 99U);
  for (const char* bad :
       {"", ",library=", ",library=a,option=b", ",library=a,option==b", ",library=a,deadline=0",
        ",library=a,deadline=60001", ",library=a,in-flight=0", ",library=a,in-flight=x",
        ",library=a,library=b", ",library=a,backend=b", ",library=a,reply=b"}) {
    EXPECT_FALSE(parse({"--service", "port=1,key=k,handler=library" + std::string(bad)})) << bad;
  }
  EXPECT_FALSE(parse(with_service({"--later-replies", "0"})));
}

TEST(Options, HandlersInOtherProcesses) {
  const Configuration options =
      options_of({"--service", "port=1,handler=forward,backend=/run/a,backend=@b,key=k"});
  EXPECT_EQ(options.services[0].handler, "forward");
  EXPECT_EQ(options.services[0].options.backends, (Words{"/run/a", "@b"}));
  EXPECT_FALSE(parse({"--service", "port=1,handler=forward,key=k"}));
  EXPECT_FALSE(parse({"--service", "port=1,handler=forward,backend=a,backend=a,key=k"}));
}

TEST(Options, HandlersOfMessageTypes) {
  const Configuration options =
      options_of({"--service",
                  "port=1,type=0x01,handler=ack,reply=ok,type=16-31,handler=library,library=a.so,"
                  "option=x=y,type=2,handler=echo,key=k,policy=required"});
  const ServiceSettings& service = options.services[0];
  EXPECT_EQ(service.handler, "");
  EXPECT_EQ(service.policy, ClientPolicy::kRequired);
  ASSERT_EQ(service.types.size(), 3U);
  EXPECT_EQ(service.types[0],
            (MessageTypeSettings{.first = 1, .last = 1, .handler = "ack", .reply = {'o', 'k'}}));
  EXPECT_EQ(service.types[1],
            (MessageTypeSettings{.first = 16,
                                 .last = 31,
                                 .handler = "library",
                                 .options = {.library = "a.so", .options = {{"x", "y"}}}}));
  EXPECT_EQ(service.types[2], (MessageTypeSettings{.first = 2, .last = 2, .handler = "echo"}));
  for (const char* bad : {"type=256,handler=echo", "type=1", "type=1,type=2,handler=echo",
                          "handler=echo,type=1,handler=echo", "type=1,handler=echo,handler=ack"}) {
    EXPECT_FALSE(parse({"--service", std::string("port=1,key=k,") + bad})) << bad;
  }
}

TEST(Options, ReplyLimits) {
  EXPECT_EQ(options_of({"--service", kEcho}).services[0].reply_limit, 100U);
  EXPECT_EQ(options_of({"--service", kEcho + ",reply-limit=1.25"}).services[0].reply_limit, 125U);
  EXPECT_EQ(options_of({"--service", kEcho + ",reply-limit=3"}).services[0].reply_limit, 300U);
  for (const char* bad :
       {"", "0", "0.99", "3.01", "1.255", "-1", "nan", "inf", "1e0", "1x", "1,5"}) {
    EXPECT_FALSE(parse({"--service", kEcho + ",reply-limit=" + bad})) << bad;
  }
}

TEST(Options, EverythingForSockets) {
  const Configuration options =
      options_of({"--port",
                  "socket",
                  "--service",
                  "handler=ack,reply=o=k!,policy=required,key=/k/a,port=1",
                  "--service",
                  "port=65535,handler=ack,key=b,reply-hex=00fF,policy=anonymous",
                  "--service",
                  "port=9,handler=discard,key=c,policy=optional",
                  "--clients",
                  "fleet",
                  "--lcores",
                  "3,0-1",
                  "--idle",
                  "spin",
                  "--counters",
                  "json",
                  "--x25519-kernel",
                  "portable",
                  "--proof-table-memory",
                  "12",
                  "--listen",
                  "127.0.0.1",
                  "--listen",
                  "::1"});
  ASSERT_EQ(options.services.size(), 3U);
  EXPECT_EQ(options.services[0].udp_port, 1);
  EXPECT_EQ(options.services[0].policy, ClientPolicy::kRequired);
  EXPECT_EQ(options.services[0].reply, (std::vector<std::uint8_t>{'o', '=', 'k', '!'}));
  EXPECT_EQ(options.services[1].udp_port, 65535);
  EXPECT_EQ(options.services[1].policy, ClientPolicy::kAnonymous);
  EXPECT_EQ(options.services[1].reply, (std::vector<std::uint8_t>{0x00, 0xff}));
  EXPECT_EQ(options.services[2].handler, "discard");
  EXPECT_EQ(options.clients_file, "fleet");
  EXPECT_EQ(options.cpus, (std::vector<unsigned>{3, 0, 1}));
  EXPECT_EQ(options.idle, IdleMode::kSpin);
  EXPECT_EQ(options.counters, CountersForm::kJson);
  EXPECT_EQ(options.x25519_kernel, "portable");
  EXPECT_EQ(options.proof_table_memory_mb, 12U);
  EXPECT_EQ(proof_table_bytes(options), std::size_t{12} << 20);
  EXPECT_EQ(options.socket.addresses, (Words{"127.0.0.1", "::1"}));
}

TEST(Options, EverythingForDpdk) {
  const Configuration options = options_of(with_service(
      {"--port", "dpdk", "--vdev", "net_tap0,iface=pssst0", "--vdev=net_tap1", "--pci",
       "0000:01:00.0", "--address", "192.0.2.9", "--hugepages", "--memory", "512", "--queue-size",
       "256", "--no-verify-udp-checksum", "--eal=--log-level=8", "--eal", "x", "--counters=text"}));
  EXPECT_EQ(options.port, PortKind::kDpdk);
  EXPECT_EQ(options.idle, IdleMode::kSpin);
  EXPECT_EQ(options.dpdk.vdevs, (Words{"net_tap0,iface=pssst0", "net_tap1"}));
  EXPECT_EQ(options.dpdk.pci_devices, Words{"0000:01:00.0"});
  EXPECT_EQ(options.dpdk.addresses, std::vector{*parse_address("192.0.2.9")});
  EXPECT_TRUE(options.dpdk.hugepages);
  EXPECT_EQ(options.dpdk.memory_mb, 512U);
  EXPECT_EQ(options.dpdk.queue_size, 256U);
  EXPECT_FALSE(options.dpdk.verify_udp_checksum);
  EXPECT_EQ(options.dpdk.eal_arguments, (Words{"--log-level=8", "x"}));
}

TEST(Options, EverythingOfTheNetworkForDpdk) {
  const DpdkOptions options = options_of(with_service({"--port",
                                                       "dpdk",
                                                       "--vdev",
                                                       "net_tap0",
                                                       "--vdev",
                                                       "net_tap1",
                                                       "--address",
                                                       "192.0.2.9",
                                                       "--address=2001:db8::9",
                                                       "--vlan",
                                                       "0",
                                                       "--vlan",
                                                       "4094",
                                                       "--gateway-mac",
                                                       "02:00:00:00:00:fe",
                                                       "--mtu",
                                                       "1400",
                                                       "--exception",
                                                       "ex0",
                                                       "--exception=ex1",
                                                       "--capture-drops",
                                                       "tag,vlan",
                                                       "--capture-file",
                                                       "drops.pcap",
                                                       "--capture-rate",
                                                       "7",
                                                       "--capture-size",
                                                       "2"}))
                                  .dpdk;
  EXPECT_EQ(options.addresses,
            (std::vector{*parse_address("192.0.2.9"), *parse_address("2001:db8::9")}));
  EXPECT_EQ(options.vlans, (std::vector<std::uint16_t>{0, 4094}));
  EXPECT_EQ(options.gateway_mac, (net::MacAddress{2, 0, 0, 0, 0, 0xfe}));
  EXPECT_EQ(options.mtu, 1400U);
  EXPECT_EQ(options.exception_taps, (Words{"ex0", "ex1"}));
  EXPECT_EQ(options.capture_drops, (std::vector{DropReason::kTag, DropReason::kVlan}));
  EXPECT_EQ(options.capture_file, "drops.pcap");
  EXPECT_EQ(options.capture_rate, 7U);
  EXPECT_EQ(options.capture_size_mb, 2U);
}

TEST(Options, DefaultsForDpdk) {
  const Configuration options =
      options_of(with_service({"--port", "dpdk", "--vdev", "net_tap0", "--address", "10.0.0.1"}));
  EXPECT_EQ(options.dpdk.memory_mb, 256U);
  EXPECT_EQ(options.dpdk.queue_size, 1024U);
  EXPECT_FALSE(options.dpdk.hugepages);
  EXPECT_TRUE(options.dpdk.vlans.empty());
  EXPECT_FALSE(options.dpdk.gateway_mac);
  EXPECT_EQ(options.dpdk.mtu, 0U);
  EXPECT_TRUE(options.dpdk.exception_taps.empty());
  EXPECT_TRUE(options.dpdk.capture_drops.empty());
  EXPECT_TRUE(options.dpdk.verify_udp_checksum);
  EXPECT_EQ(options_of(with_service({"--port", "dpdk", "--vdev", "net_tap0", "--address",
                                     "10.0.0.1", "--idle", "sleep"}))
                .idle,
            IdleMode::kSleep);
}

TEST(Options, AnEmptyReplyIsAReply) {
  EXPECT_TRUE(
      options_of({"--service", "port=1,handler=ack,key=k,reply="}).services[0].reply.empty());
}

TEST(Options, AFileSaysItAll) {
  const auto parsed = parse({"--config", "/etc/pssst/pssstd.toml"});
  ASSERT_TRUE(parsed);
  ASSERT_TRUE(std::holds_alternative<NamedConfiguration>(*parsed));
  EXPECT_EQ(std::get<NamedConfiguration>(*parsed).path, "/etc/pssst/pssstd.toml");
}

TEST(Options, ClientsFromAStore) {
  const Configuration options =
      options_of({"--service", kEcho, "--identities", "clients.db", "--proof-table-memory", "12"});
  EXPECT_EQ(options.identity, (IdentityOptions{.store = "clients.db"}));
  EXPECT_TRUE(options.clients_file.empty());
  EXPECT_EQ(proof_table_bytes(options), std::size_t{12} << 20);
}

TEST(Options, HelpAndVersionAreTexts) {
  for (const Words& words : {Words{"--help"}, Words{"--port", "nonsense", "--help"}}) {
    const auto help = parse(words);
    ASSERT_TRUE(help);
    const std::string& text = std::get<std::string>(*help);
    for (const char* option : {"--config",
                               "--port",
                               "--service",
                               "--clients",
                               "--identities",
                               "--lcores",
                               "--idle",
                               "--counters",
                               "--x25519-kernel",
                               "--listen",
                               "--vdev",
                               "--pci",
                               "--address",
                               "--hugepages",
                               "--memory",
                               "--queue-size",
                               "--no-verify-udp-checksum",
                               "--eal",
                               "--help",
                               "--version"}) {
      EXPECT_NE(text.find(option), std::string::npos) << option;
    }
  }
  const auto version = parse({"--version"});
  ASSERT_TRUE(version);
  EXPECT_EQ(std::get<std::string>(*version), "pssstd " PSSST_VERSION "\n");
}

struct BadLine {
  Words words;
  std::string error;

  friend void PrintTo(const BadLine& line, std::ostream* out) {
    for (const std::string& word : line.words) *out << word << ' ';
  }
};

Words dpdk(Words words) {
  words.insert(words.begin(), {"--port", "dpdk", "--vdev", "net_tap0", "--address", "10.0.0.1"});
  return with_service(std::move(words));
}

Words service(const std::string& text) {
  return {"--service", text};
}

// long function: a table
const std::vector<BadLine>& bad_command_lines() {
  static const std::vector<BadLine> lines{
      {{}, "--service: no service: give one: port=7700,handler=echo,key=FILE; or --config FILE"},
      {{"--config", ""}, "--config: names no file: see pssstd --help"},
      {{"--config"}, "--config: 1 required FILE missing: see pssstd --help"},
      {with_service({"--config", "pssstd.toml"}),
       "--service: stands beside --config: write it into the file"},
      {{"--config", "pssstd.toml", "--no-seccomp"},
       "--no-seccomp: stands beside --config: write it into the file"},
      {{"--frobnicate"},
       "The following argument was not expected: --frobnicate: see pssstd --help"},
      {with_service({"stray"}),
       "The following argument was not expected: stray: see pssstd --help"},
      {{"--service"}, "--service: 1 required SERVICE missing: see pssstd --help"},
      {service(""), "--service : \"\" is not NAME=VALUE: separate fields by commas"},
      {service("port=7700"), "--service port=7700: handler= is missing: see pssstd --help"},
      {service("handler=echo,key=k"),
       "--service handler=echo,key=k: port= is missing: see pssstd --help"},
      {service("port=1,handler=echo"),
       "--service port=1,handler=echo: key= is missing: see pssstd --help"},
      {service("port=1,handler=echo,key="),
       "--service port=1,handler=echo,key=: key= names no file: see pssstd --help"},
      {service("port=0,handler=echo,key=k"),
       "--service port=0,handler=echo,key=k: port=0 is no UDP port: choose 1 to 65535"},
      {service("port=65536,handler=echo,key=k"),
       "--service port=65536,handler=echo,key=k: port=65536 is no UDP port: choose 1 to 65535"},
      {service("port=77x,handler=echo,key=k"),
       "--service port=77x,handler=echo,key=k: port=77x is no UDP port: choose 1 to 65535"},
      {service("port=-1,handler=echo,key=k"),
       "--service port=-1,handler=echo,key=k: port=-1 is no UDP port: choose 1 to 65535"},
      {service("port=1,handler=clock,key=k"),
       "--service port=1,handler=clock,key=k: there is no handler \"clock\": choose echo, discard, "
       "ack, time, count, library or forward"},
      {service("port=1,handler=echo,key=k,suite=2"),
       "--service port=1,handler=echo,key=k,suite=2: suite: \"2\" is not among its values: choose "
       "1 "
       "or 0xf002 or 0xF002"},
      {service("port=1,handler=echo,key=k,suite=1,label=x"),
       "--service port=1,handler=echo,key=k,suite=1,label=x: suite 1 has no label: see pssstd "
       "--help"},
      {service("port=1,port=2,handler=echo,key=k"),
       "--service port=1,port=2,handler=echo,key=k: port= stands twice: see pssstd --help"},
      {service("port=1,handler=echo,key=k,color=red"),
       "--service port=1,handler=echo,key=k,color=red: it has no field \"color\": see pssstd "
       "--help"},
      {service("port=1,handler=echo,key=k,policy=none"),
       "--service port=1,handler=echo,key=k,policy=none: policy: \"none\" is not among its values: "
       "choose optional or anonymous or required"},
      {service("port=1,handler=echo,key=k,reply=x"),
       "--service port=1,handler=echo,key=k,reply=x: only the handler ack takes a reply: see "
       "pssstd "
       "--help"},
      {service("reply-hex=,port=1,handler=discard,key=k"),
       "--service reply-hex=,port=1,handler=discard,key=k: only the handler ack takes a reply: see "
       "pssstd --help"},
      {service("port=1,handler=ack,key=k,reply=a,reply-hex=00"),
       "--service port=1,handler=ack,key=k,reply=a,reply-hex=00: reply= and reply-hex= exclude "
       "each "
       "other: see pssstd --help"},
      {service("port=1,handler=ack,key=k,reply-hex=0"),
       "--service port=1,handler=ack,key=k,reply-hex=0: reply-hex= is not an even number of "
       "hexadecimal digits: see pssstd --help"},
      {service("port=1,handler=ack,key=k,reply=yes, sir"),
       "--service port=1,handler=ack,key=k,reply=yes, sir: \" sir\" is not NAME=VALUE: write a "
       "reply with commas as reply-hex="},
      {with_service({"--port", "serial"}),
       "--port: \"serial\" is not among its values: choose socket or dpdk"},
      {with_service({"--idle", "nap"}),
       "--idle: \"nap\" is not among its values: choose spin or sleep"},
      {with_service({"--counters", "xml"}),
       "--counters: \"xml\" is not among its values: choose text or json"},
      {with_service({"--lcores", ""}),
       "--lcores : not a list of CPUs: write CPU numbers like 0,2-3"},
      {with_service({"--lcores", "a"}),
       "--lcores a: not a list of CPUs: write CPU numbers like 0,2-3"},
      {with_service({"--lcores", "3-1"}),
       "--lcores 3-1: a range of CPUs that runs backwards: write CPU numbers like 0,2-3"},
      {with_service({"--lcores", "0,0-1"}),
       "--lcores 0,0-1: CPU 0 stands twice: write CPU numbers like 0,2-3"},
      {with_service({"--clients", ""}), "--clients: names no file: see pssstd --help"},
      {with_service({"--clients", "a", "--clients", "b"}),
       "--clients: At Most 1 required but received 2: see pssstd --help"},
      {with_service({"--identities", ""}), "--identities: names no store: see pssstd --help"},
      {with_service({"--identities", "a", "--clients", "b"}),
       "--identities: stands beside --clients: choose one; pssst identity import writes a list "
       "into "
       "a store"},
      {with_service({"--listen", "localhost"}),
       "--listen localhost: not a numeric IPv4 or IPv6 address: see pssstd --help"},
      {with_service({"--listen", "1.2.3"}),
       "--listen 1.2.3: not a numeric IPv4 or IPv6 address: see pssstd --help"},
      {with_service({"--vdev", "net_tap0"}), "--vdev: belongs to --port dpdk: see pssstd --help"},
      {with_service({"--hugepages"}), "--hugepages: belongs to --port dpdk: see pssstd --help"},
      {with_service({"--memory", "256"}), "--memory: belongs to --port dpdk: see pssstd --help"},
      {dpdk({"--listen", "::"}), "--listen: belongs to --port socket: see pssstd --help"},
      {with_service({"--port", "dpdk", "--address", "10.0.0.1"}),
       "--port dpdk: no device: name one with --vdev or --pci"},
      {with_service({"--port", "dpdk", "--vdev", "net_tap0"}),
       "--port dpdk: no address of our own: give one with --address"},
      {dpdk({"--address", "10.0.0"}),
       "--address 10.0.0: not a numeric IPv4 or IPv6 address: see pssstd --help"},
      {dpdk({"--address", "::1"}),
       "--address ::1: no address that a host can have: see pssstd --help"},
      {dpdk({"--address", "10.0.0.1"}),
       "--port dpdk 10.0.0.1: the address stands twice: see pssstd --help"},
      {dpdk({"--vlan", "4095"}),
       "--vlan 4095: not a VLAN: choose 1 to 4094, or 0 for untagged frames"},
      {dpdk({"--gateway-mac", "02:00"}),
       "--gateway-mac 02:00: not a MAC address: write 02:00:00:00:00:01"},
      {dpdk({"--exception", "a", "--exception", "b"}),
       "--port dpdk b: more taps than devices: see pssstd --help"},
      {dpdk({"--capture-drops", "tag"}),
       "--port dpdk: drops to capture and a file for them go together: see pssstd --help"},
      {dpdk({"--capture-file", "drops.pcap"}),
       "--port dpdk drops.pcap: drops to capture and a file for them go together: see pssstd "
       "--help"},
      {dpdk({"--capture-drops", "tag,tags"}),
       "--capture-drops tag,tags: no drop reason \"tags\": choose from the names that --counters "
       "json shows"},
      {dpdk({"--capture-rate", "0"}),
       "--capture-rate: Value 0 not in range 1 to 100000: see pssstd --help"},
      {dpdk({"--mtu", "575"}), "--mtu: Value 575 not in range 576 to 9216: see pssstd --help"},
      {dpdk({"--memory", "0"}), "--memory: Value 0 not in range 16 to 1048576: see pssstd --help"},
      {dpdk({"--memory", "lots"}),
       "--memory: Value lots not in range 16 to 1048576: see pssstd --help"},
      {dpdk({"--queue-size", "16"}),
       "--queue-size: Value 16 not in range 32 to 32768: see pssstd --help"},
  };
  return lines;
}

class BadCommandLines : public testing::TestWithParam<BadLine> {};

TEST_P(BadCommandLines, SayWhatIsWrong) {
  const auto parsed = parse(GetParam().words);
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().to_string(), GetParam().error);
  EXPECT_EQ(parsed.error().to_string().find('\n'), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Options, BadCommandLines, testing::ValuesIn(bad_command_lines()));

}  // namespace
}  // namespace pssst::server
