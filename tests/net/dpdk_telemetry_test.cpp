// Asked over DPDK's socket, as dpdk-telemetry.py does. Needs no root. EAL starts once per process.
#include "net/dpdk_telemetry.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rte_eal.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>

#include "base/file_descriptor.hpp"
#include "net/dpdk_port.hpp"
#include "net/dpdk_port_eal.hpp"

namespace pssst::net {
namespace {

using Json = nlohmann::json;
using testing::Contains;

/// EAL's socket is in a folder of the test's own.
class DpdkTelemetryTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = testing::TempDir() + "pssst-telemetry-XXXXXX";
    ASSERT_NE(mkdtemp(folder_.data()), nullptr);
    // NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread runs yet
    ASSERT_EQ(setenv("RUNTIME_DIRECTORY", folder_.c_str(), 1), 0);
    DpdkConfig config;
    config.vdevs = {"net_ring0"};
    config.cpus = {allowed_cpus().back()};
    config.memory_mb = 64;
    config.slots = 256;
    config.queue_size = 256;
    config.udp_ports = std::make_shared<const UdpPortSet>();
    config.eal_arguments = {"--telemetry"};
    auto started = DpdkRuntime::start(config);
    ASSERT_TRUE(started) << started.error().to_string();
    runtime_ = *std::move(started);
  }
  static void TearDownTestSuite() {
    runtime_.reset();
    std::filesystem::remove_all(folder_);
  }
  void SetUp() override { ASSERT_NE(runtime_, nullptr); }

  static std::string read_from(const base::FileDescriptor& fd) {
    std::array<char, 16384> text{};
    const ssize_t size = recv(fd.get(), text.data(), text.size(), 0);
    return {text.data(), size < 0 ? 0 : static_cast<std::size_t>(size)};
  }
  /// What the command is answered with, without its name.
  static Json ask(const std::string& command) {
    const base::FileDescriptor fd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    const std::string path = std::string(rte_eal_get_runtime_dir()) + "/dpdk_telemetry.v2";
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0)
        << path;
    EXPECT_EQ(Json::parse(read_from(fd)).at("pid"), getpid());
    EXPECT_EQ(send(fd.get(), command.data(), command.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(command.size()));
    return Json::parse(read_from(fd)).at(command.substr(0, command.find(',')));
  }

  static std::unique_ptr<DpdkTelemetry> answer(std::function<TelemetryReply()> with) {
    auto started = DpdkTelemetry::start({{.name = "/pssst/test",
                                          .help = "A test. Takes no parameters",
                                          .answer = std::move(with)}});
    EXPECT_TRUE(started) << started.error().to_string();
    return *std::move(started);
  }

  static inline std::string folder_;
  static inline std::unique_ptr<DpdkRuntime> runtime_;
};

TEST_F(DpdkTelemetryTest, IsOn) {
  EXPECT_TRUE(runtime_->has_telemetry());
  EXPECT_EQ(ask("/ethdev/list"), Json::array({0}));
}

TEST_F(DpdkTelemetryTest, AnswersWithFieldsObjectsAndLists) {
  const auto telemetry = answer([] {
    TelemetryReply reply;
    reply.fields = {{"count", UINT64_MAX}, {"text", "say \"so\"\n"}};
    reply.objects.push_back({"object", {{"a", std::uint64_t{1}}, {"b", "two"}}});
    reply.objects.push_back({"empty", {}});
    reply.lists.push_back({"list", {"x", "y"}});
    return reply;
  });
  EXPECT_EQ(ask("/pssst/test"), Json::parse(R"({
    "count": 18446744073709551615, "text": "say \"so\"\n", "object": {"a": 1, "b": "two"},
    "empty": {}, "list": ["x", "y"]})"));
  EXPECT_THAT(ask("/"), Contains("/pssst/test"));
  EXPECT_EQ(ask("/help,/pssst/test"), Json({{"/pssst/test", "A test. Takes no parameters"}}));
}

TEST_F(DpdkTelemetryTest, AsksAnewEachTime) {
  std::uint64_t asked = 0;
  const auto telemetry = answer([&asked] {
    return TelemetryReply{.fields = {{"asked", ++asked}}, .objects = {}, .lists = {}};
  });
  EXPECT_EQ(ask("/pssst/test").at("asked"), 1);
  EXPECT_EQ(ask("/pssst/test").at("asked"), 2);
}

TEST_F(DpdkTelemetryTest, LeavesOutWhatDpdkDoesNotTake) {
  const auto telemetry = answer([] {
    TelemetryReply reply;
    reply.fields = {{"good", std::uint64_t{1}}, {"no good", std::uint64_t{2}}};
    reply.objects.push_back({"bad-name", {{"a", std::uint64_t{1}}}});
    reply.objects.push_back({"good_name", {{"a", std::uint64_t{1}}}});
    return reply;
  });
  EXPECT_EQ(ask("/pssst/test"), Json::parse(R"({"good": 1, "good_name": {"a": 1}})"));
}

TEST_F(DpdkTelemetryTest, StaysWithinWhatDpdkCanSay) {
  const auto telemetry = answer([] {
    TelemetryReply reply;
    for (int i = 0; i < 1000; ++i) {
      reply.objects.push_back({std::to_string(i), {{"text", std::string(500, 'x')}}});
    }
    return reply;
  });
  const Json reply = ask("/pssst/test");
  EXPECT_EQ(reply.at("0").at("text"), std::string(127, 'x'));
  EXPECT_LT(reply.size(), 256U);
}

TEST_F(DpdkTelemetryTest, AnExceptionIsNull) {
  const auto telemetry = answer([]() -> TelemetryReply { throw std::runtime_error("no"); });
  EXPECT_EQ(ask("/pssst/test"), Json());
}

TEST_F(DpdkTelemetryTest, AnswersNullWhenItIsGone) {
  auto telemetry = answer([] { return TelemetryReply{}; });
  EXPECT_EQ(ask("/pssst/test"), Json::object());
  telemetry.reset();
  EXPECT_EQ(ask("/pssst/test"), Json());
}

TEST_F(DpdkTelemetryTest, RefusesACommandThatDpdkDoes) {
  const auto started = DpdkTelemetry::start(
      {{.name = "no slash", .help = "", .answer = [] { return TelemetryReply{}; }}});
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().where, "no slash");
  // And takes the next.
  EXPECT_NE(answer([] { return TelemetryReply{}; }), nullptr);
}

TEST_F(DpdkTelemetryTest, ItsEndWaitsForAnAnswer) {
  std::atomic<bool> answering = false;
  std::atomic<bool> answered = false;
  auto telemetry = answer([&] {
    answering = true;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    answered = true;
    return TelemetryReply{};
  });
  std::thread client([] { EXPECT_EQ(ask("/pssst/test"), Json::object()); });
  while (!answering) std::this_thread::yield();
  telemetry.reset();
  EXPECT_TRUE(answered);
  client.join();
}

}  // namespace
}  // namespace pssst::net
