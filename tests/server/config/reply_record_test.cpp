#include "server/config/reply_record.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "base/hex.hpp"
#include "identity/temporary_folder.hpp"
#include "server/snapshot.hpp"
#include "server/test_services.hpp"

namespace pssst::server {
namespace {

ReplyFunction function_of(const HandlerTraits& traits,
                          const std::vector<std::uint8_t>& settings = {}) {
  auto function = reply_function_of(traits, settings);
  EXPECT_TRUE(function);
  return *function;
}

std::string content_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

constexpr HandlerTraits kAck{
    .name = "ack", .version = 1, .reply_is_pure = true, .replies = true, .reply_size_max = 3};

TEST(ReplyFunctionDigest, EverythingThatDecidesRepliesChangesIt) {
  std::vector<std::string> digests{function_of(kAck, {1, 2, 3}).digest};
  const auto differs = [&](const HandlerTraits& traits, const std::vector<std::uint8_t>& settings) {
    digests.push_back(function_of(traits, settings).digest);
  };
  differs(kAck, {1, 2, 4});
  differs(kAck, {});
  HandlerTraits changed = kAck;
  changed.version = 2;
  differs(changed, {1, 2, 3});
  changed = kAck;
  changed.reply_size_max = 4;
  differs(changed, {1, 2, 3});
  changed = kAck;
  changed.name = "echo";
  differs(changed, {1, 2, 3});
  // Longer than one message of the hash engine, and different in the last byte alone.
  std::vector<std::uint8_t> settings(1420, 7);
  differs(kAck, settings);
  settings.back() = 8;
  differs(kAck, settings);
  std::sort(digests.begin(), digests.end());
  EXPECT_EQ(std::unique(digests.begin(), digests.end()), digests.end());
  EXPECT_EQ(function_of(kAck, {1, 2, 3}).digest, function_of(kAck, {1, 2, 3}).digest);
}

class ReplyRecord : public testing::Test {
 protected:
  base::Result<void> hold(const ReplyFunction& function) const {
    return hold_reply_function(key_file_, key_, function);
  }
  [[nodiscard]] std::string record() const { return key_file_ + ".replies"; }

  identity::TemporaryFolder folder_;
  std::string key_file_ = folder_.write("server.key", "the record does not look into it");
  PublicKey key_ = PrivateKey::generate().public_key();
};

TEST_F(ReplyRecord, FirstUseIsWrittenDownAndHolds) {
  const ReplyFunction first = function_of(kAck, {1, 2, 3});
  ASSERT_TRUE(hold(first));
  const std::string written = content_of(record());
  EXPECT_NE(written.find(base::to_hex(key_) + " " + first.digest + " ack, version 1"),
            std::string::npos);
  ASSERT_TRUE(hold(first));
  EXPECT_EQ(content_of(record()), written);

  const auto other = hold(function_of(kAck, {1, 2, 4}));
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().to_string(),
            record() +
                ": under this suite 1 key requests were answered by ack, version 1, replies to 3 "
                "bytes; by ack, version 1, replies to 3 bytes they would get a second answer, "
                "which lets requests be forged: give the service a new key: pssst genkey");
  EXPECT_EQ(content_of(record()), written);
}

TEST_F(ReplyRecord, ANewKeyInTheFileBeginsAnewAndTheOldOneIsRemembered) {
  const PublicKey old_key = key_;
  ASSERT_TRUE(hold(function_of(kAck, {1})));
  key_ = PrivateKey::generate().public_key();
  ASSERT_TRUE(hold(function_of(kAck, {2})));
  EXPECT_FALSE(hold(function_of(kAck, {1})));
  key_ = old_key;
  EXPECT_TRUE(hold(function_of(kAck, {1})));
  EXPECT_FALSE(hold(function_of(kAck, {2})));
}

TEST_F(ReplyRecord, LiesBesideTheFileThatALinkNames) {
  const std::string link = folder_.path("link");
  std::filesystem::create_symlink(key_file_, link);
  EXPECT_EQ(reply_record_path(link), record());
  ASSERT_TRUE(hold_reply_function(link, key_, function_of(kAck, {1})));
  EXPECT_FALSE(hold(function_of(kAck, {2})));
}

TEST_F(ReplyRecord, WhatItDoesNotUnderstandIsRefused) {
  for (const char* text : {"nonsense\n", "00\n", "# fine\n\nnot fine\n"}) {
    folder_.write("server.key.replies", text);
    const auto held = hold(function_of(kAck));
    ASSERT_FALSE(held) << text;
    EXPECT_NE(held.error().to_string().find("not a line of a record"), std::string::npos);
    EXPECT_EQ(content_of(record()), text);
  }
  // A line that was cut off could have been of this very key.
  ASSERT_EQ(::unlink(record().c_str()), 0);
  ASSERT_TRUE(hold(function_of(kAck)));
  std::string cut = content_of(record());
  cut.pop_back();
  folder_.write("server.key.replies", cut);
  EXPECT_FALSE(hold(function_of(kAck)));
  folder_.write("server.key.replies", std::string((1 << 20) + 1, '#'));
  EXPECT_FALSE(hold(function_of(kAck)));
}

TEST_F(ReplyRecord, ACommentThatWasCutOffDoesNotSwallowTheNextKey) {
  for (const char* text :
       {"#", "# The reply function of each su", "# fine\n# cut", "# old\r# Mac\r"}) {
    folder_.write("server.key.replies", text);
    const auto held = hold(function_of(kAck, {1}));
    ASSERT_FALSE(held) << text;
    EXPECT_NE(held.error().to_string().find("the line does not end"), std::string::npos);
    EXPECT_EQ(content_of(record()), text);
  }
}

TEST_F(ReplyRecord, OneFunctionOfEachKeyInOneSpelling) {
  const ReplyFunction first = function_of(kAck, {1});
  const ReplyFunction second = function_of(kAck, {2});
  const std::string key = base::to_hex(key_);
  const auto refused = [&](const std::string& text) {
    folder_.write("server.key.replies", text);
    return !hold(first) && !hold(second) && content_of(record()) == text;
  };
  const std::string line = key + " " + first.digest + " ack\n";
  folder_.write("server.key.replies", line + line);
  EXPECT_TRUE(hold(first));
  EXPECT_FALSE(hold(second));
  EXPECT_TRUE(refused(line + key + " " + second.digest + " ack\n"));
  std::string upper = key;
  std::ranges::transform(upper, upper.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  EXPECT_TRUE(refused(upper + " " + first.digest + " ack\n"));
  EXPECT_TRUE(refused(key + " " + std::string(64, 'g') + " ack\n"));
  EXPECT_TRUE(refused(std::string(64, '\0') + " " + first.digest + " ack\n"));
}

TEST_F(ReplyRecord, AServerThatRunsOutOfSpaceLeavesNoPieceBehind) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit tight = before;
  for (const rlim_t size : {0, 1, 30, 200, 300}) {
    tight.rlim_cur = size;
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
    const auto held = hold(function_of(kAck, {1}));
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    EXPECT_FALSE(held) << size;
    EXPECT_EQ(content_of(record()), "") << size;
  }
  static_cast<void>(std::signal(SIGXFSZ, old_handler));
  ASSERT_TRUE(hold(function_of(kAck, {1})));
  EXPECT_FALSE(hold(function_of(kAck, {2})));
}

TEST_F(ReplyRecord, OfServersThatStartAtOnceOneWins) {
  std::atomic<int> held = 0;
  std::vector<std::thread> servers;
  for (std::uint8_t i = 0; i < 8; ++i) {
    servers.emplace_back([&, i] { held += hold(function_of(kAck, {i})) ? 1 : 0; });
  }
  for (std::thread& server : servers) server.join();
  EXPECT_EQ(held, 1);
}

TEST_F(ReplyRecord, WhatIsNoFileIsRefused) {
  ASSERT_EQ(::mkdir(record().c_str(), 0700), 0);
  EXPECT_FALSE(hold(function_of(kAck)));
  ASSERT_EQ(::rmdir(record().c_str()), 0);
  ASSERT_EQ(::mkfifo(record().c_str(), 0600), 0);
  EXPECT_FALSE(hold(function_of(kAck)));
  for (const char* device : {"/dev/null", "/dev/zero", "/dev/full"}) {
    ASSERT_EQ(::unlink(record().c_str()), 0);
    std::filesystem::create_symlink(device, record());
    EXPECT_FALSE(hold(function_of(kAck))) << device;
  }
}

TEST_F(ReplyRecord, WhereItCannotWriteItSaysWhatToWrite) {
  const std::string nowhere = folder_.path("no-folder") + "/server.key";
  const ReplyFunction function = function_of(kAck);
  const auto held = hold_reply_function(nowhere, key_, function);
  ASSERT_FALSE(held);
  EXPECT_NE(held.error().remedy.find(base::to_hex(key_) + " " + function.digest),
            std::string::npos);
}

TEST_F(ReplyRecord, SnapshotsHoldTheKeysOfSuite1ThatReply) {
  const PrivateKey key = PrivateKey::generate();
  const std::string file = folder_.write("service.key", base::to_hex(key.bytes()));
  const auto load = [&](const char* handler) {
    return load_snapshot(configuration_of({make_settings(7700, handler, file)}));
  };
  ASSERT_TRUE(load("discard"));
  EXPECT_FALSE(std::filesystem::exists(file + ".replies"));
  ASSERT_TRUE(load("echo"));
  ASSERT_TRUE(load("echo"));
  ASSERT_TRUE(load("discard"));
  const auto changed = load("ack");
  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error().where, file + ".replies");

  const std::string f002 = folder_.write("f002.key", "f002:" + base::to_hex(key.bytes()));
  for (const char* handler : {"echo", "ack", "time"}) {
    const auto loaded = load_snapshot(configuration_of({make_settings(7700, handler, f002)}));
    EXPECT_TRUE(loaded) << loaded.error().to_string();
  }
  EXPECT_FALSE(std::filesystem::exists(f002 + ".replies"));
}

}  // namespace
}  // namespace pssst::server
