#include "net/port_background.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>

#include "base/tsc.hpp"
#include "net/frame_announcement.hpp"
#include "net/frame_bytes.hpp"
#include "net/own_network.hpp"
#include "net/pcap_reader.hpp"

namespace pssst::net {
namespace {

using namespace test;
using namespace std::chrono_literals;

constexpr std::uint64_t kSecond = 1'000'000'000;

class PortBackgroundTest : public testing::Test {
 protected:
  PortBackgroundTest() {
    PortBackground::Device device;
    device.name = "nic0";
    device.id = 3;
    device.mac = kOurMac;
    device.read_link = [this] { return link_; };
    config_.devices.push_back(std::move(device));
    config_.workers = {{std::make_shared<WorkerRings>(), std::make_shared<PortCounters>()}};
    config_.vlans = {0};
    config_.notify = [this](const std::string& line) { notices_.push_back(line); };
  }
  WorkerRings& rings() { return *worker_.rings; }

  // Before config_ moves away.
  PortBackground& make() {
    worker_ = config_.workers.front();
    background_ = std::make_unique<PortBackground>(std::move(config_));
    start_ns_ = std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch());
    return *background_;
  }
  bool run_at(double seconds) {
    return background_->run_once(static_cast<std::uint64_t>(start_ns_.count()) +
                                 static_cast<std::uint64_t>(seconds * kSecond));
  }
  std::vector<Bytes> take_outgoing() {
    std::vector<Bytes> frames;
    while (!rings().outgoing->empty()) {
      const FrameRing::Entry entry = rings().outgoing->front();
      EXPECT_EQ(entry.note.device, 3);
      frames.emplace_back(entry.frame.begin(), entry.frame.end());
      rings().outgoing->pop();
    }
    return frames;
  }

  LinkState link_{.is_up = true, .speed = "10000 Mbps"};
  std::vector<std::string> notices_;
  PortBackground::Config config_;
  PortBackground::Worker worker_;
  std::unique_ptr<PortBackground> background_;
  std::chrono::nanoseconds start_ns_{};
};

Bytes group_report(std::uint16_t vlan, GroupReport report,
                   const std::optional<IpAddress>& link_local = {}) {
  Bytes frame(kAnnouncementRoom);
  frame.resize(make_group_report(frame, kOurMac, kOurIp6, link_local, vlan, report));
  return frame;
}

std::vector<Bytes> announcements(const std::vector<std::uint16_t>& vlans) {
  std::vector<Bytes> frames;
  for (const IpAddress& address : {mapped(kOurIp), kOurIp6}) {
    for (const std::uint16_t vlan : vlans) {
      if (!is_mapped(address)) frames.push_back(group_report(vlan, GroupReport::kJoined));
      Bytes& frame = frames.emplace_back(kAnnouncementRoom);
      frame.resize(make_announcement(frame, kOurMac, address, vlan));
    }
  }
  return frames;
}

TEST_F(PortBackgroundTest, AnnouncesThreeTimesWhenALinkComesUp) {
  config_.announced = {mapped(kOurIp), kOurIp6};
  config_.vlans = {0, 5};
  config_.workers[0].rings->outgoing.emplace(64);
  make();
  const auto all = announcements({0, 5});
  EXPECT_EQ(take_outgoing(), all) << "at the start";
  run_at(0.5);
  EXPECT_TRUE(take_outgoing().empty());
  run_at(1.1);
  EXPECT_EQ(take_outgoing(), all);
  run_at(2.2);
  EXPECT_EQ(take_outgoing(), all);
  run_at(10);
  EXPECT_TRUE(take_outgoing().empty()) << "three times is enough";
  const std::vector<Bytes> reminders{group_report(0, GroupReport::kListening),
                                     group_report(5, GroupReport::kListening)};
  for (const int second : {63, 124}) {
    run_at(second);
    EXPECT_EQ(take_outgoing(), reminders) << "for switches that forget";
    run_at(second + 59);
    EXPECT_TRUE(take_outgoing().empty());
  }
  link_.is_up = false;
  run_at(184);
  EXPECT_TRUE(take_outgoing().empty());
  link_.is_up = true;
  run_at(185);
  EXPECT_EQ(take_outgoing(), all) << "again";
}

TEST_F(PortBackgroundTest, ALinkThatIsDownAnnouncesNothing) {
  config_.announced = {mapped(kOurIp)};
  config_.workers[0].rings->outgoing.emplace(64);
  link_.is_up = false;
  make();
  run_at(1);
  EXPECT_TRUE(take_outgoing().empty());
  link_.is_up = true;
  run_at(2);
  EXPECT_EQ(take_outgoing().size(), 1u);
  // In the middle of its rounds it goes away, and comes back.
  link_.is_up = false;
  run_at(2.5);
  run_at(3.5);
  EXPECT_TRUE(take_outgoing().empty());
}

TEST_F(PortBackgroundTest, MoreAnnouncementsThanTheRingHoldsGoOutOneAfterAnother) {
  config_.announced = {mapped(kOurIp), kOurIp6};
  config_.vlans = {0, 5, 6};
  config_.workers[0].rings->outgoing.emplace(4);
  make();
  std::vector<Bytes> seen = take_outgoing();
  EXPECT_EQ(seen.size(), 4u);
  for (const double second : {0.1, 0.2}) {
    run_at(second);
    for (const Bytes& frame : take_outgoing()) seen.push_back(frame);
  }
  EXPECT_EQ(seen, announcements({0, 5, 6}));
}

TEST_F(PortBackgroundTest, ReportsGroupsFromTheLinkLocalAddress) {
  const IpAddress link_local{0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9};
  config_.announced = {kOurIp6, link_local};
  config_.workers[0].rings->outgoing.emplace(64);
  make();
  const std::vector<Bytes> seen = take_outgoing();
  ASSERT_EQ(seen.size(), 4u);
  EXPECT_EQ(seen[0], group_report(0, GroupReport::kJoined, link_local));
}

TEST_F(PortBackgroundTest, TellsChangesOfLinksAndNoMore) {
  make();
  run_at(1);
  EXPECT_TRUE(notices_.empty());
  link_ = {.is_up = false, .speed = ""};
  run_at(2);
  run_at(3);
  link_ = {.is_up = true, .speed = "1000 Mbps"};
  run_at(4);
  link_ = {.is_up = true, .speed = ""};
  run_at(5);
  EXPECT_EQ(notices_, (std::vector<std::string>{"nic0: link down", "nic0: link up, 1000 Mbps",
                                                "nic0: link up"}));
}

class PortBackgroundCaptureTest : public PortBackgroundTest {
 protected:
  void SetUp() override {
    path_ = std::filesystem::temp_directory_path() / ("pssst-bg-" + std::to_string(::getpid()));
    DropReasons reasons;
    reasons.set(static_cast<std::size_t>(DropReason::kTag));
    config_.workers[0].rings->capture.emplace(reasons, 1000, 128);
  }
  void TearDown() override {
    background_.reset();
    std::filesystem::remove(path_);
  }
  void open(std::size_t size_max) {
    auto file = PcapFile::create(path_, size_max);
    ASSERT_TRUE(file) << file.error().to_string();
    config_.capture = std::move(*file);
  }
  void drop(std::uint8_t byte) {
    EXPECT_TRUE(rings().capture->offer(Bytes(60, byte),
                                       {.tsc = base::read_tsc(), .drop = DropReason::kTag}));
  }
  std::string path_;
};

TEST_F(PortBackgroundCaptureTest, WritesDropsWithTheirTimes) {
  open(1'000'000);
  make();
  EXPECT_FALSE(run_at(0.1));
  const auto now = [] {
    return static_cast<std::uint64_t>(
        std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count());
  };
  const std::uint64_t before = now();
  for (std::uint8_t i = 0; i < 100; ++i) drop(i);
  const std::uint64_t after = now();
  std::this_thread::sleep_for(20ms);
  EXPECT_TRUE(run_at(0.2));
  EXPECT_TRUE(run_at(0.3)) << "64 at a time";
  EXPECT_FALSE(run_at(0.4));
  const auto frames = read_pcap(path_);
  ASSERT_TRUE(frames);
  ASSERT_EQ(frames->size(), 100u);
  for (std::uint8_t i = 0; i < 100; ++i) {
    EXPECT_EQ((*frames)[i].bytes, Bytes(60, i));
    // The TSC's rate was measured to some parts in ten thousand.
    EXPECT_GE((*frames)[i].time_ns, before - kSecond / 1000);
    EXPECT_LE((*frames)[i].time_ns, after + kSecond / 1000);
  }
  EXPECT_EQ(worker_.counters->capture_unwritten.read(), 0u);
}

TEST_F(PortBackgroundCaptureTest, CountsWhatTheFileDoesNotHold) {
  open(24 + 2 * 76);
  make();
  for (std::uint8_t i = 0; i < 5; ++i) drop(i);
  run_at(0.1);
  EXPECT_EQ(read_pcap(path_)->size(), 2u);
  EXPECT_EQ(worker_.counters->capture_unwritten.read(), 3u);
}

// Who drops frames on the way is anybody: a line for each would fill the log as well.
TEST_F(PortBackgroundCaptureTest, ADiskThatIsFullIsToldOnceAndNoFrameIsForgotten) {
  open(1'000'000);
  make();
  drop(1);
  run_at(0.1);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{.rlim_cur = 150, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  for (int round = 0; round < 5; ++round) {
    drop(2);
    drop(3);
    run_at(0.2);
  }
  EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  static_cast<void>(std::signal(SIGXFSZ, handler));
  EXPECT_EQ(notices_.size(), 1u);
  EXPECT_EQ(read_pcap(path_)->size(), 1u);
  EXPECT_EQ(worker_.counters->capture_unwritten.read(), 10u) << "that is all but the first";
}

TEST_F(PortBackgroundCaptureTest, AFrameFromTheFutureCameNow) {
  open(1'000'000);
  make();
  ASSERT_TRUE(rings().capture->offer(
      Bytes(60, 1), {.tsc = base::read_tsc() + base::tsc_hz(), .drop = DropReason::kTag}));
  run_at(0.1);
  const auto now = static_cast<std::uint64_t>(
      std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count());
  const auto frames = read_pcap(path_);
  ASSERT_TRUE(frames);
  ASSERT_EQ(frames->size(), 1u);
  EXPECT_LE((*frames)[0].time_ns, now);
  EXPECT_GE((*frames)[0].time_ns, now - 10 * kSecond);
}

TEST_F(PortBackgroundCaptureTest, WritesTheLastOnesAtTheEnd) {
  open(1'000'000);
  make().start({});
  for (std::uint8_t i = 0; i < 100; ++i) drop(i);
  background_.reset();
  EXPECT_EQ(read_pcap(path_)->size(), 100u);
}

TEST_F(PortBackgroundTest, CarriesFramesToTheKernelAndBack) {
  const bool is_permitted = run_in_own_network({"ip link set lo up"}, [this] {
    auto tap = TapDevice::create("pssst-tap", kOurMac, 1500);
    ASSERT_TRUE(tap) << tap.error().to_string();
    ASSERT_TRUE(
        succeeds("sysctl -qw net.ipv6.conf.pssst-tap.disable_ipv6=1 &&"
                 "ip address add 192.0.2.1/24 dev pssst-tap"));
    config_.devices[0].tap = std::move(*tap);
    config_.workers[0].rings->outgoing.emplace(64);
    config_.workers[0].rings->to_kernel.emplace(64);
    make();
    static_cast<void>(take_outgoing());
    // The kernel answers for its address, by way of the tap.
    ASSERT_TRUE(rings().to_kernel->push(make_arp_request(), {.device = 3}));
    std::vector<Bytes> sent;
    for (int i = 0; i < 100 && sent.empty(); ++i) {
      run_at(0.1);
      sent = take_outgoing();
      std::this_thread::sleep_for(1ms);
    }
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(read_arp_reply(sent[0], kPeerMac, kOurIp), kOurMac);
    // A device without a tap is a mistake that is counted.
    ASSERT_TRUE(rings().to_kernel->push(make_arp_request(), {.device = 4}));
    EXPECT_TRUE(run_at(0.2));
    EXPECT_TRUE(rings().to_kernel->empty());
    EXPECT_EQ(worker_.counters->kernel_lost.read(), 1u);
    background_.reset();
  });
  if (!is_permitted) GTEST_SKIP() << "needs CAP_NET_ADMIN";
}

}  // namespace
}  // namespace pssst::net
