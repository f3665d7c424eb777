#include "net/dpdk_port_eal.hpp"

#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>

namespace pssst::net {
namespace {

// "0,1,4"
std::string join_numbers(std::span<const unsigned> numbers) {
  std::string text;
  for (const unsigned number : numbers) {
    if (!text.empty()) text += ',';
    text += std::to_string(number);
  }
  return text;
}

// "0@(0,1),1@0,2@1"
std::string make_lcores(std::span<const unsigned> cpus, std::span<const unsigned> allowed) {
  std::string lcores = std::to_string(kMainLcore) + "@(" + join_numbers(allowed) + ")";
  for (std::size_t worker = 0; worker < cpus.size(); ++worker) {
    lcores += "," + std::to_string(worker + 1) + "@" + std::to_string(cpus[worker]);
  }
  return lcores;
}

base::Result<void> check_cpus(std::span<const unsigned> cpus, std::span<const unsigned> allowed) {
  if (cpus.empty()) return base::fail("no CPU for a worker");
  if (cpus.size() > kWorkersMax) {
    return base::fail("DPDK runs at most " + std::to_string(kWorkersMax) + " workers");
  }
  std::set<unsigned> seen;
  for (const unsigned cpu : cpus) {
    const std::string name = "CPU " + std::to_string(cpu);
    if (std::find(allowed.begin(), allowed.end(), cpu) == allowed.end()) {
      return base::fail(name + " does not exist or is not allowed to this process", {},
                        "choose from " + join_numbers(allowed));
    }
    if (!seen.insert(cpu).second) {
      return base::fail(name + " is given to two workers", {}, "a worker polls: it fills a CPU");
    }
  }
  return {};
}

base::Result<void> check_devices(const DpdkConfig& config) {
  if (config.vdevs.empty() && config.pci_devices.empty()) {
    return base::fail("no DPDK device", {}, "name a PCI device or a vdev");
  }
  std::set<std::string_view> seen;
  for (const auto* devices : {&config.vdevs, &config.pci_devices}) {
    for (const std::string& device : *devices) {
      if (device_name(device).empty()) return base::fail("a DPDK device without a name", device);
      if (!seen.insert(device_name(device)).second) {
        return base::fail("device is given twice", std::string(device_name(device)));
      }
    }
  }
  return {};
}

bool is_virtio_user(std::string_view device) {
  return device.starts_with("net_virtio_user") || device.starts_with("virtio_user");
}

constexpr std::string_view kVdevFailed = "vdev_probe(): failed to initialize ";

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

std::string_view trim(std::string_view line) {
  constexpr std::string_view kBlank = " \t\r";
  const std::size_t begin = line.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return line.substr(begin, line.find_last_not_of(kBlank) - begin + 1);
}

}  // namespace

std::vector<unsigned> allowed_cpus() {
  std::vector<unsigned> cpus;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return cpus;
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return cpus;
}

std::size_t free_hugepages() {
  std::size_t total = 0;
  std::error_code ignored;
  for (const auto& size :
       std::filesystem::directory_iterator("/sys/kernel/mm/hugepages", ignored)) {
    std::size_t count = 0;
    std::ifstream(size.path() / "free_hugepages") >> count;
    total += count;
  }
  return total;
}

base::Result<std::vector<std::string>> make_eal_arguments(const DpdkConfig& config,
                                                          std::span<const unsigned> allowed) {
  if (auto checked = check_cpus(config.cpus, allowed); !checked) {
    return tl::unexpected(checked.error());
  }
  if (auto checked = check_devices(config); !checked) return tl::unexpected(checked.error());
  std::vector<std::string> arguments{"pssst", "--lcores=" + make_lcores(config.cpus, allowed),
                                     "--main-lcore=" + std::to_string(kMainLcore)};
  // Its socket and its thread are for those who ask for them.
  if (!wants_telemetry(config)) arguments.emplace_back("--no-telemetry");
  if (config.hugepages) {
    arguments.emplace_back("--in-memory");
    // A vhost-user peer takes 8 regions of memory, and without this each hugepage is one.
    if (std::ranges::any_of(config.vdevs, is_virtio_user)) {
      arguments.emplace_back("--single-file-segments");
    }
  } else {
    arguments.insert(arguments.end(),
                     {"--no-huge", "--no-shconf", "-m", std::to_string(config.memory_mb)});
  }
  if (config.pci_devices.empty()) arguments.emplace_back("--no-pci");
  for (const std::string& device : config.pci_devices) {
    arguments.insert(arguments.end(), {"-a", device});
  }
  for (const std::string& vdev : config.vdevs) arguments.push_back("--vdev=" + vdev);
  arguments.insert(arguments.end(), config.eal_arguments.begin(), config.eal_arguments.end());
  return arguments;
}

bool wants_telemetry(const DpdkConfig& config) noexcept {
  return std::find(config.eal_arguments.begin(), config.eal_arguments.end(), "--telemetry") !=
         config.eal_arguments.end();
}

bool is_out_of_reach(std::string_view messages) noexcept {
  return contains(messages, "Too many memory regions");
}

std::string_view device_name(std::string_view argument) noexcept {
  return argument.substr(0, argument.find(','));
}

std::string_view device_option(std::string_view argument, std::string_view key) noexcept {
  while (!argument.empty()) {
    const std::string_view option = argument.substr(0, argument.find(','));
    argument.remove_prefix(std::min(option.size() + 1, argument.size()));
    const std::size_t equals = option.find('=');
    if (equals != std::string_view::npos && option.substr(0, equals) == key) {
      return option.substr(equals + 1);
    }
  }
  return {};
}

std::string listening_path(std::string_view device) {
  std::string_view path;
  if (device.starts_with("net_vhost")) {
    if (device_option(device, "client") != "1") path = device_option(device, "iface");
  } else if (device.starts_with("net_memif")) {
    const bool is_file = device_option(device, "socket-abstract") == "no";
    if (is_file && device_option(device, "role") == "server") {
      path = device_option(device, "socket");
    }
  }
  return std::string(path);
}

base::Result<void> clear_stale_socket(const std::string& path) {
  std::error_code ignored;
  if (path.empty() || !std::filesystem::is_socket(path, ignored)) return {};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return base::fail("path is too long for a socket", path);
  }
  path.copy(address.sun_path, path.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return {};
  const int result = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const bool is_stale = result != 0 && errno == ECONNREFUSED;
  ::close(fd);
  if (!is_stale) {
    return base::fail("another process listens at this socket", path,
                      "stop it, or choose another path");
  }
  std::filesystem::remove(path, ignored);
  return {};
}

// Each device that fails ends what was said of it with a line of its own.
std::string_view words_about(std::string_view messages, std::string_view device) {
  const std::string end = std::string(kVdevFailed) + std::string(device) + " device";
  const std::size_t end_at = messages.find(end);
  if (end_at == std::string_view::npos) return messages;
  const std::string_view until = messages.substr(0, end_at);
  const std::size_t previous = until.rfind(kVdevFailed);
  if (previous == std::string_view::npos) return until;
  const std::size_t line_end = until.find('\n', previous);
  return line_end == std::string_view::npos ? until : until.substr(line_end + 1);
}

std::string last_words(std::string_view messages) {
  constexpr std::size_t kLinesMax = 3;
  std::vector<std::string_view> lines;
  while (!messages.empty()) {
    const std::size_t end = std::min(messages.find('\n'), messages.size());
    const std::string_view line = trim(messages.substr(0, end));
    messages.remove_prefix(std::min(end + 1, messages.size()));
    if (line.starts_with("Usage:")) break;
    const bool is_summary = line.starts_with("EAL: Bus (") || line.starts_with(kVdevFailed);
    if (!line.empty() && !is_summary &&
        std::find(lines.begin(), lines.end(), line) == lines.end()) {
      lines.push_back(line);
    }
  }
  std::string words;
  for (std::size_t i = lines.size() - std::min(lines.size(), kLinesMax); i < lines.size(); ++i) {
    if (!words.empty()) words += "; ";
    words += lines[i];
  }
  return words;
}

std::string remedy_for(std::string_view words, bool is_root) {
  if (contains(words, "unrecognized option") || contains(words, "command line")) {
    return "check the extra EAL arguments";
  }
  if (contains(words, "failed to parse device")) return "check the driver's name";
  if (contains(words, "annot allocate memory") || contains(words, "hugepage")) {
    return "give DPDK more memory";
  }
  if (!is_root) {
    return "run as root, or grant CAP_NET_ADMIN and CAP_NET_RAW, for net_af_xdp CAP_BPF as well";
  }
  return {};
}

std::vector<unsigned> queues_per_device(std::span<const unsigned> queues_max, std::size_t workers) {
  std::vector<unsigned> queues;
  for (const unsigned queue_max : queues_max) {
    queues.push_back(static_cast<unsigned>(std::min<std::size_t>(queue_max, workers)));
  }
  return queues;
}

base::Result<std::vector<QueueAssignment>> deal_queues(std::span<const unsigned> queues,
                                                       std::size_t workers) {
  std::vector<QueueAssignment> assignments;
  for (std::size_t device = 0; device < queues.size(); ++device) {
    for (unsigned queue = 0; queue < queues[device]; ++queue) {
      assignments.push_back({device, queue, assignments.size() % workers});
    }
  }
  if (assignments.size() < workers) {
    return base::fail("the devices have " + std::to_string(assignments.size()) + " queues for " +
                          std::to_string(workers) + " workers",
                      {}, "give fewer CPUs, or devices with more queues");
  }
  return assignments;
}

OutputCapture::OutputCapture() {
  static_cast<void>(std::fflush(nullptr));
  file_ = ::memfd_create("messages", MFD_CLOEXEC);
  if (file_ < 0) return;
  stdout_ = ::dup(STDOUT_FILENO);
  stderr_ = ::dup(STDERR_FILENO);
  if (stdout_ >= 0) ::dup2(file_, STDOUT_FILENO);
  if (stderr_ >= 0) ::dup2(file_, STDERR_FILENO);
}

OutputCapture::~OutputCapture() {
  static_cast<void>(std::fflush(nullptr));
  if (stdout_ >= 0) {
    ::dup2(stdout_, STDOUT_FILENO);
    ::close(stdout_);
  }
  if (stderr_ >= 0) {
    ::dup2(stderr_, STDERR_FILENO);
    ::close(stderr_);
  }
  if (file_ >= 0) ::close(file_);
}

std::string OutputCapture::text() const {
  static_cast<void>(std::fflush(nullptr));
  std::string text;
  std::array<char, 4096> part{};
  for (;;) {
    const ssize_t size = ::pread(file_, part.data(), part.size(), static_cast<off_t>(text.size()));
    if (size <= 0) return text;
    text.append(part.data(), static_cast<std::size_t>(size));
  }
}

}  // namespace pssst::net
