#include "server/config/handler_keys.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/hex.hpp"
#include "identity/temporary_folder.hpp"
#include "server/config/configuration_file.hpp"
#include "server/libraries/test_libraries.hpp"

namespace pssst::server {
namespace {

using Lines = std::vector<std::string>;

class HandlerKeys : public testing::Test {
 protected:
  HandlerKeys() {
    folder_.write("server.key", "f002:" + base::to_hex(PrivateKey::generate().bytes()) + "\n");
    folder_.write("old.key", base::to_hex(PrivateKey::generate().bytes()) + "\n");
  }

  /// Of one service with these lines.
  tl::expected<Configuration, std::vector<Fault>> read_all(const std::string& lines,
                                                           const std::string& key) const {
    return read_configuration(folder_.write(
        "pssstd.toml", "[[service]]\nudp_port = 7700\nkeys = \"" + key + "\"\n" + lines));
  }
  [[nodiscard]] ServiceSettings read(const std::string& lines) const {
    const auto configuration = read_all(lines, "server.key");
    if (configuration) return configuration->services.front();
    for (const Fault& fault : configuration.error()) ADD_FAILURE() << to_string(fault);
    return {};
  }
  [[nodiscard]] Lines faults(const std::string& lines,
                             const std::string& key = "server.key") const {
    const auto configuration = read_all(lines, key);
    Lines said;
    if (configuration) return said;
    for (const Fault& fault : configuration.error()) {
      std::string line = to_string(fault);
      const std::string folder = folder_.path("pssstd.toml:");
      if (line.starts_with(folder)) line.erase(0, folder.size());
      said.push_back(line);
    }
    return said;
  }

  identity::TemporaryFolder folder_;
};

TEST_F(HandlerKeys, OfALibrary) {
  const ServiceSettings settings =
      read("handler = \"library\"\nlibrary = \"" + test_library("probe") +
           "\"\noptions = { b = \"1\", a = \"x y\" }\n"
           "deadline_ms = 20\nin_flight = 7\n");
  EXPECT_EQ(settings.handler, "library");
  EXPECT_EQ(settings.options, (HandlerOptions{.library = test_library("probe"),
                                              .options = {{"b", "1"}, {"a", "x y"}},
                                              .deadline = std::chrono::milliseconds(20),
                                              .in_flight = 7}));
}

TEST_F(HandlerKeys, OfForward) {
  const ServiceSettings settings =
      read("handler = \"forward\"\nbackends = [\"/run/a.sock\", \"b.sock\", \"@c\"]\n");
  EXPECT_EQ(settings.options.backends, (Lines{"/run/a.sock", folder_.path("b.sock"), "@c"}));
}

TEST_F(HandlerKeys, OfMessageTypes) {
  const ServiceSettings settings = read(
      "[[service.types]]\ntype = 0\nhandler = \"echo\"\n"
      "[[service.types]]\ntype = \"0x10-0x1f\"\nhandler = \"ack\"\nreply = \"ok\"\n"
      "[[service.types]]\ntype = 2\nhandler = \"library\"\nlibrary = \"" +
      test_library("probe") + "\"\n");
  ASSERT_EQ(settings.types.size(), 3U);
  EXPECT_EQ(settings.handler, "");
  EXPECT_EQ(settings.types[0], (MessageTypeSettings{.handler = "echo"}));
  EXPECT_EQ(
      settings.types[1],
      (MessageTypeSettings{.first = 0x10, .last = 0x1f, .handler = "ack", .reply = {'o', 'k'}}));
  EXPECT_EQ(settings.types[2].options.library, test_library("probe"));
}

TEST_F(HandlerKeys, FaultsNameTheirPlace) {
  EXPECT_EQ(faults("handler = \"librar\"\n"),
            (Lines{"4:11: [[service]] handler is \"librar\": choose echo, discard, ack, time, "
                   "count, library or forward"}));
  EXPECT_EQ(faults("handler = \"echo\"\ndeadline_ms = 60001\n"),
            (Lines{"5:15: [[service]] deadline_ms is 60001: choose 1 to 60000"}));
  EXPECT_EQ(faults("handler = \"library\"\n"),
            (Lines{"4:11: service udp-7700: handler library names no library: name the shared "
                   "object"}));
  EXPECT_EQ(faults("handler = \"library\"\nlibrary = \"nowhere.so\"\n"),
            (Lines{"4:11: " + folder_.path("nowhere.so") +
                   ": cannot open the library: No such file or directory"}));
  EXPECT_EQ(faults("handler = \"library\"\nlibrary = \"" + test_library("wrong_abi") + "\"\n"),
            (Lines{"4:11: " + test_library("wrong_abi") +
                   ": it is of handler ABI 2, and this server of 1: compile it with this server's "
                   "pssst/handler.h"}));
  EXPECT_EQ(faults("handler = \"echo\"\noptions = { a = 1 }\n"),
            (Lines{"5:17: [[service]] options has a = an integer: write its value in quotes"}));
}

TEST_F(HandlerKeys, FaultsOfTypesNameTheirPlace) {
  EXPECT_EQ(faults("types = 5\n"),
            (Lines{"4:9: [[service]] types is an integer: write [[service.types]] below the "
                   "service, once for each"}));
  EXPECT_EQ(faults("[[service.types]]\ntype = 256\nhandler = \"echo\"\n"),
            (Lines{"5:8: [[service.types]] type is 256: write a first byte, like 7 or 0x07, or a "
                   "range, like \"0x10-0x1f\""}));
  EXPECT_EQ(faults("[[service.types]]\ntype = 1\n"),
            (Lines{"4:1: [[service.types]] has no handler: write one: type = 1, handler = "
                   "\"echo\""}));
  EXPECT_EQ(faults("[[service.types]]\ntype = 1\nhandler = \"echo\"\nport = 5\n"),
            (Lines{"7:1: [[service.types]] has no key \"port\": there are type and the keys of a "
                   "handler"}));
  EXPECT_EQ(faults("[[service.types]]\ntype = 1\nhandler = \"forward\"\n"),
            (Lines{"4:1: [[service.types]]: handler forward names no backend: name the Unix "
                   "datagram socket of one"}));
  EXPECT_EQ(faults("handler = \"echo\"\n[[service.types]]\ntype = 1\nhandler = \"echo\"\n"),
            (Lines{"4:11: [[service]] handler is for all messages, and there are types: take it "
                   "out, or the types"}));
}

TEST_F(HandlerKeys, VaryingHandlersAreRefusedOnSuite1) {
  const std::string why =
      " vary, and suite 1 is broken by two different replies to one request: choose a handler "
      "whose reply depends on the request alone, or a key of suite 0xF002";
  EXPECT_EQ(
      faults("handler = \"library\"\nlibrary = \"" + test_library("probe") + "\"\n", "old.key"),
      (Lines{"4:11: service at UDP port 7700: the replies of handler probe" + why}));
  EXPECT_EQ(faults("handler = \"forward\"\nbackends = \"/run/a\"\n", "old.key"),
            (Lines{"4:11: service at UDP port 7700: the replies of handler forward" + why}));
  EXPECT_EQ(faults("[[service.types]]\ntype = 1\nhandler = \"echo\"\n"
                   "[[service.types]]\ntype = 2\nhandler = \"time\"\n",
                   "old.key"),
            (Lines{"4:1: service at UDP port 7700: the replies of handler time" + why}));
  EXPECT_TRUE(
      faults("handler = \"library\"\nlibrary = \"" + test_library("probe_pure") + "\"\n", "old.key")
          .empty());
}

TEST_F(HandlerKeys, AHandlerOfClientsIsRefusedWhereOthersMayCall) {
  const std::string lines =
      "handler = \"library\"\nlibrary = \"" + test_library("probe_of_clients") + "\"\n";
  EXPECT_EQ(faults(lines),
            (Lines{"4:11: service at UDP port 7700: handler probe needs authenticated clients, and "
                   "others may call: set the policy to required"}));
  EXPECT_TRUE(faults(lines + "policy = \"required\"\n").empty());
  const std::string typed = "[[service.types]]\ntype = 1\n" + lines;
  EXPECT_TRUE(faults(typed).empty());
  EXPECT_EQ(faults("policy = \"anonymous\"\n" + typed).size(), 1U);
}

}  // namespace
}  // namespace pssst::server
