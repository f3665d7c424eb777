// What the kernel's side of a tap may do to the background. Needs CAP_NET_ADMIN.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <ctime>
#include <thread>

#include "net/frame_bytes.hpp"
#include "net/own_network.hpp"
#include "net/port_background.hpp"

namespace pssst::net {
namespace {

using namespace test;
using namespace std::chrono_literals;

class PortBackgroundTapTest : public testing::Test {
 protected:
  // Its notices are to be read when it is gone.
  std::unique_ptr<PortBackground> make_with_tap() {
    auto tap = TapDevice::create("pssst-tap", kOurMac, 1500);
    EXPECT_TRUE(tap) << tap.error().to_string();
    if (!tap) return nullptr;
    EXPECT_TRUE(
        succeeds("sysctl -qw net.ipv6.conf.pssst-tap.disable_ipv6=1 &&"
                 "ip address add 192.0.2.1/24 dev pssst-tap &&"
                 "ip neighbour add 192.0.2.99 lladdr 02:00:00:00:00:99 dev pssst-tap"));
    PortBackground::Config config;
    PortBackground::Device device;
    device.name = "nic0";
    device.id = 3;
    device.mac = kOurMac;
    device.read_link = [] { return LinkState{.is_up = true, .speed = ""}; };
    device.tap = std::move(*tap);
    config.devices.push_back(std::move(device));
    config.workers = {worker_};
    config.vlans = {0};
    config.notify = [this](const std::string& line) { notices_.push_back(line); };
    worker_.rings->outgoing.emplace(64);
    worker_.rings->to_kernel.emplace(64);
    return std::make_unique<PortBackground>(std::move(config));
  }
  std::vector<std::size_t> take_sizes() {
    std::vector<std::size_t> sizes;
    for (FrameRing& ring = *worker_.rings->outgoing; !ring.empty(); ring.pop()) {
      sizes.push_back(ring.front().frame.size());
    }
    return sizes;
  }

  PortBackground::Worker worker_{std::make_shared<WorkerRings>(), std::make_shared<PortCounters>()};
  std::vector<std::string> notices_;
};

void in_own_network(const std::function<void()>& body) {
  if (!run_in_own_network({"ip link set lo up"}, body)) GTEST_SKIP() << "needs CAP_NET_ADMIN";
}

bool send_datagram(std::size_t size) {
  const base::FileDescriptor udp(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(9);
  address.sin_addr.s_addr = htonl(0xc0000263);
  const Bytes payload(size, 7);
  return ::sendto(udp.get(), payload.data(), payload.size(), 0,
                  reinterpret_cast<sockaddr*>(&address),
                  sizeof address) == static_cast<ssize_t>(size);
}

// The tap's MTU can be raised by whoever administers the machine.
TEST_F(PortBackgroundTapTest, AFrameOfTheKernelsThatIsTooLongIsLostAndNotCut) {
  in_own_network([this] {
    const auto background = make_with_tap();
    ASSERT_NE(background, nullptr);
    ASSERT_TRUE(succeeds("ip link set pssst-tap mtu 9000"));
    static_cast<void>(take_sizes());
    constexpr std::size_t kLongest = FrameRing::kFrameRoom - kFrameHeaderSize;
    for (const std::size_t size : {kLongest + 1, std::size_t{4000}, kLongest}) {
      ASSERT_TRUE(send_datagram(size));
    }
    std::vector<std::size_t> sizes;
    for (int i = 0; i < 200 && sizes.empty(); ++i) {
      background->run_once(static_cast<std::uint64_t>(i));
      sizes = take_sizes();
      std::this_thread::sleep_for(1ms);
    }
    EXPECT_EQ(sizes, std::vector{FrameRing::kFrameRoom});
    EXPECT_EQ(worker_.counters->kernel_lost.read(), 2u);
  });
}

std::chrono::nanoseconds cpu_time() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

// poll(2) finds an error at once, and for ever, in a tap whose interface was deleted.
TEST_F(PortBackgroundTapTest, ATapThatWasDeletedIsToldAndKeepsNoCpuBusy) {
  in_own_network([this] {
    auto background = make_with_tap();
    ASSERT_NE(background, nullptr);
    background->start({});
    ASSERT_TRUE(succeeds("ip link delete pssst-tap"));
    std::this_thread::sleep_for(50ms);
    const auto before = cpu_time();
    std::this_thread::sleep_for(500ms);
    EXPECT_LT(cpu_time() - before, 150ms);
    ASSERT_TRUE(worker_.rings->to_kernel->push(make_arp_request(), {.device = 3}));
    for (int i = 0; i < 200 && !worker_.rings->to_kernel->empty(); ++i) {
      std::this_thread::sleep_for(10ms);
    }
    EXPECT_EQ(worker_.counters->kernel_lost.read(), 1u);
    background.reset();
    ASSERT_EQ(notices_.size(), 1u);
    EXPECT_NE(notices_[0].find("pssst-tap"), std::string::npos) << notices_[0];
  });
}

}  // namespace
}  // namespace pssst::net
