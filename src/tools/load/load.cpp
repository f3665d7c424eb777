#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/file_descriptor.hpp"
#include "tools/exit_status.hpp"
#include "tools/key_argument.hpp"
#include "tools/load/clients.hpp"
#include "tools/load/load_report.hpp"
#include "tools/load/plot.hpp"
#include "tools/load/session.hpp"
#include "tools/load/settings.hpp"
#include "tools/stream.hpp"
#include "tools/subcommand.hpp"

namespace pssst::tools {
namespace {

using load::Arguments;
using load::LoadReport;
using load::Settings;

constexpr const char* kDescription =
    "Load a server with requests, and measure what it answers and how fast.\n\n"
    "With --rate requests are due at even times, whatever the server does, and latency counts "
    "from when a request was due: a server that stalls cannot hide it. With --window the next "
    "request leaves when one of so many is answered or lost: as fast as the server can.\n\n"
    "Requests are made ahead, and sent again and again: the server is stateless, so each costs it "
    "the same. Every reply is matched to its request and checked for its length and flags; those "
    "that --verify says are opened and compared with what --expect says. A wrong one counts as a "
    "mismatch, never as an answer.";

constexpr const char* kFooter = R"help(Hostile kinds, for --hostile:
  junk            random bytes of a valid length: costs a multiplication
  truncated       a good request, cut below the smallest one
  header          a good request under reserved flags or an unknown suite
  not-canonical   dh not below 2^255-19
  small-order     dh of small order
  wrong-key       sealed to another server's key: costs a multiplication
  unknown-client  authenticated by a client that is not enrolled
  replay          a good request, sent again and again: it may be answered

Exit status:
  0  done; losses are in the summary
  1  error, or a wrong reply came
  2  wrong command line
  3  nothing was answered

Examples:
  pssst load 192.0.2.1 7700 --server server.pub --rate 50000 --duration 30
  pssst load ::1 7700 --server server.pub --window 256 --size 22:3,64:5,1200:1
  pssst load 192.0.2.1 7700 --server server.pub --rate 20000 --plot latency.svg
  pssst load 192.0.2.1 7700 --server server.pub --rate 20000 \
    --hostile junk:1,small-order:1 --hostile-rate 200000

  # a thousand clients, the server's list of them, and their load
  pssst load --make-clients 1000 --clients clients.keys \
    --write-enrolment clients
  pssst load 192.0.2.1 7700 --server server.pub --clients clients.keys

  # over DPDK, to a pssstd with --vdev net_vhost0,iface=/run/pssst.sock
  pssst load 10.77.0.2 7700 --server server.pub --window 512 \
    --vdev net_virtio_user0,path=/run/pssst.sock,queue_size=1024 \
    --address 10.77.0.1)help";

int misuse(const std::string& what) {
  print_note("pssst load: " + what + "; see `pssst load --help`");
  return kExitUsage;
}

base::Result<void> write_plot(const std::string& path, const LoadReport& report,
                              const Settings& settings) {
  const auto rate = static_cast<std::uint64_t>(std::llround(report.answered_per_s(settings)));
  const std::string title = "Latency, " + load::grouped(rate) + " answers/s";
  const std::string subtitle =
      report.target + ", " +
      (settings.is_open_loop()
           ? "open loop at " + load::grouped(static_cast<std::uint64_t>(settings.rate)) + "/s"
           : "closed loop, window " + load::grouped(settings.window)) +
      ", messages of " + settings.sizes_text + " bytes, " +
      load::grouped(report.measured.answered) + " answered, " +
      load::grouped(report.measured.lost) + " lost";
  const std::string svg = load::plot_latency(report.latency, title, subtitle);
  const base::FileDescriptor file(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (file.get() < 0) {
    const int error_number = errno;
    return base::fail("cannot write the plot: " + base::describe_errno(error_number), path);
  }
  if (auto written = write_all(file.get(), svg); !written) {
    return base::fail(written.error().what, path);
  }
  return {};
}

int conclude(const Arguments& arguments, const Settings& settings, const LoadReport& found) {
  if (!found.is_reached && !arguments.json) {
    return report("load", base::Error{.what = "no good reply to the first requests",
                                      .where = found.target,
                                      .remedy = "check address, --server and --expect; servers "
                                                "are silent to clients that are not enrolled"}),
           found.warmup.mismatches() > 0 ? kExitError : kExitNoReply;
  }
  const std::string text =
      arguments.json ? load::to_json(found, settings) + '\n' : load::to_text(found, settings);
  if (const auto written = write_all(STDOUT_FILENO, text); !written) {
    return report("load", written.error());
  }
  if (!arguments.plot.empty() && found.is_reached) {
    if (const auto plotted = write_plot(arguments.plot, found, settings); !plotted) {
      return report("load", plotted.error());
    }
  }
  if (found.measured.mismatches() + found.warmup.mismatches() > 0) return kExitError;
  const bool is_answered =
      found.is_reached &&
      (found.measured.answered > 0 || found.measured.sent == 0 || !settings.expects_replies());
  return is_answered ? kExitOk : kExitNoReply;
}

int run(const Arguments& arguments, const Settings& settings,
        const std::vector<PrivateKey>& clients) {
  const auto server = read_server_key_argument(arguments.server);
  if (!server) return report("load", server.error());
  if (server->suite != kSuite1) {
    return report("load",
                  {.what = "the server's key is of suite 0xF002; load makes requests of suite 1",
                   .where = "--server",
                   .remedy = "give the service a key of suite 1, too, and name that"});
  }
  const bool is_live = arguments.live || (::isatty(STDERR_FILENO) == 1 && !arguments.json);
  const auto found = load::run_load(settings, server->key, clients, is_live);
  if (!found) return report("load", found.error());
  return conclude(arguments, settings, *found);
}

int load_command(const Arguments& arguments) {
  const bool has_target = !arguments.host.empty();
  if (arguments.clients.empty() &&
      (arguments.make_clients > 0 || !arguments.write_enrolment.empty())) {
    return misuse("--clients is missing: the file of private keys");
  }
  if (!has_target && arguments.make_clients == 0 && arguments.write_enrolment.empty()) {
    return misuse("HOST is required");
  }
  if (has_target && arguments.udp_port == 0) return misuse("PORT is required");
  if (has_target && arguments.server.empty()) return misuse("--server is required");
  const auto settings = load::understand(arguments);
  if (!settings) return misuse(settings.error().to_string());

  if (arguments.make_clients > 0) {
    const auto made = load::make_client_keys(arguments.clients, arguments.make_clients);
    if (!made) return report("load", made.error());
  }
  std::vector<PrivateKey> clients;
  if (!arguments.clients.empty()) {
    auto read = load::read_client_keys(arguments.clients);
    if (!read) return report("load", read.error());
    clients = *std::move(read);
  }
  if (!arguments.write_enrolment.empty()) {
    const auto written = load::write_enrolment(arguments.write_enrolment, clients);
    if (!written) return report("load", written.error());
  }
  return has_target ? run(arguments, *settings, clients) : kExitOk;
}

void add_pace(CLI::App& app, Arguments& arguments) {
  app.add_option("--rate", arguments.rate, "Open loop: requests due a second.")
      ->option_text("N")
      ->check(CLI::Range(0.01, 1e9).description(""));
  app.add_option("--window", arguments.window,
                 "Closed loop: how many may be under way. Default: 64.")
      ->option_text("N")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1} << 20).description(""));
  app.add_option("--duration", arguments.duration_s,
                 "Seconds to send. Default: 10, or until --count is reached.")
      ->option_text("S")
      ->check(CLI::Range(0.001, 1e7).description(""));
  app.add_option("--count", arguments.count, "Requests to send.")
      ->option_text("N")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 50).description(""));
  app.add_option("--warmup", arguments.warmup_s,
                 "Seconds of the same load first, not counted. Default: 0.5.")
      ->option_text("S")
      ->check(CLI::Range(0.0, 1e6).description(""));
  app.add_option("--timeout", arguments.timeout_ms,
                 "Milliseconds after which a request is lost. Default: 1000.")
      ->option_text("MS")
      ->check(CLI::Range(1U, 600'000U).description(""));
  app.add_option("--connect-timeout", arguments.connect_ms,
                 "Milliseconds to wait for the very first answer. Default: 5000.")
      ->option_text("MS")
      ->check(CLI::Range(1U, 600'000U).description(""));
}

void add_requests(CLI::App& app, Arguments& arguments) {
  app.add_option("--size", arguments.sizes,
                 "Bytes of the messages, or sizes with weights: 22:3,64:5,1200:1. Default: 64.")
      ->option_text("SIZES");
  app.add_option("--clients", arguments.clients,
                 "Authenticate as these clients in turn: a file with a private key on each line, "
                 "or a folder of key files. Default: anonymous.")
      ->option_text("PATH");
  app.add_option("--authenticated", arguments.authenticated,
                 "The share of requests that clients authenticate, 0 to 1. Default: 1.")
      ->option_text("SHARE")
      ->check(CLI::Range(0.0, 1.0).description(""));
  app.add_option("--make-clients", arguments.make_clients,
                 "Make N private keys first, in the new file that --clients names.")
      ->option_text("N")
      ->check(CLI::Range(1U, 100'000U).description(""));
  app.add_option("--write-enrolment", arguments.write_enrolment,
                 "Write the clients' public keys to FILE, for pssstd --clients. Without HOST, that "
                 "is all.")
      ->option_text("FILE");
  app.add_option("--pool", arguments.pool,
                 "How many requests are made ahead. Default: 16384; fewer for a small --count, "
                 "more if the window or --fresh asks for it.")
      ->option_text("N")
      ->check(CLI::Range(1U, 2'097'152U).description(""));
  app.add_flag("--fresh", arguments.fresh,
               "Send no request twice: make new ones on the way, where those made ahead do not "
               "last.");
  app.add_option("--verify", arguments.verify,
                 "Which replies to open and compare: all, none, or N for one in N. Default: 100.")
      ->option_text("WHICH");
  app.add_option("--expect", arguments.expect,
                 "What the service answers: echo (default), empty, a text in hexadecimal, or none.")
      ->option_text("TEXT");
}

void add_ports(CLI::App& app, Arguments& arguments) {
  app.add_option("--threads", arguments.threads, "Threads, over kernel sockets. Default: 1.")
      ->option_text("N")
      ->check(CLI::Range(1U, 256U).description(""));
  app.add_option("--sockets", arguments.sockets,
                 "Kernel sockets in all, each with a UDP port of its own. Default: 8.")
      ->option_text("N")
      ->check(CLI::Range(1U, 1024U).description(""));
  app.add_option("--cpus", arguments.cpus, "CPUs to bind the threads to, like 0,2-3.")
      ->option_text("LIST");
  app.add_flag("--spin", arguments.spin, "Poll the sockets always, rather than wait for them.");
  CLI::Option* ipv4 = app.add_flag("-4", arguments.ipv4, "Use IPv4 only.");
  app.add_flag("-6", arguments.ipv6, "Use IPv6 only.")->excludes(ipv4);
  app.add_option("--vdev", arguments.vdevs,
                 "Send over this DPDK virtual device instead: "
                 "net_virtio_user0,path=SOCKET,queue_size=1024, "
                 "net_memif0,role=client,socket=SOCKET.")
      ->option_text("DEVICE")
      ->allow_extra_args(false);
  app.add_option("--pci", arguments.pci_devices, "Or over the NIC at this PCI address.")
      ->option_text("ADDRESS")
      ->allow_extra_args(false);
  app.add_option("--address", arguments.address, "Own IPv4 address on the DPDK device.")
      ->option_text("A.B.C.D");
  app.add_option("--server-mac", arguments.server_mac,
                 "MAC address of the server, or of the router to it. Default: asked for by ARP.")
      ->option_text("MAC");
  app.add_flag("--hugepages", arguments.hugepages, "DPDK memory from hugepages.");
  app.add_option("--memory", arguments.memory_mb, "DPDK memory, MB. Default: 256.")
      ->option_text("MB")
      ->check(CLI::Range(16U, 1'048'576U).description(""));
  app.add_option("--queue-size", arguments.queue_size, "Descriptors per DPDK queue. Default: 1024.")
      ->option_text("N")
      ->check(CLI::Range(32U, 32'768U).description(""));
  app.add_option("--eal", arguments.eal, "Argument for DPDK's EAL: --eal=--log-level=8.")
      ->option_text("ARGUMENT")
      ->allow_extra_args(false);
}

void add_output(CLI::App& app, Arguments& arguments) {
  app.add_option("--hostile", arguments.hostile,
                 "Hostile datagrams among the good: kinds with shares of the whole, "
                 "junk:0.5,replay:0.1; with --hostile-rate, weights. See below.")
      ->option_text("KINDS");
  app.add_option("--hostile-rate", arguments.hostile_rate,
                 "Hostile datagrams a second, whatever the good ones do.")
      ->option_text("N")
      ->check(CLI::Range(0.01, 1e9).description(""));
  app.add_option("--source-prefix", arguments.source_prefix,
                 "Hostile datagrams come from all over this IPv4 prefix: 198.18.0.0/15, 0.0.0.0/0. "
                 "Over kernel sockets as root, or from 127.0.0.0/8.")
      ->option_text("PREFIX");
  app.add_option("--x25519-kernel", arguments.x25519_kernel,
                 "What makes the requests. Default: the best that this CPU has.")
      ->option_text("NAME");
  app.add_flag("--live", arguments.live,
               "Tell every second how it goes, on standard error. Default: on a terminal.");
  app.add_flag("--json", arguments.json, "The result as one JSON object.");
  app.add_option("--plot", arguments.plot, "Draw the latency curve into FILE, an SVG picture.")
      ->option_text("FILE");
}

}  // namespace

Action configure_load(CLI::App& app) {
  app.description(kDescription);
  app.footer(kFooter);
  const auto arguments = std::make_shared<Arguments>();
  app.add_option("HOST", arguments->host, "Name or address of the server, IPv4 or IPv6.");
  app.add_option("PORT", arguments->udp_port, "Its UDP port.")->check(CLI::Range(1, 65535));
  app.add_option("-s,--server", arguments->server,
                 "The server's public key: 64 hexadecimal digits, or a file that holds them.")
      ->option_text("KEY");
  add_pace(app, *arguments);
  add_requests(app, *arguments);
  add_ports(app, *arguments);
  add_output(app, *arguments);
  return [arguments] { return load_command(*arguments); };
}

}  // namespace pssst::tools
