#include "server/running_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "base/hex.hpp"
#include "net/socket_port_maker.hpp"
#include "net/udp_client.hpp"
#include "pssst/client.hpp"
#include "server/test_services.hpp"

namespace pssst::server {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class RunningServerTest : public testing::Test {
 protected:
  RunningServerTest() {
    std::string name = testing::TempDir() + "pssst-running-XXXXXX";
    folder_ = ::mkdtemp(name.data());
    configuration_.socket.addresses = {"127.0.0.1"};
    configuration_.cpus = {0};
    configuration_.services = {settings("first", udp_port_, "echo", key_)};
  }
  ~RunningServerTest() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& text) const {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path) << text << "\n";
    ::chmod(path.c_str(), 0600);
    return path;
  }
  std::string write_key(const PrivateKey& key) const {
    return write(base::to_hex(key.public_key()), base::to_hex(key.bytes()));
  }
  ServiceSettings settings(const std::string& name, std::uint16_t udp_port,
                           std::string_view handler, const PrivateKey& key) const {
    ServiceSettings made = make_settings(udp_port, handler, write_key(key));
    made.name = name;
    return made;
  }

  void start() {
    testing::internal::CaptureStderr();
    auto server = RunningServer::start(configuration_, [this] { return read(); });
    ASSERT_TRUE(server) << server.error().to_string();
    server_ = *std::move(server);
  }
  void TearDown() override {
    if (server_ == nullptr) return;
    server_->stop();
    EXPECT_TRUE(server_->report().balanced());
    static_cast<void>(testing::internal::GetCapturedStderr());
  }
  tl::expected<Configuration, std::vector<std::string>> read() {
    if (!faults_.empty()) return tl::unexpected(faults_);
    return configuration_;
  }

  /// The reply's message, if a reply came.
  static std::optional<Bytes> call(std::uint16_t udp_port, const PrivateKey& key) {
    const auto client = Client::create(key.public_key(), nullptr, nullptr);
    Bytes datagram(3 + client->overhead_size());
    PendingRequest pending;
    EXPECT_EQ(client->seal(Bytes{1, 2, 3}, datagram, pending), datagram.size());
    const net::test::UdpClient socket("127.0.0.1");
    socket.send("127.0.0.1", udp_port, datagram);
    const auto reply = socket.receive();
    if (!reply) return std::nullopt;
    Bytes message(reply->payload.size());
    const auto opened = client->open(reply->payload, pending, message);
    if (opened.fault != ReplyFault::kNone) return std::nullopt;
    message.resize(opened.size);
    return message;
  }

  std::string folder_;
  const PrivateKey key_ = PrivateKey::generate();
  const PrivateKey second_key_ = PrivateKey::generate();
  const std::uint16_t udp_port_ = net::test::free_udp_port({"127.0.0.1"});
  const std::uint16_t second_udp_port_ = net::test::free_udp_port({"127.0.0.1"});
  Configuration configuration_;
  std::vector<std::string> faults_;
  std::unique_ptr<RunningServer> server_;
};

const Bytes kEchoed{1, 2, 3};

TEST_F(RunningServerTest, ServesAndReports) {
  start();
  EXPECT_EQ(call(udp_port_, key_), kEchoed);
  const Report report = server_->report();
  EXPECT_EQ(report.generation, 1U);
  ASSERT_EQ(report.services.size(), 1U);
  EXPECT_EQ(report.services[0].name, "first");
  EXPECT_EQ(report.services[0].requests, 1U);
  EXPECT_THAT(server_->describe(), HasSubstr("; UDP " + std::to_string(udp_port_) +
                                             " echo; 1 worker"
                                             " on CPU 0"));
  EXPECT_TRUE(server_->health().ready) << testing::PrintToString(server_->health().problems);
}

TEST_F(RunningServerTest, AReloadOfTheSameChangesNothing) {
  start();
  const ReloadOutcome outcome = server_->reload();
  EXPECT_THAT(outcome.applied, IsEmpty());
  EXPECT_THAT(outcome.needs_restart, IsEmpty());
  EXPECT_THAT(outcome.refused, IsEmpty());
  EXPECT_EQ(server_->report().generation, 2U);
  EXPECT_EQ(call(udp_port_, key_), kEchoed);
}

TEST_F(RunningServerTest, AReloadBringsAServiceAtANewUdpPortAndTakesItAway) {
  start();
  EXPECT_EQ(call(udp_port_, key_), kEchoed);
  configuration_.services.push_back(settings("second", second_udp_port_, "echo", second_key_));
  EXPECT_THAT(server_->reload().applied, ElementsAre(HasSubstr("service second added")));
  EXPECT_EQ(call(second_udp_port_, second_key_), kEchoed);
  EXPECT_EQ(call(udp_port_, key_), kEchoed);
  ASSERT_EQ(server_->report().services.size(), 2U);
  EXPECT_EQ(server_->report().services[0].requests, 2U) << "counters go on";
  configuration_.services.pop_back();
  EXPECT_THAT(server_->reload().applied, ElementsAre(HasSubstr("service second removed")));
  EXPECT_TRUE(
      net::SocketPort::probe({.addresses = {"127.0.0.1"}, .udp_ports = {second_udp_port_}}));
  // Another one in its place counts from zero.
  configuration_.services.push_back(settings("third", second_udp_port_, "echo", second_key_));
  EXPECT_THAT(server_->reload().refused, IsEmpty());
  EXPECT_EQ(server_->report().services[1].requests, 0U);
  EXPECT_EQ(call(second_udp_port_, second_key_), kEchoed);
  EXPECT_EQ(server_->report().services[1].requests, 1U);
}

TEST_F(RunningServerTest, AReloadRotatesKeys) {
  start();
  configuration_.services[0].key_files.push_back(write_key(second_key_));
  configuration_.services[0].try_second_key = true;
  EXPECT_THAT(server_->reload().applied, Contains(HasSubstr("added")));
  EXPECT_EQ(call(udp_port_, key_), kEchoed);
  EXPECT_EQ(call(udp_port_, second_key_), kEchoed);
  configuration_.services[0].key_files.erase(configuration_.services[0].key_files.begin());
  configuration_.services[0].try_second_key = false;
  EXPECT_THAT(server_->reload().applied, Contains(HasSubstr("retired and wiped")));
  EXPECT_EQ(call(udp_port_, key_), std::nullopt);
  EXPECT_EQ(call(udp_port_, second_key_), kEchoed);
  ASSERT_EQ(server_->report().services[0].keys.size(), 1U);
  EXPECT_EQ(server_->report().services[0].keys[0].requests, 2U);
}

TEST_F(RunningServerTest, AReloadThatIsRefusedChangesNothing) {
  start();
  const Configuration good = configuration_;
  faults_ = {"pssstd.toml:3:1: unknown key"};
  EXPECT_THAT(server_->reload().refused, ElementsAre("pssstd.toml:3:1: unknown key"));
  faults_.clear();
  configuration_.services[0].key_files = {folder_ + "/missing"};
  EXPECT_THAT(server_->reload().refused, ElementsAre(HasSubstr("/missing")));
  // A UDP port that another process holds.
  const net::test::UdpClient other("127.0.0.1");
  configuration_ = good;
  configuration_.services.push_back(settings("second", other.udp_port(), "echo", second_key_));
  EXPECT_THAT(server_->reload().refused,
              ElementsAre(HasSubstr("UDP port " + std::to_string(other.udp_port()))));
  EXPECT_EQ(call(udp_port_, key_), kEchoed);
  EXPECT_EQ(server_->report().generation, 1U);
  configuration_ = good;
  EXPECT_THAT(server_->reload().refused, IsEmpty());
}

TEST_F(RunningServerTest, AReloadThatWouldChangeWhatASuite1KeyAnswersIsRefused) {
  start();
  configuration_.services[0].handler = "ack";
  EXPECT_THAT(server_->reload().refused, ElementsAre(HasSubstr("give the service a new key")));
  // Even if its record is gone.
  std::filesystem::remove(configuration_.services[0].key_files[0] + ".replies");
  EXPECT_THAT(server_->reload().refused, ElementsAre(HasSubstr("give the service a new key")));
  EXPECT_EQ(call(udp_port_, key_), kEchoed);
}

TEST_F(RunningServerTest, AKeyThatWasRetiredStillMayNotAnswerOtherwise) {
  start();
  const ServiceSettings first = configuration_.services[0];
  configuration_.services[0] = settings("first", udp_port_, "echo", second_key_);
  EXPECT_THAT(server_->reload().refused, IsEmpty());
  std::filesystem::remove(first.key_files[0] + ".replies");
  configuration_.services[0] = first;
  configuration_.services[0].handler = "ack";
  EXPECT_THAT(server_->reload().refused, ElementsAre(HasSubstr("give the service a new key")));
}

TEST_F(RunningServerTest, WhatNeedsARestartIsSaidAndTheRestApplied) {
  start();
  configuration_.socket.addresses = {"127.0.0.2"};
  configuration_.clients_file = write("clients", base::to_hex(second_key_.public_key()));
  const ReloadOutcome outcome = server_->reload();
  EXPECT_THAT(outcome.applied, ElementsAre("clients: 1 enrolled, 0 removed, 1 now"));
  EXPECT_THAT(outcome.needs_restart, ElementsAre(HasSubstr("socket")));
  EXPECT_EQ(server_->report().clients, 1U);
  EXPECT_THAT(server_->reload().needs_restart, ElementsAre(HasSubstr("socket")))
      << "as long as it is not done";
}

TEST_F(RunningServerTest, DrainsUntilTrafficHasEbbed) {
  configuration_.drain.quiet = 1s;
  start();
  const auto began = RunningServer::Clock::now();
  EXPECT_EQ(server_->drain(60s), 60s);
  EXPECT_THAT(server_->health().problems, Contains("draining"));
  while (RunningServer::Clock::now() - began < 1500ms) {
    EXPECT_EQ(call(udp_port_, key_), kEchoed);
    server_->look(RunningServer::Clock::now());
    EXPECT_FALSE(server_->is_drained());
  }
  std::this_thread::sleep_for(1100ms);
  server_->look(RunningServer::Clock::now());
  EXPECT_TRUE(server_->is_drained());
}

TEST_F(RunningServerTest, DrainsNoLongerThanItsDeadline) {
  start();
  EXPECT_EQ(server_->drain(std::nullopt), 30s);
  EXPECT_EQ(server_->drain(0s), 0s) << "the last word counts";
  EXPECT_EQ(call(udp_port_, key_), kEchoed);
  server_->look(RunningServer::Clock::now());
  EXPECT_TRUE(server_->is_drained());
}

TEST_F(RunningServerTest, OnceStoppedItIsNotReloaded) {
  start();
  server_->stop();
  EXPECT_THAT(server_->reload().refused, ElementsAre("the server is stopping"));
  EXPECT_THAT(server_->health().problems, Contains("stopped"));
}

TEST_F(RunningServerTest, SaysWhyItCannotStart) {
  configuration_.services[0].key_files = {folder_ + "/missing"};
  const auto failed = RunningServer::start(configuration_, [this] { return read(); });
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().to_string(), HasSubstr("/missing"));
}

}  // namespace
}  // namespace pssst::server
