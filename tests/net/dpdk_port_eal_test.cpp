#include "net/dpdk_port_eal.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

namespace pssst::net {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr unsigned kAllowed[] = {0, 1, 3};

DpdkConfig tap_config() {
  DpdkConfig config;
  config.vdevs = {"net_tap0,iface=pssst0"};
  config.cpus = {3, 0};
  return config;
}

TEST(DpdkPortEal, WorkersAreBoundAndTheMainLcoreFloats) {
  const auto arguments = make_eal_arguments(tap_config(), kAllowed);
  ASSERT_TRUE(arguments) << arguments.error().to_string();
  EXPECT_THAT(*arguments, ElementsAre("pssst", "--lcores=0@(0,1,3),1@3,2@0", "--main-lcore=0",
                                      "--no-telemetry", "--no-huge", "--no-shconf", "-m", "256",
                                      "--no-pci", "--vdev=net_tap0,iface=pssst0"));
}

TEST(DpdkPortEal, HugepagesAndPciDevicesAndExtraArguments) {
  DpdkConfig config = tap_config();
  config.hugepages = true;
  config.pci_devices = {"0000:01:00.0", "0000:01:00.1,option=1"};
  config.eal_arguments = {"--single-file-segments"};
  const auto arguments = make_eal_arguments(config, kAllowed);
  ASSERT_TRUE(arguments) << arguments.error().to_string();
  EXPECT_THAT(*arguments,
              ElementsAre("pssst", "--lcores=0@(0,1,3),1@3,2@0", "--main-lcore=0", "--no-telemetry",
                          "--in-memory", "-a", "0000:01:00.0", "-a", "0000:01:00.1,option=1",
                          "--vdev=net_tap0,iface=pssst0", "--single-file-segments"));
}

TEST(DpdkPortEal, MemoryThatAVhostUserPeerIsToldOfLiesInOneFile) {
  DpdkConfig config = tap_config();
  config.vdevs.emplace_back("net_virtio_user0,path=/run/pssst.sock");
  EXPECT_THAT(*make_eal_arguments(config, kAllowed), Not(Contains("--single-file-segments")));
  config.hugepages = true;
  EXPECT_THAT(*make_eal_arguments(config, kAllowed), Contains("--single-file-segments"));
  config.vdevs = {"virtio_user1,path=/run/pssst.sock"};
  EXPECT_THAT(*make_eal_arguments(config, kAllowed), Contains("--single-file-segments"));
  config.vdevs = {"net_vhost0,iface=/run/pssst.sock"};
  EXPECT_THAT(*make_eal_arguments(config, kAllowed), Not(Contains("--single-file-segments")));
}

TEST(DpdkPortEal, KnowsWhatTheDriverSaysOfMemoryOutOfReach) {
  EXPECT_TRUE(
      is_out_of_reach("EAL: No free 1048576 kB hugepages reported on node 0\n"
                      "update_memory_region(): Too many memory regions\n"
                      "vhost_user_set_memory_table(): Failed to set memory table\n"));
  EXPECT_FALSE(is_out_of_reach("virtio_user_dev_init_mac(): (/run/v.sock) No valid MAC\n"));
  EXPECT_FALSE(is_out_of_reach(""));
}

TEST(DpdkPortEal, TelemetryIsForThoseWhoAskForIt) {
  DpdkConfig config = tap_config();
  EXPECT_FALSE(wants_telemetry(config));
  config.eal_arguments = {"--log-level=8", "--telemetry"};
  EXPECT_TRUE(wants_telemetry(config));
  const auto arguments = make_eal_arguments(config, kAllowed);
  ASSERT_TRUE(arguments) << arguments.error().to_string();
  EXPECT_THAT(*arguments, Not(Contains("--no-telemetry")));
  EXPECT_THAT(*arguments, Contains("--telemetry"));
}

TEST(DpdkPortEal, RefusesWhatCannotWork) {
  const auto error = [](const DpdkConfig& config) {
    const auto arguments = make_eal_arguments(config, kAllowed);
    return arguments ? std::string() : arguments.error().to_string();
  };
  DpdkConfig config = tap_config();
  config.cpus = {2};
  EXPECT_THAT(error(config), AllOf(HasSubstr("CPU 2 does not exist"), HasSubstr("0,1,3")));
  config.cpus = {1, 1};
  EXPECT_THAT(error(config), HasSubstr("CPU 1 is given to two workers"));
  config.cpus = {};
  EXPECT_THAT(error(config), HasSubstr("no CPU"));
  config.cpus.assign(kWorkersMax + 1, 0);
  EXPECT_THAT(error(config), HasSubstr("at most 127 workers"));

  config = tap_config();
  config.vdevs = {};
  EXPECT_THAT(error(config), HasSubstr("no DPDK device"));
  config.vdevs = {"net_tap0,iface=a", "net_tap0,iface=b"};
  EXPECT_THAT(error(config), HasSubstr("net_tap0: device is given twice"));
  config.vdevs = {",iface=a"};
  EXPECT_THAT(error(config), HasSubstr("without a name"));
}

TEST(DpdkPortEal, AllowedCpusHoldTheOneThatRunsThis) {
  EXPECT_THAT(allowed_cpus(), Contains(static_cast<unsigned>(::sched_getcpu())));
}

TEST(DpdkPortEal, ReadsDeviceArguments) {
  constexpr std::string_view kDevice = "net_tap0,iface=pssst0,mac=,flag,iface2=x=y";
  EXPECT_EQ(device_name(kDevice), "net_tap0");
  EXPECT_EQ(device_name("0000:01:00.0"), "0000:01:00.0");
  EXPECT_EQ(device_option(kDevice, "iface"), "pssst0");
  EXPECT_EQ(device_option(kDevice, "iface2"), "x=y");
  EXPECT_EQ(device_option(kDevice, "mac"), "");
  EXPECT_EQ(device_option(kDevice, "flag"), "");
  EXPECT_EQ(device_option(kDevice, "net_tap0"), "");
}

TEST(DpdkPortEal, KnowsWhichDevicesListen) {
  EXPECT_EQ(listening_path("net_vhost0,iface=/run/v.sock,queues=1"), "/run/v.sock");
  EXPECT_EQ(listening_path("net_vhost0,iface=/run/v.sock,client=1"), "");
  EXPECT_EQ(listening_path("net_memif0,role=server,socket=/run/m.sock,socket-abstract=no"),
            "/run/m.sock");
  EXPECT_EQ(listening_path("net_memif0,role=server,socket=/run/m.sock"), "");
  EXPECT_EQ(listening_path("net_memif0,socket=/run/m.sock,socket-abstract=no"), "");
  EXPECT_EQ(listening_path("net_virtio_user0,path=/run/v.sock"), "");
}

TEST(DpdkPortEal, ClearsAStaleSocketAndNothingElse) {
  const std::string path = testing::TempDir() + "pssst_stale_" + std::to_string(::getpid());
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  ASSERT_LT(path.size(), sizeof address.sun_path);
  path.copy(address.sun_path, path.size());
  for (const int type : {SOCK_STREAM, SOCK_SEQPACKET}) {
    const int fd = ::socket(AF_UNIX, type, 0);
    ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(fd, 1), 0);
    const auto listened = clear_stale_socket(path);
    ASSERT_FALSE(listened);
    EXPECT_THAT(listened.error().to_string(), HasSubstr(path + ": another process listens"));
    EXPECT_TRUE(std::filesystem::exists(path));
    ::close(fd);
    EXPECT_TRUE(clear_stale_socket(path));
    EXPECT_FALSE(std::filesystem::exists(path));
  }
  EXPECT_TRUE(clear_stale_socket(path));
  EXPECT_TRUE(clear_stale_socket(""));
  std::ofstream(path) << "a file";
  EXPECT_TRUE(clear_stale_socket(path));
  EXPECT_TRUE(std::filesystem::remove(path));
}

constexpr std::string_view kMessages =
    "rte_pmd_init_internals(): net_af_packet0: ioctl failed (SIOCGIFINDEX):No such device\n"
    "vdev_probe(): failed to initialize net_af_packet0 device\n"
    "\n"
    "tun_alloc(): Unable to set TUNSETIFF for pssst0: Operation not permitted\n"
    "eth_dev_tap_create(): Unable to create TAP interface\n"
    "vdev_probe(): failed to initialize net_tap0 device\n"
    "EAL: Bus (vdev) probe failed.\n";

TEST(DpdkPortEal, TellsEachDeviceItsOwnWords) {
  EXPECT_EQ(last_words(words_about(kMessages, "net_tap0")),
            "tun_alloc(): Unable to set TUNSETIFF for pssst0: Operation not permitted; "
            "eth_dev_tap_create(): Unable to create TAP interface");
  EXPECT_EQ(last_words(words_about(kMessages, "net_af_packet0")),
            "rte_pmd_init_internals(): net_af_packet0: ioctl failed (SIOCGIFINDEX):No such device");
  EXPECT_EQ(words_about(kMessages, "net_null0"), kMessages);
  EXPECT_EQ(words_about("", "net_null0"), "");
}

TEST(DpdkPortEal, LastWordsAreFewAndWithoutRepetitionOrUsage) {
  EXPECT_EQ(last_words(""), "");
  EXPECT_EQ(last_words("\n \n"), "");
  EXPECT_EQ(last_words("a\nb\n  c\r\nb\nd"), "b; c; d");
  EXPECT_EQ(last_words("bad option\n\nUsage: pssst [options]\n -x\n"), "bad option");
}

TEST(DpdkPortEal, RemediesFitTheWords) {
  EXPECT_THAT(remedy_for("pssst: unrecognized option '--foo'", true), HasSubstr("EAL arguments"));
  EXPECT_THAT(remedy_for("Cannot allocate memory", false), HasSubstr("more memory"));
  EXPECT_THAT(remedy_for("TUNSETIFF", false), HasSubstr("run as root"));
  EXPECT_EQ(remedy_for("TUNSETIFF", true), "");
}

TEST(DpdkPortEal, DevicesGetNoMoreQueuesThanThereAreWorkers) {
  constexpr unsigned kQueuesMax[] = {1, 16, 2};
  EXPECT_THAT(queues_per_device(kQueuesMax, 2), ElementsAre(1, 2, 2));
}

TEST(DpdkPortEal, EveryWorkerGetsAQueueAndNoneTwoOfOneDevice) {
  for (std::size_t workers = 1; workers <= 5; ++workers) {
    const auto queues = queues_per_device(std::vector<unsigned>{1, 16, 3, 2}, workers);
    const auto assignments = deal_queues(queues, workers);
    ASSERT_TRUE(assignments) << workers;
    std::vector<std::vector<std::size_t>> devices(workers);
    std::vector<unsigned> dealt(queues.size());
    for (const QueueAssignment& assignment : *assignments) {
      EXPECT_THAT(devices.at(assignment.worker), Not(Contains(assignment.device)));
      devices[assignment.worker].push_back(assignment.device);
      EXPECT_EQ(assignment.queue, dealt.at(assignment.device)++);
    }
    EXPECT_EQ(dealt, queues);
    for (const auto& of_worker : devices) EXPECT_FALSE(of_worker.empty());
  }
}

TEST(DpdkPortEal, RefusesFewerQueuesThanWorkers) {
  const auto assignments = deal_queues(std::vector<unsigned>{1, 1}, 3);
  ASSERT_FALSE(assignments);
  EXPECT_EQ(assignments.error().what, "the devices have 2 queues for 3 workers");
}

TEST(DpdkPortEal, CapturesWhatIsWrittenAndLetsGo) {
  std::string text;
  {
    const OutputCapture outer;
    {
      const OutputCapture capture;
      std::fputs("stdio;", stdout);
      std::fflush(stdout);
      EXPECT_EQ(::write(STDERR_FILENO, "descriptor", 10), 10);
      text = capture.text();
    }
    std::fputs("after", stderr);
    EXPECT_EQ(outer.text(), "after");
  }
  EXPECT_EQ(text, "stdio;descriptor");
}

}  // namespace
}  // namespace pssst::net
