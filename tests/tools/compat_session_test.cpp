#include "tools/compat_session.hpp"

#include <gtest/gtest.h>

#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/hex.hpp"
#include "pssst/wire.hpp"

namespace pssst::tools {
namespace {

using Lines = std::vector<std::string>;
using Bytes = std::vector<std::uint8_t>;

Lines split(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) throw std::runtime_error("a line without an end");
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  return lines;
}

std::string tag_of(const std::string& line) {
  return line.substr(0, line.find(':'));
}

Bytes value_of(const std::string& line) {
  return base::from_hex(std::string_view(line).substr(line.find(':') + 1)).value();
}

std::string line_of(const std::string& tag, std::span<const std::uint8_t> value) {
  return tag + ":" + base::to_hex(value);
}

std::unique_ptr<CompatSession> make_session() {
  auto session = CompatSession::create();
  if (!session) throw std::runtime_error(session.error().to_string());
  return std::move(*session);
}

/// What the session says to a line that it must take.
Lines say(CompatSession& session, const std::string& line) {
  const auto answer = session.handle_line(line);
  if (!answer) throw std::runtime_error(answer.error().to_string());
  return split(*answer);
}

/// What the session complains of, "" if it does not.
std::string complaint(CompatSession& session, const std::string& line) {
  const auto answer = session.handle_line(line);
  return answer ? "" : answer.error().to_string();
}

/// A peer made by hand from the library's parts, whose every line a test can spoil.
struct Peer {
  PrivateKey server_private = PrivateKey::generate();
  PrivateKey client_private = PrivateKey::generate();
  ServerKey server_key{server_private};
  Bytes plaintext{10, 20, 30, 40};
  std::map<std::string, Bytes> heard;  ///< the session's lines, by tag

  void hear(const Lines& lines) {
    for (const std::string& line : lines) heard[tag_of(line)] = value_of(line);
  }

  Bytes request(bool authenticated, const Bytes& message, const PrivateKey* key = nullptr) {
    PublicKey server{};
    std::copy(heard.at("SERVER_KEY").begin(), heard.at("SERVER_KEY").end(), server.begin());
    std::string error;
    const PrivateKey* used = key != nullptr ? key : &client_private;
    const auto client = Client::create(server, authenticated ? used : nullptr, &error);
    Bytes datagram(message.size() + client->overhead_size());
    PendingRequest pending;
    datagram.resize(client->seal(message, datagram, pending));
    return datagram;
  }

  /// The reply to the session's request, with `message` or, if it is empty, the right one.
  Bytes reply(bool authenticated, Bytes message = {}) {
    struct Everybody final : ClientLookup {
      void find(std::span<const std::uint8_t* const>,
                std::span<FoundClient> found) const noexcept override {
        std::ranges::fill(found, FoundClient{.drop = DropReason::kNone});
      }
    } everybody;
    std::string error;
    const auto server =
        SingleServer::create(server_key, &everybody, ClientPolicy::kOptional, &error);
    const auto opened = server->open(heard.at(authenticated ? "REQUEST_AUTH" : "REQUEST"));
    if (opened.drop != DropReason::kNone) throw std::runtime_error("the request does not open");
    if (message.empty()) message.assign(opened.message.rbegin(), opened.message.rend());
    const auto sealed = server->reply(message);
    return {sealed.begin(), sealed.end()};
  }

  void introduce(CompatSession& session) {
    hear(split(session.greeting()));
    EXPECT_TRUE(say(session, line_of("CLIENT_KEY", client_private.public_key())).empty());
    EXPECT_TRUE(say(session, line_of("PLAINTEXT", plaintext)).empty());
    hear(say(session, line_of("SERVER_KEY", server_key.public_key())));
  }
};

class CompatSessionTest : public testing::Test {
 protected:
  std::unique_ptr<CompatSession> session = make_session();
  Peer peer;
};

/// Takes turns until neither says anything more; all that was said, in order.
Lines join(CompatSession& a, CompatSession& b) {
  Lines said;
  Lines to_b = split(a.greeting());
  Lines to_a = split(b.greeting());
  while (!to_a.empty() || !to_b.empty()) {
    Lines next_a;
    Lines next_b;
    for (const std::string& line : to_b) {
      said.push_back("a " + tag_of(line));
      for (const std::string& answer : say(b, line)) next_a.push_back(answer);
    }
    for (const std::string& line : to_a) {
      said.push_back("b " + tag_of(line));
      for (const std::string& answer : say(a, line)) next_b.push_back(answer);
    }
    to_a = next_a;
    to_b = next_b;
  }
  return said;
}

TEST_F(CompatSessionTest, TwoSessionsFinish) {
  const auto other = make_session();
  const Lines said = join(*session, *other);
  EXPECT_TRUE(session->finished());
  EXPECT_TRUE(other->finished());
  for (const char* tag : {"SERVER_KEY", "CLIENT_KEY", "PLAINTEXT", "REQUEST", "REQUEST_AUTH",
                          "REPLY", "REPLY_AUTH", "DONE"}) {
    EXPECT_EQ(std::count(said.begin(), said.end(), std::string("a ") + tag), 1) << tag;
    EXPECT_EQ(std::count(said.begin(), said.end(), std::string("b ") + tag), 1) << tag;
  }
}

TEST_F(CompatSessionTest, GreetsWithKeysAndPlaintext) {
  const Lines lines = split(session->greeting());
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(tag_of(lines[0]), "SERVER_KEY");
  EXPECT_EQ(value_of(lines[0]).size(), 32u);
  EXPECT_EQ(tag_of(lines[1]), "CLIENT_KEY");
  EXPECT_EQ(value_of(lines[1]).size(), 32u);
  EXPECT_NE(value_of(lines[0]), value_of(lines[1]));
  EXPECT_EQ(tag_of(lines[2]), "PLAINTEXT");
  EXPECT_EQ(value_of(lines[2]).size(), 64u);
  EXPECT_NE(session->greeting(), make_session()->greeting());
}

/// Both sessions hear what the other says until neither says anything.
void talk(CompatSession& a, CompatSession& b) {
  Lines from_a = split(a.greeting());
  Lines from_b = split(b.greeting());
  while (!from_a.empty() || !from_b.empty()) {
    for (const std::string& line : std::exchange(from_a, {})) {
      for (const std::string& answer : say(b, line)) from_b.push_back(answer);
    }
    for (const std::string& line : std::exchange(from_b, {})) {
      for (const std::string& answer : say(a, line)) from_a.push_back(answer);
    }
  }
}

TEST_F(CompatSessionTest, TwoSessionsOfOneSuiteAndLabelComeToAnEnd) {
  for (const KeyUse& use : {KeyUse{}, KeyUse{.suite = kSuiteF002},
                            KeyUse{.suite = kSuiteF002, .label = "valves.example"}}) {
    const auto a = CompatSession::create(use);
    const auto b = CompatSession::create(use);
    ASSERT_TRUE(a && b);
    talk(**a, **b);
    EXPECT_TRUE((*a)->finished() && (*b)->finished());
  }
  const auto labelled = CompatSession::create({.suite = kSuiteF002, .label = "x"});
  const auto bare = CompatSession::create({.suite = kSuiteF002});
  EXPECT_THROW(talk(**labelled, **bare), std::runtime_error);
  EXPECT_FALSE(CompatSession::create({.suite = kSuite1, .label = "x"}));
}

TEST_F(CompatSessionTest, AsksWithoutWaitingForTheClientKey) {
  const Lines lines = say(*session, line_of("SERVER_KEY", peer.server_key.public_key()));
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(tag_of(lines[0]), "REQUEST");
  EXPECT_EQ(value_of(lines[0]).size(), 64 + kOverheadSize);
  EXPECT_EQ(tag_of(lines[1]), "REQUEST_AUTH");
  EXPECT_EQ(value_of(lines[1]).size(), 64 + kAuthOverheadSize);
}

TEST_F(CompatSessionTest, SaysDoneOnlyWhenBothSidesHaveTheirReplies) {
  peer.introduce(*session);
  EXPECT_TRUE(say(*session, line_of("REPLY_AUTH", peer.reply(true))).empty());
  EXPECT_FALSE(session->answered());
  EXPECT_TRUE(say(*session, line_of("REPLY", peer.reply(false))).empty());
  EXPECT_TRUE(session->answered());
  EXPECT_FALSE(session->finished());
  EXPECT_EQ(say(*session, line_of("REQUEST", peer.request(false, peer.plaintext))).size(), 1u);
  const Lines last = say(*session, line_of("REQUEST_AUTH", peer.request(true, peer.plaintext)));
  ASSERT_EQ(last.size(), 2u);
  EXPECT_EQ(tag_of(last[0]), "REPLY_AUTH");
  EXPECT_EQ(last[1], "DONE:");
  EXPECT_FALSE(session->finished());
  EXPECT_TRUE(say(*session, "DONE:").empty());
  EXPECT_TRUE(session->finished());
}

TEST_F(CompatSessionTest, ARepeatedRequestGetsTheSameReply) {
  peer.introduce(*session);
  const std::string line = line_of("REQUEST", peer.request(false, peer.plaintext));
  EXPECT_EQ(say(*session, line), say(*session, line));
}

TEST_F(CompatSessionTest, LinesThatAreNoLines) {
  EXPECT_EQ(complaint(*session, ""), "'': not a line of the form TAG:hex");
  EXPECT_EQ(complaint(*session, "Hello world!"), "'Hello world!': not a line of the form TAG:hex");
  EXPECT_EQ(complaint(*session, "\x1b[2J"), "'?[2J': not a line of the form TAG:hex");
  EXPECT_EQ(complaint(*session, "PLAINTEXT:0g"), "'PLAINTEXT:0g': not hexadecimal");
  EXPECT_EQ(complaint(*session, "PLAINTEXT:012"), "'PLAINTEXT:012': not hexadecimal");
  EXPECT_EQ(complaint(*session, "PLAINTEXT: 01"), "'PLAINTEXT: 01': not hexadecimal");
  EXPECT_EQ(complaint(*session, "PLAINTEXT:01\r"), "'PLAINTEXT:01?': not hexadecimal");
  EXPECT_EQ(complaint(*session, "PLAINTEXT:AB"),
            "'PLAINTEXT:AB': hexadecimal is not in lower case");
  EXPECT_EQ(complaint(*session, "plaintext:ab"), "'plaintext:ab': unknown tag");
  EXPECT_EQ(complaint(*session, "DONE:00"), "DONE: has a value");
  EXPECT_EQ(complaint(*session, "X:" + std::string(200, '0')),
            "'X:00000000000000000000000000000000000000...': unknown tag");
}

TEST_F(CompatSessionTest, BadKeys) {
  const std::string zero = std::string(64, '0');
  EXPECT_EQ(complaint(*session, "SERVER_KEY:00"), "SERVER_KEY: a key of 1 bytes");
  EXPECT_NE(complaint(*session, "SERVER_KEY:" + zero), "");
  EXPECT_NE(complaint(*session, "CLIENT_KEY:" + zero), "");
  EXPECT_NE(complaint(*session, "CLIENT_KEY:" + std::string(64, 'f')), "");
}

TEST_F(CompatSessionTest, WhatComesTwice) {
  peer.introduce(*session);
  for (const std::string& line :
       {line_of("SERVER_KEY", peer.server_key.public_key()),
        line_of("CLIENT_KEY", peer.client_private.public_key()), line_of("PLAINTEXT", {})}) {
    EXPECT_EQ(complaint(*session, line), tag_of(line) + ": came twice");
  }
  const std::string reply = line_of("REPLY", peer.reply(false));
  EXPECT_EQ(complaint(*session, reply), "");
  EXPECT_EQ(complaint(*session, reply).find("REPLY: does not open: "), 0u);
  EXPECT_EQ(complaint(*session, "DONE:"), "");
  EXPECT_EQ(complaint(*session, "DONE:"), "DONE: came twice");
}

TEST_F(CompatSessionTest, WhatComesTooEarly) {
  peer.hear(split(session->greeting()));
  const std::string request = line_of("REQUEST", peer.request(false, peer.plaintext));
  const std::string request_auth = line_of("REQUEST_AUTH", peer.request(true, peer.plaintext));
  EXPECT_EQ(complaint(*session, request), "REQUEST: came before PLAINTEXT");
  say(*session, line_of("PLAINTEXT", peer.plaintext));
  EXPECT_EQ(complaint(*session, request_auth), "REQUEST_AUTH: came before CLIENT_KEY");
  EXPECT_EQ(complaint(*session, request), "");
  EXPECT_EQ(complaint(*session, "REPLY:00"), "REPLY: came before SERVER_KEY");
}

TEST_F(CompatSessionTest, RequestsThatDoNotCheckOut) {
  peer.introduce(*session);
  const Bytes other{10, 20, 30, 41};
  EXPECT_EQ(complaint(*session, line_of("REQUEST", peer.request(false, other))),
            "REQUEST: its message is not the PLAINTEXT");
  EXPECT_EQ(complaint(*session, line_of("REQUEST_AUTH", peer.request(true, other))),
            "REQUEST_AUTH: its message is not the PLAINTEXT");
  EXPECT_EQ(complaint(*session, line_of("REQUEST", peer.request(true, peer.plaintext))),
            "REQUEST: has a client key");
  EXPECT_EQ(complaint(*session, line_of("REQUEST_AUTH", peer.request(false, peer.plaintext))),
            "REQUEST_AUTH: is anonymous");
  const PrivateKey stranger = PrivateKey::generate();
  EXPECT_EQ(
      complaint(*session, line_of("REQUEST_AUTH", peer.request(true, peer.plaintext, &stranger))),
      "REQUEST_AUTH: does not open: client key is not enrolled");
  Bytes spoilt = peer.request(false, peer.plaintext);
  spoilt.back() ^= 1;
  EXPECT_EQ(complaint(*session, line_of("REQUEST", spoilt)),
            "REQUEST: does not open: GCM tag is wrong");
}

TEST_F(CompatSessionTest, RepliesThatDoNotCheckOutLeaveTheRequestPending) {
  peer.introduce(*session);
  EXPECT_EQ(complaint(*session, line_of("REPLY", peer.reply(true))).find("REPLY: does not open: "),
            0u);
  Bytes spoilt = peer.reply(false);
  spoilt.back() ^= 1;
  EXPECT_EQ(complaint(*session, line_of("REPLY", spoilt)).find("REPLY: does not open: "), 0u);
  EXPECT_EQ(complaint(*session, line_of("REPLY", peer.reply(false))), "");
  EXPECT_EQ(complaint(*session, line_of("REPLY_AUTH", peer.reply(true, peer.plaintext))),
            "REPLY_AUTH: its message is not the own PLAINTEXT reversed");
}

TEST_F(CompatSessionTest, AnEndIsAFailureUntilTheFirstReply) {
  EXPECT_FALSE(session->handle_end().has_value());
  peer.introduce(*session);
  const auto end = session->handle_end();
  ASSERT_FALSE(end.has_value());
  EXPECT_EQ(end.error().to_string(), "standard input: the peer left before it had replied");
  say(*session, line_of("REPLY", peer.reply(false)));
  EXPECT_TRUE(session->handle_end().has_value());
  EXPECT_FALSE(session->answered());
}

}  // namespace
}  // namespace pssst::tools
