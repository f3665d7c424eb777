#include "tools/load/settings.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>
#include <utility>

#include "base/hex.hpp"
#include "pssst/wire.hpp"
#include "server/cpus.hpp"
#include "tools/load/sources.hpp"

namespace pssst::tools::load {
namespace {

constexpr std::size_t kWindowDefault = 64;
constexpr double kDurationDefault = 10;
constexpr std::size_t kPoolDefault = 16'384;
constexpr std::size_t kPoolMin = 512;
// 1,500 bytes each at most, and some microseconds to make.
constexpr std::size_t kPoolMax = std::size_t{1} << 21;
constexpr std::size_t kFreshPoolMax = std::size_t{1} << 18;

base::Result<void> read_pace(const Arguments& arguments, Settings& settings) {
  if (arguments.rate > 0 && arguments.window > 0) {
    return base::fail("--rate and --window exclude each other", {},
                      "give --rate for an open loop, --window for a closed one");
  }
  settings.rate = arguments.rate;
  settings.window =
      arguments.rate > 0 ? 0 : (arguments.window > 0 ? arguments.window : kWindowDefault);
  settings.count = arguments.count;
  settings.duration_s = arguments.duration_s;
  if (settings.count == 0 && settings.duration_s == 0) settings.duration_s = kDurationDefault;
  settings.warmup_s = arguments.warmup_s;
  settings.timeout_ns = std::uint64_t{arguments.timeout_ms} * 1'000'000;
  settings.connect_ns = std::uint64_t{arguments.connect_ms} * 1'000'000;
  return {};
}

base::Result<void> read_messages(const Arguments& arguments, Settings& settings) {
  settings.authenticated_share = arguments.clients.empty() ? 0 : arguments.authenticated;
  const bool is_authenticated = settings.authenticated_share > 0;
  auto sizes = parse_sizes(
      arguments.sizes, kDatagramSizeMax - (is_authenticated ? kAuthOverheadSize : kOverheadSize));
  if (!sizes) {
    sizes.error().where = "--size " + sizes.error().where;
    return tl::unexpected(std::move(sizes.error()));
  }
  settings.sizes_text = arguments.sizes;
  settings.sizes = *std::move(sizes);
  return {};
}

base::Result<void> read_checks(const Arguments& arguments, Settings& settings) {
  const std::string& verify = arguments.verify;
  if (verify == "all") {
    settings.verify_every = 1;
  } else if (verify == "none") {
    settings.verify_every = 0;
  } else {
    const char* const end = verify.data() + verify.size();
    const auto parsed = std::from_chars(verify.data(), end, settings.verify_every);
    if (parsed.ec != std::errc() || parsed.ptr != end || settings.verify_every == 0) {
      return base::fail("not a number above zero", "--verify " + verify,
                        "write all, none, or 100 for one reply in a hundred");
    }
  }
  settings.expect_text = arguments.expect;
  Expectation& expectation = settings.expectation;
  if (arguments.expect == "echo") return {};
  if (arguments.expect == "none") {
    expectation.kind = Expectation::Kind::kNothing;
    return {};
  }
  expectation.kind = Expectation::Kind::kText;
  if (arguments.expect == "empty") return {};
  auto text = base::from_hex(arguments.expect);
  if (!text || text->size() > kReplySizeMax) {
    return base::fail("not a reply's text", "--expect " + arguments.expect,
                      "write echo, empty, none, or the text in hexadecimal");
  }
  expectation.text = *std::move(text);
  return {};
}

base::Result<void> read_hostile(const Arguments& arguments, Settings& settings) {
  HostileTraffic& hostile = settings.hostile;
  if (arguments.hostile.empty()) {
    if (arguments.hostile_rate == 0 && arguments.source_prefix.empty()) return {};
    return base::fail("no hostile traffic", {}, "say which kinds: --hostile junk:1");
  }
  const auto weights = parse_named_weights(arguments.hostile);
  if (!weights) {
    return base::fail(weights.error().what, "--hostile " + arguments.hostile,
                      weights.error().remedy);
  }
  double sum = 0;
  for (const NamedWeight& weight : *weights) {
    const auto kind = find_hostile_kind(weight.name);
    if (!kind) {
      std::string names;
      for (const HostileKindInfo& info : kHostileKinds) {
        names += (names.empty() ? "" : ", ") + std::string(info.name);
      }
      return base::fail("there is no kind \"" + weight.name + "\"", "--hostile",
                        "choose from " + names);
    }
    hostile.weights[static_cast<std::size_t>(*kind)] = weight.weight;
    sum += weight.weight;
  }
  hostile.rate = arguments.hostile_rate;
  if (hostile.rate == 0) {
    if (sum >= 1) {
      return base::fail("shares that leave nothing for good traffic",
                        "--hostile " + arguments.hostile,
                        "let them add up to less than 1, or give them a --hostile-rate");
    }
    hostile.per_good = sum / (1 - sum);
  }
  hostile.source_prefix = arguments.source_prefix;
  if (hostile.source_prefix.empty()) return {};
  const auto prefix = SourcePrefix::parse(hostile.source_prefix);
  if (!prefix) {
    return base::fail(prefix.error().what, "--source-prefix " + hostile.source_prefix,
                      prefix.error().remedy);
  }
  return {};
}

base::Result<net::Ipv4Address> read_ipv4(const std::string& text, const std::string& where) {
  net::Ipv4Address address{};
  if (::inet_pton(AF_INET, text.c_str(), address.data()) != 1) {
    return base::fail("not a numeric IPv4 address", where + " " + text);
  }
  return address;
}

base::Result<net::MacAddress> read_mac(const std::string& text) {
  const auto mac = net::parse_mac(text);
  if (!mac) {
    return base::fail("not a MAC address", "--server-mac " + text, "write 02:00:00:00:00:01");
  }
  return *mac;
}

base::Result<void> read_dpdk(const Arguments& arguments, Settings& settings) {
  if (arguments.vdevs.empty() && arguments.pci_devices.empty()) {
    if (arguments.address.empty() && arguments.server_mac.empty() && !arguments.hugepages &&
        arguments.eal.empty()) {
      return {};
    }
    return base::fail("no DPDK device", {}, "name one with --vdev or --pci");
  }
  DpdkSettings dpdk;
  if (arguments.vdevs.size() + arguments.pci_devices.size() != 1) {
    return base::fail("more than one DPDK device", {}, "run one pssst load for each");
  }
  if (settings.threads != 1) {
    return base::fail("a DPDK port is for one thread", "--threads",
                      "run one pssst load for each device");
  }
  if (arguments.address.empty()) {
    return base::fail("no address of our own", {}, "give one with --address A.B.C.D");
  }
  const auto address = read_ipv4(arguments.address, "--address");
  if (!address) return tl::unexpected(address.error());
  if (const auto host = read_ipv4(arguments.host, "HOST"); !host && !arguments.host.empty()) {
    return tl::unexpected(host.error());
  }
  if (!arguments.server_mac.empty()) {
    const auto mac = read_mac(arguments.server_mac);
    if (!mac) return tl::unexpected(mac.error());
    dpdk.server_mac = *mac;
  }
  dpdk.vdevs = arguments.vdevs;
  dpdk.pci_devices = arguments.pci_devices;
  dpdk.address = *address;
  dpdk.hugepages = arguments.hugepages;
  dpdk.memory_mb = arguments.memory_mb;
  dpdk.queue_size = arguments.queue_size;
  dpdk.eal_arguments = arguments.eal;
  settings.dpdk = std::move(dpdk);
  return {};
}

base::Result<void> read_threads(const Arguments& arguments, Settings& settings) {
  settings.threads = arguments.threads;
  settings.sockets = std::max(1U, arguments.sockets / arguments.threads);
  settings.spin = arguments.spin;
  settings.ipv4 = arguments.ipv4;
  settings.ipv6 = arguments.ipv6;
  if (arguments.cpus.empty()) return {};
  auto cpus = server::parse_cpu_list(arguments.cpus);
  if (!cpus) return base::fail(cpus.error().what, "--cpus " + arguments.cpus, cpus.error().remedy);
  if (cpus->size() != settings.threads) {
    return base::fail("one CPU a thread is wanted", "--cpus " + arguments.cpus);
  }
  settings.cpus = *std::move(cpus);
  return {};
}

/// So many that a request has long been answered when its turn comes again. Fresh ones: enough for
/// the whole run, if that can be.
std::size_t pool_size(const Arguments& arguments, const Settings& settings) {
  if (arguments.pool > 0) return std::min(arguments.pool, kPoolMax);
  std::size_t size = kPoolDefault;
  if (settings.count > 0) {
    size = static_cast<std::size_t>(
        std::clamp<std::uint64_t>(2 * settings.count, kPoolMin, kPoolDefault));
  }
  size = std::max(size, 4 * settings.window);
  if (settings.fresh) {
    const double seconds = settings.warmup_s + settings.duration_s;
    const double wanted = settings.count > 0 ? static_cast<double>(settings.count) * 2
                                             : settings.rate * seconds * 1.1;
    size = std::max(size,
                    static_cast<std::size_t>(std::min(wanted, static_cast<double>(kFreshPoolMax))));
  }
  return std::min(size, kPoolMax);
}

base::Result<void> read_pool(const Arguments& arguments, Settings& settings) {
  settings.fresh = arguments.fresh;
  settings.pool = pool_size(arguments, settings);
  if (settings.pool < settings.threads) {
    return base::fail("fewer requests than threads", "--pool");
  }
  if (!settings.expects_replies() && !settings.is_open_loop()) {
    return base::fail("without replies nothing ends a window", "--expect none", "give a --rate");
  }
  return {};
}

}  // namespace

base::Result<Settings> understand(const Arguments& arguments) {
  Settings settings;
  settings.host = arguments.host;
  settings.udp_port = static_cast<std::uint16_t>(arguments.udp_port);
  settings.x25519_kernel = arguments.x25519_kernel;
  for (const auto read :
       {read_pace, read_messages, read_checks, read_threads, read_dpdk, read_hostile, read_pool}) {
    if (auto done = read(arguments, settings); !done) return tl::unexpected(done.error());
  }
  return settings;
}

}  // namespace pssst::tools::load
