#include "server/options.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string_view>
#include <utility>

#include "base/help_formatter.hpp"
#include "server/cpus.hpp"
#include "server/dpdk_arguments.hpp"
#include "server/option_text.hpp"
#include "server/service_option.hpp"

namespace pssst::server {
namespace {

constexpr const char* kAbout =
    "Serve PSSST: one sealed UDP datagram each way, no handshake.\n\n"
    "SIGTERM and SIGINT stop it, SIGHUP reloads keys and clients, SIGUSR1 prints its counters.";

constexpr const char* kOperationGroup = "Operation";

constexpr const char* kFooter = R"(Exit status:
  0  stopped
  1  could not start
  2  wrong command line or configuration file
  3  ended by a system call that is not allowed

Examples:
  pssstd --config /etc/pssst/pssstd.toml
  pssstd --service port=7700,handler=echo,key=server.key
  pssstd --service port=7700,handler=echo,key=server.key --clients clients \
    --port dpdk --pci 0000:81:00.0 --hugepages --address 192.0.2.10 --lcores 2-15)";

/// What the command line says, before it is understood.
struct Arguments {
  std::string config;
  std::string port = "socket";
  std::vector<std::string> services;
  std::string clients;
  std::string identities;
  std::string lcores;
  std::string idle;
  std::string counters = "text";
  std::string x25519_kernel;
  unsigned proof_table_memory_mb = Configuration{}.proof_table_memory_mb;
  unsigned later_replies = Configuration{}.later_replies;
  std::vector<std::string> listen;
  DpdkArguments dpdk;
  std::string user;
  bool no_seccomp = false;
  std::string control;
  std::vector<std::string> control_users;
  std::string metrics;
  std::string log = "stderr";
  std::string log_level = "info";
};

/// One value per occurrence; without that, CLI11 takes all words up to the next option.
void add_repeatable(CLI::App& app, const std::string& name, std::vector<std::string>& values,
                    const std::string& value, const std::string& about, const std::string& group) {
  app.add_option(name, values, about)->allow_extra_args(false)->type_name(value)->group(group);
}

constexpr const char* kSocketGroup = "Kernel sockets (--port socket)";
constexpr const char* kDpdkGroup = "DPDK (--port dpdk)";

void declare_common(CLI::App& app, Arguments& arguments) {
  app.formatter(std::make_shared<base::HelpFormatter>());
  app.footer(kFooter);
  app.set_help_flag("--help", "Print this help and exit.");
  app.set_version_flag("--version", "pssstd " PSSST_VERSION, "Print the version and exit.");
  app.add_option("--config", arguments.config,
                 "Configuration file, in place of all other options; pssst check looks it over.")
      ->type_name("FILE");
  app.add_option("--port", arguments.port,
                 "Where datagrams come from: socket or dpdk. Default: socket.")
      ->type_name("KIND");
  app.add_option(
         "--service", arguments.services,
         "A service, repeatable: port=UDP_PORT,handler=NAME,key=FILE, and if need be more "
         "keys and suite=1 or 0xf002, label=NAME, policy=POLICY, reply=TEXT or reply-hex=HEX, "
         "name=NAME, address=ADDRESS, second-key=try, reply-limit=FACTOR. Handlers: echo, "
         "discard, ack, which answers with the reply, empty by default, and time and count, which "
         "suite 1 must not serve; "
         "library with library=FILE, a shared object, and its option=NAME=VALUE, repeatable; "
         "forward with backend=SOCKET, repeatable, Unix datagram sockets of other processes, which "
         "suite 1 must not serve either. For these two deadline=MS (1000) is how long a later "
         "reply is awaited and in-flight=N (256) how many at once, by each worker. type=BYTE or "
         "BYTE-BYTE, repeatable: for messages that begin so, the handler that follows it, in place "
         "of one for all. A key file says "
         "its key's suite; suite= demands one. label= is the service's name, for keys of "
         "suite 0xF002. Policies: optional (default), anonymous, required: whether clients "
         "authenticate themselves. name= is for its counters. address=, repeatable: only requests "
         "to this address of the server, so that several services may share a UDP port. "
         "second-key=try: of two keys of suite 1 the second is tried when the first fails, "
         "which doubles what junk costs. reply-limit=, 1 to 3: a reply that is longer than its "
         "request by more than this factor is not sent; by default none is longer.")
      ->allow_extra_args(false)
      ->type_name("SERVICE");
  app.add_option("--clients", arguments.clients,
                 "Public keys of enrolled clients, one per line. Default: nobody is enrolled.")
      ->type_name("FILE");
  app.add_option("--identities", arguments.identities,
                 "Or the store of enrolled clients that pssst identity keeps, and that is followed "
                 "while it serves.")
      ->type_name("STORE");
  app.add_option("--lcores", arguments.lcores,
                 "CPUs, one worker each, like 0,2-3. Default: the first this process may use.")
      ->type_name("LIST");
  app.add_option("--idle", arguments.idle,
                 "spin: poll always; sleep: wait when idle. Default: sleep, with DPDK spin.")
      ->type_name("MODE");
  app.add_option("--counters", arguments.counters,
                 "Counters printed at the end and on SIGUSR1: text or json. Default: text.")
      ->type_name("FORM");
  app.add_option("--x25519-kernel", arguments.x25519_kernel,
                 "X25519 implementation. Default: the best that this CPU has.")
      ->type_name("NAME");
  app.add_option("--proof-table-memory", arguments.proof_table_memory_mb,
                 "Most memory of all workers for tables of recently seen clients, MB, 1.6 kB for "
                 "each: their requests cost a third less. 0: none. Default: 256.")
      ->check(CLI::Range(0U, 1048576U).description(""))
      ->type_name("MB");
  app.add_option("--later-replies", arguments.later_replies,
                 "Requests of each worker that may await a later reply at once, where handlers "
                 "give such. Default: 1024.")
      ->check(CLI::Range(1U, 16384U).description(""))
      ->type_name("N");
}

void declare_operation(CLI::App& app, Arguments& arguments) {
  app.add_option("--user", arguments.user,
                 "User to become once the ports are open, when started as root. Default: stay.")
      ->type_name("NAME")
      ->group(kOperationGroup);
  app.add_flag("--no-seccomp", arguments.no_seccomp, "Load no system call filter (to find faults).")
      ->group(kOperationGroup);
  app.add_option("--control", arguments.control,
                 "Unix socket at which `pssst ctl` and `pssst top` reach it. Default: none.")
      ->type_name("PATH")
      ->group(kOperationGroup);
  add_repeatable(app, "--control-user", arguments.control_users, "NAME",
                 "Who may use it besides root and the server's own user, repeatable.",
                 kOperationGroup);
  app.add_option("--metrics", arguments.metrics,
                 "TCP address for /metrics and /health, for operators alone: 127.0.0.1:9477. "
                 "Default: none.")
      ->type_name("ADDRESS:PORT")
      ->group(kOperationGroup);
  app.add_option("--log", arguments.log, "Where it logs: stderr or journal. Default: stderr.")
      ->type_name("TARGET")
      ->group(kOperationGroup);
  app.add_option("--log-level", arguments.log_level,
                 "What it logs: error, warning, info or debug. Default: info.")
      ->type_name("LEVEL")
      ->group(kOperationGroup);
}

void declare_ports(CLI::App& app, Arguments& arguments) {
  add_repeatable(app, "--listen", arguments.listen, "ADDRESS",
                 "Local address, repeatable. Default: 0.0.0.0, and :: where there is IPv6.",
                 kSocketGroup);
  add_repeatable(app, "--vdev", arguments.dpdk.vdevs, "DEVICE",
                 "Virtual device as EAL's --vdev, repeatable: net_tap0,iface=pssst0.", kDpdkGroup);
  add_repeatable(app, "--pci", arguments.dpdk.pci_devices, "ADDRESS",
                 "PCI address of a NIC, repeatable: 0000:01:00.0.", kDpdkGroup);
  add_repeatable(app, "--address", arguments.dpdk.addresses, "ADDRESS",
                 "Own IPv4 or IPv6 address, on every device, repeatable.", kDpdkGroup);
  add_repeatable(app, "--vlan", arguments.dpdk.vlans, "VLAN",
                 "VLAN (802.1Q) to serve, repeatable; 0: untagged frames. Default: 0.", kDpdkGroup);
  app.add_option("--gateway-mac", arguments.dpdk.gateway_mac,
                 "MAC address that every reply goes to. Default: where its request came from.")
      ->type_name("MAC")
      ->group(kDpdkGroup);
  app.add_option("--mtu", arguments.dpdk.mtu,
                 "Largest IP packet to send; a larger reply is a drop. Default: the device's.")
      ->check(CLI::Range(576U, 9216U).description(""))
      ->type_name("BYTES")
      ->group(kDpdkGroup);
  add_repeatable(app, "--exception", arguments.dpdk.exception_taps, "INTERFACE",
                 "Interface (tap) to make, through which the kernel gets all frames that are not "
                 "for the server, and sends; repeatable, one a device.",
                 kDpdkGroup);
  app.add_option("--capture-drops", arguments.dpdk.capture_drops,
                 "Drops to write to the capture file, by their counters' names: tag,udp_checksum.")
      ->type_name("REASONS")
      ->group(kDpdkGroup);
  app.add_option("--capture-file", arguments.dpdk.capture_file, "pcap file for them, replaced.")
      ->type_name("FILE")
      ->group(kDpdkGroup);
  app.add_option("--capture-rate", arguments.dpdk.capture_rate,
                 "Most frames captured a second and worker. Default: 100.")
      ->check(CLI::Range(1U, 100000U).description(""))
      ->type_name("N")
      ->group(kDpdkGroup);
  app.add_option("--capture-size", arguments.dpdk.capture_size_mb,
                 "Size at which the capture file ends, MB. Default: 64.")
      ->check(CLI::Range(1U, 1048576U).description(""))
      ->type_name("MB")
      ->group(kDpdkGroup);
  app.add_flag("--hugepages", arguments.dpdk.hugepages, "Memory from hugepages.")
      ->group(kDpdkGroup);
  app.add_option("--memory", arguments.dpdk.memory_mb, "Memory of DPDK, MB. Default: 256.")
      ->check(CLI::Range(16U, 1048576U).description(""))
      ->type_name("MB")
      ->group(kDpdkGroup);
  app.add_option("--queue-size", arguments.dpdk.queue_size,
                 "Descriptors per receive and transmit queue. Default: 1024.")
      ->check(CLI::Range(32U, 32768U).description(""))
      ->type_name("N")
      ->group(kDpdkGroup);
  app.add_flag("--no-verify-udp-checksum", arguments.dpdk.no_verify_udp_checksum,
               "Take datagrams with a wrong or partial UDP checksum (virtual devices).")
      ->group(kDpdkGroup);
  add_repeatable(app, "--eal", arguments.dpdk.eal, "ARGUMENT",
                 "Argument handed to EAL, repeatable: --eal=--log-level=8, or --eal=--telemetry "
                 "for dpdk-telemetry.py.",
                 kDpdkGroup);
}

/// Every option of the other kind of port that was given is a mistake: it would do nothing.
base::Result<void> check_groups(const CLI::App& app, PortKind port) {
  const std::string_view foreign = port == PortKind::kSocket ? kDpdkGroup : kSocketGroup;
  for (const CLI::Option* option : app.get_options()) {
    if (option->count() > 0 && option->get_group() == foreign) {
      return misuse(
          std::string("belongs to --port ") + (port == PortKind::kSocket ? "dpdk" : "socket"),
          option->get_name());
    }
  }
  return {};
}

base::Result<void> read_socket(const Arguments& arguments, SocketOptions& options) {
  for (const std::string& address : arguments.listen) {
    in6_addr parsed{};
    if (inet_pton(AF_INET, address.c_str(), &parsed) != 1 &&
        inet_pton(AF_INET6, address.c_str(), &parsed) != 1) {
      return misuse("not a numeric IPv4 or IPv6 address", "--listen " + address);
    }
  }
  options.addresses = arguments.listen;
  return {};
}

base::Result<void> read_services(const Arguments& arguments, Configuration& options) {
  if (arguments.services.empty()) {
    return misuse("no service", "--service",
                  "give one: port=7700,handler=echo,key=FILE; or --config FILE");
  }
  for (const std::string& text : arguments.services) {
    auto settings = parse_service(text);
    if (!settings) return tl::unexpected(settings.error());
    options.services.push_back(std::move(*settings));
  }
  return {};
}

base::Result<void> read_operation(const CLI::App& app, const Arguments& arguments,
                                  Configuration& options) {
  for (const auto& [option, value] :
       {std::pair{"--user", &arguments.user}, std::pair{"--control", &arguments.control},
        std::pair{"--metrics", &arguments.metrics}}) {
    if (app.count(option) > 0 && value->empty()) return misuse("names nothing", option);
  }
  options.privileges = {.user = arguments.user, .seccomp = !arguments.no_seccomp};
  options.control.socket = arguments.control;
  options.metrics.listen = arguments.metrics;
  options.control.users = arguments.control_users;
  if (!arguments.control_users.empty() && arguments.control.empty()) {
    return misuse("there is no control socket", "--control-user", "give one with --control PATH");
  }
  const auto target = choose<LogTarget>(
      arguments.log, "--log", {{"stderr", LogTarget::kStderr}, {"journal", LogTarget::kJournal}});
  if (!target) return tl::unexpected(target.error());
  const auto level = choose<LogLevel>(arguments.log_level, "--log-level",
                                      {{"error", LogLevel::kError},
                                       {"warning", LogLevel::kWarning},
                                       {"info", LogLevel::kInfo},
                                       {"debug", LogLevel::kDebug}});
  if (!level) return tl::unexpected(level.error());
  options.log = {.target = *target, .level = *level};
  return {};
}

base::Result<void> read_modes(const Arguments& arguments, Configuration& options) {
  const auto port = choose<PortKind>(arguments.port, "--port",
                                     {{"socket", PortKind::kSocket}, {"dpdk", PortKind::kDpdk}});
  if (!port) return tl::unexpected(port.error());
  options.port = *port;
  options.idle = options.port == PortKind::kDpdk ? IdleMode::kSpin : IdleMode::kSleep;
  if (!arguments.idle.empty()) {
    const auto idle = choose<IdleMode>(arguments.idle, "--idle",
                                       {{"spin", IdleMode::kSpin}, {"sleep", IdleMode::kSleep}});
    if (!idle) return tl::unexpected(idle.error());
    options.idle = *idle;
  }
  const auto counters =
      choose<CountersForm>(arguments.counters, "--counters",
                           {{"text", CountersForm::kText}, {"json", CountersForm::kJson}});
  if (!counters) return tl::unexpected(counters.error());
  options.counters = *counters;
  return {};
}

/// The file says everything: an option besides it would contradict it, now or after a reload.
base::Result<CommandLine> name_configuration(const CLI::App& app, const Arguments& arguments) {
  if (arguments.config.empty()) return misuse("names no file", "--config");
  for (const CLI::Option* option : app.get_options()) {
    if (option->count() > 0 && option->get_name() != "--config") {
      return misuse("stands beside --config", option->get_name(), "write it into the file");
    }
  }
  return NamedConfiguration{arguments.config};
}

base::Result<CommandLine> understand(const CLI::App& app, const Arguments& arguments) {
  if (app.count("--config") > 0) return name_configuration(app, arguments);
  Configuration options;
  if (auto read = read_modes(arguments, options); !read) return tl::unexpected(read.error());
  if (auto fit = check_groups(app, options.port); !fit) return tl::unexpected(fit.error());
  if (auto read = read_services(arguments, options); !read) return tl::unexpected(read.error());
  if (!arguments.lcores.empty() || app.count("--lcores") > 0) {
    auto cpus = parse_cpu_list(arguments.lcores);
    if (!cpus) {
      return misuse(cpus.error().what, "--lcores " + arguments.lcores, cpus.error().remedy);
    }
    options.cpus = std::move(*cpus);
  }
  if (app.count("--clients") > 0 && arguments.clients.empty()) {
    return misuse("names no file", "--clients");
  }
  if (app.count("--identities") > 0 && arguments.identities.empty()) {
    return misuse("names no store", "--identities");
  }
  if (!arguments.clients.empty() && !arguments.identities.empty()) {
    return misuse("stands beside --clients", "--identities",
                  "choose one; pssst identity import writes a list into a store");
  }
  if (auto read = read_operation(app, arguments, options); !read) {
    return tl::unexpected(read.error());
  }
  options.clients_file = arguments.clients;
  options.identity.store = arguments.identities;
  options.x25519_kernel = arguments.x25519_kernel;
  options.proof_table_memory_mb = arguments.proof_table_memory_mb;
  options.later_replies = arguments.later_replies;
  const auto read = options.port == PortKind::kSocket ? read_socket(arguments, options.socket)
                                                      : read_dpdk(arguments.dpdk, options.dpdk);
  if (!read) return tl::unexpected(read.error());
  return options;
}

}  // namespace

base::Result<CommandLine> parse_command_line(int argc, const char* const* argv) {
  CLI::App app(kAbout, "pssstd");
  Arguments arguments;
  declare_common(app, arguments);
  declare_ports(app, arguments);
  declare_operation(app, arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return app.help();
  } catch (const CLI::CallForVersion& version) {
    return std::string(version.what()) + '\n';
  } catch (const CLI::ParseError& error) {
    return misuse(error.what(), {});
  }
  return understand(app, arguments);
}

}  // namespace pssst::server
