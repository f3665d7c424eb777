#include "tools/compat_session.hpp"

#include <algorithm>
#include <utility>

#include "base/hex.hpp"
#include "base/random.hpp"

namespace pssst::tools {
namespace {

constexpr std::size_t kPlaintextSize = 64;

std::string line_of(std::string_view tag, std::span<const std::uint8_t> value) {
  return std::string(tag) + ":" + base::to_hex(value) + "\n";
}

/// For an error: the line's front, with nothing in it that a terminal would act on.
std::string quote(std::string_view line) {
  constexpr std::size_t kShown = 40;
  std::string text = "'";
  for (const char c : line.substr(0, kShown)) text += c >= ' ' && c <= '~' ? c : '?';
  return text + (line.size() > kShown ? "...'" : "'");
}

bool has_upper_case(std::string_view text) noexcept {
  return std::ranges::any_of(text, [](char c) { return c >= 'A' && c <= 'F'; });
}

base::Result<PublicKey> to_key(const std::vector<std::uint8_t>& value, const char* tag) {
  PublicKey key{};
  if (value.size() != key.size()) {
    return base::fail("a key of " + std::to_string(value.size()) + " bytes", tag);
  }
  std::ranges::copy(value, key.begin());
  if (const PublicKeyFault fault = check_public_key(key); fault != PublicKeyFault::kNone) {
    return base::fail(std::string(to_string(fault)), tag);
  }
  return key;
}

}  // namespace

void CompatSession::PeerLookup::find(std::span<const std::uint8_t* const> keys,
                                     std::span<FoundClient> found) const noexcept {
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const bool known =
        peer && std::equal(peer->public_key.begin(), peer->public_key.end(), keys[i]);
    found[i] = known ? FoundClient{DropReason::kNone, *peer} : FoundClient{};
  }
}

CompatSession::CompatSession(const KeyUse& use)
    : suite_(use.suite),
      label_(use.label),
      server_private_(PrivateKey::generate()),
      client_private_(PrivateKey::generate()),
      server_key_(server_private_, use),
      plaintext_(kPlaintextSize) {
  base::fill_random(plaintext_);
}

base::Result<std::unique_ptr<CompatSession>> CompatSession::create(const KeyUse& use) {
  if (!fault_of(use).empty()) return base::fail(std::string(fault_of(use)));
  std::unique_ptr<CompatSession> session(new CompatSession(use));
  std::string error;
  session->server_ = SingleServer::create(session->server_key_, &session->lookup_,
                                          ClientPolicy::kOptional, &error);
  if (session->server_ == nullptr) return base::fail(std::move(error));
  return session;
}

std::string CompatSession::greeting() const {
  return line_of("SERVER_KEY", server_key_.public_key()) +
         line_of("CLIENT_KEY", client_private_.public_key()) + line_of("PLAINTEXT", plaintext_);
}

base::Result<std::string> CompatSession::handle_line(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) {
    return base::fail("not a line of the form TAG:hex", quote(line));
  }
  const std::string_view tag = line.substr(0, colon);
  const std::string_view text = line.substr(colon + 1);
  const auto value = base::from_hex(text);
  if (!value) return base::fail("not hexadecimal", quote(line));
  if (has_upper_case(text)) return base::fail("hexadecimal is not in lower case", quote(line));

  if (tag == "SERVER_KEY") return handle_server_key(*value);
  if (tag == "CLIENT_KEY") return handle_client_key(*value);
  if (tag == "PLAINTEXT") return handle_plaintext(*value);
  if (tag == "REQUEST") return handle_request(*value, false);
  if (tag == "REQUEST_AUTH") return handle_request(*value, true);
  if (tag == "REPLY") return handle_reply(*value, false);
  if (tag == "REPLY_AUTH") return handle_reply(*value, true);
  if (tag == "DONE") return handle_done(*value);
  return base::fail("unknown tag", quote(line));
}

base::Result<std::string> CompatSession::handle_server_key(const Bytes& value) {
  if (peer_server_) return base::fail("came twice", "SERVER_KEY");
  const auto key = to_key(value, "SERVER_KEY");
  if (!key) return tl::unexpected(key.error());
  peer_server_ = *key;

  std::string lines;
  for (const bool authenticated : {false, true}) {
    Caller& caller = callers_[authenticated ? 1 : 0];
    std::string error;
    caller.client = Client::create(*key, authenticated ? &client_private_ : nullptr, &error,
                                   {.suite = suite_, .label = label_});
    if (caller.client == nullptr) return base::fail(std::move(error), "SERVER_KEY");
    Bytes datagram(plaintext_.size() + caller.client->overhead_size());
    datagram.resize(caller.client->seal(plaintext_, datagram, caller.pending));
    lines += line_of(authenticated ? "REQUEST_AUTH" : "REQUEST", datagram);
  }
  return lines;
}

base::Result<std::string> CompatSession::handle_client_key(const Bytes& value) {
  if (lookup_.peer) return base::fail("came twice", "CLIENT_KEY");
  const auto key = to_key(value, "CLIENT_KEY");
  if (!key) return tl::unexpected(key.error());
  lookup_.peer.emplace().public_key = *key;
  return std::string();
}

base::Result<std::string> CompatSession::handle_plaintext(const Bytes& value) {
  if (peer_plaintext_) return base::fail("came twice", "PLAINTEXT");
  peer_plaintext_ = value;
  return std::string();
}

base::Result<std::string> CompatSession::handle_request(const Bytes& value, bool authenticated) {
  const char* const tag = authenticated ? "REQUEST_AUTH" : "REQUEST";
  if (!peer_plaintext_) return base::fail("came before PLAINTEXT", tag);
  if (authenticated && !lookup_.peer) return base::fail("came before CLIENT_KEY", tag);

  const SingleServer::Opened opened = server_->open(value);
  if (opened.drop != DropReason::kNone) {
    const DropReasonInfo& info = kDropReasons.at(static_cast<std::size_t>(opened.drop));
    return base::fail("does not open: " + std::string(info.text), tag);
  }
  if (authenticated && opened.client == nullptr) return base::fail("is anonymous", tag);
  if (!authenticated && opened.client != nullptr) return base::fail("has a client key", tag);
  if (!std::ranges::equal(opened.message, *peer_plaintext_)) {
    return base::fail("its message is not the PLAINTEXT", tag);
  }
  const Bytes reversed(opened.message.rbegin(), opened.message.rend());
  const auto reply = server_->reply(reversed);
  if (reply.empty()) return base::fail("a reply to it would be too long", tag);
  callers_[authenticated ? 1 : 0].served = true;
  return line_of(authenticated ? "REPLY_AUTH" : "REPLY", reply) + done_line_once();
}

base::Result<std::string> CompatSession::handle_reply(const Bytes& value, bool authenticated) {
  const char* const tag = authenticated ? "REPLY_AUTH" : "REPLY";
  Caller& caller = callers_[authenticated ? 1 : 0];
  if (caller.client == nullptr) return base::fail("came before SERVER_KEY", tag);

  Bytes message(value.size());
  const Client::Opened opened = caller.client->open(value, caller.pending, message);
  if (opened.fault != ReplyFault::kNone) {
    return base::fail("does not open: " + std::string(to_string(opened.fault)), tag);
  }
  message.resize(opened.size);
  if (!std::equal(message.begin(), message.end(), plaintext_.rbegin(), plaintext_.rend())) {
    return base::fail("its message is not the own PLAINTEXT reversed", tag);
  }
  caller.replied = true;
  return done_line_once();
}

base::Result<std::string> CompatSession::handle_done(const Bytes& value) {
  if (!value.empty()) return base::fail("has a value", "DONE");
  if (peer_done_) return base::fail("came twice", "DONE");
  peer_done_ = true;
  return std::string();
}

std::string CompatSession::done_line_once() {
  const bool done = std::ranges::all_of(
      callers_, [](const Caller& caller) { return caller.replied && caller.served; });
  if (!done || std::exchange(done_sent_, true)) return {};
  return line_of("DONE", {});
}

bool CompatSession::answered() const noexcept {
  return std::ranges::all_of(callers_, [](const Caller& caller) { return caller.replied; });
}

base::Result<void> CompatSession::handle_end() const {
  const bool any_reply =
      std::ranges::any_of(callers_, [](const Caller& caller) { return caller.replied; });
  if (!any_reply) return base::fail("the peer left before it had replied", "standard input");
  return {};
}

}  // namespace pssst::tools
